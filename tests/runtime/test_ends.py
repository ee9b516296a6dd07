"""How runs and actions end, and who hears of it."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._engine import action
from flyte_nb._engine.live_run import LiveRun
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.models.events import ActionEnded
from flyte_nb.remote import Action, Run

env = flyte.TaskEnvironment("ends")

Listen = Callable[[Callable[[str], None]], AbstractContextManager[None]]


def phases(run: flyte.Run) -> dict[str, str]:
    return {one.task_name.removeprefix("ends."): str(one.phase) for one in Action.listall(run.name)}


def test_when_the_root_ends_unfinished_descendants_are_cancelled_may_clean_up_and_are_aborted() -> None:
    cleaned: list[str] = []

    in_grandchild = asyncio.Event()

    @env.task
    async def grandchild() -> None:
        in_grandchild.set()
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("grandchild")

    @env.task
    async def child() -> None:
        try:
            await grandchild()
        except asyncio.CancelledError:
            cleaned.append("child")
            raise

    @env.task
    async def root() -> str:
        left_alone = asyncio.create_task(child())
        await in_grandchild.wait()
        assert not left_alone.done()
        return "done"

    @env.task
    async def outer() -> str:
        return await root()

    run = flyte.run(outer)

    assert run.outputs() == ("done",)
    assert cleaned == ["grandchild", "child"]
    assert phases(run) == {"outer": "succeeded", "root": "succeeded", "child": "aborted", "grandchild": "aborted"}


def test_a_descendant_that_ended_its_cleaning_is_aborted_before_the_parent_is_answered() -> None:
    in_child = asyncio.Event()
    log: list[str] = []

    @env.task
    async def child() -> None:
        in_child.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            log.append("cleaned")

    @env.task
    async def root() -> str:
        left_alone = asyncio.create_task(child())
        await in_child.wait()
        assert not left_alone.done()
        return "done"

    run = flyte.run(root)

    assert run.outputs() == ("done",)
    assert log == ["cleaned"]
    assert phases(run) == {"root": "succeeded", "child": "aborted"}


def test_no_action_starts_after_its_parent_has_ended() -> None:
    late: concurrent.futures.Future[None] = concurrent.futures.Future()
    over = asyncio.Event()

    @env.task
    async def child() -> None: ...

    @env.task
    async def root() -> None:
        async def afterwards() -> None:
            await over.wait()
            try:
                late.set_result(await child())
            except BaseException as error:
                late.set_exception(error)

        kept.append(asyncio.create_task(afterwards()))

    kept: list[asyncio.Task[None]] = []
    run = flyte.run(root)
    run.wait()
    kept[0].get_loop().call_soon_threadsafe(over.set)

    with pytest.raises(errors.RuntimeUserError, match=r"'ends\.child' cannot start: .* has ended") as refused:
        late.result(timeout=20)
    assert refused.value.code == "ParentEnded"
    assert phases(run) == {"root": "succeeded"}


def test_aborting_a_run_aborts_all_of_it() -> None:
    in_child = threading.Event()

    @env.task
    async def child() -> None:
        in_child.set()
        await asyncio.sleep(60)

    @env.task
    async def root() -> None:
        await child()

    run = flyte.run(root)
    assert in_child.wait(timeout=20)
    run.abort(reason="enough")
    run.wait()

    assert run.phase == "aborted"
    assert phases(run) == {"root": "aborted", "child": "aborted"}
    with pytest.raises(errors.ActionAbortedError, match="enough"):
        run.outputs()
    with pytest.raises(errors.ActionAbortedError, match="enough"):
        Run.get(run.name).outputs()


def test_aborting_one_action_is_an_error_in_its_parent_and_a_value_in_gather() -> None:
    waiting: list[str] = []
    all_in = threading.Event()

    @env.task
    async def child(index: int) -> int:
        if index == 1:
            waiting.append(flyte.ctx().action.name)  # type: ignore[union-attr]
            all_in.set()
            await asyncio.sleep(60)
        return index

    @env.task
    async def root() -> list[str]:
        results = await asyncio.gather(child(0), child(1), child(2), return_exceptions=True)
        return [type(result).__name__ for result in results]

    run = flyte.run(root)
    assert all_in.wait(timeout=20)
    Action.get(run.name, waiting[0]).abort(reason="this one")

    assert run.outputs()[0] == ["int", "ActionAbortedError", "int"]
    assert Action.get(run.name, waiting[0]).details().abort_info.startswith("this one")


def test_a_sync_task_is_interrupted_at_its_next_line() -> None:
    spinning = threading.Event()

    @env.task
    def spins() -> None:
        spinning.set()
        while True:
            pass

    run = flyte.run(spins)
    assert spinning.wait(timeout=20)
    run.abort()
    run.wait()

    assert run.phase == "aborted"


@env.task
async def endless() -> int:
    await asyncio.Event().wait()
    return 0


@env.task
def collects() -> int:
    async def all_of_them() -> list[int | BaseException]:
        return await asyncio.gather(endless.aio(), return_exceptions=True)

    return len(asyncio.run(all_of_them()))


@env.task
async def above(in_process: bool) -> int:
    task = collects.override(resources=flyte.Resources(memory="1Gi")) if in_process else collects
    return await task.aio()


@pytest.mark.parametrize("in_process", [False, True])
def test_a_sync_task_that_takes_the_end_of_its_calls_for_values_has_not_succeeded(in_process: bool) -> None:
    run = flyte.run(above, in_process)
    for _ in run.watch():
        if phases(run).get("endless") == "running":
            run.abort()
    run.wait()
    assert phases(run) == {"above": "aborted", "collects": "aborted", "endless": "aborted"}


def test_a_task_that_ignores_its_cancellation_is_given_up_after_a_grace_period() -> None:
    stubborn = threading.Event()

    @env.task
    async def ignores() -> None:
        stubborn.set()
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                continue

    run = flyte.run(ignores)
    assert stubborn.wait(timeout=20)
    run.abort()
    run.wait()

    assert run.phase == "aborted"


@env.task
async def descends_to_one_that_ignores(levels: int, reached: str) -> None:
    if levels:
        await descends_to_one_that_ignores(levels - 1, reached)
    at_the_bottom[reached].set()
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue


at_the_bottom = {"gathered": threading.Event(), "deep": threading.Event()}


@pytest.mark.parametrize(("how", "levels"), [("gathered", 0), ("deep", 20)])
def test_a_call_that_ignores_its_cancellation_is_given_up_with_its_caller(
    how: str, levels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_nb._engine.action.GRACE_S", 0.05)

    @env.task
    async def root(how: str, levels: int) -> None:
        if how == "gathered":
            await asyncio.gather(descends_to_one_that_ignores(levels, how))
        await descends_to_one_that_ignores(levels, how)

    run = flyte.run(root, how, levels)
    assert at_the_bottom[how].wait(timeout=20)
    run.abort()
    run.wait()

    assert [str(one.phase) for one in Action.listall(run.name)] == ["aborted"] * (levels + 2)


@pytest.fixture
def little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(action, "GRACE_S", 0.05)


@pytest.mark.usefixtures("little_patience")
@pytest.mark.parametrize("closes", [False, True])
def test_a_call_left_on_a_loop_that_was_stopped_is_aborted_when_its_caller_ends(closes: bool) -> None:
    begun = queue.SimpleQueue[str]()

    @env.task
    def on_a_thread() -> None:
        begun.put("on a thread")
        list(flyte.map(sleeps, [2]))

    @env.task
    async def sleeps(number: int) -> None:
        begun.put("sleeps")
        await asyncio.sleep(60)

    @env.task(cache="auto")
    async def child() -> None:
        await asyncio.gather(sleeps(1), on_a_thread.aio())

    @env.task
    def parent() -> int:
        async def leaves_it() -> int:
            left.append(asyncio.ensure_future(child()))
            for _ in range(3):
                await asyncio.to_thread(begun.get)
            return 1

        loop = asyncio.new_event_loop()
        loops.append(loop)
        try:
            return loop.run_until_complete(leaves_it())
        finally:
            if closes:
                loop.close()

    left: list[asyncio.Future[None]] = []
    loops: list[asyncio.AbstractEventLoop] = []
    run = flyte.run(parent)
    run.wait(timeout=20)
    loops[0].close()

    assert phases(run) == {"parent": "succeeded", "child": "aborted", "sleeps": "aborted", "on_a_thread": "aborted"}


@pytest.mark.usefixtures("little_patience")
def test_a_call_left_on_a_loop_that_goes_on_later_is_cancelled_there_and_ends_once() -> None:
    loop = asyncio.new_event_loop()
    heard: list[str] = []
    left: list[asyncio.Future[None]] = []

    @env.task
    async def child() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            heard.append("cleans up")

    @env.task
    def parent() -> None:
        async def leaves_it() -> None:
            left.append(asyncio.ensure_future(child()))
            await asyncio.sleep(0)
            await asyncio.sleep(0)

        loop.run_until_complete(leaves_it())

    run = flyte.run(parent)
    run.wait(timeout=20)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(left[0])
    loop.close()

    assert (heard, phases(run)) == (["cleans up"], {"parent": "succeeded", "child": "aborted"})
    runtime = current_runtime()
    runtime.writer.flush()
    assert sum(isinstance(event, ActionEnded) for _, event in runtime.reader.events(run.name)) == 2


def test_an_error_raised_while_cleaning_up_does_not_hide_the_abort() -> None:
    ready = threading.Event()

    @env.task
    async def messy() -> None:
        ready.set()
        try:
            await asyncio.sleep(60)
        finally:
            raise ValueError("while cleaning")

    run = flyte.run(messy)
    assert ready.wait(timeout=20)
    run.abort()
    run.wait()

    assert run.phase == "aborted"


def test_an_abort_that_comes_before_the_first_step_is_heard() -> None:
    @env.task
    async def root() -> None:
        await asyncio.sleep(60)

    run = flyte.run(root)
    run.abort()
    run.wait()
    assert run.phase == "aborted"


def test_aborting_a_run_that_has_ended_changes_nothing() -> None:
    @env.task
    async def root() -> int:
        return 1

    run = flyte.run(root)
    run.wait()
    run.abort()
    assert run.phase == "succeeded"
    assert run.outputs() == 1


def test_an_abort_that_comes_when_the_run_has_just_ended_is_told_so() -> None:
    @env.task
    async def main() -> int:
        return 1

    run = flyte.run(main)
    run.wait()
    mailbox = current_runtime().mailbox
    assert mailbox.outcome(mailbox.post(run.name, "abort")) == "nothing to abort: the run has ended"
    assert run.phase == "succeeded"


def test_an_abort_that_its_process_did_not_live_to_take_does_not_abort_what_is_resumed_later(home: Path) -> None:
    broken = threading.Event()
    broken.set()

    @env.task
    async def main() -> int:
        if broken.is_set():
            raise ValueError("not yet")
        return 1

    run = flyte.run(main)
    run.wait()
    with sqlite3.connect(home / "journal.sqlite") as connection:  # as if its process had gone before that
        connection.execute("UPDATE runs SET ended_at = NULL, phase = 'running'")
        connection.execute("UPDATE owners SET process_started_at = 1")
    connection.close()
    mailbox = current_runtime().mailbox
    late = mailbox.post(run.name, "abort")
    broken.clear()

    assert run.resume().outputs() == 1
    assert mailbox.outcome(late) == "nothing to abort: it was resumed since"


class Warnings(logging.Handler):
    """What flyte_nb warns of, as it comes."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.came: queue.Queue[str] = queue.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.came.put(record.getMessage())


