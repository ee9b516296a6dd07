"""JupyterLab as a person uses it, for tests."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
KERNEL = {"name": "python3", "display_name": "Python 3"}
PATIENCE_MS = 60_000
SIZE = (1300, 1000)


@dataclass(frozen=True)
class Server:
    """A JupyterLab server."""

    address: str
    token: str
    notebooks: Path
    home: Path
    process: subprocess.Popen[bytes]

    def get(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Ask the server's own interface."""
        request = urllib.request.Request(
            f"{self.address}{path}", method=method, headers={"Authorization": f"token {self.token}"}
        )
        if body is not None:
            request.data = json.dumps(body).encode()
        with urllib.request.urlopen(request, timeout=30) as response:
            content = response.read()
        return json.loads(content) if content else None


def find_chromium() -> str | None:
    """A Chromium: the one that is named, the system's, or Playwright's own."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        found = shutil.which(name)
        if found:
            return found
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH", Path.home() / ".cache/ms-playwright"))
    return next((str(path) for path in cache.glob("chromium-*/chrome-linux*/chrome")), None)


@contextlib.contextmanager
def started_server(folder: Path, application: str = "jupyterlab") -> Iterator[Server]:
    """JupyterLab on a port of its own, with settings, a home and a folder of notebooks of its own in `folder`.

    `application` may be ``"notebook"`` as well, which is Notebook 7.
    """
    exposed = {"jupyterlab": "LabApp", "notebook": "JupyterNotebookApp"}[application]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    environment = {
        **os.environ,
        "FLYTE_NB_HOME": str(folder / "home"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTER_PREFER_ENV_PATH": "0",  # the panel of this checkout, not one that is installed
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    (folder / "notebooks").mkdir()
    (folder / "data/labextensions").mkdir(parents=True)
    (folder / "data/labextensions/flyte-nb").symlink_to(Path(__file__).parents[2] / "labextension/lab/prebuilt")
    quiet = folder / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(
        [
            sys.executable, "-m", application, "--no-browser", "--ip=127.0.0.1", f"--port={port}",
            f"--IdentityProvider.token={token}", f"--{exposed}.expose_app_in_browser=True", "--allow-root",
            "--LabApp.news_url=None", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder / 'notebooks'}",
        ],
        env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    started = Server(f"http://127.0.0.1:{port}", token, folder / "notebooks", folder / "home", process)
    try:
        _wait_until_ready(started, folder / "server.log")
        yield started
    finally:
        process.terminate()
        process.wait(60)
        log.close()
        shutil.rmtree(folder / "home", ignore_errors=True)


def _wait_until_ready(server: Server, log: Path) -> None:
    """Wait until the server answers."""
    deadline = time.monotonic() + 180
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise RuntimeError(f"JupyterLab ended:\n{log.read_text()[-3000:]}")
        try:
            server.get("/api/status")
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError(f"JupyterLab does not answer:\n{log.read_text()[-3000:]}")


class Window:
    """A browser's window with JupyterLab in it. Loading JupyterLab takes longer than most tests, so they share one."""

    def __init__(self, server: Server, browser: Any, size: tuple[int, int] = SIZE) -> None:
        self.server = server
        self.context = browser.new_context(viewport={"width": size[0], "height": size[1]})
        self.page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.load("lab")

    def load(self, path: str) -> None:
        """Load the page at that path, as if for the first time."""
        self.page.goto(f"{self.server.address}/{path}?token={self.server.token}&reset")
        self.page.wait_for_function("() => window.jupyterapp !== undefined")
        self.page.evaluate("() => window.jupyterapp.restored.then(() => undefined)")

    def clear(self) -> None:
        """Close all that is open in it."""
        for page in self.context.pages:
            if page != self.page:
                page.close()
        self.page.set_viewport_size({"width": SIZE[0], "height": SIZE[1]})
        self.page.evaluate(CLEAR)

    def close(self) -> None:
        """The window is gone."""
        self.context.close()


CLEAR = """async () => {
    const { commands, shell } = window.jupyterapp;
    for (const button of document.querySelectorAll('.jp-Dialog .jp-mod-accept')) button.click();
    for (const widget of [...shell.widgets('main')]) {
        if (widget.context !== undefined) widget.context.model.dirty = false;
        widget.dispose();
    }
    shell.collapseLeft();
    if (document.body.dataset.jpThemeLight === 'false')
        await commands.execute('apputils:change-theme', { theme: 'JupyterLab Light' });
}"""


