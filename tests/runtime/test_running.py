"""Starting runs: from where, with which options, and what stays behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.backends.threads import ThreadBackend
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("running")


@env.task
async def double(x: int) -> int:
    return 2 * x


@env.task
async def on_which_thread() -> str:
    return threading.current_thread().name


@env.task
def sync_thread() -> str:
    return threading.current_thread().name


def test_run_returns_at_once() -> None:
    go_on = threading.Event()

    @env.task
    def waits() -> bool:
        return go_on.wait(20)

    run = flyte.run(waits)
    assert not run.done()
    go_on.set()
    assert run.outputs() == (True,)
    assert run.done()


def test_in_a_script_async_tasks_run_on_the_runtimes_own_loop_thread() -> None:
    assert flyte.run(on_which_thread).outputs() == "flyte_nb-loop"


@pytest.mark.asyncio
async def test_under_pytest_asyncio_runs_start_and_are_awaited() -> None:
    run = await flyte.run.aio(double, 4)
    await run.wait.aio()
    assert (await run.outputs.aio()) == 8
    assert (await run.details()).phase == "succeeded"


@pytest.mark.asyncio
async def test_under_pytest_asyncio_a_plain_wait_works_too() -> None:
    assert flyte.run(double, 4).outputs() == 8


@pytest.mark.asyncio
async def test_notebook_mode_uses_the_callers_loop() -> None:
    lock = asyncio.Lock()

    @env.task
    async def uses(x: int) -> bool:
        async with lock:
            return asyncio.get_running_loop() is here

    here = asyncio.get_running_loop()
    run = flyte.with_runcontext(mode="notebook").run(uses, 1)
    await run.wait.aio()
    assert run.outputs() == (True,)


def test_a_plain_thread_starts_runs_and_waits_for_them() -> None:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(flyte.run(double, 21).outputs()[0]))
    thread.start()
    thread.join(20)
    assert results == [42]


def test_many_threads_start_runs_at_once() -> None:
    results: dict[int, int] = {}

    def one(x: int) -> None:
        results[x] = flyte.run(double, x).outputs()[0]

    threads = [threading.Thread(target=one, args=(x,)) for x in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {x: 2 * x for x in range(8)}


def test_a_name_is_of_one_run_and_whoever_takes_it_again_is_told_what_can_be_done() -> None:
    @env.task
    async def fails() -> None:
        raise ValueError("tonight")

    flyte.with_runcontext(name="nightly").run(double, 1).wait()
    with pytest.raises(
        errors.RunStateError, match=r"'nightly' exists already \(succeeded\).*show\('nightly'\)"
    ) as told:
        flyte.with_runcontext(name="nightly").run(double, 1)
    assert "resume" not in str(told.value)
    flyte.with_runcontext(name="failed").run(fails).wait()
    with pytest.raises(errors.RunStateError, match=r"\(failed\).*flyte_nb\.Run\.get\('failed'\)\.resume\(\)"):
        flyte.with_runcontext(name="failed").run(double, 1)


def test_labels_and_the_parameters_of_hosted_clusters_are_recorded() -> None:
    run = flyte.with_runcontext(labels={"team": "data"}, service_account="robot", version="v1").run(double, 1)
    run.wait()
    assert run.details().labels == {"team": "data"}


def test_a_parameter_that_nobody_knows_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="'nonsense'"):
        flyte.with_runcontext(nonsense=1)
    with pytest.raises(TypeError, match="'nonsense'"):
        flyte.init(nonsense=1)


def test_an_unknown_mode_names_those_there_are() -> None:
    with pytest.raises(errors.RuntimeUserError, match=r"'cloud'.*'background'"):
        flyte.with_runcontext(mode="cloud").run(double, 1)


@pytest.mark.parametrize(("typed", "meant"), [("procces", "process"), ("smal", "small"), ("Notebook", "notebook")])
def test_a_misspelt_mode_is_answered_with_the_one_that_was_meant(home: Path, typed: str, meant: str) -> None:
    flyte.init(home=home, queues={"small": ThreadBackend(1)})
    with pytest.raises(errors.RuntimeUserError, match=rf"Mode '{typed}' \(did you mean '{meant}'\?\) is not known"):
        flyte.with_runcontext(mode=typed).run(double, 1)


def test_a_misspelt_queue_is_answered_with_the_one_that_was_meant(home: Path) -> None:
    flyte.init(home=home, queues={"small": ThreadBackend(1)})
    with pytest.raises(errors.RuntimeUserError, match=r"asks for queue 'smal' \(did you mean 'small'\?\), and"):
        flyte.with_runcontext(queue="smal").run(double, 1)


def test_run_refuses_what_is_no_task() -> None:
    with pytest.raises(TypeError, match=r"@env\.task"):
        flyte.run(len, [1])  # type: ignore[arg-type]


def test_raw_data_path_is_where_the_runs_large_values_go(tmp_path: Path) -> None:
    @env.task
    async def large() -> str:
        return "x" * 100_000

    folder = tmp_path / "raw"
    run = flyte.with_runcontext(raw_data_path=str(folder)).run(large)
    assert run.outputs() == "x" * 100_000
    assert [path.stat().st_size > 100_000 for path in folder.rglob("*.pb")] == [True]
    assert flyte.Run.get(run.name).outputs() == "x" * 100_000


def test_max_action_concurrency_limits_actions_but_not_parents_that_wait() -> None:
    running, most = 0, 0

    @env.task
    async def leaf() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.005)
        running -= 1

    @env.task
    async def branch() -> None:
        await asyncio.gather(*(leaf() for _ in range(4)))

    @env.task
    async def root() -> None:
        await asyncio.gather(*(branch() for _ in range(4)))

    flyte.with_runcontext(max_action_concurrency=2).run(root).outputs()
    assert most == 2


def test_a_queue_names_the_place_and_an_unknown_one_is_an_error(home: Path) -> None:
    flyte.init(home=home, queues={"small": ThreadBackend(1)})

    @env.task(queue="small")
    def placed() -> int:
        return 1

    @env.task(queue="huge")
    def nowhere() -> int:
        return 1

    run = flyte.run(placed)
    assert run.outputs() == 1
    assert run.action.details().metadata["placement"] == "thread"
    with pytest.raises(errors.RuntimeUserError, match=r"'running\.nowhere'.*'huge'.*'small'"):
        flyte.run(nowhere)


def test_deep_recursion_of_sync_tasks_does_not_run_out_of_places() -> None:
    @env.task
    def deep(n: int) -> int:
        return 0 if n == 0 else 1 + deep(n - 1)

    assert flyte.run(deep, 60).outputs() == 60


def test_the_process_is_as_it_was_when_no_run_lives() -> None:
    before = (sys.stdout, sys.stderr, list(logging.getLogger().handlers), gc.get_threshold())
    flyte.run(double, 1).wait()
    assert (sys.stdout, sys.stderr, list(logging.getLogger().handlers), gc.get_threshold()) == before


def test_init_while_a_run_goes_on_is_refused(tmp_path: Path) -> None:
    @env.task
    async def waits() -> None:
        await asyncio.sleep(60)

    run = flyte.run(waits)
    with pytest.raises(errors.InitializationError, match=run.name):
        flyte.init(home=tmp_path / "other")
    run.abort()
    run.wait()


def test_the_outputs_of_a_task_are_a_tuple_that_equals_its_single_value() -> None:
    @env.task
    async def two() -> tuple[int, str]:
        return 1, "a"

    @env.task
    async def nothing() -> None: ...

    assert flyte.run(two).outputs() == (1, "a")
    assert flyte.run(nothing).outputs() == ()
    assert repr(flyte.run(double, 4).outputs()) == "ActionOutputs(8)"


def test_a_task_cannot_see_what_another_does_to_its_input() -> None:
    @env.task
    async def spoils(values: list[int]) -> list[int]:
        values.append(99)
        return values

    @env.task
    async def root() -> tuple[list[int], list[int]]:
        mine = [1]
        theirs = await spoils(mine)
        theirs.append(5)
        return mine, theirs

    assert flyte.run(root).outputs() == ([1], [1, 99, 5])


def test_actions_are_named_the_same_in_every_run() -> None:
    @env.task
    async def root() -> None:
        await asyncio.gather(*(double(x) for x in (1, 2, 2)))

    names = []
    for _ in range(2):
        run = flyte.run(root)
        run.wait()
        names.append([action.name for action in Action.listall(run.name)])
    assert names[0] == names[1]
    assert len(set(names[0])) == 4


@pytest.mark.asyncio
async def test_a_run_is_watched_to_its_end_with_for_and_with_async_for() -> None:
    run = await flyte.run.aio(double, 2)
    phases = [str(details.phase) async for details in run.watch.aio()]
    assert phases[-1] == "succeeded"
    assert [str(details.phase) for details in run.watch()] == ["succeeded"]
