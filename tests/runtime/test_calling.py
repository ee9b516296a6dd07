"""Outside a run a task is its function; inside, a call is an action."""

from __future__ import annotations

import asyncio
import functools
import itertools
import threading
from collections.abc import Awaitable, Callable, Iterator

import anyio
import pytest

import flyte_nb as flyte
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("calling")


@env.task
async def double(x: int) -> int:
    return 2 * x


@env.task
def triple(x: int) -> int:
    return 3 * x


@env.task
def add(x: int, y: int = 10) -> int:
    return x + y


def task_names(run: flyte.Run) -> list[str]:
    return [action.task_name for action in Action.listall(run.name)]


def test_outside_a_run_a_sync_task_is_its_function() -> None:
    assert triple(2) == 6


def test_outside_a_run_an_async_task_is_its_coroutine_function() -> None:
    assert asyncio.run(double(2)) == 4


def test_aio_of_a_sync_task_outside_a_run_is_awaitable() -> None:
    assert asyncio.run(triple.aio(2)) == 6


def test_a_call_in_a_run_is_an_action_of_its_parent() -> None:
    @env.task
    async def parent() -> int:
        return await double(4)

    run = flyte.run(parent)

    assert run.outputs() == 8
    root, child = Action.listall(run.name)
    assert (root.parent_name, child.parent_name) == ("", root.name)
    assert child.task_name == "calling.double"


def test_async_calls_nest_deeper_than_pythons_stack() -> None:
    @env.task
    async def descend(levels: int) -> int:
        return 1 + await descend(levels - 1) if levels else 0

    assert flyte.run(descend, 400).outputs() == 400


def test_forward_runs_in_place_without_an_action() -> None:
    @env.task
    async def parent() -> int:
        return triple.forward(2) + await double.forward(1)

    run = flyte.run(parent)

    assert run.outputs() == 8
    assert task_names(run) == ["calling.parent"]


def test_a_sync_task_calls_a_sync_task() -> None:
    @env.task
    def parent(x: int) -> int:
        return triple(x) + triple(x=x + 1)

    assert flyte.run(parent, 1).outputs() == 9


def test_an_async_task_calls_a_sync_task_without_holding_up_its_sibling() -> None:
    met = threading.Event()

    @env.task
    def waits_for_the_sibling() -> bool:
        return met.wait(timeout=20)

    @env.task
    async def blocks() -> bool:
        return waits_for_the_sibling()

    @env.task
    async def sibling() -> None:
        met.set()

    @env.task
    async def parent() -> bool:
        result, _ = await asyncio.gather(blocks(), sibling())
        return result

    assert flyte.run(parent).outputs() == (True,)


def test_a_sync_task_is_awaited_through_aio() -> None:
    @env.task
    async def parent() -> list[int]:
        return list(await asyncio.gather(*(triple.aio(x) for x in range(4))))

    run = flyte.run(parent)

    assert run.outputs()[0] == [0, 3, 6, 9]
    assert task_names(run).count("calling.triple") == 4


def test_a_sync_task_reaches_async_ones_with_asyncio_run() -> None:
    @env.task
    def parent(n: int) -> list[int]:
        async def all_of_them() -> list[int]:
            return list(await asyncio.gather(*(double(x) for x in range(n))))

        return asyncio.run(all_of_them())

    run = flyte.run(parent, 3)

    assert run.outputs()[0] == [0, 2, 4]
    assert task_names(run).count("calling.double") == 3


def test_map_gives_results_in_the_order_of_the_inputs() -> None:
    @env.task
    def parent() -> list[int]:
        return list(flyte.map(triple, range(5)))

    assert flyte.run(parent).outputs()[0] == [0, 3, 6, 9, 12]


def test_map_takes_a_partial_and_several_iterables() -> None:
    @env.task
    async def parent() -> tuple[list[int], list[int]]:
        fixed = list(flyte.map(functools.partial(add, y=1), [1, 2]))
        several = list(flyte.map(add, [1, 2], [10, 20]))
        return fixed, several

    assert flyte.run(parent).outputs() == ([2, 3], [11, 22])


