"""Tracebacks as users read them: their own lines, and ours where the fault is ours.

Python notes a frame in the traceback before the frame's own ``except`` runs, and a bare ``raise`` there adds nothing.
So a public call can take all frames of ours off an error, its own as well, in a notebook and in a script alike.
"""

from __future__ import annotations

import opcode
import os
import traceback
from collections.abc import Iterator
from types import FrameType, TracebackType

_PACKAGE = __name__.partition(".")[0]
_STANDARD_LIBRARY = (os.path.dirname(os.__file__) + os.sep, "<frozen ")
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_OWN_FAULT = "_flyte_nb_own_fault"
_RAISE = opcode.opmap["RAISE_VARARGS"]


def is_own(frame: FrameType) -> bool:
    """Whether `frame` runs code of this package."""
    module = frame.f_globals.get("__name__")
    return isinstance(module, str) and module.partition(".")[0] == _PACKAGE


def hide_own_frames(error: BaseException) -> None:
    """Leave the user's frames in the traceback of `error` and in those of its causes.

    An error is the user's where a ``raise`` of ours, which says something, or their own code has raised it. Anything
    else is a fault of ours and keeps all frames.
    """
    if not is_own_fault(error):
        _hide(error, set())


def shown_without_own_frames(error: BaseException) -> BaseException:
    """`error` without its traceback so far, and such that IPython shows the user's frames only where it is raised."""
    error.__dict__["_render_traceback_"] = lambda: _lines_of(error)
    return error.with_traceback(None)


def user_frames(trace: TracebackType | None) -> TracebackType | None:
    """`trace` without frames of ours, and without those of libraries between ours; None if there is no other."""
    kept: list[TracebackType] = []
    hidden = False
    for one in _entries(trace):
        hidden = is_own(one.tb_frame) or (hidden and _is_of_library(one.tb_frame))
        if not hidden:
            kept.append(one)
    chained: TracebackType | None = None
    for one in reversed(kept):
        chained = TracebackType(chained, one.tb_frame, one.tb_lasti, one.tb_lineno)
    return chained


def is_own_fault(error: BaseException) -> bool:
    """Whether `error` came out of our code, or out of a library that we called, without our having raised it.

    The answer is kept: a thread or a loop that hands the error on adds frames of libraries.
    """
    judged = error.__dict__.get(_OWN_FAULT)
    if judged is None:
        judged = error.__dict__[_OWN_FAULT] = _was_not_raised_for_users(error)
    return bool(judged)


def _was_not_raised_for_users(error: BaseException) -> bool:
    if isinstance(error, OSError) or not isinstance(error, Exception):
        return False  # the machine, or somebody who interrupts
    last: TracebackType | None = None
    called: list[FrameType] = []
    for one in _entries(error.__traceback__):
        if is_own(one.tb_frame):
            last, called = one, []
        else:
            called.append(one.tb_frame)
    if last is None:
        return False
    if called:
        return all(map(_is_of_library, called))
    return type(error) is AssertionError or last.tb_frame.f_code.co_code[last.tb_lasti] != _RAISE


def _hide(error: BaseException, seen: set[int]) -> None:
    seen.add(id(error))
    error.__traceback__ = user_frames(error.__traceback__)
    context = None if error.__suppress_context__ else error.__context__
    for linked in (error.__cause__, context, *(error.exceptions if isinstance(error, BaseExceptionGroup) else ())):
        if linked is not None and id(linked) not in seen and not linked.__dict__.get(_OWN_FAULT):
            _hide(linked, seen)


def _entries(trace: TracebackType | None) -> Iterator[TracebackType]:
    while trace is not None:
        yield trace
        trace = trace.tb_next


def _is_of_library(frame: FrameType) -> bool:
    file = frame.f_code.co_filename
    return file.startswith(_STANDARD_LIBRARY) or any(folder in file for folder in _INSTALLED)


def _lines_of(error: BaseException) -> list[str]:
    summary = traceback.TracebackException.from_exception(error.with_traceback(user_frames(error.__traceback__)))
    kept = [frame for frame in summary.stack if f"{os.sep}IPython{os.sep}" not in frame.filename]
    summary.stack = traceback.StackSummary.from_list(kept)
    return "".join(summary.format()).splitlines()
