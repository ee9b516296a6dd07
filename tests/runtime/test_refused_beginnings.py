"""A run that cannot begin, or go on, is not one that is running."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._engine.run_options import RunOptions
from flyte_nb._journal import JournalWriter
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.backends.threads import ThreadBackend
from flyte_nb.remote import Run

env = flyte.TaskEnvironment("refused", queue="big")
with_secret = flyte.TaskEnvironment("refused_secret", secrets=flyte.Secret("refused", as_env_var="REFUSED_TOKEN"))
broken = [True]


@pytest.fixture(autouse=True)
def fresh() -> None:
    broken[0] = True


def once(environment: flyte.TaskEnvironment) -> flyte.Task[Any, Any]:
    @environment.task
    def main() -> int:
        if broken[0]:
            raise ValueError("broken")
        return 1

    return main


def failed(task: flyte.Task[Any, Any]) -> Run:
    run = flyte.run(task)
    run.wait()
    assert run.phase == "failed"
    broken[0] = False
    return run


def test_a_resume_without_its_secret_leaves_the_run_as_it_was_and_goes_on_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REFUSED_TOKEN", "s")
    run = failed(once(with_secret))
    monkeypatch.delenv("REFUSED_TOKEN")

    for _ in range(2):
        with pytest.raises(errors.RuntimeUserError, match="refused.*REFUSED"):
            run.resume()
        assert Run.get(run.name).phase == "failed"

    monkeypatch.setenv("REFUSED_TOKEN", "s")
    assert run.resume().outputs() == 1


def test_a_resume_where_its_queue_is_not_known_leaves_the_run_to_who_knows_it(home: Path) -> None:
    flyte.init(home=home, queues={"big": ThreadBackend(1)})
    run = failed(once(env))
    flyte.init(home=home)

    for _ in range(2):
        with pytest.raises(errors.RuntimeUserError, match="asks for queue 'big'"):
            Run.get(run.name).resume()
        assert Run.get(run.name).phase == "failed"

    flyte.init(home=home, queues={"big": ThreadBackend(1)})
    assert Run.get(run.name).resume().outputs() == 1


def test_a_run_whose_loop_is_closed_has_failed_and_is_resumed_on_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFUSED_TOKEN", "s")
    broken[0] = False
    main = once(with_secret)
    closed = asyncio.new_event_loop()
    closed.close()
    inputs = main.interface.prepare_inputs_nowait({})
    assert inputs is not None
    controller = current_runtime().controller

    with pytest.raises(RuntimeError, match="closed"):
        controller.start(main, inputs, RunOptions(name="unbegun"), closed)

    run = Run.get("unbegun")
    assert run.phase == "failed"
    assert not controller.runs
    assert run.resume().outputs() == 1


@pytest.mark.parametrize("becomes", ["removed", "replaced"])
def test_a_run_does_not_begin_in_a_journal_that_was_removed_under_its_process(home: Path, becomes: str) -> None:
    task = once(flyte.TaskEnvironment("removed"))
    run = failed(task)
    for file in home.glob("journal.sqlite*"):
        file.unlink()
    if becomes == "replaced":
        JournalWriter(home / "journal.sqlite").close()

    with pytest.raises(errors.JournalWriteError, match="was removed or replaced while this process had it open"):
        flyte.run(task)
    with pytest.raises(errors.JournalWriteError, match="was removed or replaced"):
        run.resume()

    flyte.init(home=home)
    assert flyte.run(task).outputs() == 1
