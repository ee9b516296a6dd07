"""A real kernel for the tests of a notebook."""

from __future__ import annotations

import contextlib
import os
import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

TIMEOUT_S = 60


@dataclass
class CellResult:
    """What a cell gave: printed text, displayed values, error."""

    status: str = ""
    text: str = ""
    results: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""

    @property
    def value(self) -> str:
        return self.results[-1]["text/plain"] if self.results else ""


class Notebook:
    """Runs cells in a kernel, one by one, and collects what lands in each of them."""

    def __init__(self, home: Path) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel(env={**os.environ, "FLYTE_NB_HOME": str(home)})
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=TIMEOUT_S)
        self.by_parent: dict[str, CellResult] = {}
        self._idle: set[str] = set()
        self._displays: dict[str, dict[str, Any]] = {}

    def start(self, source: str, cell_id: str = "") -> str:
        """Start a cell and return the id of the request; pages send the cell's own id with it."""
        request = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        message = self.client.session.msg("execute_request", request, metadata={"cellId": cell_id} if cell_id else {})
        self.client.shell_channel.send(message)
        cell: str = message["header"]["msg_id"]
        self.by_parent[cell] = CellResult()
        return cell

    def run(self, source: str, *, ok: bool = True, cell_id: str = "") -> CellResult:
        """Run a cell to its end."""
        result = self.finish(self.start(source, cell_id))
        if ok:
            assert result.status == "ok", result.error
        return result

    def finish(self, cell: str) -> CellResult:
        """Wait for a cell to end."""
        deadline = time.monotonic() + TIMEOUT_S
        while cell not in self._idle:
            self._take(deadline)
        while True:
            reply = self.client.get_shell_msg(timeout=TIMEOUT_S)
            if reply["parent_header"].get("msg_id") == cell:
                break
        self.by_parent[cell].status = reply["content"]["status"]
        return self.by_parent[cell]

    def until(self, cell: str, text: str) -> None:
        """Wait until a cell has printed `text`."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.by_parent[cell].text:
            self._take(deadline)

    def until_shown(self, result: CellResult, text: str) -> None:
        """Wait until the HTML that a cell has displayed says `text`."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in result.results[-1]["text/html"]:
            self._take(deadline)

    def interrupt(self) -> None:
        """What the stop button does."""
        self.manager.interrupt_kernel()

    def restart(self) -> None:
        """What the restart button does."""
        self.manager.restart_kernel()
        self.client.wait_for_ready(timeout=TIMEOUT_S)

    def _take(self, deadline: float) -> None:
        try:
            message = self.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
        except queue.Empty:
            raise AssertionError(f"The kernel has been silent for {TIMEOUT_S} s.") from None
        parent = message["parent_header"].get("msg_id", "")
        result = self.by_parent.get(parent)
        kind, content = message["msg_type"], message["content"]
        display = content.get("transient", {}).get("display_id", "")
        if kind == "update_display_data" and display in self._displays:
            self._displays[display].update({key: "" for key in self._displays[display]} | content["data"])
            return
        if result is None:
            return
        if kind == "stream":
            result.text += content["text"]
        elif kind in ("execute_result", "display_data"):
            result.results.append(content["data"])
            if display:
                self._displays[display] = content["data"]
        elif kind == "error":
            result.error = "\n".join(content["traceback"])
        elif kind == "status" and content["execution_state"] == "idle":
            self._idle.add(parent)


@contextlib.contextmanager
def opened_notebook(home: Path) -> Iterator[Notebook]:
    """A kernel that is gone afterwards."""
    notebook = Notebook(home)
    try:
        yield notebook
    finally:
        notebook.client.stop_channels()
        notebook.manager.shutdown_kernel(now=True)


@pytest.fixture
def open_notebook(tmp_path: Path) -> Iterator[Callable[[], Notebook]]:
    """Starts kernels that share a home."""
    with contextlib.ExitStack() as opened:
        yield lambda: opened.enter_context(opened_notebook(tmp_path / "kernel_home"))


@pytest.fixture
def notebook(open_notebook: Callable[[], Notebook]) -> Notebook:
    """A kernel of its own."""
    return open_notebook()


@pytest.fixture(scope="module")
def module_notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notebook]:
    """A kernel that the tests of a module share."""
    with opened_notebook(tmp_path_factory.mktemp("module") / "kernel_home") as notebook:
        yield notebook
