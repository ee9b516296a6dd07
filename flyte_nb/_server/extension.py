"""The routes, and how a Jupyter server gets them."""

from __future__ import annotations

import atexit
import os
import time
from typing import Any

from jupyter_server.utils import url_path_join

from .._follow.servers import announce
from .._journal import Home, default_home
from . import handlers, openapi, pages, sockets
from .desk import Desk

_NAME = "([^/]+)"

ROUTES: tuple[tuple[str, type], ...] = (
    ("api/runs", handlers.RunsHandler),
    (f"api/runs/{_NAME}", handlers.RunHandler),
    (f"api/runs/{_NAME}/tree", handlers.TreeHandler),
    (f"api/runs/{_NAME}/actions/{_NAME}", handlers.ActionHandler),
    (f"api/runs/{_NAME}/picture", handlers.PictureHandler),
    (f"api/runs/{_NAME}/notebook", handlers.NotebookHandler),
    (f"api/runs/{_NAME}/abort", handlers.AbortHandler),
    (f"api/runs/{_NAME}/resume", handlers.ResumeHandler),
    (f"api/runs/{_NAME}/rerun", handlers.RerunHandler),
    (f"api/runs/{_NAME}/answer", handlers.AnswerHandler),
    (f"api/runs/{_NAME}/live", sockets.RunSocket),
    ("api/inbox", handlers.InboxHandler),
    ("api/tasks", handlers.TasksHandler),
    ("api/tidy", handlers.TidyHandler),
    ("api/live", sockets.ListSocket),
    ("api/openapi.json", openapi.DescriptionHandler),
    (f"form/{_NAME}/{_NAME}", handlers.FormHandler),
    ("submit/json", handlers.JsonAnswerHandler),
    ("", pages.PageHandler),
    (f"runs/{_NAME}", pages.PageHandler),
    (f"static/{_NAME}", pages.AssetHandler),
)


def load(server: Any) -> None:
    """Add the routes to a Jupyter server, below its base URL, and tell the home of it when it listens."""
    web_app = server.web_app
    home = Home(default_home())
    web_app.settings.update(flyte_nb_desk=Desk(home), flyte_nb_routes=ROUTES)
    root = url_path_join(web_app.settings["base_url"], "flyte-nb", "/")
    web_app.add_handlers(".*$", [(root + path, handler) for path, handler in ROUTES])
    server.io_loop.add_callback(lambda: atexit.register(announce(home, address_of(server), time.time())))


def address_of(server: Any) -> str:
    """Where a browser reaches it: as configured, or as the hub says; a path where only the hub's proxy knows."""
    base = server.base_url
    public = os.environ.get("JUPYTERHUB_PUBLIC_URL", "")
    if public:
        return public
    if server.custom_display_url:
        return str(url_path_join(server.custom_display_url, base))
    if os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):
        return str(base)
    return str(server.connection_url)
