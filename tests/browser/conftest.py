"""A real JupyterLab, and a real Chromium that looks at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.lab import ARGUMENTS, Lab, Server, find_chromium, started_server

pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: pip install playwright")


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
