"""One program, to be run anywhere: values, errors, retries, calls, groups, maps, traces, reports, questions.

The tasks are made inside functions, so that they travel to other processes with their code. Each exists as a coroutine
function and as a plain one; both must give the same.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import flyte_nb as flyte
from flyte_nb import errors, hitl


@dataclass
class Measured:
    """A value with structure."""

    name: str
    values: list[float]


class OddError(Exception):
    """Its constructor takes more than a message."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")


def async_program(name: str = "program") -> SimpleNamespace:
    """The program as coroutine functions."""
    env = flyte.TaskEnvironment(name, env_vars={"PROGRAM": "variable"})

    @env.task
    async def scale(measured: Measured, factor: float) -> Measured:
        return Measured(measured.name, [factor * value for value in measured.values])

    @env.task
    async def fail(what: str) -> int:
        raise OddError(what, "on purpose")

    @env.task(retries=2)
    async def flaky(marks: str) -> int:
        mark(marks, "flaky")
        if attempt() < 3:
            raise ValueError("not yet")
        return attempt()

    @flyte.trace
    async def traced(marks: str, x: int) -> int:
        mark(marks, f"traced-{x}")
        return x + 1

    @env.task
    async def square(x: int) -> int:
        return x * x

    @env.task
    async def tree(marks: str) -> dict[str, Any]:
        found: dict[str, Any] = {"traced": await traced(marks, 1)}
        with flyte.group("squares"):
            found["gathered"] = list(await asyncio.gather(*(square(x) for x in range(5))))
        found["mapped"] = [x async for x in flyte.map.aio(square, range(3))]
        try:
            await fail("caught")
        except errors.RuntimeUserError as error:
            found["code"] = error.code
        found["flaky"] = await flaky(marks)
        found["scaled"] = (await scale(Measured("m", [1.0, 2.0]), 3.0)).values
        return found

    @env.task(report=True)
    async def says(text: str) -> str:
        print("printed", text)
        flyte.report.log(f"<p>{text}</p>", do_flush=True)
        return os.environ["PROGRAM"]

    @env.task
    async def asks() -> int:
        event = await hitl.new_event.aio("how many", data_type=int, prompt="How many?")
        return int(await event.wait.aio()) + 1

    @env.task
    async def inner_context() -> str:
        return flyte.get_custom_context().get("who", "")

    @env.task
    async def context() -> list[str]:
        with flyte.custom_context(who="child"):
            below = await inner_context()
        return [flyte.get_custom_context().get("who", ""), below]

    @env.task
    async def waits(marks: str) -> None:
        mark(marks, "waits")
        await asyncio.sleep(60)

    @env.task
    async def waits_below(marks: str) -> None:
        await waits(marks)

    @env.task
    async def stops_half_way(marks: str) -> list[int]:
        first = await traced(marks, 10)
        second = await square(first)
        mark(marks, "half way")
        if not (Path(marks) / "go on").exists():
            raise RuntimeError("half way")
        return [first, second]

    return SimpleNamespace(**{key: value for key, value in locals().items() if key not in ("env", "name")})


def sync_program(name: str = "program") -> SimpleNamespace:
    """The program as plain functions."""
    env = flyte.TaskEnvironment(name, env_vars={"PROGRAM": "variable"})

    @env.task
    def scale(measured: Measured, factor: float) -> Measured:
        return Measured(measured.name, [factor * value for value in measured.values])

    @env.task
    def fail(what: str) -> int:
        raise OddError(what, "on purpose")

    @env.task(retries=2)
    def flaky(marks: str) -> int:
        mark(marks, "flaky")
        if attempt() < 3:
            raise ValueError("not yet")
        return attempt()

    @flyte.trace
    def traced(marks: str, x: int) -> int:
        mark(marks, f"traced-{x}")
        return x + 1

    @env.task
    def square(x: int) -> int:
        return x * x

    @env.task
    def tree(marks: str) -> dict[str, Any]:
        found: dict[str, Any] = {"traced": traced(marks, 1)}
        with flyte.group("squares"):
            found["gathered"] = [square(x) for x in range(5)]
        found["mapped"] = list(flyte.map(square, range(3)))
        try:
            fail("caught")
        except errors.RuntimeUserError as error:
            found["code"] = error.code
        found["flaky"] = flaky(marks)
        found["scaled"] = scale(Measured("m", [1.0, 2.0]), 3.0).values
        return found

    @env.task(report=True)
    def says(text: str) -> str:
        print("printed", text)
        flyte.report.log(f"<p>{text}</p>", do_flush=True)
        return os.environ["PROGRAM"]

    @env.task
    def asks() -> int:
        event = hitl.new_event("how many", data_type=int, prompt="How many?")
        return int(event.wait()) + 1

    @env.task
    def inner_context() -> str:
        return flyte.get_custom_context().get("who", "")

    @env.task
    def context() -> list[str]:
        with flyte.custom_context(who="child"):
            below = inner_context()
        return [flyte.get_custom_context().get("who", ""), below]

    @env.task
    def waits(marks: str) -> None:
        mark(marks, "waits")
        for _ in range(6000):
            time.sleep(0.01)

    @env.task
    def waits_below(marks: str) -> None:
        waits(marks)

    @env.task
    def stops_half_way(marks: str) -> list[int]:
        first = traced(marks, 10)
        second = square(first)
        mark(marks, "half way")
        if not (Path(marks) / "go on").exists():
            raise RuntimeError("half way")
        return [first, second]

    return SimpleNamespace(**{key: value for key, value in locals().items() if key not in ("env", "name")})


def attempt() -> int:
    """Which attempt runs."""
    context = flyte.ctx()
    assert context is not None
    return context.attempt_number


def mark(folder: str, what: str) -> None:
    """A side effect that outlives the process."""
    with (Path(folder) / what).open("a") as file:
        file.write("x")