@pytest.fixture
def warnings() -> Iterator[Warnings]:
    handler = Warnings()
    logging.getLogger("flyte_nb").addHandler(handler)
    yield handler
    logging.getLogger("flyte_nb").removeHandler(handler)


def test_while_requests_cannot_be_read_the_heart_beats_on_and_one_warning_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, warnings: Warnings, at_write_points: Listen
) -> None:
    monkeypatch.setattr("flyte_nb._engine.duty.HEARTBEAT_EVERY_S", 0.0)
    commits: queue.Queue[str] = queue.Queue()

    @env.task
    async def main() -> None:
        await asyncio.Event().wait()

    def heartbeat() -> float:
        return current_runtime().reader.run(run.name).heartbeat_at

    run = flyte.run(main)
    journal = sqlite3.connect(home / "journal.sqlite", isolation_level=None)
    journal.execute("ALTER TABLE requests RENAME TO lost")
    assert "no such table: requests" in warnings.came.get(timeout=20)
    before = heartbeat()
    with at_write_points(commits.put):
        while commits.get(timeout=20) != "after_commit" or heartbeat() <= before:
            pass
    assert warnings.came.empty()

    journal.execute("ALTER TABLE lost RENAME TO requests")
    assert "reach runs again" in warnings.came.get(timeout=20)
    run.abort()
    run.wait()
    assert run.phase == "aborted"


