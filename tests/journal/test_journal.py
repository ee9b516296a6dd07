"""The journal: checksums, several processes, full disks, damaged files, old and new versions."""

from __future__ import annotations

import queue
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._journal import Home, JournalReader, JournalWriter, Mailbox, RunLog, codec
from flyte_nb._journal.cache_table import CacheTable
from flyte_nb._journal.connection import open_database, transaction
from flyte_nb._journal.doctor import examine
from flyte_nb._journal.liveness import is_alive, is_same, process_as_owner, this_process
from flyte_nb._journal.retention import forget_runs
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb._runtime.upkeep import sweep
from flyte_nb.models import events as ev
from flyte_nb.models.phases import ActionPhase
from flyte_nb.models.records import CacheEntry

env = flyte.TaskEnvironment("journal")

Listen = Callable[[Callable[[str], None]], AbstractContextManager[None]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return Home(tmp_path / "journal_home").journal_path


def begun(writer: JournalWriter, name: str = "run", owner: ev.Owner | None = None) -> RunLog:
    return writer.begin_run(name, ev.RunStarted(time.time(), "env.main", owner or this_process()), None)


def stall(action: str) -> ev.StallNoticed:
    return ev.StallNoticed(1.0, action, 2.0)


def events_of(path: Path, name: str = "run") -> list[ev.AnyEvent]:
    return [event for _, event in JournalReader(path).events(name)]


def test_events_come_back_in_the_order_they_were_appended(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    for index in range(100):
        log.append(stall(f"a{index}"))
    writer.flush()
    assert [event.action for event in events_of(path)[1:]] == [f"a{index}" for index in range(100)]  # type: ignore[union-attr]


def test_nothing_is_durable_before_a_flush_and_all_is_after_it(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    log.append(stall("a"))
    assert len(events_of(path)) == 1
    writer.flush()
    assert len(events_of(path)) == 2


def test_a_flush_waits_for_the_commit_of_another_thread(path: Path, at_write_points: Listen) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    committing, go_on = threading.Event(), threading.Event()

    def hold(point: str) -> None:
        if point == "before_commit" and threading.current_thread() is other:
            committing.set()
            assert go_on.wait(20)

    log.append(stall("a"))
    other = threading.Thread(target=writer.flush)
    durable: list[int] = []
    waiting = threading.Thread(target=lambda: (writer.flush(), durable.append(len(events_of(path)))))
    with at_write_points(hold):
        other.start()
        assert committing.wait(20)
        waiting.start()
        assert not durable
        go_on.set()
        waiting.join(20)
        other.join(20)
    assert durable == [2]


def test_what_strikes_a_commit_from_outside_loses_nothing(path: Path, at_write_points: Listen) -> None:
    writer = JournalWriter(path)
    log = begun(writer)

    def strike(point: str) -> None:
        if point == "before_commit":
            raise KeyboardInterrupt

    log.append(stall("a"))
    with at_write_points(strike), pytest.raises(KeyboardInterrupt):
        writer.flush()
    log.append(stall("b"))
    writer.flush()
    assert [event.action for event in events_of(path)[1:]] == ["a", "b"]  # type: ignore[union-attr]


def test_a_changed_byte_is_found_when_it_is_read(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    log.append(stall("abcdef"))
    writer.flush()
    with sqlite3.connect(path) as connection:
        [(body,)] = connection.execute("SELECT body FROM events WHERE seq = 2").fetchall()
        connection.execute("UPDATE events SET body = ? WHERE seq = 2", (body.replace(b"abc", b"xyz"),))
    with pytest.raises(errors.JournalCorruptionError, match=r"Event 2 of run 'run'.*checksum.*doctor"):
        events_of(path)
    assert any("Event 2" in problem for problem in examine(path).damage)


PROGRAM = """
import sys, time
from pathlib import Path
from typing import Any
from flyte_nb._journal import JournalWriter
from flyte_nb._journal.liveness import this_process
from flyte_nb.models import events as ev
writer = JournalWriter(Path(sys.argv[1]))
log = writer.begin_run(sys.argv[2], ev.RunStarted(time.time(), "env.main", this_process()), None)
for index in range(200):
    log.append(ev.StallNoticed(1.0, f"a{index}", 2.0))
    writer.flush()
"""


def test_several_processes_create_write_and_read_at_once(path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(path), f"run{index}"], stderr=subprocess.PIPE, text=True)
        for index in range(4)
    ]
    reader = JournalReader(path)
    while any(process.poll() is None for process in processes):
        for record in reader.runs():
            list(reader.events(record.name))
    for process in processes:
        assert process.returncode == 0, process.communicate()[1]
    assert {record.name: len(list(reader.events(record.name))) for record in reader.runs()} == {
        f"run{index}": 201 for index in range(4)
    }


def test_a_full_disk_is_a_clear_error_and_nothing_recorded_is_lost(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    log.append(stall("before"))
    writer.flush()
    pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
    writer._connection.execute(f"PRAGMA max_page_count = {pages}")
    log.append(stall("x" * 100_000))
    with pytest.raises(errors.JournalWriteError, match="disk is full.*safe"):
        writer.flush()
    assert events_of(path)[-1].action == "before"  # type: ignore[union-attr]
    writer._connection.execute("PRAGMA max_page_count = 1000000")
    writer.flush()
    assert len(events_of(path)) == 3


def test_a_run_whose_journal_is_full_ends_with_that_error_and_resumes_when_there_is_space() -> None:
    writer = current_runtime().writer

    @env.task
    async def small(x: int) -> int:
        return x

    @env.task(max_inline_io_bytes=2**20)
    async def root() -> str:
        await small(1)
        pages = writer._connection.execute("PRAGMA page_count").fetchone()[0]
        writer._connection.execute(f"PRAGMA max_page_count = {pages}")
        return "x" * 30_000

    run = flyte.run(root)
    run.wait()
    with pytest.raises(errors.RuntimeSystemError, match="disk is full"):
        run.outputs()
    writer._connection.execute("PRAGMA max_page_count = 1000000")


def test_a_home_of_a_newer_version_is_refused_with_the_way_out(path: Path) -> None:
    JournalWriter(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(errors.JournalVersionError, match=r"format 999.*Upgrade"):
        JournalWriter(path)


def test_a_file_that_is_no_database_is_named(path: Path) -> None:
    path.write_bytes(b"this is no database, but it is long enough to look at" * 100)
    with pytest.raises(errors.JournalCorruptionError, match="journal.sqlite"):
        JournalWriter(path)


def test_a_locked_database_is_an_error_in_words(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyte_nb._journal.connection.BUSY_TIMEOUT_S", 0.05)
    writer = JournalWriter(path)
    log = begun(writer)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    log.append(stall("a"))
    with pytest.raises(errors.JournalWriteError, match="Another process has held it"):
        writer.flush()
    other.execute("ROLLBACK")
    writer.flush()
    assert len(events_of(path)) == 2


def test_an_interrupt_while_the_lock_is_waited_for_leaves_the_journal_free(path: Path) -> None:
    connection, other = open_database(path), open_database(path)
    said: queue.SimpleQueue[str] = queue.SimpleQueue()

    def interrupt_and_release() -> None:
        assert said.get() == "BEGIN IMMEDIATE"
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        other.execute("ROLLBACK")

    other.execute("BEGIN IMMEDIATE")
    connection.set_trace_callback(said.put)  # without a line of Python, at which the interrupt could strike too early
    strike = threading.Thread(target=interrupt_and_release)
    strike.start()
    with pytest.raises(KeyboardInterrupt), transaction(connection):
        strike.join()
        pytest.fail("no interrupt came")
    strike.join()
    other.execute("PRAGMA busy_timeout = 0")
    for anyone in (other, connection):
        with transaction(anyone):
            pass


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(errors.InitializationError, match="FLYTE_NB_HOME"):
        Home(file)


def test_a_home_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    assert stat.S_IMODE(Home(folder).path.stat().st_mode) == 0o700


def test_a_request_is_settled_once(path: Path) -> None:
    writer, mailbox = JournalWriter(path), Mailbox(path)
    log = begun(writer)
    number = mailbox.post("run", "abort")
    assert [request.request_id for request in Mailbox(path).open_requests(["run"])] == [number]
    for outcome in ("first", "second"):
        log.settle(number, outcome)
    assert mailbox.outcome(number) is None
    writer.flush()
    assert mailbox.outcome(number) == "first"
    assert mailbox.open_requests(["run"]) == []


def test_what_tells_of_a_request_and_its_outcome_are_one_commit_also_after_one_that_failed(
    path: Path, at_write_points: Listen
) -> None:
    writer, mailbox = JournalWriter(path), Mailbox(path)
    log = begun(writer)
    number = mailbox.post("run", "answer")

    def strike(point: str) -> None:
        if point == "before_commit":
            raise KeyboardInterrupt

    log.settle(number, "answered with 5", ev.PromptAnswered(1.0, "a0", "prompt", "5", "Ada"))
    with at_write_points(strike), pytest.raises(KeyboardInterrupt):
        writer.flush()
    assert (len(events_of(path)), mailbox.outcome(number)) == (1, None)
    writer.flush()
    assert (len(events_of(path)), mailbox.outcome(number)) == (2, "answered with 5")


@pytest.mark.parametrize("phase", [ActionPhase.SUCCEEDED, ActionPhase.FAILED])
def test_requests_that_are_open_when_a_run_ends_have_their_outcome_with_its_end(
    path: Path, phase: ActionPhase, at_write_points: Listen
) -> None:
    writer, mailbox = JournalWriter(path), Mailbox(path)
    log = begun(writer)
    abort, answer = mailbox.post("run", "abort"), mailbox.post("run", "answer")
    other = mailbox.post("another run", "abort")
    seen: list[tuple[str | None, str | None]] = []

    def look(point: str) -> None:
        if point == "after_commit":
            seen.append((mailbox.outcome(abort), mailbox.outcome(answer)))

    with at_write_points(look):
        writer.end_run(log, ev.RunEnded(time.time(), phase))
    waits_for_a_resume = phase is ActionPhase.FAILED
    assert seen == [
        ("nothing to abort: the run has ended", None if waits_for_a_resume else "too late: run 'run' has succeeded")
    ]
    assert mailbox.outcome(other) is None


def test_a_request_that_comes_after_the_end_has_its_outcome_at_once(path: Path) -> None:
    writer, mailbox = JournalWriter(path), Mailbox(path)
    writer.end_run(begun(writer), ev.RunEnded(time.time(), ActionPhase.SUCCEEDED))
    assert mailbox.outcome(mailbox.post("run", "abort")) == "nothing to abort: the run has ended"
    assert mailbox.outcome(mailbox.post("run", "answer")) == "too late: run 'run' has succeeded"


def test_a_run_ends_also_where_requests_cannot_be_read(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE requests")
    writer.end_run(log, ev.RunEnded(time.time(), ActionPhase.SUCCEEDED))
    assert JournalReader(path).run("run").phase is ActionPhase.SUCCEEDED


def test_the_doctor_who_ends_an_interrupted_run_settles_its_aborts_and_keeps_its_answers(path: Path) -> None:
    writer, mailbox = JournalWriter(path), Mailbox(path)
    begun(writer, "orphan", dead_owner())
    abort, answer = mailbox.post("orphan", "abort"), mailbox.post("orphan", "answer")
    examine(path, repair=True)
    assert mailbox.outcome(abort) == "nothing to abort: the run has ended"
    assert mailbox.outcome(answer) is None


def test_a_process_is_alive_by_its_number_and_start_time_and_elsewhere_by_its_heartbeat() -> None:
    mine = this_process()
    assert is_alive(mine, 0.0)
    assert not is_alive(ev.Owner(mine.host, mine.pid, mine.process_started_at - 100), time.time())
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    assert not is_alive(ev.Owner(mine.host, int(gone.stdout), mine.process_started_at), time.time())
    assert is_alive(ev.Owner("elsewhere", 1, 0.0), time.time())
    assert not is_alive(ev.Owner("elsewhere", 1, 0.0), time.time() - 3600)


def test_a_process_is_known_by_its_start_as_well_as_its_id_which_comes_again() -> None:
    mine = this_process()
    assert is_same(mine, process_as_owner(mine.pid))
    earlier = structs.replace(mine, process_started_at=mine.process_started_at - 60)
    assert not is_same(mine, earlier)
    assert not is_same(mine, structs.replace(mine, machine="another"))


def test_a_reservation_of_another_host_lasts_as_long_as_the_heartbeat_of_its_owner(path: Path) -> None:
    time_s = 1000.0
    elsewhere = ev.Owner("elsewhere", 41, 1.0, "another machine")
    writer, cache = JournalWriter(path, lambda: time_s), CacheTable(path, lambda: time_s)
    log = writer.begin_run("run", ev.RunStarted(time_s, "env.main", elsewhere), None)
    other = ev.Owner("elsewhere", 41, 2.0, "another machine")  # another process that had the same number
    writer.begin_run("other", ev.RunStarted(1200.0, "env.main", other), None)
    assert cache.reserve("key", elsewhere)
    time_s = 1100.0
    writer.beat([log])
    time_s = 1159.0
    assert not cache.reserve("key", this_process())
    time_s = 1161.0
    assert cache.reserve("key", this_process())


def test_the_doctor_leaves_a_reservation_of_another_host_whose_heart_beats(path: Path) -> None:
    elsewhere = ev.Owner("elsewhere", 41, 1.0, "another machine")
    begun(JournalWriter(path), "run", elsewhere)
    CacheTable(path, lambda: 1000.0).reserve("key", elsewhere)
    assert examine(path).stale_reservations == []
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE owners SET heartbeat_at = 1000")
    connection.close()
    assert examine(path).stale_reservations == ["key"]


def dead_owner() -> ev.Owner:
    return ev.Owner(this_process().host, this_process().pid, 1.0)


def test_the_doctor_finds_and_mends_orphans_reservations_and_damaged_cache_entries(path: Path) -> None:
    writer = JournalWriter(path)
    begun(writer, "orphan", dead_owner())
    cache = CacheTable(path)
    cache.reserve("key", dead_owner())
    cache.put(CacheEntry("damaged", "run", "a", "task", b"\x91\xc4\x01x", time.time()))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE cache SET crc = 1")
    found = examine(path)
    assert (found.orphans, found.stale_reservations, found.damaged_cache_keys) == (["orphan"], ["key"], ["damaged"])
    assert not found.is_sound
    examine(path, repair=True)
    assert examine(path).is_sound
    assert JournalReader(path).run("orphan").phase is ActionPhase.ABORTED


def test_a_repair_does_not_take_a_damaged_journal_from_under_a_living_run(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer, "living", this_process())
    log.append(stall("a0"))
    writer.flush()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET crc = 1 WHERE seq = 1")
    found = examine(path, repair=True)
    assert not found.mended
    assert "run living is going on" in found.hindrance and "Wait for it, or abort it" in found.hindrance
    assert not list(path.parent.glob("journal.sqlite.damaged-*"))


def test_from_a_damaged_file_all_that_can_be_read_is_rescued(path: Path) -> None:
    writer = JournalWriter(path)
    log = begun(writer, "run", dead_owner())
    for index in range(3000):
        log.append(stall(f"a{index:06d}" * 4))
    writer.flush()
    writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.close()
    size_bytes = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size_bytes * 3 // 4 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    found = examine(path, repair=True)
    assert found.damage and found.mended
    assert list(path.parent.glob("journal.sqlite.damaged-*"))
    assert examine(path).is_sound
    assert len(events_of(path)) > 500


def test_a_schema_of_bytes_that_are_no_text_is_damage_too(path: Path) -> None:
    writer = JournalWriter(path)
    begun(writer, "run", dead_owner())
    writer.flush()
    writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    writer.close()
    content = path.read_bytes()
    assert b"CREATE TABLE events" in content
    path.write_bytes(content.replace(b"CREATE TABLE events", b"CREATE TABL\xff events"))
    with pytest.raises(errors.JournalCorruptionError, match=r"malformed text in it\. Run `flyte-nb doctor`"):
        JournalReader(path).unfinished()
    [damage] = examine(path).damage
    assert "malformed text in it" in damage


def test_the_doctor_closes_requests_that_a_run_left_open_at_its_good_end_and_no_others(path: Path) -> None:
    writer, mailbox = JournalWriter(path), Mailbox(path)
    numbers = {}
    for name, phase in (("good", ActionPhase.SUCCEEDED), ("bad", ActionPhase.FAILED)):
        numbers[name] = mailbox.post(name, "answer")
        writer.end_run(begun(writer, name), ev.RunEnded(time.time(), phase))
    writer.close()
    with sqlite3.connect(path) as connection:  # as earlier versions left it
        connection.execute("UPDATE requests SET outcome = NULL")
    assert "closed 1 request(s) to runs that have succeeded" in examine(path, repair=True).mended
    assert mailbox.outcome(numbers["good"]) == "too late: the run has succeeded"
    assert mailbox.outcome(numbers["bad"]) is None


def test_old_runs_are_forgotten_young_and_living_ones_are_kept(path: Path) -> None:
    writer = JournalWriter(path)
    for name in ("old", "young"):
        log = begun(writer, name)
        writer.end_run(log, ev.RunEnded(time.time(), ActionPhase.SUCCEEDED))
    begun(writer, "living")
    writer.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE runs SET ended_at = 1 WHERE name = 'old'")
        connection.execute("UPDATE runs SET created_at = 1")
    assert forget_runs(path, 3600) == ["old"]
    assert {record.name for record in JournalReader(path).runs()} == {"young", "living"}
    assert events_of(path, "old") == []


def test_stored_values_are_deleted_when_nobody_refers_to_them(home: Path) -> None:
    import pandas as pd

    @env.task
    async def frame(x: int) -> pd.DataFrame:
        return pd.DataFrame({"x": [x]})

    for x in (1, 2):
        flyte.with_runcontext(name=f"run{x}").run(frame, x).wait()
    with sqlite3.connect(home / "journal.sqlite") as connection:
        connection.execute("UPDATE runs SET ended_at = 1 WHERE name = 'run1'")
    swept = sweep(Home(home), 3600, young_s=0.0)
    assert swept.runs == ["run1"]
    assert swept.files == 1
    assert flyte.Run.get("run2").outputs()[0]["x"].tolist() == [2]


def test_what_is_kept_for_later_calls_is_reserved_by_nobody_any_more(path: Path) -> None:
    cache = CacheTable(path)
    assert cache.reserve("key", this_process())
    cache.put(CacheEntry("key", "run", "a", "task", b"\x90", time.time()), this_process())
    cache.close()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT key FROM reservations").fetchall() == []
    connection.close()


@pytest.mark.parametrize("row", [(1, None, 0), (1, "text", 0), (1, 5, 0), (1, b"", None), (1, b"", "0")])
@pytest.mark.parametrize("read", [codec.decode_events, codec.event_heads])
def test_a_row_in_which_a_damaged_file_has_something_else_than_bytes_is_named(read: Any, row: Any) -> None:
    with pytest.raises(errors.JournalCorruptionError, match="Event 1 of run 'run' is damaged: .*flyte-nb doctor"):
        read([row], "run")


def test_whoever_goes_on_with_a_run_frees_what_the_dead_had_reserved_and_nothing_else(path: Path) -> None:
    writer, cache = JournalWriter(path), CacheTable(path)
    begun(writer, "run", dead_owner())
    assert cache.reserve("of the dead", dead_owner())
    assert cache.reserve("of the living", this_process())
    writer.take_over_run(ev.RunResumed(time.time(), this_process()), JournalReader(path).run("run"))
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT key FROM reservations").fetchall() == [("of the living",)]
    connection.close()


def test_a_journal_that_another_process_is_making_too_is_waited_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TABLE begun (x)")
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("flyte_nb._journal.connection.time.sleep", lambda _: other.close())

    with closing(open_database(path)) as opened:
        assert opened.execute("PRAGMA journal_mode").fetchone() == ("wal",)
