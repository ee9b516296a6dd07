"""Tracebacks as notebooks show them, where frames of this package would tell nobody anything."""

from __future__ import annotations

import os
import traceback

_OWN_FOLDER = os.path.dirname(os.path.abspath(__file__)) + os.sep
_IPYTHON = f"{os.sep}IPython{os.sep}"


def shown_without_own_frames(error: BaseException) -> BaseException:
    """`error` without its traceback so far, and such that IPython shows the user's frames only where it is raised."""
    error.__dict__["_render_traceback_"] = lambda: _lines_of(error)
    return error.with_traceback(None)


def _lines_of(error: BaseException) -> list[str]:
    summary = traceback.TracebackException.from_exception(error)
    kept = [frame for frame in summary.stack if _is_of_the_user(frame.filename)]
    summary.stack = traceback.StackSummary.from_list(kept)
    return "".join(summary.format()).splitlines()


def _is_of_the_user(file: str) -> bool:
    return not file.startswith(_OWN_FOLDER) and _IPYTHON not in file
