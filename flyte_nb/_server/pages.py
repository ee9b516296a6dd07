"""Pages for a browser: the list of runs, one run, and what they are drawn with."""

from __future__ import annotations

import html
import json
from functools import cache
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from jupyter_server.utils import url_path_join
from tornado import web

from .handlers import DeskHandler

STATIC = Path(__file__).parent / "static"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-src 'self';"
    " connect-src 'self' {sockets}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
FRAME_POLICY = "sandbox allow-scripts; frame-ancestors 'self'"
ASSETS = {"page.js": "text/javascript", "report.html": "text/html", "report-internet.html": "text/html"}


@cache
def _asset(name: str) -> bytes:
    return (STATIC / name).read_bytes()


class PageHandler(DeskHandler):
    """``GET ./`` and ``GET runs/NAME``: the page, which then asks for the rest."""

    @web.authenticated
    @authorized
    async def get(self, run: str = "") -> None:
        """The page; of a run that does not exist it says so itself."""
        if run:
            await self.ask(self.desk.run, run)
        scheme = "wss" if self.request.protocol == "https" else "ws"
        self.set_header("Content-Security-Policy", PAGE_POLICY.format(sockets=f"{scheme}://{self.request.host}"))
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.xsrf_token  # noqa: B018  sets the cookie that the page sends back
        self.finish(_page(url_path_join(self.base_url, "flyte-nb", "/"), run))


class AssetHandler(DeskHandler):
    """``GET static/NAME``: script, style, and the frame of a report, which is kept apart from the page."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """A file of the pages."""
        if name not in ASSETS:
            raise web.HTTPError(404)
        kind = ASSETS[name]
        if kind == "text/html":
            self.set_header("Content-Security-Policy", FRAME_POLICY)
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-cache")
        self.set_header("Content-Type", f"{kind}; charset=utf-8")
        self.finish(_asset(name))


def _page(root: str, run: str) -> str:
    place = html.escape(json.dumps({"root": root, "run": run}), quote=True)
    title = html.escape(f"{run} · flyte_nb" if run else "Runs · flyte_nb")
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{title}</title><link rel=icon href='data:,'>"
        f'<body><div id=flyte-nb data-place="{place}"></div>'
        f"<noscript>This page draws runs with JavaScript.</noscript>"
        f"<script type=module src='{html.escape(root, quote=True)}static/page.js'></script></body></html>"
    )
