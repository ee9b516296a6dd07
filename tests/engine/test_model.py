"""Random trees of tasks do what a small model of them says: outputs, phases of all actions, how often each is called.

A program is a tree of nodes. The model walks it in plain Python; the engine runs it as tasks, and resumes it after
some of its failures are mended, or after it was aborted somewhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

import flyte_nb as flyte
from flyte_nb.remote import Action, Run

env = flyte.TaskEnvironment("model")

Spec = dict[str, Any]

executed: Counter[int] = Counter()
traced: Counter[int] = Counter()
mended = threading.Event()


# what the engine runs ---------------------------------------------------------------------------------------


class Broken(Exception):
    pass


@flyte.trace
async def traced_value(key: int, value: int) -> int:
    traced[key] += 1
    return value


async def perform(spec: Spec) -> int:
    """What a task of that kind does."""
    number, kind = spec["id"], spec["kind"]
    if kind == "value":
        return spec["value"]
    if kind == "fails":
        if mended.is_set():
            return 3
        raise Broken(str(number))
    if kind == "flaky":
        value = await traced_value(number, 5)
        if executed[number] <= spec["failures"]:
            raise Broken(str(number))
        return value
    if kind == "sequence":
        return sum([await call(child) for child in spec["children"]])
    if kind == "gather":
        results = await asyncio.gather(*(call(child) for child in spec["children"]), return_exceptions=True)
        return sum(100 if isinstance(result, BaseException) else result for result in results)
    if kind == "map":
        return sum(flyte.map(run_value, spec["values"]))
    if kind == "leaves":
        begun = executed[spec["left"]["id"]]
        left = asyncio.create_task(call(spec["left"]))
        while executed[spec["left"]["id"]] == begun and not left.done():
            await asyncio.sleep(0.001)
        return await call(spec["children"][0])
    assert kind == "catch"
    try:
        return await call(spec["children"][0])
    except flyte.errors.RuntimeUserError as error:
        return len(error.code)


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


@env.task
async def run_endless(spec: dict) -> int:  # type: ignore[type-arg]
    executed[spec["id"]] += 1
    if spec["kind"] == "aborted":
        own = flyte.ctx().action
        Action.get(own.run_name, own.name).abort()
    await asyncio.Event().wait()
    return 0


def task_of(spec: Spec) -> Any:
    if spec["kind"] in ("aborted", "endless"):
        return run_endless
    return run_sync if spec["sync"] else run_async


async def call(spec: Spec) -> int:
    task = task_of(spec)
    if spec["retries"]:
        task = task.override(retries=spec["retries"])
    with flyte.group(f"group {spec['id'] % 3}"):
        return await task.aio(spec)


# what it should do ------------------------------------------------------------------------------------------


class Failed(Exception):
    """A node fails; `args[0]` is the code its caller sees."""


class Model:
    """The reference.

    What succeeded below an action is kept for the next attempt, its own or that of an action above. A resume keeps all
    that had succeeded when the run was last seen, and a trace as soon as it has returned.
    """

    def __init__(self) -> None:
        self.calls: Counter[int] = Counter()
        self.traces: Counter[int] = Counter()
        self.phases: dict[int, str] = {}
        self.mended = False
        self._values: dict[int, int] = {}
        self._kept: dict[int, int] = {}
        self._left_behind: dict[int, dict[int, int]] = {}
        self._kept_traces: set[int] = set()

    def resume(self, spec: Spec) -> int:
        self.mended = True
        self._kept, self._kept_traces = dict(self._values), set(self.traces)
        return self.run(spec)

    def run(self, spec: Spec) -> int:
        number = spec["id"]
        if number in self._kept:
            return self._kept[number]
        self._values.pop(number, None)
        below = self._left_behind.pop(number, {})
        for attempts_left in reversed(range(1 + spec["retries"])):
            self.calls[number] += 1
            try:
                value = self._values[number] = self._attempt(spec, below)
            except Failed:
                self.phases[number] = "failed"
                if not attempts_left:
                    self._left_behind[number] = below
                    raise
            else:
                self.phases[number] = "succeeded"
                return value
        raise AssertionError

    def _attempt(self, spec: Spec, below: dict[int, int]) -> int:
        def child(one: Spec) -> int:
            if one["kind"] == "aborted":
                self._aborted(one)
                raise Failed("ActionAbortedError")
            if one["id"] not in below:
                below[one["id"]] = self.run(one)
            return below[one["id"]]

        def child_or(one: Spec, otherwise: Any) -> int:
            try:
                return child(one)
            except Failed as failed:
                return int(otherwise(failed.args[0]))

        number, kind, children = spec["id"], spec["kind"], spec.get("children", ())
        if kind == "value":
            return int(spec["value"])
        if kind == "fails":
            if self.mended:
                return 3
            raise Failed("Broken")
        if kind == "flaky":
            if number not in below and number not in self._kept_traces:
                below[number] = 5
                self.traces[number] += 1
            if self.calls[number] <= spec["failures"]:
                raise Failed("Broken")
            return 5
        if kind == "sequence":
            return sum(child(one) for one in children)
        if kind == "gather":
            return sum([child_or(one, lambda code: 100) for one in children])
        if kind == "map":
            return sum(spec["values"])
        if kind == "leaves":
            self._aborted(spec["left"])
            return child(children[0])
        return child_or(children[0], len)

    def _aborted(self, spec: Spec) -> None:
        self.calls[spec["id"]] += 1
        self.phases[spec["id"]] = "aborted"


# programs ---------------------------------------------------------------------------------------------------


def numbered(spec: Spec, start: int = 0) -> int:
    """Give every node its own number."""
    spec["id"] = start
    following = start + 1
    for child in (*spec.get("children", ()), *filter(None, [spec.get("left")])):
        following = numbered(child, following)
    return following


def node(kind: str | st.SearchStrategy[str], **others: Any) -> st.SearchStrategy[Spec]:
    kinds = st.just(kind) if isinstance(kind, str) else kind
    return st.fixed_dictionaries({"kind": kinds, "sync": st.booleans(), "retries": st.integers(0, 2), **others})


def trees(leaves: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
    """Programs over such leaves; the root passes on what fails below it, so that there is something to resume."""

    def above(below: st.SearchStrategy[Spec]) -> st.SearchStrategy[Spec]:
        one = st.lists(below, min_size=1, max_size=1)
        return st.one_of(
            node("sequence", children=st.lists(below, min_size=1, max_size=4)),
            node("leaves", children=one, left=node("endless")),
            node("gather", children=st.lists(below, max_size=4)),
            node("catch", children=one),
        )

    return node("sequence", children=st.lists(st.recursive(leaves, above, max_leaves=8), min_size=1, max_size=3))


value = node("value", value=st.integers(0, 9))
mapped = node("map", values=st.lists(st.integers(0, 9), max_size=4))
flaky = node("flaky", failures=st.integers(0, 3))
any_leaf = st.one_of(node("fails"), flaky, node("aborted"), mapped, value)
leaf_without_memory = st.one_of(node("flaky", failures=st.just(0)), node("aborted"), mapped, value)


def fresh(program: Spec) -> None:
    numbered(program)
    executed.clear()
    traced.clear()
    mended.clear()
    program["retries"] = 0


def outcome_of(run: Run) -> int | str:
    """What the run gives, or the code it fails with."""
    try:
        return int(run.outputs()[0])
    except flyte.errors.RuntimeUserError as error:
        return error.code


def expected_of(walk: Any, program: Spec) -> int | str:
    try:
        return int(walk(program))
    except Failed as failed:
        return str(failed.args[0])


def phases_of(run: Run) -> dict[int, str]:
    """How each node stands; that of an action which a map made is the same for all."""
    found = {}
    for action in Action.listall(run.name):
        if action.task_name == "model.run_value":
            assert action.phase == "succeeded"
        else:
            found[action.details().inputs()["spec"]["id"]] = str(action.phase)
    return found


@settings(max_examples=60)
@given(trees(any_leaf))
def test_random_trees_of_tasks_do_what_the_model_says_and_so_does_their_resume(program: Spec) -> None:
    fresh(program)
    model = Model()
    expected = expected_of(model.run, program)

    run = flyte.run(task_of(program), program)
    for last in (False, True):
        assert outcome_of(run) == expected
        assert run.phase == ("succeeded" if isinstance(expected, int) else "failed")
        assert phases_of(run) == model.phases
        assert executed == model.calls
        assert traced == model.traces
        if last or isinstance(expected, int):
            return
        failure = run.first_failure()
        assert failure is not None and failure.error_info is not None and failure.error_info.code == expected
        expected = expected_of(model.resume, program)
        mended.set()
        run.resume()


@settings(max_examples=25)
@given(trees(leaf_without_memory), st.integers(1, 6))
def test_random_trees_that_are_aborted_somewhere_leave_nothing_running_and_resume_to_what_the_model_says(
    program: Spec, at: int
) -> None:
    fresh(program)
    expected = expected_of(Model().run, program)

    run = flyte.run(task_of(program), program)
    for seen, _ in enumerate(run.watch(), start=1):
        if seen == at:
            run.abort()
    run.wait()
    phases = phases_of(run)
    assert {*phases.values()} <= {"succeeded", "failed", "aborted"}
    if run.phase != "aborted":
        assert outcome_of(run) == expected
        return

    before = Counter(executed)
    assert outcome_of(run.resume()) == expected
    for number, phase in phases.items():
        if phase == "succeeded":
            assert executed[number] == before[number], f"node {number} had succeeded and ran again"
