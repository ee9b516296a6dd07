"""Whatever a person does in a session, in whatever order, it goes as a small model of it says.

They define the task of a cell again, with other code or another cache, start runs, answer and abort them, break and
mend something, and resume what has stopped. The model knows for each run what was computed with which code, and the
cache as a table; the engine must call as often, give the same, and stand in the same phase.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import flyte_nb as flyte
from flyte_nb import hitl
from flyte_nb._journal.doctor import examine
from flyte_nb.remote import Run
from flyte_nb.remote.requests import answer_prompt
from tests.fuzz.profile import fuzzed

env = flyte.TaskEnvironment("session", depends_on=[hitl.env])

CELLS = """
@env.task(cache={cache!r})
async def step(x: int) -> int:
    note(("step", x))
    return x + {added}

@env.task
async def last(x: int) -> int:
    note(("last", x))
    if broken():
        raise ValueError("broken")
    return 10 * x

@env.task
async def main(x: int) -> int:
    value = await step(x)
    event = await hitl.new_event.aio("go", data_type=int)
    return await last(value + await event.wait.aio())
"""

numbers = st.integers(0, 1)
MOST_RUNS = 3


@dataclass
class Expected:
    """A run as the model sees it.

    Attributes
    ----------
    computed_with : int or None
        What `step` added when it succeeded in this run.
    """

    run: Run
    x: int
    phase: str = "running"
    computed_with: int | None = None
    answer: int | None = None
    output: int | None = None


class Session(RuleBasedStateMachine):
    """One home, one process, and what a person may do."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="session-"))
        flyte.init(home=self.folder / "home")
        self.called: list[tuple[str, int]] = []
        self.expected_calls: Counter[tuple[str, int]] = Counter()
        self.cache: set[tuple[int, int]] = set()
        self.runs: list[Expected] = []
        self.is_broken = False
        self.define(added=1, cached=False)
        self.start(x=0)

    def in_phase(self, *phases: str) -> list[Expected]:
        return [one for one in self.runs if one.phase in phases]

    # what a person does -------------------------------------------------------------------------------------------

    @rule(added=numbers, cached=st.booleans())
    def define(self, added: int, cached: bool) -> None:
        self.added, self.cached = added, cached
        cell = CELLS.format(cache="auto" if cached else "disable", added=added)
        self.cells: dict[str, Any] = {
            "env": env,
            "hitl": hitl,
            "note": self.called.append,
            "broken": lambda: self.is_broken,
            "__name__": "__main__",
        }
        exec(compile(cell, "<cell>", "exec"), self.cells)

    @rule()
    def break_or_mend(self) -> None:
        self.is_broken = not self.is_broken

    @precondition(lambda self: len(self.runs) < MOST_RUNS)
    @rule(x=numbers)
    def start(self, x: int) -> None:
        run = Expected(flyte.run(self.cells["main"], x), x)
        self.runs.append(run)
        self.goes_on(run)

    @precondition(lambda self: self.in_phase("running"))
    @rule(data=st.data(), value=numbers)
    def answer(self, data: st.DataObject, value: int) -> None:
        run = data.draw(st.sampled_from(self.in_phase("running")))
        run.answer = value
        answer_prompt(run.run.name, "go", str(value))
        self.goes_on(run, again=False)

    @precondition(lambda self: [one for one in self.in_phase("aborted") if one.answer is None])
    @rule(data=st.data(), value=numbers)
    def answer_while_nobody_runs_it(self, data: st.DataObject, value: int) -> None:
        run = data.draw(st.sampled_from([one for one in self.in_phase("aborted") if one.answer is None]))
        run.answer = value
        answer_prompt(run.run.name, "go", str(value))

    @precondition(lambda self: self.in_phase("running"))
    @rule(data=st.data())
    def abort(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.in_phase("running")))
        run.phase = "aborted"
        run.run.abort()
        run.run.wait()

    @precondition(lambda self: self.in_phase("failed", "aborted"))
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(self.in_phase("failed", "aborted")))
        run.run.resume()
        self.goes_on(run)

    # what should come of it ---------------------------------------------------------------------------------------

    def goes_on(self, run: Expected, *, again: bool = True) -> None:
        """The run goes as far as it can, from its beginning or from its question."""
        if again and run.computed_with != self.added:
            run.computed_with = self.added
            if not (self.cached and (self.added, run.x) in self.cache):
                self.expected_calls["step", run.x] += 1
            if self.cached:
                self.cache.add((self.added, run.x))
        if run.answer is None:
            run.phase = "running"
            for details in run.run.watch():
                if details.open_questions:
                    return
            raise AssertionError(f"The run ended without a question: {run.run.phase}")
        assert run.computed_with is not None
        value = run.x + run.computed_with + run.answer
        self.expected_calls["last", value] += 1
        run.phase = "failed" if self.is_broken else "succeeded"
        run.output = None if self.is_broken else 10 * value
        run.run.wait()

    @invariant()
    def goes_as_the_model_says(self) -> None:
        assert Counter(self.called) == self.expected_calls
        for run in self.runs:
            assert str(run.run.phase) == run.phase
            if run.output is not None:
                assert run.run.outputs()[0] == run.output
            seen = Run.get(run.run.name).details()
            assert bool(seen.open_questions) == (run.phase == "running")

    def teardown(self) -> None:
        for run in self.in_phase("running"):
            run.run.abort()
            run.run.wait()
        journal = self.folder / "home" / "journal.sqlite"
        assert not journal.exists() or examine(journal).is_sound
        flyte.init(home=self.folder / "elsewhere")
        shutil.rmtree(self.folder)


TestSession = Session.TestCase
TestSession.settings = settings(fuzzed(10), stateful_step_count=20, suppress_health_check=[*HealthCheck])
