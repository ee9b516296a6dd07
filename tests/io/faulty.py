"""A server that stands in front of another one and does to requests what networks and overloaded servers do."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HALF, REFUSE, RESET, CUT, SLOW = "half", "refuse", "reset", "cut", "slow"
"""Take half of the body, then reset; answer 503; reset at once; answer half, then reset; answer late."""

_BUSY = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
_LATE_S = 0.3


class FaultyProxy:
    """Forwards to `host:port`; `fault` says, per request, what to do to it.

    Attributes
    ----------
    fault : function of (method, path) to one of the constants, or None to let it pass
    refused : int
        How many requests something was done to.
    answers : list of int
        How many bytes each answer to a GET had.
    """

    def __init__(self, host: str, port: int) -> None:
        self.fault: Callable[[str, str], str | None] = lambda method, path: None
        self.refused = 0
        self.answers: list[int] = []
        proxy = self

        class Handler(_Handler):
            target = (host, port)
            owner = proxy

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def first(self, count: int, kind: str, method: str = "") -> None:
        """Do `kind` to the first `count` requests of a method."""
        left = [count]
        lock = threading.Lock()

        def fault(asked: str, path: str) -> str | None:
            with lock:
                if left[0] and method in ("", asked):
                    left[0] -= 1
                    return kind
            return None

        self.fault, self.refused = fault, 0

    def always(self, kind: str, method: str = "") -> None:
        """Do `kind` to all requests of a method."""
        self.fault, self.refused = lambda asked, path: kind if method in ("", asked) else None, 0

    def never(self) -> None:
        """Let everything pass."""
        self.fault = lambda method, path: None

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    target: tuple[str, int]
    owner: FaultyProxy

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def serve(self) -> None:
        kind = self.owner.fault(self.command, self.path)
        if kind is not None:
            self.owner.refused += 1
        if kind == RESET:
            return self._reset()
        length = int(self.headers.get("Content-Length", 0))
        if kind == HALF:
            self.rfile.read(length // 2)
            return self._reset()
        body = self._chunks() if self.headers.get("Transfer-Encoding") == "chunked" else self.rfile.read(length)
        if kind == REFUSE:
            return self._answer(503, [("Content-Type", "application/xml")], b"" if self.command == "HEAD" else _BUSY)
        if kind == SLOW:
            time.sleep(_LATE_S)
        status, headers, answer = self._forward(body)
        if kind == CUT:
            self._answer(status, headers, answer[: len(answer) // 2], length=len(answer))
            return self._reset()
        self._answer(status, headers, answer)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(*self.target, timeout=30)
        headers = {name: text for name, text in self.headers.items() if name.lower() != "transfer-encoding"}
        headers["Content-Length"] = str(len(body))
        connection.request(self.command, self.path, body, headers)
        found = connection.getresponse()
        answer = found.read()
        kept = [(k, v) for k, v in found.getheaders() if k.lower() not in ("transfer-encoding", "connection")]
        connection.close()
        return found.status, kept, answer

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: int | None = None) -> None:
        self.send_response(status)
        for name, text in headers:
            if name.lower() != "content-length" or self.command == "HEAD":
                self.send_header(name, text)
        if self.command == "GET":
            self.owner.answers.append(len(body))
        if self.command != "HEAD":
            self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def _chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _reset(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""
