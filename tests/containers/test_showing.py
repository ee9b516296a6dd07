"""What a container prints, where it cannot be shown as it is."""

from __future__ import annotations

import io
import sys

import pytest

import flyte_nb as flyte
from flyte_nb.errors import RuntimeUserError
from flyte_nb.extras import ContainerTask
from tests.containers.engine import IMAGE

pytestmark = pytest.mark.usefixtures("engine")


def says(text: str) -> ContainerTask:
    """A task that prints, and whose end shows that what it printed was read."""
    script = f"echo {text}; sleep 0.1; echo more"
    return ContainerTask("says", IMAGE, ["/bin/sh", "-c", script], network="none", timeout=60)


def test_characters_that_a_terminal_does_not_know_are_shown_as_escapes_and_logged_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    terminal = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(terminal, encoding="ascii", write_through=True))

    run = flyte.run(says("café"))
    run.outputs()

    assert terminal.getvalue() == b"caf\\xe9\nmore\n"
    [action] = flyte.remote.Action.listall(for_run_name=run.name)
    assert list(action.get_logs()) == ["café", "more"]


def test_where_nothing_can_be_shown_the_action_fails_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("no space left on device")

    monkeypatch.setattr(sys, "stdout", Full())

    with pytest.raises(RuntimeUserError, match="no space left on device"):
        flyte.run(says("anything")).outputs()