class Lab:
    """One notebook, open in JupyterLab.

    Parameters
    ----------
    server : Server
    browser : playwright Browser
    name : str
    cells : tuple of str
    dark : bool
        Use JupyterLab's dark theme.
    notebook : NotebookNode, optional
        In the place of `cells`.
    size : tuple of int
    window : Window, optional
        Where it is opened, and which is left as it was; by default a window of its own.
    """

    def __init__(
        self,
        server: Server,
        browser: Any,
        name: str,
        cells: tuple[str, ...] = (),
        *,
        dark: bool = False,
        notebook: Any = None,
        size: tuple[int, int] = SIZE,
        window: Window | None = None,
    ) -> None:
        self.server = server
        self.path = server.notebooks / f"{name}.ipynb"
        if notebook is None and not self.path.exists():
            notebook = nbformat.v4.new_notebook(
                metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
            )
            notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        if notebook is not None:
            nbformat.write(notebook, self.path)
        self._shares = window is not None
        self.window = window or Window(server, browser, size)
        self.context, self.page = self.window.context, self.window.page
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._listeners = {
            "request": lambda request: self.requests.append(request.url),
            "pageerror": lambda error: self.errors.append(str(error)),
        }
        for happening, listener in self._listeners.items():
            self.page.on(happening, listener)
        self._open()
        if dark:
            self.command("apputils:change-theme", {"theme": "JupyterLab Dark"})
            self.page.wait_for_selector('body[data-jp-theme-light="false"]', state="attached")

    def _open(self) -> None:
        """Open the notebook, and wait for its kernel."""
        self.command("docmanager:open", {"path": self.path.name})
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Notebook .jp-Cell")
        self.page.wait_for_function(
            """path => {
                const panel = window.jupyterapp.shell.currentWidget;
                return panel?.context?.path === path && panel.sessionContext?.session?.kernel?.status === 'idle';
            }""",
            arg=self.path.name,
        )
        self.page.evaluate("() => window.jupyterapp.shell.collapseLeft()")

    def command(self, name: str, arguments: dict[str, Any] | None = None, *, wait: bool = True) -> None:
        """Execute one of JupyterLab's commands."""
        self.page.evaluate(
            """async ([name, args, wait]) => {
                const done = window.jupyterapp.commands.execute(name, args);
                if (wait) await done;
            }""",
            [name, arguments or {}, wait],
        )

    def run(self, cell: int, *, wait: bool = True) -> None:
        """Run a cell; with `wait` until it has ended."""
        self.page.evaluate("cell => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = cell; }", cell)
        self.command("notebook:run-cell", wait=wait)

    def output(self, cell: int) -> Any:
        """Where the output of a cell is."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-Cell-outputArea")

    def text(self, cell: int) -> str:
        """What the output of a cell says."""
        return str(self.output(cell).inner_text())

    def busy(self, cell: int) -> bool:
        """Whether a cell still runs."""
        prompt = self.page.locator(".jp-Notebook .jp-CodeCell").nth(cell).locator(".jp-InputPrompt").first
        return "*" in str(prompt.inner_text())

    def save(self) -> Any:
        """Save the notebook; what was saved."""
        self.command("docmanager:save")
        return nbformat.read(self.path, as_version=4)

    @property
    def kernel(self) -> str:
        """The kernel's id."""
        return str(self.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.id"))

    def screenshot(self, path: Path) -> None:
        """A picture of the page."""
        self.page.screenshot(path=str(path))

    def close(self) -> None:
        """Shut the kernel down and leave the window, which is closed unless it is shared."""
        for happening, listener in self._listeners.items():
            self.page.remove_listener(happening, listener)
        sessions = self.server.get("/api/sessions")
        if self._shares:
            self.window.clear()
        else:
            self.window.close()
        for session in sessions:
            if session["path"] == self.path.name:
                with contextlib.suppress(urllib.error.HTTPError):  # the test may have shut it down itself
                    self.server.get(f"/api/sessions/{session['id']}", "DELETE")
