"""How commands end: every exit code, and which error ends with which."""

from __future__ import annotations

import enum

import click

from ..errors import RuntimeSystemError, RuntimeUnknownError
from ..models.phases import ActionPhase


class ExitCode(enum.IntEnum):
    """What a command's exit code means; `docs/guide/command_line.md` has the same table."""

    OK = 0
    FAILED = 1
    WRONG_USE = 2
    ABORTED = 3
    TIMED_OUT = 4
    INTERRUPTED = 130


CODE_OF_PHASE = {
    ActionPhase.SUCCEEDED: ExitCode.OK,
    ActionPhase.RECOVERED: ExitCode.OK,
    ActionPhase.FAILED: ExitCode.FAILED,
    ActionPhase.ABORTED: ExitCode.ABORTED,
    ActionPhase.TIMED_OUT: ExitCode.TIMED_OUT,
}


class Failed(click.ClickException):
    """The command was right, and what it does went wrong."""

    exit_code = ExitCode.FAILED


class WrongUse(click.ClickException):
    """The command cannot be followed as it was written; nothing was started or changed."""

    exit_code = ExitCode.WRONG_USE


def ending_of(error: Exception) -> click.ClickException:
    """How a command ends on `error`: one line, and the code for a failure of the machine's or ours, or a wrong use."""
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename is not None else ""
        return Failed(f"{named}{error.strerror or error}")
    kind = Failed if isinstance(error, (RuntimeSystemError, RuntimeUnknownError)) else WrongUse
    return kind(str(error))
