"""A registry on this machine with one image in it, for the part of its protocol that a pull speaks."""

from __future__ import annotations

import hashlib
import json
import platform
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.containers.engine import root_file_system

MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}


class Registry:
    """Serves ``127.0.0.1:port/busybox:1`` while it is open.

    Attributes
    ----------
    layers_sent : int
        How often the image's content was asked for.
    may_send : threading.Event
        Set unless content is held back.
    asked : threading.Event
        Set once content was asked for.
    """

    def __init__(self) -> None:
        layer = root_file_system(secrets.token_hex(8))  # an engine fetches no content that it has
        config = json.dumps(
            {
                "architecture": MACHINES.get(platform.machine(), platform.machine()),
                "os": "linux",
                "config": {},
                "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            }
        ).encode()
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": _described("application/vnd.oci.image.config.v1+json", config),
                "layers": [_described("application/vnd.oci.image.layer.v1.tar", layer)],
            }
        ).encode()
        self.layers_sent = 0
        self.may_send = threading.Event()
        self.may_send.set()
        self.asked = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                last = self.path.rpartition("/")[2]
                if "/manifests/" in self.path and last in ("1", _digest(manifest)):
                    self._answer(manifest, "application/vnd.oci.image.manifest.v1+json")
                elif last == _digest(config):
                    self._answer(config, "application/octet-stream")
                elif last == _digest(layer):
                    registry.layers_sent += 1
                    registry.asked.set()
                    registry.may_send.wait(60)
                    self._answer(layer, "application/octet-stream")
                elif self.path == "/v2/":
                    self._answer(b"{}", "application/json")
                else:
                    self.send_error(404)

            do_HEAD = do_GET

            def _answer(self, content: bytes, kind: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Docker-Content-Digest", _digest(content))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.image = f"{self.address}/busybox:1"

    def close(self) -> None:
        """Serve no more."""
        self.may_send.set()
        self._server.shutdown()
        self._server.server_close()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _described(kind: str, content: bytes) -> dict[str, object]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}
