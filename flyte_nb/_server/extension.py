"""The routes, and how a Jupyter server gets them."""

from __future__ import annotations

from typing import Any

from jupyter_server.utils import url_path_join

from .._journal import Home, default_home
from . import handlers, sockets
from .desk import Desk

_NAME = "([^/]+)"

ROUTES: tuple[tuple[str, type], ...] = (
    ("api/runs", handlers.RunsHandler),
    (f"api/runs/{_NAME}", handlers.RunHandler),
    (f"api/runs/{_NAME}/tree", handlers.TreeHandler),
    (f"api/runs/{_NAME}/actions/{_NAME}", handlers.ActionHandler),
    (f"api/runs/{_NAME}/abort", handlers.AbortHandler),
    (f"api/runs/{_NAME}/resume", handlers.ResumeHandler),
    (f"api/runs/{_NAME}/rerun", handlers.RerunHandler),
    (f"api/runs/{_NAME}/answer", handlers.AnswerHandler),
    (f"api/runs/{_NAME}/live", sockets.RunSocket),
    ("api/inbox", handlers.InboxHandler),
    ("api/tasks", handlers.TasksHandler),
    ("api/live", sockets.ListSocket),
    (f"form/{_NAME}/{_NAME}", handlers.FormHandler),
    ("submit/json", handlers.JsonAnswerHandler),
)


def load(server: Any) -> None:
    """Add the routes to a Jupyter server, below its base URL."""
    web_app = server.web_app
    web_app.settings["flyte_nb_desk"] = Desk(Home(default_home()))
    root = url_path_join(web_app.settings["base_url"], "flyte-nb", "/")
    web_app.add_handlers(".*$", [(root + path, handler) for path, handler in ROUTES])