def test_map_aio_is_iterated_asynchronously_and_takes_sync_tasks() -> None:
    @env.task
    async def parent() -> list[int]:
        return [item async for item in flyte.map.aio(triple, [1, 2, 3])]

    assert flyte.run(parent).outputs()[0] == [3, 6, 9]


def test_map_runs_no_more_at_once_than_its_concurrency() -> None:
    running, most = 0, 0

    @env.task
    async def counts(x: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        return x

    @env.task
    async def parent() -> list[int]:
        return list(flyte.map(counts, range(12), concurrency=3))

    assert flyte.run(parent).outputs()[0] == list(range(12))
    assert most == 3


def test_map_with_a_concurrency_begins_no_more_than_that_ahead_of_who_takes_its_results() -> None:
    begun: list[int] = []

    @env.task
    async def counts(x: int) -> int:
        begun.append(x)
        return x

    @env.task
    async def parent() -> list[int]:
        ahead = []
        async for x in flyte.map.aio(counts, itertools.count(), concurrency=2):
            for times in range(10):
                await double(100 * x + times)
            ahead.append(len(begun) - x - 1)
            if x == 4:
                break
        return ahead

    assert max(flyte.run(parent).outputs()[0]) <= 2


def test_map_goes_on_with_other_calls_while_the_result_that_is_asked_for_takes_long() -> None:
    last_one_began = asyncio.Event()

    @env.task
    async def first_takes_long(x: int) -> int:
        if x == 0:
            await asyncio.wait_for(last_one_began.wait(), 20)
        if x == 9:
            last_one_began.set()
        return x

    @env.task
    async def parent() -> list[int]:
        return list(flyte.map(first_takes_long, range(10), concurrency=2, return_exceptions=False))

    assert flyte.run(parent).outputs()[0] == list(range(10))


@pytest.mark.parametrize("concurrency", [0, 2])
def test_who_stops_taking_results_of_map_aborts_its_calls_that_still_run(concurrency: int) -> None:
    second_was_cancelled = asyncio.Event()

    @env.task
    async def only_the_first_ends(x: int) -> int:
        try:
            return x if x == 0 else await asyncio.sleep(60)  # type: ignore[func-returns-value, return-value]
        finally:
            if x == 1:
                second_was_cancelled.set()

    @env.task
    async def parent(concurrency: int) -> int:
        first = next(flyte.map(only_the_first_ends, range(2), concurrency=concurrency))
        await asyncio.wait_for(second_was_cancelled.wait(), 20)
        return first

    assert flyte.run(parent, concurrency).outputs() == 0


@pytest.mark.parametrize("concurrency", [0, 2])
def test_inputs_of_map_may_come_from_calls(concurrency: int) -> None:
    def doubled_and_tripled() -> Iterator[int]:
        for x in flyte.map(double, range(4), concurrency=concurrency):
            yield triple(x)

    @env.task
    def in_a_sync_task() -> list[int]:
        return list(flyte.map(triple, doubled_and_tripled(), concurrency=concurrency))

    @env.task
    async def in_an_async_task() -> list[int]:
        return list(flyte.map(triple, doubled_and_tripled(), concurrency=concurrency))

    @env.task
    async def by_aio() -> list[int]:
        return [x async for x in flyte.map.aio(triple, doubled_and_tripled(), concurrency=concurrency)]

    for parent in (in_a_sync_task, in_an_async_task, by_aio):
        assert flyte.run(parent).outputs()[0] == [0, 18, 36, 54]


def test_inputs_of_map_are_taken_where_its_results_are_asked_for() -> None:
    threads: set[int] = set()

    def numbers() -> Iterator[int]:
        for x in range(4):
            threads.add(threading.get_ident())
            yield x

    @env.task
    def parent() -> bool:
        list(flyte.map(triple, numbers(), concurrency=2))
        return threads == {threading.get_ident()}

    assert flyte.run(parent).outputs() == (True,)


def test_calls_of_map_run_while_further_inputs_are_waited_for() -> None:
    first_began = threading.Event()

    def numbers() -> Iterator[int]:
        yield 0
        assert first_began.wait(timeout=20)
        yield 1

    @env.task
    async def notes(x: int) -> int:
        first_began.set()
        return x

    @env.task
    def parent() -> list[int]:
        return list(flyte.map(notes, numbers(), return_exceptions=False))

    assert flyte.run(parent).outputs()[0] == [0, 1]


def test_map_in_a_traced_function_is_refused_like_a_call() -> None:
    @flyte.trace
    async def maps() -> list[int]:
        return [item async for item in flyte.map.aio(triple, [1], return_exceptions=False)]

    @env.task
    async def parent() -> list[int]:
        return await maps()

    with pytest.raises(flyte.errors.TraceDoesNotAllowNestedTasksError, match=r"calling\.triple.*maps"):
        flyte.run(parent).outputs()


def test_map_yields_the_exception_of_a_failed_call_in_its_place() -> None:
    @env.task
    async def picky(x: int) -> int:
        if x == 1:
            raise ValueError("not one")
        return x

    @env.task
    async def parent() -> list[str]:
        return [type(item).__name__ for item in flyte.map(picky, range(3))]

    assert flyte.run(parent).outputs()[0] == ["int", "RuntimeUserError", "int"]


def test_map_raises_the_first_exception_when_told_to() -> None:
    @env.task
    async def fails(x: int) -> int:
        raise ValueError(f"at {x}")

    @env.task
    async def parent() -> str:
        try:
            list(flyte.map(fails, range(3), return_exceptions=False))
        except flyte.errors.RuntimeUserError as error:
            return error.code
        return "nothing"

    assert flyte.run(parent).outputs() == ("ValueError",)


def test_an_exception_of_map_says_which_item_it_is_of() -> None:
    @env.task
    async def picky(x: int) -> int:
        return 1 // (x - 1)

    @env.task
    async def notes(alone: bool) -> list[str]:
        try:
            found = list(flyte.map(picky, range(3), return_exceptions=not alone))
        except flyte.errors.RuntimeUserError as error:
            return error.__notes__
        return found[1].__notes__

    for alone in (True, False):
        assert flyte.run(notes, alone).outputs()[0] == ["It is of item [1] of flyte.map: calling.picky(x=1)."]
    [error] = flyte.map(add, ["one"])
    assert error.__notes__ == ["It is of item [0] of flyte.map: calling.add(x='one')."]


def test_a_failed_item_that_is_returned_as_a_result_leads_to_the_item() -> None:
    @env.task
    async def picky(x: int) -> int:
        if x == 2:
            raise ValueError("two is bad")
        return x

    @env.task
    async def parent() -> list[int]:
        return list(flyte.map(picky, range(4)))

    run = flyte.run(parent)
    with pytest.raises(flyte.errors.RuntimeDataValidationError) as caught:
        run.outputs()
    assert str(caught.value) == (
        "The result of task 'calling.parent': item [2] is the error of calling.picky(x=2): ValueError: two is bad."
        " run.first_failure() shows where it was raised; flyte.map(..., return_exceptions=False) raises it at once."
    )
    assert isinstance(caught.value.__cause__, flyte.errors.RuntimeUserError)
    assert isinstance(caught.value.__cause__.__cause__, ValueError)
    failure = run.first_failure()
    assert failure is not None and (failure.task_name, failure.inputs()) == ("calling.picky", {"x": 2})
    assert "ValueError: two is bad" in repr(run.details())


def test_of_many_failed_items_the_message_names_the_first_shortly_and_counts_the_others() -> None:
    @env.task
    async def picky(label: str, table: list[int], x: int) -> int:
        if x > 1:
            raise ValueError(f"bad {x}\nand a long story " + "about it " * 100)
        return x

    @env.task
    async def parent() -> tuple[str, dict[str, list[int]]]:
        one_label = functools.partial(picky, "the same for all")
        return "fine", {"a": list(flyte.map(one_label, [[7] * 50] * 5, range(5)))}

    with pytest.raises(flyte.errors.RuntimeDataValidationError) as caught:
        flyte.run(parent).outputs()
    assert str(caught.value).startswith(
        "Result 2 of task 'calling.parent': item ['a'][2], and 2 more, is the error of"
        " calling.picky(table=<list of 50>, x=2): ValueError: bad 2 [...]. "
    )
    assert len(str(caught.value)) < 400


def test_an_error_among_inputs_that_map_did_not_make_is_named_too() -> None:
    @env.task
    async def picky(x: int) -> int:
        raise ValueError("never")

    @env.task
    async def takes(values: list[int]) -> int:
        return len(values)

    @env.task
    async def parent() -> int:
        return await takes(await asyncio.gather(picky(1), return_exceptions=True))  # type: ignore[arg-type]

    message = r"'values' of task 'calling.takes': item \[0\] is the error of a call: ValueError: never\. run\.first_f"
    with pytest.raises(flyte.errors.RuntimeDataValidationError, match=message):
        flyte.run(parent).outputs()


def test_arithmetic_with_an_error_that_map_gave_says_where_it_comes_from() -> None:
    @env.task
    async def picky(x: int) -> int:
        return 1 // (x - 1)

    @env.task
    async def total() -> int:
        return sum(flyte.map(picky, range(3)))

    @env.task
    async def largest() -> int:
        return max(flyte.map(picky, range(3)))

    for task in (total, largest):
        run = flyte.run(task)
        with pytest.raises(flyte.errors.RuntimeUserError) as caught:
            run.outputs()
        [note] = caught.value.__cause__.__notes__  # type: ignore[union-attr]
        assert note == (
            "'RuntimeUserError' is the error of a call, in the place of its result: flyte.map gives the errors of"
            " failed items among the results; flyte.map(..., return_exceptions=False) raises the first one."
        )
        failure = run.first_failure()
        assert failure is not None and failure.error_info is not None and note in failure.error_info.traceback


def test_using_a_call_that_was_not_awaited_says_that_it_was_not() -> None:
    @env.task
    async def one(x: int) -> int:
        return x

    @env.task
    async def total() -> int:
        calls = [one(x) for x in range(2)]
        try:
            return sum(calls)  # type: ignore[arg-type]
        finally:
            [call.close() for call in calls]

    @env.task
    async def unpacked() -> int:
        call = one(1)
        try:
            first, *_ = call  # type: ignore[misc]
        finally:
            call.close()
        return first

    @env.task
    async def attribute() -> int:
        call = one(1)
        try:
            return call.real  # type: ignore[attr-defined]
        finally:
            call.close()

    for task in (total, unpacked, attribute):
        with pytest.raises(flyte.errors.RuntimeUserError, match="coroutine") as caught:
            flyte.run(task).outputs()
        [note] = caught.value.__cause__.__notes__  # type: ignore[union-attr]
        assert note == (
            "A coroutine is a call that was not awaited. Of an async task: await task(...); several at once:"
            " await asyncio.gather(*calls)."
        )


def test_awaiting_the_call_of_a_sync_task_says_how_it_is_called() -> None:
    @env.task
    def plain(x: int) -> int:
        return x

    @env.task
    async def parent() -> int:
        return await plain(1)  # type: ignore[misc]

    @env.task
    async def gathers() -> list[int]:
        return await asyncio.gather(plain(1), plain(2))  # type: ignore[arg-type]

    @env.task
    async def starts() -> int:
        return await asyncio.create_task(plain(1))  # type: ignore[arg-type]

    @env.task
    async def awaits_what_is_no_task() -> int:
        return await 1  # type: ignore[misc]

    for task in (parent, gathers, starts, awaits_what_is_no_task):
        run = flyte.run(task)
        with pytest.raises(flyte.errors.RuntimeUserError) as caught:
            run.outputs()
        failure = run.first_failure()
        assert failure is not None and failure.error_info is not None
        assert "_engine" not in failure.error_info.traceback
        assert caught.value.__cause__.__notes__ == [  # type: ignore[union-attr]
            "If it is what a task gave that is a plain `def`: such a task is called without await, and gives its"
            " result; or await task.aio(...)."
        ]


def test_a_failure_raised_from_that_of_a_call_leads_to_the_call() -> None:
    @env.task
    async def broken(x: int) -> int:
        raise ValueError("at the bottom")

    @env.task
    async def says_it_in_its_own_words() -> int:
        try:
            return await broken(1)
        except flyte.errors.RuntimeUserError as error:
            raise LookupError("in the middle") from error

    @env.task
    async def parent() -> int:
        return await says_it_in_its_own_words()

    run = flyte.run(parent)
    run.wait()
    failure = run.first_failure()
    assert failure is not None and failure.task_name == "calling.broken"


@env.task
async def fails_for(x: int) -> int:
    raise ValueError(f"no good: {x}")


async def with_a_task_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(fails_for(1))
        group.create_task(fails_for(2))


async def with_an_anyio_task_group() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(fails_for, 1)
        group.start_soon(asyncio.sleep, 60)


async def with_a_group_in_a_group_and_causes_between() -> None:
    async def in_other_words() -> None:
        try:
            await fails_for(1)
        except flyte.errors.RuntimeUserError as error:
            raise LookupError("in other words") from error

    async def inner_group() -> None:
        async with asyncio.TaskGroup() as inner:
            inner.create_task(in_other_words())

    try:
        async with asyncio.TaskGroup() as outer:
            outer.create_task(inner_group())
    except* LookupError as groups:
        raise OSError("all in all") from groups


@pytest.mark.parametrize(
    "calls", [with_a_task_group, with_an_anyio_task_group, with_a_group_in_a_group_and_causes_between]
)
def test_a_group_of_failures_leads_to_the_first_call_that_failed(calls: Callable[[], Awaitable[None]]) -> None:
    @env.task
    async def parent() -> None:
        await calls()

    @env.task
    async def grandparent() -> None:
        await parent()

    run = flyte.run(grandparent)
    run.wait()
    failure = run.first_failure()
    assert failure is not None and (failure.task_name, failure.inputs()) == ("calling.fails_for", {"x": 1})


def test_an_iterable_that_fails_fails_the_map_after_the_items_before_it() -> None:
    def days() -> Iterator[int]:
        yield 1
        raise LookupError("no second day")

    @env.task
    async def parent(concurrency: int) -> list[int]:
        seen = []
        with pytest.raises(LookupError, match="no second day"):
            for item in flyte.map(triple, days(), concurrency=concurrency):
                seen.append(item)
        return seen

    assert flyte.run(parent, 0).outputs()[0] == flyte.run(parent, 1).outputs()[0] == [3]


def test_a_call_that_nobody_awaits_is_named_in_the_warning() -> None:
    @env.task
    async def forgets() -> None:
        double(1)

    @env.task
    async def forgets_and_returns() -> int:
        return double(1)  # type: ignore[return-value]

    with pytest.warns(RuntimeWarning, match="coroutine 'calling.double' was never awaited"):
        flyte.run(forgets).wait()
    with pytest.raises(flyte.errors.RuntimeDataValidationError, match=r"calling\.double .*Was an `await` forgotten"):
        flyte.run(forgets_and_returns).outputs()


def test_an_exception_without_a_text_is_told_by_its_kind() -> None:
    @env.task
    async def times_out() -> None:
        await asyncio.wait_for(asyncio.Event().wait(), 0.001)

    with pytest.raises(flyte.errors.RuntimeUserError) as caught:
        flyte.run(times_out).outputs()
    assert str(caught.value) == "TimeoutError"


def test_map_refuses_a_function_that_is_no_task() -> None:
    with pytest.raises(TypeError, match="decorate|Decorate"):
        flyte.map(len, ["a"])


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_three_async_tasks_that_block_in_map_at_once_finish_in_any_order(order: tuple[int, ...]) -> None:
    """Nested pumping unwinds last in, first out; nothing here is nested."""
    gates = [threading.Event() for _ in range(3)]
    all_blocked = threading.Barrier(3, timeout=20)
    finished: list[int] = []

    @env.task
    def held(index: int) -> int:
        all_blocked.wait()
        assert gates[index].wait(timeout=20)
        return index

    @env.task
    async def blocking(index: int) -> int:
        [result] = list(flyte.map(held, [index], return_exceptions=False))
        finished.append(index)
        position = len(finished)
        if position < 3:
            gates[order[position]].set()
        return result

    @env.task
    async def parent() -> list[int]:
        gates[order[0]].set()
        return list(await asyncio.gather(*(blocking(index) for index in range(3))))

    assert flyte.run(parent).outputs()[0] == [0, 1, 2]
    assert finished == list(order)


def test_tasks_run_in_anyio_task_groups() -> None:
    @env.task
    async def parent() -> list[int]:
        results: list[int] = []

        async def one(x: int) -> None:
            results.append(await double(x))

        async with anyio.create_task_group() as group:
            for x in range(4):
                group.start_soon(one, x)
        return sorted(results)

    assert flyte.run(parent).outputs()[0] == [0, 2, 4, 6]


def test_a_semaphore_limits_tasks() -> None:
    @env.task
    async def parent() -> int:
        semaphore, inside, most = asyncio.Semaphore(2), 0, 0

        async def one(x: int) -> None:
            nonlocal inside, most
            async with semaphore:
                inside += 1
                most = max(most, inside)
                await double(x)
                inside -= 1

        await asyncio.gather(*(one(x) for x in range(6)))
        return most

    assert flyte.run(parent).outputs() == 2


def test_cancelling_the_asyncio_task_of_a_call_aborts_the_action() -> None:
    @env.task
    async def sleeps() -> None:
        await asyncio.sleep(60)

    @env.task
    async def parent() -> str:
        call = asyncio.create_task(sleeps())
        await asyncio.sleep(0)
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            return "cancelled"
        return "went on"

    run = flyte.run(parent)

    assert run.outputs() == ("cancelled",)
    assert [str(action.phase) for action in Action.listall(run.name)] == ["succeeded", "aborted"]


def test_asyncio_timeout_around_a_call_works() -> None:
    @env.task
    async def sleeps() -> None:
        await asyncio.sleep(60)

    @env.task
    async def parent() -> str:
        try:
            async with asyncio.timeout(0.05):
                await sleeps()
        except TimeoutError:
            return "timed out"
        return "went on"

    assert flyte.run(parent).outputs() == ("timed out",)


def test_tasks_and_functions_are_passed_as_arguments() -> None:
    def increment(x: int) -> int:
        return x + 1

    @env.task
    async def apply(task: object, function: object) -> int:
        return await task(function(1))  # type: ignore[operator]

    @env.task
    async def parent() -> int:
        return await apply(double, increment)

    run = flyte.run(parent)

    assert run.outputs() == 4
    assert "calling.double" in task_names(run)


def test_a_plain_thread_of_a_task_that_copies_its_context_calls_tasks() -> None:
    import contextvars
    from concurrent.futures import ThreadPoolExecutor

    @env.task
    def parent() -> int:
        context = contextvars.copy_context()
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(context.run, triple, 5).result()

    run = flyte.run(parent)

    assert run.outputs() == 15
    assert "calling.triple" in task_names(run)
