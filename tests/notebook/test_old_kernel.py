"""A kernel without subshells: messages of widgets must not wait for the end of a cell that waits for a run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import TIMEOUT_S, Notebook

SETUP = """
import asyncio, ipykernel
import flyte_nb as flyte
from flyte_nb._notebook import display
display.sent_by_a_page = lambda: True
env = flyte.TaskEnvironment("old")

@env.task
async def forever() -> None:
    await asyncio.sleep(3600)

ipykernel.__version__
"""


@pytest.fixture(scope="module")
def old_ipykernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last ipykernel before 7, in a folder of its own."""
    folder = tmp_path_factory.mktemp("ipykernel6")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-deps"]
    done = subprocess.run([*command, "--target", str(folder), "ipykernel==6.31.0", "nest-asyncio"], check=False)
    if done.returncode:
        if os.environ.get("CI"):
            pytest.fail("ipykernel 6.31 could not be installed.")
        pytest.skip("ipykernel 6.31 could not be installed.")
    return folder


@pytest.fixture
def old_notebook(old_ipykernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A kernel of that version."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(old_ipykernel), os.environ.get("PYTHONPATH", "")]))
    notebook = Notebook(tmp_path / "kernel_home")
    yield notebook
    notebook.client.stop_channels()
    notebook.manager.shutdown_kernel(now=True)


def test_a_click_reaches_a_cell_that_waits_for_a_run(old_notebook: Notebook) -> None:
    assert old_notebook.run(SETUP).value.startswith("'6.")
    cell = old_notebook.start("run = flyte.run(forever); flyte.show(run); run.wait(); print('phase', run.phase)")
    after = old_notebook.start("'the next cell'")
    widget = widget_of(old_notebook)
    say(old_notebook, widget, {"type": "hello", "open": []})
    say(old_notebook, widget, {"type": "abort", "action": ""})
    result = old_notebook.finish(cell)
    assert "phase aborted" in result.text
    assert old_notebook.finish(after).value == "'the next cell'"


def test_a_message_that_nobody_understands_takes_none_of_the_others_with_it(old_notebook: Notebook) -> None:
    old_notebook.run(SETUP)
    cell = old_notebook.start("run = flyte.run(forever); flyte.show(run); run.wait(); print('phase', run.phase)")
    after = old_notebook.start("'the next cell'")
    widget = widget_of(old_notebook)
    old_notebook.client.shell_channel.socket.send_multipart([b"<IDS|MSG>", b"", b"no JSON", b"{}", b"{}", b"{}"])
    say(old_notebook, widget, {"type": "hello", "open": []})
    say(old_notebook, widget, {"type": "abort", "action": ""})
    assert "phase aborted" in old_notebook.finish(cell).text
    assert old_notebook.finish(after).value == "'the next cell'"


USED = """
import time
from flyte_nb._follow.live_picture import follower
from flyte_nb._notebook import displayed

def until_it_was_due(shown, after_s):
    due_at, looks = time.monotonic() + after_s, [0]
    def look():
        begun_at, done = time.monotonic(), shown._is_done()
        looks.append(begun_at)
        return done
    follower.follow(shown._picture, look)
    while looks[-1] < due_at: time.sleep(0.01)

@env.task
async def quick() -> int:
    return 1

run = flyte.run(quick); run.wait()
"""


def test_a_picture_does_not_give_way_before_the_kernel_has_heard_that_somebody_uses_it(notebook: Notebook) -> None:
    notebook.run(SETUP)
    notebook.run(USED)
    cell = notebook.start("used = display.display_picture(run.name)")
    widget = widget_of(notebook)
    notebook.finish(cell)
    say(notebook, widget, {"type": "hello", "open": []})
    cell = notebook.start("""
displayed.SETTLE_AFTER_S = 0.1
print("blocked")
until_it_was_due(used, 0.1)
""")
    notebook.until(cell, "blocked")
    say(notebook, widget, {"type": "look", "uses": True})
    notebook.finish(cell)
    assert notebook.run("while follower._thread: await asyncio.sleep(0.01)\nused.is_left").value == "False"


def test_a_picture_does_not_give_way_before_the_kernel_has_heard_the_first_greeting(notebook: Notebook) -> None:
    notebook.run(SETUP)
    notebook.run(USED)
    cell = notebook.start("""
displayed.PAGE_ASKS_WITHIN_S = displayed.SETTLE_AFTER_S = 0.1
used = display.display_picture(run.name)
print("blocked")
until_it_was_due(used, 0.1)
""")
    widget = widget_of(notebook)
    notebook.until(cell, "blocked")
    say(notebook, widget, {"type": "hello", "open": []})
    say(notebook, widget, {"type": "look", "uses": True})
    notebook.finish(cell)
    assert notebook.run("while follower._thread: await asyncio.sleep(0.01)\nused.is_left").value == "False"


def widget_of(notebook: Notebook) -> str:
    """Identity of the widget that the running cell shows."""
    while True:
        message: Any = notebook.client.get_iopub_msg(timeout=TIMEOUT_S)
        state = message["content"].get("data", {}).get("state", {}) if message["msg_type"] == "comm_open" else {}
        if "picture" in state:
            return str(message["content"]["comm_id"])


def say(notebook: Notebook, widget: str, content: dict[str, Any]) -> None:
    """Send what a page would."""
    body = {"comm_id": widget, "data": {"method": "custom", "content": content}}
    notebook.client.shell_channel.send(notebook.client.session.msg("comm_msg", body))
