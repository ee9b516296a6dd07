"""The processes of a round: forks of the runner, which has no thread, uses no home, and has loaded all they need."""

from __future__ import annotations

import atexit
import faulthandler
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flyte_nb as flyte
from flyte_nb._journal import JournalReader
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.models.events import PromptAnswered
from flyte_nb.models.phases import ActionPhase
from flyte_nb.remote import Run
from flyte_nb.remote.requests import answer_prompt

from . import ledger
from .strikes import strike_at_write_points
from .workflows import WORKFLOWS

RUN = "chaos"
FAILED = 3
"""How a life ends whose run has failed with an error of ours, which stands in the file ``error``."""

PATIENCE_S = 400
ANSWER = "7"
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class End:
    """How a process ended.

    Attributes
    ----------
    status : int
        What it returned; negative is the signal that ended it.
    """

    status: int
    hung: bool = False


def begin(folder: Path, name: str, live: Callable[[], None], environment: Mapping[str, str] = NOTHING) -> int:
    """Fork a process that lives `live`; what it prints and how it fails goes to the file ``name.log``."""
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.environ.update(environment, **{ledger.FOLDER_VARIABLE: str(folder)})
        log = open(folder / f"{name}.log", "a")  # noqa: SIM115
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        faulthandler.register(signal.SIGUSR1, file=log, all_threads=True)
        live()
        status = 0
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    except BaseException:
        traceback.print_exc(file=sys.__stderr__)
    finally:
        try:
            atexit._run_exitfuncs()
        finally:
            sys.stderr.flush()
            os._exit(status)


def end_of(process: int) -> End:
    """Wait for a process; one that takes too long says where it is, and is killed."""

    def overdue(*_: Any) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, overdue)
    signal.alarm(PATIENCE_S)
    try:
        return End(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    except TimeoutError:
        os.kill(process, signal.SIGUSR1)
        signal.signal(signal.SIGALRM, overdue)
        signal.alarm(2)  # for what it says
        try:
            os.waitpid(process, 0)
        except TimeoutError:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
        return End(-signal.SIGKILL, hung=True)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def home_of(folder: Path) -> Path:
    """The home of a round."""
    return folder / "disk" / "home"


def drive(folder: Path, workflow: str, arguments: tuple[int, ...], storage: str) -> None:
    """Begin the run, or go on with it, to its end."""
    (folder / "driver").write_text(str(os.getpid()))
    (folder / "error").unlink(missing_ok=True)
    chosen = WORKFLOWS[workflow]
    reached = strike_at_write_points(folder)
    try:
        flyte.init(home=home_of(folder), storage=storage or None, queues=_queues(folder, chosen.mode))
        run = gone_on_with() or flyte.with_runcontext(name=RUN, mode=chosen.mode or None).run(chosen.main, *arguments)
        (folder / "output").write_text(json.dumps(run.outputs()[0]))
    except Exception as error:
        (folder / "error").write_text(f"{type(error).__module__}.{type(error).__name__}: {error}")
        traceback.print_exc(file=sys.__stderr__)
        raise SystemExit(FAILED) from None
    finally:
        (folder / "reached").write_text(json.dumps(reached))


def gone_on_with() -> Run | None:
    """The run, resumed unless it has succeeded; None if it was not begun."""
    try:
        run = Run.get(RUN)
    except flyte.errors.RunNotFoundError:
        return None
    return run if run.phase is ActionPhase.SUCCEEDED else run.resume()


def _queues(folder: Path, mode: str) -> dict[str, Any]:
    if mode != "dask":
        return {}
    from flyte_nb.backends.dask import DaskBackend

    backend = DaskBackend.local(2, 2)
    workers = [worker.process.pid for worker in backend.cluster.workers.values()]
    (folder / "dask_workers").write_text(" ".join(map(str, workers)))
    return {"dask": backend}


def answer(folder: Path) -> None:
    """A person who answers each question as soon as it is asked, until somebody ends them."""
    flyte.init(home=home_of(folder))
    reader = current_runtime().reader
    while True:
        before = reader.data_version()
        for prompt in _open_questions(reader):
            try:
                answer_prompt(RUN, prompt, ANSWER, by="a person")
            except (flyte.errors.RunStateError, flyte.errors.QuestionNotFoundError):
                pass  # somebody else was faster, or nobody waits any more
        while reader.data_version() == before:
            threading.Event().wait(0.02)


def _open_questions(reader: JournalReader) -> list[str]:
    found = [*reader.questions(RUN)]
    answered = {event.prompt_id for event in found if isinstance(event, PromptAnswered)}
    return [event.prompt_id for event in found if event.prompt_id not in answered]


def read_output(folder: Path, storage: str) -> None:
    """What another process reads of the run, when all is over."""
    flyte.init(home=home_of(folder), storage=storage or None)
    (folder / "output_read").write_text(json.dumps(Run.get(RUN).outputs()[0]))
