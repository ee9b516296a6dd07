"""The magics. A wrong use is IPython's own usage error, one line; a run that failed is the failure of its cell."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from typing import Any

from .. import compat
from .._engine.naming import new_run_name
from .._frames import shown_without_own_frames, user_frames
from .._misfit import did_you_mean, with_nearest
from .._start import with_runcontext
from .._task.registry import registered_tasks
from .._task.task import Task
from ..errors import ActionNotFoundError, BaseRuntimeError, RuntimeDataValidationError
from ..remote import Action, Run
from ..remote.details import state_of
from ..remote.requests import answer_prompt
from .arguments import split_arguments
from .cell import CellProgram, cell, kept_value
from .display import display_picture, show

USAGE = "%%flyte_run [--name N] [--mode M] [--queue Q] [--detach] [--no-view] [--context key=value] ..."


MOST_LISTED = 10_000
_FLAGS = ("--detach", "--no-view")
_WITH_VALUE = ("--name", "--mode", "--queue", "--context")
_ANSWER = re.compile(r'(\S+)\s+(?:"([^"]+)"|(\S+))\s+(.+)', re.DOTALL)


class Misuse(Exception):
    """A magic was used in a way it does not know; the text says how to use it."""


class Failure(Exception):
    """Carries the error of a run past the check for wrong uses: it is the cell's own."""

    def __init__(self, original: BaseException) -> None:
        super().__init__(original)
        self.original = original


def flyte_run_cell(line: str, source: str) -> Any:
    """``%%flyte_run``: the cell is the root action of a run."""
    options, flags = _options(line)
    program = _translated(source).rstrip("\n")
    options.setdefault("name", new_run_name())
    with kept_value(options["name"]) as values:
        run = with_runcontext(**options).run(cell, program)
        if "--no-view" not in flags:
            display_picture(run.name)
        if "--detach" in flags:
            return None
        _finish(run)
        return values[-1] if values else None


def flyte_run_line(line: str) -> Any:
    """``%flyte_run task name=value``: run a task; values are Python."""
    word, _, rest = line.strip().partition(" ")
    if not word:
        raise Misuse("Usage: %flyte_run TASK [name=value ...]")
    _refuse_options([word], "%flyte_run TASK [name=value ...]")
    shell = _shell()
    task = shell.user_ns.get(word) or registered_tasks().get(word)
    if task is None:
        known = sorted(registered_tasks().keys() - {cell.name})
        here = [name for name, value in shell.user_ns.items() if isinstance(value, Task)]
        meant = with_nearest(word, [*here, *known])
        raise Misuse(f"There is no task {meant}; known are {', '.join(known) or 'none'}.")
    arguments = {}
    for name, value in split_arguments(rest).items():
        try:
            arguments[name] = eval(value, shell.user_ns)
        except Exception as error:
            raise Misuse(f"{name}={value}: {type(error).__name__}: {error}") from None
    run = with_runcontext().run(task, **arguments)
    display_picture(run.name)
    return run


def flyte_runs(line: str) -> None:
    """``%flyte_runs [HOW_MANY]``: the newest runs."""
    limit = line.strip() or "20"
    if not limit.isdecimal() or not 1 <= int(limit) <= MOST_LISTED:
        raise Misuse(f"Usage: %flyte_runs [HOW_MANY], 1 to {MOST_LISTED:,}; got {limit!r:.80}.")
    for run in Run.listall(limit=int(limit)):
        details = run.details()
        started = details.start_time.astimezone().strftime("%Y-%m-%d %H:%M:%S") if details.start_time else ""
        print(f"{run.name:<16} {state_of(details):<11} {started}  {details.task_name}")


def flyte_show(line: str) -> None:
    """``%flyte_show RUN``."""
    [name] = _words(line, 1, 1, "%flyte_show RUN")
    show(name)


def flyte_abort(line: str) -> None:
    """``%flyte_abort RUN [ACTION]``."""
    words = _words(line, 1, 2, "%flyte_abort RUN [ACTION]")
    found = Run.get(words[0]) if len(words) == 1 else Action.get(*words)
    what = f"Run {words[0]!r}" if len(words) == 1 else f"Action {words[1]!r} of run {words[0]!r}"
    if found.done():
        raise Misuse(f"{what} has ended: {found.phase}. There is nothing to abort.")
    found.abort(reason="Aborted in the notebook.")
    print(f"{what} is being stopped.")


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
    """``%flyte_answer RUN PROMPT VALUE``: everything after the prompt is the value, as it stands.

    A prompt whose name has spaces is quoted: ``%flyte_answer RUN "how many" 7``.
    """
    found = _ANSWER.match(line.strip())
    if found is None:
        raise Misuse("Usage: %flyte_answer RUN PROMPT VALUE")
    run, quoted, plain, value = found.groups()
    _refuse_options([run], "%flyte_answer RUN PROMPT VALUE")
    print(answer_prompt(_filled_in(run), plain if quoted is None else quoted, value))


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
VERBATIM = frozenset({"flyte_run", "flyte_answer"})
"""Those whose braces and dollars are Python, or a person's answer, and not names for IPython to fill in."""


