"""`kill -9` at every write point loses no completed action and runs none of them twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flyte_nb._journal import JournalReader
from flyte_nb._view.projection import project
from flyte_nb.models.phases import ActionPhase

PROGRAM = Path(__file__).with_name("killed_program.py")
EXPECTED = "[40121, 40141, 3]"


def start(home: Path, marks: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PROGRAM), str(home), str(marks), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def completed_marks(home: Path) -> set[str]:
    """Side effects of the actions and traces whose end is committed."""
    events = [event for _, event in JournalReader(home / "journal.sqlite").events("killed")]
    view = project(events, "killed")
    names = {"killed.leaf": "leaf", "killed.sync_leaf": "sync", "killed.flaky": "flaky"}
    marks = set()
    from flyte_nb.types.untyped import untyped_values

    for action in view.actions.values():
        if action.phase is ActionPhase.SUCCEEDED and action.task in names:
            assert action.inputs.inline is not None
            marks.add(f"{names[action.task]}-{untyped_values(action.inputs.inline)['x']}")
        for trace in action.traces:
            assert trace.inputs.inline is not None
            marks.add(f"trace-{untyped_values(trace.inputs.inline)['x']}")
    return marks


@pytest.mark.parametrize("point", ["before_commit", "after_commit"])
@pytest.mark.parametrize("number", range(1, 11))
def test_a_process_killed_at_a_write_point_resumes_with_each_completed_side_effect_exactly_once(
    tmp_path: Path, point: str, number: int
) -> None:
    home, marks = tmp_path / "killed_home", tmp_path / "marks"
    marks.mkdir()

    killed = start(home, marks, point, str(number))
    if killed.returncode == 0:
        pytest.fail(f"The program ended before its write point number {number}; there are fewer than that.")
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    before = {mark: (marks / mark).read_text() for mark in completed_marks(home)}
    resumed = start(home, marks, "never", "0", "resume")

    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.splitlines()[-1] == EXPECTED
    for mark, text in before.items():
        assert (marks / mark).read_text() == text, f"{mark} was completed and ran again"
