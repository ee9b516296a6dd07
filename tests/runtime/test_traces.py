"""Traced helpers are recorded, and are checkpoints."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterator
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._code.digest import KnownCode, known_code
from flyte_nb._engine.scope import current_scope
from flyte_nb._journal import Home, JournalReader, default_home
from flyte_nb._view.projection import TraceView
from flyte_nb.models.events import TraceEnded
from flyte_nb.remote.history import RunHistory

env = flyte.TaskEnvironment("traces")

calls: list[str] = []
fail_at_the_end = [False]


@pytest.fixture(autouse=True)
def fresh() -> None:
    calls.clear()
    fail_at_the_end[0] = False


def called(what: str) -> None:
    calls.append(what)


def finish() -> None:
    if fail_at_the_end[0]:
        raise RuntimeError("interrupted on purpose")


def traces_of(run: flyte.Run) -> list[TraceView]:
    view = RunHistory(run.name).view()
    return view.actions[view.root].traces


@flyte.trace
async def ask(prompt: str) -> str:
    called(f"ask {prompt}")
    return prompt.upper()


@flyte.trace
async def stream(n: int) -> AsyncIterator[int]:
    called("stream")
    for index in range(n):
        yield index


@flyte.trace
def compute(x: int) -> int:
    called("compute")
    return x * x


@flyte.trace
def items(n: int) -> Iterator[int]:
    called("items")
    yield from range(n)


@env.task
async def all_kinds() -> list[object]:
    result: list[object] = [await ask("hello")]
    result.append([item async for item in stream(3)])
    result.append(compute(4))
    result.append(list(items(2)))
    finish()
    return result


EXPECTED = ["HELLO", [0, 1, 2], 16, [0, 1]]


def test_traces_are_recorded_with_times_inputs_and_outputs_under_their_action() -> None:
    run = flyte.run(all_kinds)

    assert run.outputs()[0] == EXPECTED
    found = traces_of(run)
    assert [one.name for one in found] == ["ask", "stream", "compute", "items"]
    assert all(one.ended_at >= one.started_at for one in found)
    assert all(one.outputs is not None and one.error is None for one in found)


def test_a_resumed_run_calls_no_finished_trace_again_and_replays_items() -> None:
    fail_at_the_end[0] = True
    run = flyte.run(all_kinds)
    run.wait()
    assert run.phase == "failed"
    assert calls == ["ask hello", "stream", "compute", "items"]

    fail_at_the_end[0] = False
    run.resume()

    assert run.outputs()[0] == EXPECTED
    assert calls == ["ask hello", "stream", "compute", "items"]


def in_the_journal() -> list[str]:
    """Traced functions whose end any other process can read by now."""
    context = flyte.ctx()
    reader = JournalReader(Home(default_home()).journal_path)
    try:
        events = [event for _, event in reader.events(context.action.run_name)]
    finally:
        reader.close()
    return [event.name for event in events if isinstance(event, TraceEnded)]


@env.task
async def uses_each_at_once() -> list[list[str]]:
    found = []
    await ask("a")
    found.append(in_the_journal())
    async for _ in stream(2):
        pass
    found.append(in_the_journal())
    compute(3)
    found.append(in_the_journal())
    return found


@env.task
def uses_it_on_a_thread() -> list[list[str]]:
    compute(3)
    return [in_the_journal()]


@pytest.mark.parametrize(
    ("task", "recorded"),
    [
        (uses_each_at_once, [["ask"], ["ask", "stream"], ["ask", "stream", "compute"]]),
        (uses_it_on_a_thread, [["compute"]]),
    ],
)
@pytest.mark.parametrize("mode", [None, "process"])
def test_what_a_trace_gave_is_in_the_journal_before_the_task_goes_on_with_it(
    task: Any, recorded: list[list[str]], mode: str | None
) -> None:
    run = flyte.with_runcontext(mode=mode).run(task)
    assert run.outputs()[0] == recorded


def test_an_error_is_recorded_and_is_no_checkpoint() -> None:
    attempts: list[int] = []

    @flyte.trace
    async def flaky() -> int:
        attempts.append(1)
        if len(attempts) == 1:
            raise ValueError("first time")
        return 7

    @env.task
    async def root() -> int:
        return await flaky()

    run = flyte.run(root)
    run.wait()
    assert run.phase == "failed"
    [failed] = traces_of(run)
    assert failed.error is not None and failed.error.code == "ValueError"

    run.resume()
    assert run.outputs() == 7
    assert len(attempts) == 2


def test_a_generator_that_is_left_early_is_no_checkpoint() -> None:
    started: list[int] = []

    @flyte.trace
    async def numbers() -> AsyncIterator[int]:
        started.append(1)
        for index in range(10):
            yield index

    @env.task
    async def root() -> int:
        async for number in numbers():
            if number == 2:
                break
        finish()
        return number

    fail_at_the_end[0] = True
    run = flyte.run(root)
    run.wait()
    fail_at_the_end[0] = False
    run.resume()

    assert run.outputs() == 2
    assert len(started) == 2


def test_the_same_call_twice_is_two_traces() -> None:
    @env.task
    async def root() -> list[str]:
        return [await ask("same"), await ask("same")]

    run = flyte.run(root)

    assert run.outputs()[0] == ["SAME", "SAME"]
    assert len({one.key for one in traces_of(run)}) == 2
    assert len(calls) == 2


@env.task
async def leaf() -> int:
    return 1


@env.task
def sync_leaf() -> int:
    return 1


@flyte.trace
async def coroutine_that_calls() -> int:
    return await leaf()


@flyte.trace
def function_that_calls() -> int:
    return sync_leaf()


@flyte.trace
async def async_generator_that_calls() -> AsyncIterator[int]:
    yield 0
    yield await leaf()


@flyte.trace
def generator_that_calls() -> Iterator[int]:
    yield 0
    yield sync_leaf()


async def drain(kind: str) -> None:
    if kind == "coroutine":
        await coroutine_that_calls()
    elif kind == "function":
        function_that_calls()
    elif kind == "async_generator":
        async for _ in async_generator_that_calls():
            await leaf()  # what is done with an item is the task's own
    else:
        for _ in generator_that_calls():
            sync_leaf()


KINDS_OF_TRACE = ["coroutine", "function", "async_generator", "generator"]


@pytest.mark.parametrize("mode", ["background", "process"])
@pytest.mark.parametrize("kind", KINDS_OF_TRACE)
def test_a_task_called_in_a_trace_is_refused_by_name(kind: str, mode: str) -> None:
    @env.task
    async def root(kind: str) -> None:
        await drain(kind)

    with pytest.raises(errors.TraceDoesNotAllowNestedTasksError, match=rf"traces\.\w*leaf.*{kind}_that_calls"):
        flyte.with_runcontext(mode=mode).run(root, kind).outputs()


def test_a_generator_that_is_left_early_cleans_up_as_a_trace() -> None:
    met: list[str] = []

    @flyte.trace
    def numbers() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            try:
                sync_leaf()
            except errors.TraceDoesNotAllowNestedTasksError:
                met.append("refused")

    @env.task
    def root() -> int:
        for number in numbers():
            if number == 1:
                break
        return number

    assert flyte.run(root).outputs() == 1
    assert met == ["refused"]


def test_traces_nest() -> None:
    @flyte.trace
    async def outer(x: str) -> str:
        return await ask(x) + "!"

    @env.task
    async def root() -> str:
        return await outer("deep")

    run = flyte.run(root)

    assert run.outputs() == "DEEP!"
    assert [one.name for one in traces_of(run)] == ["ask", "outer"]


def test_trace_refuses_what_is_no_function() -> None:
    with pytest.raises(TypeError, match="decorates functions"):
        flyte.trace(3)  # type: ignore[type-var]


def test_another_attempt_finds_what_the_last_one_had_finished() -> None:
    attempts: list[int] = []

    @env.task
    async def step(x: int) -> int:
        called(f"step {x}")
        return x

    @env.task(retries=2)
    async def root() -> list[object]:
        attempts.append(1)
        values: list[object] = [await step(1), await ask("once"), await step(1)]
        if len(attempts) < 3:
            raise ValueError("not yet")
        return [*values, await step(2)]

    assert flyte.run(root).outputs()[0] == [1, "ONCE", 1, 2]
    assert calls == ["step 1", "ask once", "step 1", "step 2"]


def test_another_attempt_finds_what_had_finished_below_a_call_that_failed() -> None:
    attempts: list[int] = []

    @env.task
    async def step(x: int) -> int:
        called(f"step {x}")
        return x

    @env.task
    async def branch(x: int) -> int:
        found = await step(x)
        await ask(f"in {x}")
        if len(attempts) < 3:
            raise ValueError("not yet")
        return found

    @env.task
    async def bough(x: int) -> int:
        called(f"bough {x}")
        return await branch(x)

    @env.task(retries=2)
    async def root() -> int:
        attempts.append(1)
        return await bough(1)

    assert flyte.run(root).outputs()[0] == 1
    assert calls == ["bough 1", "step 1", "ask in 1", "bough 1", "bough 1"]


def test_what_a_failed_attempt_left_running_is_stopped_before_the_next_one() -> None:
    log: list[str] = []

    @env.task
    async def slow() -> None:
        log.append("slow begins")
        try:
            await asyncio.sleep(60)
        finally:
            log.append("slow stopped")

    @env.task(retries=1)
    async def root() -> None:
        log.append("attempt")
        if log.count("attempt") == 1:
            kept.append(asyncio.create_task(slow()))
            while "slow begins" not in log:
                await asyncio.sleep(0)
            raise ValueError

    kept: list[asyncio.Task[None]] = []
    flyte.run(root).outputs()

    assert log == ["attempt", "slow begins", "slow stopped", "attempt"]


def client(url: str) -> Callable[[int], Awaitable[str]]:
    @flyte.trace
    async def fetch(x: int) -> str:
        called(url)
        return f"{url}/{x}"

    return fetch


@env.task(retries=1)
async def turns_to_the_backup() -> str:
    primary, backup = client("primary"), client("backup")
    if flyte.ctx().attempt_number == 1:
        await primary(1)
        raise ConnectionError("what the primary said was bad")
    return await backup(1)


@pytest.mark.parametrize("mode", ["background", "process"])
def test_another_attempt_gets_from_a_trace_of_the_same_name_and_other_code_its_own_value(mode: str) -> None:
    assert flyte.with_runcontext(mode=mode).run(turns_to_the_backup).outputs() == "backup/1"


def test_a_finished_trace_is_not_called_again_when_others_of_its_name_come_in_another_order() -> None:
    turned = [False]

    @env.task
    async def root() -> list[str]:
        both = [client("a"), client("b")]
        if turned[0]:
            both.reverse()
        found = [await fetch(1) for fetch in both]
        finish()
        return found

    fail_at_the_end[0] = True
    run = flyte.run(root)
    run.wait()
    fail_at_the_end[0], turned[0] = False, True
    run.resume()

    assert run.outputs()[0] == ["b/1", "a/1"]
    assert calls == ["a", "b"]


@flyte.trace
def returns(n: int) -> Generator[int, Any, int]:
    yield from range(n)
    return n


@flyte.trace
def listens(n: int) -> Generator[int, Any, None]:
    yield from range(n)


@flyte.trace
async def listens_awaiting(n: int) -> AsyncGenerator[int, Any]:
    for i in range(n):
        yield i


@env.task
def takes_what_is_returned() -> int:
    def delegates() -> Generator[int, Any, int]:
        return (yield from returns(2))

    return len(list(delegates()))


@env.task
def sends_something() -> int:
    items = listens(2)
    return next(items) + items.send("this")


@env.task
async def sends_something_and_awaits() -> int:
    items = listens_awaiting(2)
    return await anext(items) + await items.asend("this")


@pytest.mark.parametrize("task", [takes_what_is_returned, sends_something, sends_something_and_awaits])
def test_a_generator_that_returns_something_or_is_sent_something_is_refused(task: flyte.Task[[], int]) -> None:
    with pytest.raises(
        errors.RuntimeUserError, match=r"Traced generator '\w+' (returned 2|was sent 'this')"
    ) as refused:
        flyte.run(task).outputs()
    assert refused.value.code == "TypeError"


def test_outside_a_run_a_generator_returns_what_it_returns() -> None:
    def delegates() -> Generator[int, Any, int]:
        return (yield from returns(2))

    taken = delegates()
    assert [next(taken), next(taken)] == [0, 1]
    with pytest.raises(StopIteration) as end:
        next(taken)
    assert end.value.value == 2


def busy_until() -> float:
    """Until when the run of this task is said to have read what is used."""
    scope = current_scope()
    assert scope is not None
    return scope.action.run.busy_until  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize(("long_reading_s", "is_long"), [(-1.0, True), (math.inf, False)])
def test_the_time_in_which_is_read_what_a_trace_uses_is_not_told_as_blocking_of_its_task_and_all_other_time_is(
    monkeypatch: pytest.MonkeyPatch, long_reading_s: float, is_long: bool
) -> None:
    seen = []

    def watched(function: Callable[..., Any]) -> KnownCode:
        seen.append(busy_until())
        return known_code(function)

    monkeypatch.setattr("flyte_nb._engine.trace.known_code", watched)
    monkeypatch.setattr("flyte_nb._engine.live_run.LONG_READING_S", long_reading_s)

    @flyte.trace
    async def step() -> int:
        return 1

    @env.task
    async def main() -> tuple[float, float]:
        before = busy_until()
        await step()
        return before, busy_until()

    before, afterwards = flyte.run(main).outputs()
    assert seen and set(seen) == {math.inf}
    assert before <= afterwards < math.inf
    assert (afterwards > before) is is_long


def test_a_value_that_does_not_fit_a_trace_is_told_of_a_traced_function() -> None:
    @flyte.trace
    async def counted(words: int) -> int:
        return "many"  # type: ignore[return-value]

    @env.task
    async def main(words: str) -> int:
        return await counted(int(words) if words.isdigit() else words)  # type: ignore[arg-type]

    with pytest.raises(errors.RuntimeUserError, match="'words' of traced function '.*counted': Expected int, got str"):
        flyte.run(main, "some").outputs()
    with pytest.raises(errors.RuntimeUserError, match="The result of traced function '.*counted': Expected int, got"):
        flyte.run(main, "3").outputs()