def test_a_request_that_makes_no_sense_holds_up_nothing() -> None:
    @env.task
    async def main() -> None:
        await asyncio.Event().wait()

    run = flyte.run(main)
    mailbox = current_runtime().mailbox
    odd = [mailbox.post(run.name, "answer", body=body) for body in ("no JSON", "3")]
    stray = mailbox.post(run.name, "answer", body='{"prompt": "unheard of", "value": "3"}')
    dance = mailbox.post(run.name, "dance", body="no JSON")
    mailbox.post(run.name, "abort")
    run._live.done.result(timeout=20)  # type: ignore[union-attr]
    assert run.phase == "aborted"
    assert mailbox.outcome(dance) == "unknown kind of request: dance"
    for number, said in zip(odd, ("'no JSON'", "'3'"), strict=True):
        assert mailbox.outcome(number) == f'invalid: expected a JSON object with "prompt" and "value", got {said}'
    assert mailbox.outcome(stray) == f"invalid: run {run.name!r} has asked no question 'unheard of'"


def test_what_is_asked_of_a_run_is_carried_out_once_also_while_its_outcome_cannot_be_committed(
    monkeypatch: pytest.MonkeyPatch, at_write_points: Listen
) -> None:
    carried_out: list[str] = []
    refused: queue.Queue[str] = queue.Queue()
    abort = LiveRun.abort

    @env.task
    async def main() -> None:
        await asyncio.Event().wait()

    def noted_abort(run: LiveRun, reason: str, action: str = "") -> bool:
        carried_out.append(action)
        return abort(run, reason, action)

    def refuse(point: str) -> None:
        if point == "before_commit":
            refused.put(point)
            raise sqlite3.OperationalError("disk I/O error")

    run = flyte.run(main)
    mailbox = current_runtime().mailbox
    monkeypatch.setattr(LiveRun, "abort", noted_abort)
    with at_write_points(refuse):
        number = mailbox.post(run.name, "abort", action="nobody")
        for _ in range(5):
            refused.get(timeout=20)
    while mailbox.outcome(number) is None:
        pass
    assert mailbox.outcome(number) == "nothing to abort: it is not running"
    assert carried_out == ["nobody"]
    run.abort()
    run.wait()


