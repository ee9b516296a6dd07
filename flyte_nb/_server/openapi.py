"""The routes described for programs, as OpenAPI has it: made from the handlers themselves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from .._version import __version__
from .handlers import JsonHandler

_METHODS = ("get", "post", "delete")
_NAME = {"type": "string", "minLength": 1}
_REFUSALS = {
    400: "The request is not understood.",
    403: "The token or the XSRF header is missing.",
    404: "There is no such run, action or question.",
    409: "The run is not in a state for that, or somebody was first.",
    422: "A value is not of the right type.",
    503: "The journal cannot be read or written.",
}


def description(routes: Iterable[tuple[str, type]], root: str) -> dict[str, Any]:
    """An OpenAPI 3.1 document.

    Parameters
    ----------
    routes : pairs of str and handler class
        Patterns below `root`, and who answers. Sockets and pages are left out: OpenAPI has no words for them.
    root : str
        The path that the patterns begin at.
    """
    answering = [(pattern, handler) for pattern, handler in routes if issubclass(handler, JsonHandler)]
    bodies = {body for _, handler in answering for body in [handler.BODY] if body is not None}
    _, schemas = msgspec.json.schema_components(bodies, ref_template="#/components/schemas/{name}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Runs of flyte_nb", "version": __version__},
        "servers": [{"url": root}],
        "security": [{"token": []}],
        "paths": dict(_path(pattern, handler) for pattern, handler in answering),
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
    }


def _path(pattern: str, handler: type[JsonHandler]) -> tuple[str, dict[str, Any]]:
    methods = {name: getattr(handler, name) for name in _METHODS if name in vars(handler)}
    names = list(inspect.signature(inspect.unwrap(next(iter(methods.values())))).parameters)[1:]
    filled = iter(names)
    path = re.sub(r"\([^)]*\)", lambda _: f"{{{next(filled)}}}", pattern)
    return f"/{path}", {name: _operation(handler, name, method, names) for name, method in methods.items()}


def _operation(handler: type[JsonHandler], name: str, method: Any, names: list[str]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "summary": (inspect.getdoc(method) or "").splitlines()[0],
        "parameters": [
            *({"name": one, "in": "path", "required": True, "schema": _NAME} for one in names),
            *({"name": one, "in": "query", "schema": schema} for one, schema in handler.QUERY.items() if name == "get"),
        ],
        "responses": {
            "2XX": {"description": "Done, or asked for.", "content": {"application/json": {}}},
            **{str(status): {"description": text} for status, text in _REFUSALS.items()},
        },
    }
    if name == "post" and handler.BODY is not None:
        schema = {"$ref": f"#/components/schemas/{handler.BODY.__name__}"}
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return described


class DescriptionHandler(JsonHandler):
    """``GET openapi.json``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What all routes take and answer."""
        self.reply(description(self.settings["flyte_nb_routes"], url_path_join(self.base_url, "flyte-nb")))
