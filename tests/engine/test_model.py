"""Random trees of tasks do what a small model of them says: outputs, phases, how often each was called.

A program is a tree of nodes. The model walks it in plain Python; the engine runs it as tasks, then resumes it
after its failures are mended.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import flyte_nb as flyte
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("model")

Spec = dict[str, Any]

executed: Counter[int] = Counter()
traced: Counter[int] = Counter()
mended = threading.Event()


class Broken(Exception):
    pass


@flyte.trace
async def traced_value(key: int, value: int) -> int:
    traced[key] += 1
    return value


async def perform(spec: Spec) -> int:
    """What a task of that kind does."""
    kind = spec["kind"]
    if kind == "value":
        return spec["value"]
    if kind == "fails":
        if mended.is_set():
            return 3
        raise Broken(str(spec["id"]))
    if kind == "flaky":
        if executed[spec["id"]] <= spec["failures"]:
            raise Broken(str(spec["id"]))
        return 5
    if kind == "trace":
        return await traced_value(spec["id"], spec["value"])
    if kind == "sequence":
        return sum([await call(child) for child in spec["children"]])
    if kind == "gather":
        results = await asyncio.gather(*(call(child) for child in spec["children"]), return_exceptions=True)
        return sum(100 if isinstance(result, BaseException) else result for result in results)
    if kind == "map":
        results = list(flyte.map(run_value, spec["values"]))
        return sum(results)
    assert kind == "catch"
    try:
        return await call(spec["children"][0])
    except flyte.errors.RuntimeUserError as error:
        assert error.code == "Broken"
        return 7


@env.task
async def run_value(value: int) -> int:
    return value


@env.task
async def run_async(spec: dict) -> int:  # type: ignore[type-arg]
    executed[spec["id"]] += 1
    return await perform(spec)


@env.task
def run_sync(spec: dict) -> int:  # type: ignore[type-arg]
    executed[spec["id"]] += 1
    return asyncio.run(perform(spec))


async def call(spec: Spec) -> int:
    task = run_sync if spec["sync"] else run_async
    if spec["retries"]:
        task = task.override(retries=spec["retries"])
    with flyte.group(f"group {spec['id'] % 3}"):
        return await task.aio(spec)


class Model:
    """The reference: attempts as the engine makes them; what succeeded in a failed attempt is kept."""

    def __init__(self) -> None:
        self.calls: Counter[int] = Counter()
        self.traces: Counter[int] = Counter()

    def value(self, spec: Spec) -> int | None:
        """What a node gives, None if it fails."""
        known: dict[int, int] = {}
        for _ in range(1 + spec["retries"]):
            self.calls[spec["id"]] += 1
            value = self._attempt(spec, known)
            if value is not None:
                return value
        return None

    def _attempt(self, spec: Spec, known: dict[int, int]) -> int | None:
        def child(one: Spec) -> int | None:
            if one["id"] not in known:
                value = self.value(one)
                if value is None:
                    return None
                known[one["id"]] = value
            return known[one["id"]]

        kind = spec["kind"]
        if kind == "value":
            return int(spec["value"])
        if kind == "fails":
            return None
        if kind == "flaky":
            return None if self.calls[spec["id"]] <= spec["failures"] else 5
        if kind == "trace":
            self.traces[spec["id"]] += 1
            return int(spec["value"])
        if kind == "sequence":
            total = 0
            for one in spec["children"]:
                value = child(one)
                if value is None:
                    return None
                total += value
            return total
        if kind == "gather":
            return sum(100 if value is None else value for value in [child(one) for one in spec["children"]])
        if kind == "map":
            return sum(spec["values"])
        value = child(spec["children"][0])
        return 7 if value is None else value


def numbered(spec: Spec, start: int = 0) -> int:
    """Give every node its own number."""
    spec["id"] = start
    following = start + 1
    for child in spec.get("children", ()):
        following = numbered(child, following)
    return following


common = {"sync": st.booleans(), "retries": st.integers(0, 2)}
leaves = st.one_of(
    st.fixed_dictionaries({"kind": st.just("value"), "value": st.integers(0, 9), **common}),
    st.fixed_dictionaries({"kind": st.just("trace"), "value": st.integers(0, 9), **common}),
    st.fixed_dictionaries({"kind": st.just("fails"), **common}),
    st.fixed_dictionaries({"kind": st.just("flaky"), "failures": st.integers(0, 3), **common}),
    st.fixed_dictionaries({"kind": st.just("map"), "values": st.lists(st.integers(0, 9), max_size=4), **common}),
)
programs = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.fixed_dictionaries(
            {"kind": st.sampled_from(["sequence", "gather"]), "children": st.lists(below, max_size=4), **common}
        ),
        st.fixed_dictionaries(
            {"kind": st.just("catch"), "children": st.lists(below, min_size=1, max_size=1), **common}
        ),
    ),
    max_leaves=8,
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(programs)
def test_random_trees_of_tasks_do_what_the_model_says(program: Spec) -> None:
    numbered(program)
    executed.clear()
    traced.clear()
    mended.clear()
    program["retries"] = 0
    model = Model()
    expected = model.value(program)

    run = flyte.run(run_sync if program["sync"] else run_async, program)
    run.wait()

    assert executed == model.calls
    assert traced == model.traces
    if expected is not None:
        assert run.phase == "succeeded"
        assert run.outputs() == expected
        return
    assert run.phase == "failed"
    with pytest.raises(flyte.errors.RuntimeUserError) as caught:
        run.outputs()
    assert caught.value.code == "Broken"
    failure = run.first_failure()
    assert failure is not None and failure.error_info is not None
    assert failure.error_info.class_name.endswith("Broken")

    succeeded = {
        action.details().inputs()["spec"]["id"]
        for action in Action.listall(run.name, in_phase="succeeded")
        if action.task_name != "model.run_value"
    }
    before = Counter(executed)
    mended.set()
    executed.clear()
    run.resume().wait()
    for number in succeeded:
        assert executed[number] == 0, f"node {number} had succeeded and ran again"
    assert before[program["id"]] == 1


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(programs, st.integers(1, 6))
def test_random_trees_that_are_aborted_somewhere_leave_nothing_running(program: Spec, at: int) -> None:
    numbered(program)
    executed.clear()
    traced.clear()
    mended.clear()
    program["retries"] = 0

    @env.task
    async def root(spec: dict) -> int:  # type: ignore[type-arg]
        return await call(spec)

    run = flyte.run(root, program)
    for seen, _ in enumerate(run.watch(), start=1):
        if seen == at:
            run.abort()
    run.wait()

    assert run.phase in ("succeeded", "failed", "aborted")
    assert all(action.phase.is_terminal for action in Action.listall(run.name))
    count = sum(executed.values())
    run.wait()
    assert sum(executed.values()) == count
