"""The magics. A wrong use is one line on stderr, never a traceback of ours."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from typing import Any

from .. import compat
from .._start import with_runcontext
from .._task.registry import registered_tasks
from ..errors import BaseRuntimeError
from ..remote import Action, Run
from ..remote.requests import answer_prompt
from .cell import CellProgram, cell, last_values
from .display import display_picture, show

USAGE = "%%flyte_run [--name N] [--mode M] [--queue Q] [--detach] [--no-view] [--context key=value] ..."


class Misuse(Exception):
    """A magic was used in a way it does not know; the text says how to use it."""


def flyte_run_cell(line: str, source: str) -> Any:
    """``%%flyte_run``: the cell is the root action of a run."""
    options, flags = _options(line)
    program = _translated(source)
    run = with_runcontext(**options).run(cell, program)
    displayed = None if "--no-view" in flags else display_picture(run.name)
    if "--detach" in flags:
        return None
    try:
        run.wait()
    finally:
        if displayed is not None:
            displayed.finish_headless()
    _raise_failure(run)
    return last_values.pop(run.name, None)


def flyte_run_line(line: str) -> Any:
    """``%flyte_run task arg=value``: run a task; values are Python."""
    words = shlex.split(line, posix=False)
    if not words:
        raise Misuse("%flyte_run TASK [name=value ...]")
    shell = _shell()
    task = shell.user_ns.get(words[0]) or registered_tasks().get(words[0])
    if task is None:
        raise Misuse(f"There is no task {words[0]!r}; known are {', '.join(sorted(registered_tasks())) or 'none'}.")
    arguments = {}
    for word in words[1:]:
        name, sign, value = word.partition("=")
        if not sign:
            raise Misuse(f"{word!r} is no argument; write name=value.")
        arguments[name] = eval(value, shell.user_ns)
    run = with_runcontext().run(task, **arguments)
    display_picture(run.name)
    return run


def flyte_runs(line: str) -> None:
    """``%flyte_runs``: the newest runs."""
    for run in Run.listall(limit=int(line) if line.strip().isdigit() else 20):
        details = run.details()
        started = details.start_time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if details.start_time else ""
        print(f"{run.name:<16} {details.phase!s:<10} {started}  {details.task_name}")


def flyte_show(line: str) -> None:
    """``%flyte_show RUN``."""
    [name] = _words(line, 1, 1, "%flyte_show RUN")
    show(name)


def flyte_abort(line: str) -> None:
    """``%flyte_abort RUN [ACTION]``."""
    words = _words(line, 1, 2, "%flyte_abort RUN [ACTION]")
    found = Run.get(words[0]) if len(words) == 1 else Action.get(*words)
    found.abort(reason="Aborted in the notebook.")


def flyte_resume(line: str) -> None:
    """``%flyte_resume RUN``."""
    [name] = _words(line, 1, 1, "%flyte_resume RUN")
    run = Run.get(name).resume()
    display_picture(run.name)


def flyte_logs(line: str) -> None:
    """``%flyte_logs RUN [ACTION]``."""
    words = _words(line, 1, 2, "%flyte_logs RUN [ACTION]")
    Run.get(words[0]).show_logs(*words[1:])


def flyte_answer(line: str) -> None:
    """``%flyte_answer RUN PROMPT VALUE``."""
    run, prompt, *value = _words(line, 3, 100, "%flyte_answer RUN PROMPT VALUE")
    print(answer_prompt(run, prompt, " ".join(value)))


def flyte_compat(line: str) -> None:
    """``%flyte_compat``: from here on ``import flyte`` gives flyte_nb."""
    _words(line, 0, 0, "%flyte_compat")
    compat.install()


LINE_MAGICS: dict[str, Callable[[str], Any]] = {
    "flyte_run": flyte_run_line,
    "flyte_runs": flyte_runs,
    "flyte_show": flyte_show,
    "flyte_abort": flyte_abort,
    "flyte_resume": flyte_resume,
    "flyte_logs": flyte_logs,
    "flyte_answer": flyte_answer,
    "flyte_compat": flyte_compat,
}


def register(shell: Any) -> None:
    """Give `shell` the magics; doing it again changes nothing."""
    for name, function in LINE_MAGICS.items():
        shell.register_magic_function(_forgiving(function), "line", name)
    shell.register_magic_function(_forgiving(flyte_run_cell), "cell", "flyte_run")


def unregister(shell: Any) -> None:
    """Take the magics away."""
    for name in LINE_MAGICS:
        shell.magics_manager.magics["line"].pop(name, None)
    shell.magics_manager.magics["cell"].pop("flyte_run", None)


def _forgiving(function: Callable[..., Any]) -> Callable[..., Any]:
    def magic(line: str, *rest: str) -> Any:
        try:
            return function(line, *rest)
        except UserFailure as failure:
            raise failure.original from None
        except (Misuse, BaseRuntimeError, TypeError, SyntaxError, ValueError) as error:
            if not isinstance(error, (Misuse, SyntaxError, BaseRuntimeError)) and not _is_ours(error):
                raise
            print(_one_line(error), file=sys.stderr)
            return None

    magic.__doc__ = function.__doc__
    return magic


def _is_ours(error: BaseException) -> bool:
    """Whether an error was raised by this package's own checks, and not by code of the user."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith("flyte_nb.")


def _one_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return f"SyntaxError in line {error.lineno}: {error.msg}: {(error.text or '').strip()}"
    return " ".join(str(error).split())


def _options(line: str) -> tuple[dict[str, Any], set[str]]:
    options: dict[str, Any] = {}
    flags: set[str] = set()
    words = iter(shlex.split(line))
    for word in words:
        if word in ("--detach", "--no-view"):
            flags.add(word)
        elif word in ("--name", "--mode", "--queue", "--context"):
            value = next(words, None)
            if value is None:
                raise Misuse(f"{word} needs a value. Usage: {USAGE}")
            if word == "--context":
                key, sign, text = value.partition("=")
                if not sign:
                    raise Misuse(f"--context takes key=value, got {value!r}. Usage: {USAGE}")
                options.setdefault("custom_context", {})[key] = text
            else:
                options[word[2:]] = value
        else:
            raise Misuse(f"Unknown option {word!r}. Usage: {USAGE}")
    return options, flags


def _translated(source: str) -> str:
    """The cell as plain Python, checked before a run is made for it."""
    translated: str = _shell().transform_cell(source)
    CellProgram(translated)
    return translated


def _words(line: str, least: int, most: int, usage: str) -> list[str]:
    words = shlex.split(line)
    if not least <= len(words) <= most:
        raise Misuse(f"Usage: {usage}")
    return words


def _raise_failure(run: Run) -> None:
    try:
        run.raise_for_status()
    except BaseRuntimeError as error:
        if error.__cause__ is not None:
            raise UserFailure(error.__cause__) from None
        raise


class UserFailure(Exception):
    """Carries the user's own exception past the check for wrong uses."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(original)
        self.original = original


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
