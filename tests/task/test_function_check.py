from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Iterator

import pytest

from flyte_nb._task.environment import TaskEnvironment

env = TaskEnvironment("checks")


def test_a_method_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"Holder\.step.*Move it out of the class"):

        class Holder:
            @env.task
            def step(self) -> None: ...


def test_a_static_method_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match="Move it out of the class"):

        class Holder:
            @env.task  # type: ignore[arg-type]
            @staticmethod
            def step() -> None: ...


def test_a_bound_method_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"TaskEnvironment\.add_dependency.*Move it out of the class"):
        env.task(env.add_dependency)


def test_a_lambda_is_refused_because_it_has_no_name() -> None:
    with pytest.raises(TypeError, match="lambda"):
        env.task(lambda: 1)


def test_a_generator_is_refused_async_or_not() -> None:
    def numbers() -> Iterator[int]:
        yield 1

    async def later() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match="generator numbers.*Return a list"):
        env.task(numbers)
    with pytest.raises(TypeError, match="generator later"):
        env.task(later)


def test_a_class_is_refused() -> None:
    with pytest.raises(TypeError, match="class TaskEnvironment cannot be a task"):
        env.task(TaskEnvironment)


def test_a_partial_is_refused_and_map_is_named() -> None:
    with pytest.raises(TypeError, match="map"):
        env.task(functools.partial(print, 1))


def test_a_builtin_is_refused() -> None:
    with pytest.raises(TypeError, match="builtin_function_or_method"):
        env.task(len)


def test_a_task_is_refused_as_the_function_of_another() -> None:
    @env.task
    def step() -> None: ...

    with pytest.raises(TypeError, match=r"'checks\.step' is a task already"):
        env.task(step)


def test_a_function_inside_a_function_may_be_a_task() -> None:
    @env.task
    def inner(x: int) -> int:
        return x + 1

    assert inner(1) == 2
