"""A small form and a JSON address for questions, on this machine only.

It starts with the first question whose address somebody asks for. Every address holds a secret; nothing is answered
without it, nor to a name other than the loopback's, so that no page of a browser can reach it by a trick.
"""

from __future__ import annotations

import html
import json
import secrets
import threading
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

from .._view.prompts import prompts_of
from .._view.wire import Prompt
from ..errors import BaseRuntimeError
from ..remote.history import RunHistory
from ..remote.requests import answer_prompt

MAX_BODY_BYTES = 1_000_000

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class FormServer:
    """The server.

    Attributes
    ----------
    address : str
        ``http://127.0.0.1:PORT/SECRET``.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_urlsafe(24)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}/{self.secret}"
        threading.Thread(target=self._server.serve_forever, name="flyte_nb-forms", daemon=True).start()


@cache
def form_server() -> FormServer:
    """The server of this process, started on first use."""
    return FormServer()


def _handler_for(server: FormServer) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        forms = server

    return Handler


class _Handler(BaseHTTPRequestHandler):
    forms: FormServer
    server_version = "flyte_nb"
    sys_version = ""

    def do_GET(self) -> None:
        path = self._path()
        if path is None:
            return
        if len(path) == 3 and path[0] == "form":
            self._form(path[1], path[2])
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
            self._take_json(body)
        elif len(path) == 3 and path[0] == "form":
            fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
            self._take_form(path[1], path[2], fields.get("value", [""])[0])
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
        return parts[1:]

    def _body(self) -> bytes | None:
        try:
            length = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            length = -1
        if not 0 <= length <= MAX_BODY_BYTES:
            self._say(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The answer is too long.")
            return None
        return self.rfile.read(length)

    def _form(self, run: str, prompt: str, problem: str = "", typed: str = "") -> None:
        found = _find(run, prompt)
        if found is None:
            self._say(HTTPStatus.NOT_FOUND, "This question is gone: its run was forgotten, or never asked it.")
            return
        status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
        self._send(status, "text/html; charset=utf-8", _page(run, found, problem, typed))

    def _take_form(self, run: str, prompt: str, value: str) -> None:
        try:
            answer_prompt(run, prompt, value, by="the web form")
        except ValueError as error:
            self._form(run, prompt, str(error), value)
            return
        except BaseRuntimeError as error:
            self._form(run, prompt, str(error))
            return
        self._form(run, prompt)

    def _take_json(self, body: bytes) -> None:
        try:
            content = json.loads(body)
            request, value = str(content["request_id"]), content["value"]
            run = str(content["response_path"]).partition("/")[0]
        except (ValueError, KeyError, TypeError) as error:
            self._json(
                HTTPStatus.BAD_REQUEST,
                {"error": f"Expected JSON with request_id, response_path and value; {type(error).__name__}: {error}"},
            )
            return
        typed = value if isinstance(value, str) else json.dumps(value)
        try:
            outcome = answer_prompt(run, request, typed, by="the JSON address")
        except ValueError as error:
            self._json(HTTPStatus.UNPROCESSABLE_ENTITY, {"error": str(error)})
        except BaseRuntimeError as error:
            gone = error.code == "RunNotFoundError" or "no question" in str(error)
            self._json(HTTPStatus.NOT_FOUND if gone else HTTPStatus.CONFLICT, {"error": str(error)})
        else:
            self._json(HTTPStatus.OK, {"status": outcome})

    def _json(self, status: HTTPStatus, content: dict[str, str]) -> None:
        self._send(status, "application/json", json.dumps(content))

    def _say(self, status: HTTPStatus, text: str) -> None:
        self._send(status, "text/plain; charset=utf-8", text)

    def _send(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _find(run: str, prompt: str) -> Prompt | None:
    try:
        view = RunHistory(run).view()
    except BaseRuntimeError:
        return None
    found = (one for action in view.actions.values() for one in prompts_of(action) if one.prompt == prompt)
    return next(found, None)


def _page(run: str, prompt: Prompt, problem: str, typed: str) -> str:
    if prompt.answer:
        by = f" by {prompt.answered_by}" if prompt.answered_by else ""
        inner = f"<p class=done>Answered with <code>{html.escape(prompt.answer)}</code>{html.escape(by)}.</p>"
    else:
        shown = f"<p class=problem role=alert>{html.escape(problem)}</p>" if problem else ""
        inner = f"<form method=post>{_field(prompt, typed)}{shown}</form>"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(prompt.name)}</title><style>{_STYLE}</style>"
        f"<main><h1>{html.escape(prompt.name)}</h1><p class=run>Run <code>{html.escape(run)}</code></p>"
        f"<div>{prompt.html}</div>{inner}</main></html>"
    )


def _field(prompt: Prompt, typed: str) -> str:
    value = html.escape(typed, quote=True)
    if prompt.kind == "bool":
        return "<button name=value value=true>Yes</button> <button name=value value=false>No</button>"
    if prompt.kind == "str":
        field = f"<textarea name=value rows=4 aria-label=Answer autofocus>{value}</textarea>"
    else:
        step = "1" if prompt.kind == "int" else "any"
        field = f"<input name=value type=number step={step} value='{value}' aria-label=Answer required autofocus>"
    return f"{field}<button>Send</button>"


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 36rem; margin: 10vh auto; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 } .run { opacity: .7; margin-top: 0 }
input, textarea, button { font: inherit; padding: .4rem .7rem; margin: .3rem .3rem .3rem 0 } textarea { width: 100% }
.problem { color: light-dark(#b3261e, #ff8a80) } .done { color: light-dark(#146c2e, #81c995) }
"""
