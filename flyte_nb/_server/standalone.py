"""The server without JupyterLab: Jupyter's own server and login, without its routes that read files or run code."""

from __future__ import annotations

import secrets
import webbrowser
from pathlib import Path
from typing import Any

from jupyter_server.serverapp import ServerApp
from jupyter_server.services.contents.manager import ContentsManager
from traitlets.config import Config

from .._journal import Home


class NoFiles(ContentsManager):
    """No files are served."""

    def get_extra_handlers(self) -> list[Any]:
        """None."""
        return []

    def info_string(self) -> str:
        """What is served, for the log."""
        return "Serving runs of flyte_nb"


class RunsServer(ServerApp):
    """Serves the runs of a home, on this machine only. Configuration files of Jupyter are not read."""

    name = "flyte-nb-ui"
    default_services = ("auth", "security")  # type: ignore[assignment]
    contents_manager_class = NoFiles

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is loaded: a notebook server may listen beyond loopback, or without a token; this one does not."""

    def find_server_extensions(self) -> None:
        """None but our own."""

    def init_signal(self) -> None:
        """Ctrl-C ends it without a question: there are no kernels to lose."""

    def write_server_info_file(self) -> None:
        """None: it is no notebook server that others could use."""

    def write_browser_open_files(self) -> None:
        """None: they would hold the token."""


def serve(home: Home, *, port: int, open_browser: bool) -> None:
    """Serve until interrupted.

    Parameters
    ----------
    home : Home
    port : int
        0 is a free one; where it is taken, one of the next.
    open_browser : bool
        Open the page as well as printing its address.
    """
    settings = Config()
    settings.ServerApp.jpserver_extensions = {"flyte_nb._server": True}
    settings.IdentityProvider.token = secrets.token_urlsafe(24)
    server = RunsServer(config=settings)
    server.initialize(argv=_arguments(home.path, port))
    server.io_loop.add_callback(lambda: _greet(home, address_of(server), open_browser))
    server.start()


def address_of(server: ServerApp) -> str:
    """The page's address with the token."""
    return f"http://127.0.0.1:{server.port}/flyte-nb/?token={server.identity_provider.token}"


def _greet(home: Home, address: str, open_browser: bool) -> None:
    print(f"Runs of {home.path}\n\n    {address}\n\nCtrl-C ends the server; runs go on.", flush=True)
    if open_browser:
        webbrowser.open(address)


def _arguments(root: Path, port: int) -> list[str]:
    return [
        "--ip=127.0.0.1",
        f"--port={port}",
        "--no-browser",
        "--allow-root",
        "--log-level=ERROR",
        "--ServerApp.default_url=/flyte-nb/",
        f"--ServerApp.root_dir={root}",
        "--ServerApp.allow_remote_access=False",
    ]
