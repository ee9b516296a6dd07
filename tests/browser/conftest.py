"""A real JupyterLab, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.lab import ARGUMENTS, Lab, Server, find_chromium, ready_server

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab on a port of its own, with settings, a home and a folder of notebooks of its own."""
    folder = tmp_path_factory.mktemp("lab")
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
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")]),
    }
    (folder / "notebooks").mkdir()
    quiet = folder / "settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    quiet.parent.mkdir(parents=True)
    quiet.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    log = (folder / "server.log").open("w")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "jupyterlab", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
            f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True", "--allow-root",
            "--LabApp.news_url=None", "--ServerApp.port_retries=0", f"--ServerApp.root_dir={folder / 'notebooks'}",
        ],
        env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder,
    )  # fmt: skip
    started = Server(f"http://127.0.0.1:{port}", token, folder / "notebooks", folder / "home", process)
    try:
        ready_server(started, folder / "server.log")
        yield started
    finally:
        process.terminate()
        process.wait(20)
        log.close()
        shutil.rmtree(folder / "home", ignore_errors=True)


@pytest.fixture(scope="package")
def chromium() -> Iterator[object]:
    """The browser."""
    from playwright.sync_api import sync_playwright

    path = find_chromium()
    if path is None:
        reason = "There is no Chromium: apt-get install chromium, or name one in CHROMIUM."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def open_notebook(
    server: Server, chromium: object, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Lab]]:
    """Opens a notebook with these cells in JupyterLab; what is open is closed after the test."""
    opened: list[Lab] = []

    def open_it(*cells: str, **options: object) -> Lab:
        lab = Lab(server, chromium, f"{request.node.name[:40]}-{len(opened)}", cells, **options)  # type: ignore[arg-type]
        opened.append(lab)
        return lab

    failures = request.session.testsfailed
    yield open_it
    for lab in opened:
        if request.session.testsfailed > failures:
            picture = tmp_path / f"{lab.path.stem}.png"
            lab.screenshot(picture)
            print(f"What the page showed: {picture}; errors: {lab.errors}")
        lab.close()
