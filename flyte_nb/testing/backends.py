"""What every back-end promises, as tests.

Derive a class of `BackendSuite`, say how your back-end is made, and let pytest collect it::

    class TestMyBackend(BackendSuite):
        def make_backend(self):
            return MyBackend("tcp://scheduler:8786")

or name the entry point by which your package brings it::

    class TestMyBackend(BackendSuite):
        installed = "mine"

Each test has a home folder of its own and runs a program of real tasks on the back-end, under the queue ``"suite"``, or
the name of the entry point.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.models.phases import ActionPhase
from flyte_nb.remote import Action, Run
from flyte_nb.remote.requests import answer_prompt

from .._view.prompts import prompts_of
from ..remote.history import RunHistory
from .program import Measured, async_program, sync_program

QUEUE = "suite"
PATIENCE_S = 60.0
EXPECTED_TREE: dict[str, Any] = {
    "traced": 2,
    "gathered": [0, 1, 4, 9, 16],
    "mapped": [0, 1, 4],
    "code": "OddError",
    "flaky": 3,
    "scaled": [3.0, 6.0],
}
EXPECTED_PHASES = Counter(
    {
        ("program.tree", "succeeded"): 1,
        ("program.square", "succeeded"): 8,
        ("program.fail", "failed"): 1,
        ("program.flaky", "succeeded"): 1,
        ("program.scale", "succeeded"): 1,
    }
)


class BackendSuite:
    """Tests of one back-end.

    Attributes
    ----------
    kinds : tuple of {"async", "sync"}
        Which functions it runs.
    installed : str
        Its entry point in the group ``flyte_nb.backends``, where the suite is to find it by that instead of asking
        `make_backend`.
    """

    kinds: ClassVar[tuple[str, ...]] = ("async", "sync")
    installed: ClassVar[str] = ""

    def make_backend(self) -> Any:
        """A new back-end; `close` is called on it afterwards, if it has that."""
        raise NotImplementedError

    @property
    def queue(self) -> str:
        """The name that runs reach the back-end by."""
        return self.installed or QUEUE

    @pytest.fixture(autouse=True)
    def _backend(self, tmp_path: Path) -> Iterator[None]:
        self.home: Path = tmp_path / "suite-home"
        self.marks: Path = tmp_path / "marks"
        self.marks.mkdir()
        flyte.init(home=self.home, queues={} if self.installed else {QUEUE: self.make_backend()})
        yield
        for run in Run.listall():
            if not run.done():
                run.abort("The test is over.")
                run.wait()
        flyte.init(home=tmp_path / "afterwards")

    @pytest.fixture(params=["async", "sync"])
    def program(self, request: pytest.FixtureRequest) -> SimpleNamespace:
        """The program, in one kind of functions after the other."""
        kind: str = request.param
        if kind not in self.kinds:
            pytest.skip(f"this back-end runs {', '.join(self.kinds)} functions")
        return async_program() if kind == "async" else sync_program()

    def begin(self, task: Any, *args: Any, **options: Any) -> flyte.Run:
        """A run of `task` on the back-end."""
        return flyte.with_runcontext(queue=self.queue, **options).run(task, *args)

    def ended(self, task: Any, *args: Any, **options: Any) -> flyte.Run:
        """As `begin`, when it is over."""
        run = self.begin(task, *args, **options)
        run.wait()
        return run

    # what is promised ---------------------------------------------------------------------------------------

    def test_values_go_there_and_come_back(self, program: SimpleNamespace) -> None:
        run = self.ended(program.scale, Measured("m", [1.0, float("inf")]), 2.0)

        assert run.outputs()[0] == Measured("m", [2.0, float("inf")])

    def test_a_large_value_goes_there_and_comes_back(self, program: SimpleNamespace) -> None:
        values = [float(x) for x in range(50_000)]

        assert self.ended(program.scale, Measured("large", values), 1.0).outputs()[0].values == values

    def test_a_tree_of_calls_gives_what_it_gives_everywhere(self, program: SimpleNamespace) -> None:
        run = self.ended(program.tree, str(self.marks))

        assert run.outputs()[0] == EXPECTED_TREE
        assert _phases(run) == EXPECTED_PHASES
        assert (self.marks / "flaky").read_text() == "xxx"
        groups = {group.name for group in RunHistory(run.name).view().groups.values()}
        assert groups == {"squares", "map square"}

    def test_an_error_has_its_code_its_text_and_the_users_traceback(self, program: SimpleNamespace) -> None:
        run = self.ended(program.fail, "broken")

        with pytest.raises(errors.RuntimeUserError, match="broken: on purpose") as caught:
            run.outputs()
        assert caught.value.code == "OddError"
        failure = run.first_failure()
        assert failure is not None and failure.error_info is not None
        assert failure.error_info.traceback.rstrip().endswith("OddError: broken: on purpose")

    def test_prints_and_reports_belong_to_the_action_and_its_environment_is_set(self, program: SimpleNamespace) -> None:
        run = self.ended(program.says, "hello")

        assert run.outputs()[0] == "variable"
        assert "printed hello" in "\n".join(str(line) for line in run.get_logs())
        assert "<p>hello</p>" in str(run.get_report())

    def test_custom_context_is_passed_down_and_may_be_changed_for_calls(self, program: SimpleNamespace) -> None:
        run = self.ended(program.context, custom_context={"who": "root"})

        assert run.outputs()[0] == ["root", "child"]

    def test_a_question_pauses_the_action_until_it_is_answered(self, program: SimpleNamespace) -> None:
        run = self.begin(program.asks)
        _until(lambda: any(action.phase == ActionPhase.PAUSED for action in Action.listall(run.name)))
        [prompt] = prompts_of(RunHistory(run.name).action("a0"))

        answer_prompt(run.name, prompt.prompt, "41")

        assert run.outputs()[0] == 42

    def test_an_abort_ends_what_runs_and_what_it_waits_for(self, program: SimpleNamespace) -> None:
        run = self.begin(program.waits_below, str(self.marks))
        _until((self.marks / "waits").exists)

        run.abort("It is enough.")
        run.wait()

        assert run.phase == ActionPhase.ABORTED
        assert set(_phases(run)) == {("program.waits_below", "aborted"), ("program.waits", "aborted")}

    def test_a_timeout_ends_an_attempt(self, program: SimpleNamespace) -> None:
        run = self.ended(program.waits.override(timeout=0.2), str(self.marks))

        assert run.phase == ActionPhase.TIMED_OUT

    def test_a_resumed_run_goes_on_where_it_was(self, program: SimpleNamespace) -> None:
        run = self.ended(program.stops_half_way, str(self.marks))
        assert run.phase == ActionPhase.FAILED
        (self.marks / "go on").touch()

        resumed = run.resume()
        resumed.wait()

        assert resumed.outputs()[0] == [11, 121]
        assert (self.marks / "traced-10").read_text() == "x"
        assert (self.marks / "half way").read_text() == "xx"

    def test_many_calls_at_once_all_come_back(self, program: SimpleNamespace) -> None:
        runs = [self.begin(program.scale, Measured("m", [float(x)]), 2.0) for x in range(20)]

        assert [run.outputs()[0].values for run in runs] == [[2.0 * x] for x in range(20)]


def _phases(run: flyte.Run) -> Counter[tuple[str, str]]:
    return Counter((action.task_name, str(action.phase)) for action in Action.listall(run.name))


def _until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError("It did not happen in time.")
        time.sleep(0.01)
