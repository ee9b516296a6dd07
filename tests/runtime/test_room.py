"""Places that tasks take and give back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb._engine.action import Action
from flyte_nb._engine.capacity import give_back_all
from flyte_nb.backends.threads import ThreadBackend

env = flyte.TaskEnvironment("room", queue="one")


@env.task(retries=flyte.RetryStrategy(1, flyte.Backoff("60s")))
def fails(mark: str) -> None:
    Path(mark).touch()
    raise ValueError("not yet")


@env.task
def succeeds() -> int:
    return 1


def test_an_action_that_pauses_before_its_next_attempt_holds_no_place(home: Path, tmp_path: Path) -> None:
    flyte.init(home=home, queues={"one": ThreadBackend(1)})
    pausing = flyte.run(fails, str(tmp_path / "mark"))
    deadline = time.monotonic() + 20
    while not (tmp_path / "mark").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)

    other = flyte.run(succeeds)
    while not other.done():
        assert time.monotonic() < deadline, "it waits for the place of an action that waits for its next attempt"
        time.sleep(0.01)

    assert not pausing.done()
    pausing.abort("enough")
    pausing.wait()
    assert other.outputs()[0] == 1


def test_the_end_of_an_action_is_recorded_before_its_place_is_free(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flyte.init(home=home, queues={"one": ThreadBackend(1)})
    had_ended: list[bool] = []

    def noted(action: Action) -> None:
        had_ended.append(action.ended)
        give_back_all(action)

    monkeypatch.setattr("flyte_nb._engine.submission.give_back_all", noted)

    assert flyte.run(succeeds).outputs() == 1
    assert had_ended == [True]
