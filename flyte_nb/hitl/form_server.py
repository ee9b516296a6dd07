"""A small form and a JSON address for questions, on this machine only.

It starts with the first question whose address somebody asks for. Every address holds a secret; nothing is answered
without it, nor to a name other than the loopback's, so that no page of a browser can reach it by a trick.

An answer may be the last thing that the process waits for: it does not end before who answered has been told.
"""

from __future__ import annotations

import secrets
import sys
import threading
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

from .._follow.forms import HEADERS, MAX_BODY_BYTES, Reply, form_page, take_form, take_json
from .._runtime.runtime import current_runtime

SILENT_FOR_S = 5.0


class FormServer:
    """The server.

    Attributes
    ----------
    address : str
        ``http://127.0.0.1:PORT/SECRET``.
    """

    def __init__(self) -> None:
        self.secret: str = secrets.token_urlsafe(24)
        self._server = _Server(("127.0.0.1", 0), _handler_for(self))
        self.port: int = self._server.server_address[1]
        self.address: str = f"http://127.0.0.1:{self.port}/{self.secret}"
        threading.Thread(target=self._server.serve_forever, name="flyte_nb-forms", daemon=True).start()


@cache
def form_server() -> FormServer:
    """The server of this process, started on first use."""
    return FormServer()


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing of who went away, or said nothing: nobody here can do anything about it."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _handler_for(server: FormServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        forms = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    forms: FormServer
    server_version = "flyte_nb"
    sys_version = ""
    timeout = SILENT_FOR_S  # who connects and says nothing holds up the end of the process no longer

    def do_GET(self) -> None:
        path = self._path()
        if path is None:
            return
        if len(path) == 3 and path[0] == "form":
            self._reply(form_page(current_runtime(), path[1], path[2]))
        else:
            self._say(HTTPStatus.NOT_FOUND, "There is no such page.")

    def do_POST(self) -> None:
        path = self._path()
        if path is None:
            return
        body = self._body()
        if body is None:
            return
        if path == ["submit", "json"]:
            self._reply(take_json(current_runtime(), body, by="the JSON address"))
        elif len(path) == 3 and path[0] == "form":
            fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
            value = fields.get("value", [""])[0]
            self._reply(take_form(current_runtime(), path[1], path[2], value, by="the web form"))
        else:
            self._say(HTTPStatus.NOT_FOUND, "There is no such page.")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: addresses hold the secret."""

    def _path(self) -> list[str] | None:
        host = self.headers.get("Host", "")
        if host not in (f"127.0.0.1:{self.forms.port}", f"localhost:{self.forms.port}"):
            self._say(HTTPStatus.FORBIDDEN, "Wrong host.")
            return None
        parts = self.path.partition("?")[0].strip("/").split("/")
        if not secrets.compare_digest(parts[0].encode(), self.forms.secret.encode()):
            self._say(HTTPStatus.FORBIDDEN, "This address is not valid, or no longer. Ask the notebook for a new one.")
            return None
        return [unquote(part) for part in parts[1:]]

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY_BYTES:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The answer is too long.")
            return None
        return self.rfile.read(length)

    def _reply(self, reply: Reply) -> None:
        self._send(reply.status, reply.kind, reply.text)

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, "text/plain; charset=utf-8", text)

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