def register(shell: Any) -> None:
    """Give `shell` the magics; doing it again changes nothing."""
    from IPython.core.magic import no_var_expand

    for name, function in LINE_MAGICS.items():
        magic = _forgiving(function)
        shell.register_magic_function(no_var_expand(magic) if name in VERBATIM else magic, "line", name)
    shell.register_magic_function(_forgiving(flyte_run_cell), "cell", "flyte_run")


def unregister(shell: Any) -> None:
    """Take the magics away."""
    for name in LINE_MAGICS:
        shell.magics_manager.magics["line"].pop(name, None)
    shell.magics_manager.magics["cell"].pop("flyte_run", None)


def _forgiving(function: Callable[..., Any]) -> Callable[..., Any]:
    from IPython.core.error import UsageError

    def magic(line: str, *rest: str) -> Any:
        __tracebackhide__ = True
        try:
            return function(line, *rest)
        except Failure as failure:
            raise failure.original from None
        except KeyboardInterrupt as interrupt:
            raise shown_without_own_frames(interrupt) from None
        except (Misuse, BaseRuntimeError, ActionNotFoundError, TypeError, SyntaxError, ValueError) as error:
            if isinstance(error, (TypeError, ValueError)) and not _is_ours(error):
                raise
            raise UsageError(_one_line(error)) from None

    magic.__doc__ = function.__doc__
    return magic


def _is_ours(error: BaseException) -> bool:
    """Whether an error was raised by this package's own checks, and not by code of the user."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith("flyte_nb.")


def _one_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"SyntaxError in line {error.lineno}: {error.msg}: {(error.text or '').strip()}"
    return " ".join(str(error).split())


def _options(line: str) -> tuple[dict[str, Any], set[str]]:
    options: dict[str, Any] = {}
    flags: set[str] = set()
    words = iter(_split(line, USAGE))
    for word in words:
        option, sign, value = word.partition("=")
        if word in _FLAGS:
            flags.add(word)
        elif option in _WITH_VALUE:
            _set_option(options, option, value if sign else next(words, None))
        else:
            meant = did_you_mean(option, [*_FLAGS, *_WITH_VALUE])
            raise Misuse(f"Unknown option {word!r}{meant}. Usage: {USAGE}")
    return options, flags


def _set_option(options: dict[str, Any], option: str, value: str | None) -> None:
    if not value:
        raise Misuse(f"{option} needs a value. Usage: {USAGE}")
    if option == "--context":
        key, sign, text = value.partition("=")
        if not key or not sign:
            raise Misuse(f"--context takes key=value, got {value!r}. Usage: {USAGE}")
        options.setdefault("custom_context", {})[key] = text
    elif option[2:] in options:
        raise Misuse(f"{option} is given twice. Usage: {USAGE}")
    else:
        options[option[2:]] = value


def _translated(source: str) -> str:
    """The cell as plain Python, checked before a run is made for it."""
    translated: str = _shell().transform_cell(source)
    CellProgram(translated)
    return translated


def _filled_in(_typed: str) -> str:
    """A word with the notebook's names filled in; IPython looks at the names of this function first."""
    return str(_shell().var_expand(_typed))


def _words(line: str, least: int, most: int, usage: str) -> list[str]:
    words = _split(line, usage)
    _refuse_options(words, usage)
    if not least <= len(words) <= most:
        raise Misuse(f"Usage: {usage}")
    return words


def _refuse_options(words: list[str], usage: str) -> None:
    for word in words:
        if word.startswith("--"):
            raise Misuse(f"Unknown option {word!r}. Usage: {usage}")


def _split(line: str, usage: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise Misuse(f"{error} in {line!r}. Usage: {usage}") from None


def _finish(run: Run) -> None:
    """Wait for the run; its failure is the user's own exception, or what ended it from outside."""
    try:
        run.wait()
        run.raise_for_status()
    except BaseRuntimeError as error:
        cause = None if isinstance(error, RuntimeDataValidationError) else error.__cause__
        original = cause or error
        trace = user_frames(original.__traceback__)
        if trace is None:  # IPython would show the frame below, for want of another
            original.__dict__["_render_traceback_"] = lambda: [f"{type(original).__name__}: {original}"]
        raise Failure(original.with_traceback(trace)) from None


def _shell() -> Any:
    from IPython.core.getipython import get_ipython

    return get_ipython()
