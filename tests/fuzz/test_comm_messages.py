"""What a page sends to a kernel may be anything: the kernel goes on, and the next page is shown the run."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.profile import fuzzed
from tests.fuzz.test_messages import json_values, messages
from tests.notebook.conftest import TIMEOUT_S, Notebook, opened_notebook

SHOWN = """
import asyncio
import flyte_nb as flyte
from flyte_nb._notebook import display
display.sent_by_a_page = lambda: True
env = flyte.TaskEnvironment("shown")

@env.task
async def quick() -> int:
    return 1

run = flyte.run(quick)
run.wait()
shown = display.display_picture(run.name)
while shown._widget is None:
    await asyncio.sleep(0.01)
print(shown._widget.model_id, end="")
"""

views = st.sampled_from(["", "one", "other", "\ud800"]) | json_values
said = messages | st.builds(
    lambda message, view: {**message, "view": view}, messages.filter(lambda message: isinstance(message, dict)), views
)
contents = st.fixed_dictionaries({"method": st.just("custom"), "content": said}) | st.fixed_dictionaries(
    {"method": st.sampled_from(["update", "request_state", "", "no such"])},
    optional={"state": st.dictionaries(st.sampled_from(["name", "no such"]), json_values), "buffer_paths": json_values},
)


def as_a_browser_does(message: Any) -> bytes:
    """JSON in which half a surrogate pair is escaped."""
    return json.dumps(message, default=str).encode()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Notebook, str]]:
    """A kernel with the picture of a run, and the identity of its widget."""
    home: Path = tmp_path_factory.mktemp("hears") / "home"
    with opened_notebook(home) as notebook:
        notebook.client.session.pack = as_a_browser_does
        notebook.run("%load_ext flyte_nb")
        yield notebook, notebook.run(SHOWN).text


def send(notebook: Notebook, widget: str, data: Any) -> None:
    """As a page does."""
    session, channel = notebook.client.session, notebook.client.shell_channel
    channel.send(session.msg("comm_msg", {"comm_id": widget, "data": data}))


def wait_for_reset(notebook: Notebook, view: str) -> None:
    """Until the kernel has sent that page all of the run."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        message = notebook.client.get_iopub_msg(timeout=max(0.1, deadline - time.monotonic()))
        content = message["content"].get("data", {}) if message["msg_type"] == "comm_msg" else {}
        told = content.get("content") if isinstance(content, dict) else None
        if isinstance(told, dict) and (told.get("type"), told.get("view")) == ("reset", view):
            return


@given(sent=st.lists(contents, min_size=1, max_size=5), number=st.uuids())
@fuzzed(25)
def test_any_message_to_a_widget_leaves_the_kernel_and_the_picture_as_they_were(
    shown: tuple[Notebook, str], sent: list[Any], number: Any
) -> None:
    notebook, widget = shown
    for data in sent:
        send(notebook, widget, data)
    send(notebook, widget, {"method": "custom", "content": {"type": "hello", "open": [], "view": str(number)}})
    wait_for_reset(notebook, str(number))
    assert json.loads(notebook.run("print(len(list(flyte.Run.listall())), end='')").text) == 1
