from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import threading
import weakref
from typing import Any

import pytest

from flyte_nb._task.environment import TaskEnvironment
from flyte_nb._task.invocation import active_invoker
from flyte_nb._task.resources import Resources
from flyte_nb._task.task import OVERRIDABLE, Task

env = TaskEnvironment("tasks")


@env.task
def double(x: int) -> int:
    """Twice as much."""
    return 2 * x


@env.task(retries=1)
async def triple(x: int) -> int:
    return 3 * x


class Recorder:
    """An invoker that notes what reaches it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Task[Any, Any], tuple[Any, ...], dict[str, Any]]] = []

    def call(self, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.calls.append(("call", task, args, kwargs))
        return "from the invoker"

    async def call_async(self, task: Task[Any, Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self.calls.append(("call_async", task, args, kwargs))
        return "from the invoker"


def under(invoker: Recorder, function: Any) -> Any:
    """What `function` gives where `invoker` is the active one."""

    def inside() -> Any:
        active_invoker.set(invoker)
        return function()

    return contextvars.copy_context().run(inside)


def test_outside_a_run_a_task_is_its_function() -> None:
    assert double(4) == 8
    assert asyncio.run(triple(x=4)) == 12


def test_inside_a_run_a_call_goes_to_the_invoker_with_its_arguments() -> None:
    invoker = Recorder()
    assert under(invoker, lambda: double(4, x=5)) == "from the invoker"
    assert invoker.calls == [("call", double, (4,), {"x": 5})]


def test_aio_inside_a_run_goes_to_the_awaitable_side_of_the_invoker() -> None:
    invoker = Recorder()
    assert under(invoker, lambda: asyncio.run(double.aio(4))) == "from the invoker"
    assert invoker.calls == [("call_async", double, (4,), {})]


def test_forward_never_reaches_the_invoker() -> None:
    invoker = Recorder()
    assert under(invoker, lambda: double.forward(4)) == 8
    assert under(invoker, lambda: asyncio.run(triple.forward(4))) == 12
    assert invoker.calls == []


def test_aio_of_a_plain_function_outside_a_run_leaves_the_loop_free() -> None:
    @env.task
    def where() -> int:
        return threading.get_ident()

    async def both() -> tuple[int, int]:
        return threading.get_ident(), await where.aio()

    loop_thread, task_thread = asyncio.run(both())
    assert loop_thread != task_thread


def test_aio_of_an_async_function_outside_a_run_awaits_it() -> None:
    assert asyncio.run(triple.aio(2)) == 6


def test_a_task_looks_like_its_function() -> None:
    assert double.__name__ == "double"
    assert double.__doc__ == "Twice as much."
    assert double.__module__ == __name__
    assert double.__qualname__ == "double"
    assert inspect.unwrap(double) is double.func
    assert list(inspect.signature(double).parameters) == ["x"]


def test_attributes_of_the_function_do_not_reach_into_the_task() -> None:
    def odd(x: int) -> int:
        return x

    odd.forward = odd.options = "mine"  # type: ignore[attr-defined]
    task = env.task(odd)
    assert task.forward(3) == 3
    assert task.options.retries.count == 0


def test_a_task_tells_its_names_and_whether_it_is_async() -> None:
    assert (double.name, double.short_name, double.is_async) == ("tasks.double", "double", False)
    assert (triple.name, triple.short_name, triple.is_async) == ("tasks.triple", "triple", True)
    assert repr(double) == "<task tasks.double>"
    assert repr(triple) == "<async task tasks.triple>"


def test_a_later_declaration_has_a_higher_generation() -> None:
    assert triple.generation > double.generation > 0


def test_a_task_equals_only_itself_and_can_be_a_key_and_weakly_held() -> None:
    other = double.override(short_name="other")
    assert other != double
    assert {double: 1, other: 2}[double] == 1
    held = weakref.ref(other)
    del other
    gc.collect()
    assert held() is None


def test_the_interface_is_made_once_and_shared_with_overrides() -> None:
    assert double.interface is double.native_interface
    assert double.override(short_name="other").interface is double.interface
    assert list(double.interface.inputs) == ["x"]
    assert list(double.interface.outputs) == ["o0"]


def test_an_override_asked_first_gives_its_interface_to_the_task() -> None:
    @env.task
    def fresh(y: str) -> str:
        return y

    assert fresh.override(retries=1).interface is fresh.interface


def test_override_leaves_the_task_as_it_was_and_adds_up() -> None:
    once = triple.override(short_name="once", resources=Resources(cpu=2))
    twice = once.override(retries=5)
    assert triple.options.retries.count == 1
    assert triple.short_name == "triple"
    assert (once.short_name, once.options.retries.count) == ("once", 1)
    assert (twice.short_name, twice.options.retries.count) == ("once", 5)
    assert twice.options.resources == Resources(cpu=2)
    assert (twice.name, twice.func, twice.generation) == (triple.name, triple.func, triple.generation)


def test_an_overridden_task_calls_the_same_function_and_is_what_the_invoker_sees() -> None:
    renamed = double.override(short_name="renamed")
    invoker = Recorder()
    assert renamed(3) == 6
    under(invoker, lambda: renamed(3))
    assert invoker.calls[0][1] is renamed


def test_override_can_take_back_retries_timeout_and_interruptible() -> None:
    @env.task(retries=3, timeout="1h", interruptible=True)
    def stubborn() -> None: ...

    plain = stubborn.override(retries=0, timeout=0, interruptible=False).options
    assert (plain.retries.count, plain.timeout, plain.interruptible) == (0, None, False)


def test_override_names_an_option_that_nobody_knows_and_lists_the_known() -> None:
    with pytest.raises(TypeError, match="'retry'") as caught:
        double.override(retry=3)  # type: ignore[arg-type]
    for option in OVERRIDABLE:
        assert option in str(caught.value)
    assert "tasks.double" in str(caught.value)


def test_override_takes_exactly_what_it_lists() -> None:
    parameters = inspect.signature(Task.override).parameters
    assert [name for name, one in parameters.items() if one.kind is one.KEYWORD_ONLY] == list(OVERRIDABLE)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("resources", {"cpu": 1}),
        ("cache", 1),
        ("retries", "3"),
        ("retries", True),
        ("env_vars", {"A": 1}),
        ("queue", 7),
        ("interruptible", "no"),
        ("links", "https://example.org"),
        ("max_inline_io_bytes", 1.5),
        ("reusable", 3),
        ("pod_template", 3),
        ("secrets", [3]),
    ],
)
def test_override_refuses_a_value_of_the_wrong_type_and_names_the_option(option: str, value: object) -> None:
    with pytest.raises(TypeError, match=option):
        double.override(**{option: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("short_name", " "),
        ("cache", "always"),
        ("retries", -1),
        ("timeout", "soon"),
        ("max_inline_io_bytes", -1),
        ("env_vars", {"A=B": "c"}),
    ],
)
def test_override_refuses_a_value_that_cannot_be_and_names_the_option(option: str, value: object) -> None:
    with pytest.raises(ValueError, match=option):
        double.override(**{option: value})  # type: ignore[arg-type]
