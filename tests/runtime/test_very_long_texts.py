"""Texts that no journal takes: they are shortened, said to be, and harm no other run."""

from __future__ import annotations

import sys
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._engine import logs
from flyte_nb._runtime.runtime import current_runtime

env = flyte.TaskEnvironment("long_texts")


def kept(run: flyte.Run) -> list[str]:
    return [line.text for _, line in current_runtime().reader.logs(run.name)]


@env.task
def raises(characters: int) -> None:
    raise ValueError("<" + "x" * characters + ">")


@pytest.mark.parametrize("mode", [None, "process"])
def test_of_a_very_long_error_the_beginning_and_the_end_are_kept(mode: Any) -> None:
    run = flyte.with_runcontext(mode=mode).run(raises, 2_000_000)
    run.wait()

    [failure] = [action.details().error_info for action in flyte.remote.Action.listall(run.name)]
    assert failure is not None
    assert len(failure.message) + len(failure.traceback) < 300_000
    assert failure.message.startswith("<xxx") and failure.message.endswith("xxx>")
    assert "characters left out" in failure.message
    with pytest.raises(errors.RuntimeUserError, match="<xxx"):
        flyte.remote.Run.get(run.name).outputs()


@env.task(retries=1)
def prints(characters: int) -> None:
    sys.stdout.write("x" * characters)
    context = flyte.ctx()
    if context is not None and context.attempt_number == 1:
        raise ValueError("again")


def test_what_is_printed_at_once_is_kept_in_pieces_and_only_so_much_of_each_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logs, "MOST_KEPT_CHARACTERS", 3_000_000)
    run = flyte.run(prints, 5_000_000)
    run.wait()

    lines = kept(run)
    said = "2,000,000 characters more were printed, and are not kept.\n"
    assert max(map(len, lines)) <= logs.LONGEST_PIECE
    assert sum(map(len, lines)) == 2 * (3_000_000 + len(said))
    assert lines.count(said) == 2
