"""A real JupyterLab, and a real Chromium that looks at it."""

from __future__ import annotations

import contextlib
import os
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from flyte_nb._journal.home import Home
from flyte_nb._journal.reader import JournalReader
from flyte_nb._journal.retention import forget_run
from flyte_nb.errors import BaseRuntimeError
from tests.browser.lab import ARGUMENTS, Lab, Server, Window, find_chromium, started_server

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")


FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A page that showed nothing in time is opened once more, and the summary says so; a second time it fails."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1, only_rerun=[r"Timeout \d+ms exceeded"]))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Notes for `open_notebook` how the test ended."""
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab on a port of its own, with settings, a home and a folder of notebooks of its own."""
    folder = tmp_path_factory.mktemp("lab")
    with started_server(folder) as started:
        yield started


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


class _SharedWindow:
    """The window that tests open their notebooks in, one after the other; a fresh one after a test that failed."""

    def __init__(self, server: Server, chromium: object) -> None:
        self._server, self._chromium = server, chromium
        self._window: Window | None = None

    def get(self) -> Window:
        if self._window is None:
            self._window = Window(self._server, self._chromium)
        return self._window

    def discard(self) -> None:
        if self._window is not None:
            self._window.close()
            self._window = None


@pytest.fixture(scope="package")
def shared_window(server: Server, chromium: object) -> Iterator[_SharedWindow]:
    """JupyterLab, loaded once."""
    shared = _SharedWindow(server, chromium)
    yield shared
    shared.discard()


@pytest.fixture
def open_notebook(
    server: Server, chromium: object, shared_window: _SharedWindow, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[Callable[..., Lab]]:
    """Opens a notebook with these cells in JupyterLab; what is open is closed after the test.

    The first one is in the window that tests share, unless it is to have one of its own (`alone`).
    """
    opened: list[Lab] = []

    def open_it(*cells: str, alone: bool = False, **options: Any) -> Lab:
        window = None if alone or opened else shared_window.get()
        name = f"{request.node.name[:40]}-{zlib.crc32(request.node.nodeid.encode()):08x}-{len(opened)}"
        lab = Lab(server, chromium, name, cells, window=window, **options)
        opened.append(lab)
        return lab

    yield open_it
    failed = request.node.stash.get(FAILED, False)
    for lab in opened:
        if failed:
            picture = tmp_path / f"{lab.path.stem}.png"
            lab.screenshot(picture)
            print(f"What the page showed: {picture}; errors: {lab.errors}")
        lab.close()
    if failed:
        shared_window.discard()
    _forget_runs(server.home)


def _forget_runs(home: Path) -> None:
    """The next test finds no questions of interrupted runs, and a second try its names free."""
    journal = Home(home).journal_path
    if not journal.exists():
        return
    with contextlib.closing(JournalReader(journal)) as reader:
        names = [record.name for record in reader.runs()]
    for name in names:
        with contextlib.suppress(BaseRuntimeError):  # its kernel may not have ended yet
            forget_run(journal, name)