def test_waiting_from_another_thread_and_by_await_works() -> None:
    @env.task
    async def root() -> int:
        return 1

    async def awaits() -> int:
        run = await flyte.run.aio(root)
        await run.wait.aio()
        return (await run.outputs.aio())[0]

    assert asyncio.run(awaits()) == 1


def test_cancelling_who_awaits_a_run_leaves_the_run_alone() -> None:
    go_on = threading.Event()

    @env.task
    async def root() -> int:
        await asyncio.to_thread(go_on.wait, 20)
        return 1

    async def gives_up(run: flyte.Run) -> None:
        with pytest.raises(asyncio.TimeoutError):
            async with asyncio.timeout(0.05):
                await run.wait.aio()

    run = flyte.run(root)
    asyncio.run(gives_up(run))
    assert run.phase == "running"
    go_on.set()
    assert run.outputs() == 1


def test_a_run_started_by_a_task_is_a_run_of_its_own() -> None:
    @env.task
    async def inner() -> int:
        return 4

    @env.task
    async def outer() -> int:
        run = flyte.run(inner)
        await run.wait.aio()
        return run.outputs()[0]

    assert flyte.run(outer).outputs() == 4


def test_a_task_waits_synchronously_for_a_run_it_started() -> None:
    @env.task
    async def inner() -> int:
        return 4

    @env.task
    async def outer() -> int:
        return flyte.run(inner).outputs()[0]

    assert flyte.run(outer).outputs() == 4
