"""Of a run that somebody else has taken over its first owner writes nothing, hears why, and its other runs go on."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from flyte_nb import errors
from flyte_nb._journal import Home, JournalReader, JournalWriter, RunLog
from flyte_nb._journal.doctor import examine
from flyte_nb._journal.liveness import is_alive, this_process
from flyte_nb._journal.retention import forget_run
from flyte_nb.models import events as ev
from flyte_nb.models.phases import ActionPhase

ELSEWHERE = ev.Owner("elsewhere", 41, 1.0, "another machine")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Home(tmp_path / "fenced_home").journal_path


def begun(writer: JournalWriter, name: str = "run", owner: ev.Owner | None = None) -> RunLog:
    return writer.begin_run(name, ev.RunStarted(time.time(), "env.main", owner or this_process()), None)


def taken_over(path: Path, name: str = "run", owner: ev.Owner = ELSEWHERE) -> tuple[JournalWriter, RunLog]:
    writer = JournalWriter(path)
    return writer, writer.take_over_run(ev.RunResumed(time.time(), owner), JournalReader(path).run(name))


def stall(action: str) -> ev.StallNoticed:
    return ev.StallNoticed(1.0, action, 2.0)


def stalled(path: Path, name: str = "run") -> list[str]:
    events = [event for _, event in JournalReader(path).events(name)]
    return [event.action for event in events if isinstance(event, ev.StallNoticed)]


def test_what_the_first_owner_goes_on_writing_is_refused_as_a_whole_and_the_second_ones_is_kept(path: Path) -> None:
    first = JournalWriter(path)
    log = begun(first)
    log.append(stall("before"))
    first.flush()
    second, other = taken_over(path)
    heard: list[errors.RunTakenOverError] = []
    log.when_lost = heard.append

    log.append(stall("late"))
    log.append_line(ev.LogLine(1.0, "a0", "stdout", "late"))
    other.append(stall("rightful"))
    second.flush()
    first.end_run(log, ev.RunEnded(1.0, ActionPhase.FAILED))
    log.append(stall("later still"))
    first.flush()

    assert stalled(path) == ["before", "rightful"]
    assert list(JournalReader(path).logs("run")) == []
    assert JournalReader(path).run("run").phase is ActionPhase.RUNNING
    assert heard == [log.lost] and not first.has_queued
    for part in ("'run' was taken over by process 41 on elsewhere at ", "not recorded", "Run.get('run').wait()"):
        assert part in str(log.lost)


def test_other_runs_of_the_same_commit_are_not_hurt(path: Path) -> None:
    writer = JournalWriter(path)
    lost, kept = begun(writer, "lost"), begun(writer, "kept")
    taken_over(path, "lost")

    lost.append(stall("late"))
    kept.append(stall("kept"))
    writer.flush()

    assert stalled(path, "lost") == [] and stalled(path, "kept") == ["kept"]
    assert lost.lost is not None and kept.lost is None


def test_an_owner_that_writes_nothing_hears_of_it_with_its_next_heartbeat(path: Path) -> None:
    writer = JournalWriter(path)
    lost, kept = begun(writer, "lost"), begun(writer, "kept")
    taken_over(path, "lost")
    before = JournalReader(path).run("lost").heartbeat_at

    writer.beat([lost, kept])

    assert lost.lost is not None and kept.lost is None
    assert JournalReader(path).run("lost").heartbeat_at == before
    assert JournalReader(path).run("kept").heartbeat_at > before


def test_a_run_that_was_deleted_is_not_written_again_nor_is_the_one_that_got_its_number(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer, owner=ELSEWHERE)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE owners SET heartbeat_at = 1")
    forget_run(path, "run")
    heir = begun(writer, "heir")
    assert heir.run_id == log.run_id

    log.append(stall("late"))
    writer.flush()

    assert stalled(path, "heir") == []
    assert "taken over" in str(log.lost)
    forgotten = begun(writer, "forgotten", ELSEWHERE)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE owners SET heartbeat_at = 1 WHERE host = 'elsewhere'")
    forget_run(path, "forgotten")
    writer.beat([forgotten])
    assert "'forgotten' was deleted" in str(forgotten.lost)


def test_a_run_that_the_doctor_ended_is_not_written_by_an_owner_that_comes_back(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer, owner=ELSEWHERE)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE owners SET heartbeat_at = 1")
    examine(path, repair=True)

    log.append(stall("late"))
    writer.flush()

    assert stalled(path) == []
    assert "ended by `flyte-nb doctor`" in str(log.lost)
    assert JournalReader(path).run("run").phase is ActionPhase.ABORTED


def test_of_two_who_take_a_run_over_at_once_one_is_refused_also_in_one_process(path: Path) -> None:
    begun(JournalWriter(path))
    writer, seen = JournalWriter(path), JournalReader(path).run("run")
    resumed = ev.RunResumed(time.time(), this_process())
    writer.take_over_run(resumed, seen)
    with pytest.raises(errors.RunStateError, match="at the same moment"):
        writer.take_over_run(resumed, seen)


def test_an_owner_that_comes_back_before_it_is_taken_over_keeps_its_run(path: Path) -> None:
    first = JournalWriter(path)
    log = begun(first)
    seen = JournalReader(path).run("run")
    first.beat([log])
    with pytest.raises(errors.RunStateError, match="come back"):
        JournalWriter(path).take_over_run(ev.RunResumed(time.time(), ELSEWHERE), seen)
    log.append(stall("mine"))
    first.flush()
    assert stalled(path) == ["mine"]


def test_a_last_heartbeat_after_its_end_keeps_nobody_from_going_on_with_a_run(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    writer.end_run(log, ev.RunEnded(1.0, ActionPhase.FAILED))
    seen = JournalReader(path).run("run")
    writer.beat([log])
    writer.take_over_run(ev.RunResumed(time.time(), this_process()), seen)
    assert JournalReader(path).run("run").phase is ActionPhase.RUNNING


class StruckAfterCommit:
    """A connection whose thread is interrupted when a commit is done, and before anybody knows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.armed = True

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        cursor = self._connection.execute(statement, *values)
        if statement == "COMMIT" and self.armed:
            self.armed = False
            raise KeyboardInterrupt
        return cursor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_a_commit_that_is_struck_when_it_is_done_is_not_written_twice(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    writer._connection = StruckAfterCommit(writer._connection)  # type: ignore[assignment]
    log.append(stall("a"))
    log.append_line(ev.LogLine(1.0, "a0", "stdout", "line"))
    with pytest.raises(KeyboardInterrupt):
        writer.flush()
    log.append(stall("b"))
    writer.end_run(log, ev.RunEnded(1.0, ActionPhase.SUCCEEDED))
    assert stalled(path) == ["a", "b"]
    assert [line.text for _, line in JournalReader(path).logs("run")] == ["line"]
    assert JournalReader(path).run("run").phase is ActionPhase.SUCCEEDED


def test_a_process_id_means_nothing_on_another_machine_of_the_same_name() -> None:
    mine = this_process()
    twin = ev.Owner(mine.host, mine.pid, mine.process_started_at, "another machine")
    assert is_alive(twin, time.time())
    assert not is_alive(twin, time.time() - 3600)
    renamed = ev.Owner("before-the-host-was-renamed", mine.pid, mine.process_started_at, mine.machine)
    assert is_alive(renamed, 0.0)


JUDGE = """
import sys, msgspec
from flyte_nb._journal.liveness import is_alive
from flyte_nb.models.events import Owner
import socket, time
owner = msgspec.json.decode(sys.argv[1], type=Owner)
assert socket.gethostname() == owner.host, "the test is about hosts of one name"
print(is_alive(owner, time.time()), is_alive(owner, time.time() - 3600))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="namespaces of process ids are Linux's")
def test_a_process_in_another_container_of_the_same_host_name_is_judged_by_its_heartbeat() -> None:
    import msgspec

    isolated = [shutil.which("unshare") or "unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*isolated, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a namespace of process ids cannot be made here: that takes root's rights")
    owner = msgspec.json.encode(this_process()).decode()
    judged = subprocess.run(
        [*isolated, sys.executable, "-c", JUDGE, owner], capture_output=True, text=True, check=True, timeout=60
    )
    assert judged.stdout.split() == ["True", "False"]
    assert os.getpid() == this_process().pid and socket.gethostname() == this_process().host


@pytest.mark.parametrize("how", ["ended", "was last heard of", "wrote last"])
def test_a_run_that_is_gone_on_with_was_paused_since_its_owner_ended_it_or_was_last_heard_of(
    path: Path, how: str
) -> None:
    writer = JournalWriter(path, lambda: 1500.0)
    log = writer.begin_run("run", ev.RunStarted(1000.0, "env.main", ELSEWHERE), None)
    if how == "ended":
        writer.end_run(log, ev.RunEnded(1500.0, ActionPhase.FAILED))
    elif how == "was last heard of":
        writer.beat([log])
    else:
        log.append(ev.StallNoticed(1500.0, "a0", 2.0))
        writer.flush()
    for at in (2000.0, 3000.0):
        seen = JournalReader(path).run("run")
        writer.end_run(
            writer.take_over_run(ev.RunResumed(at, ELSEWHERE), seen), ev.RunEnded(at + 400, ActionPhase.FAILED)
        )

    resumes = [event for _, event in JournalReader(path).events("run") if isinstance(event, ev.RunResumed)]
    assert [event.stopped_at for event in resumes] == [1500.0, 2400.0]
    assert JournalReader(path).run("run").paused_s == 500.0 + 600.0
