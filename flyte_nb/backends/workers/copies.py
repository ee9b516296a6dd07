"""Copies of a worker that a task makes with `os.fork`: they have its memory, and none of its duties.

Two processes at one channel would answer for each other. So a copy says nothing to the kernel, what it prints goes
where the output of other programs goes, and it ends where the task's function does.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import NoReturn

from ..._engine.failure import user_traceback
from ...errors import RuntimeUserError
from . import messages as say


def refuse(message: say.FromWorker) -> None:
    """In place of telling the kernel something.

    Raises
    ------
    RuntimeUserError
    """
    raise RuntimeUserError(
        "ForkedProcess",
        "A process that a task has made with os.fork() has no way to the notebook: calls of tasks, traces, reports and"
        f" questions ({type(message).__name__.lower()}) are its parent's to make. Let it compute, and its parent call.",
    )


def write_past(message: say.FromWorker) -> None:
    """In place of telling the kernel what is printed or logged: write it to the process's own output."""
    if isinstance(message, say.Printed):
        _write(2 if message.stream == "stderr" else 1, message.text)
    elif isinstance(message, say.Logged):
        _write(2, f"{message.text}\n")


def end_copy() -> NoReturn:
    """End this process as a script ends, with the exception that is on its way, if there is one."""
    error = sys.exc_info()[1]
    status = 0
    if isinstance(error, SystemExit) and (error.code is None or isinstance(error.code, int)):
        status = error.code or 0
    elif error is not None:
        _write(2, user_traceback(error))
        status = 1
    os._exit(status & 0xFF)


def _write(descriptor: int, text: str) -> None:
    data = text.encode("utf-8", "backslashreplace")
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]
