"""A user's exception as parents see it and as the journal remembers it."""

from __future__ import annotations

import asyncio
import re
import sys
import traceback

from msgspec.structs import replace

from .._frames import hide_own_frames
from ..errors import (
    BaseRuntimeError,
    JournalWriteError,
    NonRecoverableError,
    OOMError,
    RuntimeUnknownError,
    RuntimeUserError,
)
from ..models.events import ErrorRecord
from .advice import advise

MOST_CHARACTERS = 100_000
MOST_PICKLED_BYTES = 16 * 2**20
_FRAME = re.compile(r'(?P<indent>[ |]*)File "(?P<file>.+)", line (?P<number>\d+), in ')
_CARRIED = "_carried_record"


def as_runtime_error(error: BaseException) -> BaseRuntimeError:
    """What the parent catches: one of ours as it is, anything else as a `RuntimeUserError` around it."""
    if isinstance(error, BaseRuntimeError):
        return error
    if isinstance(error, MemoryError):
        wrapped: BaseRuntimeError = OOMError(f"The task ran out of memory: {error or 'MemoryError'}")
    elif isinstance(error, Exception):
        wrapped = RuntimeUserError(type(error).__name__, _message(error))
    elif isinstance(error, asyncio.CancelledError):
        wrapped = RuntimeUserError(
            "CancelledError",
            "Something that the task waited for was cancelled, and nobody had cancelled the task. Catch CancelledError"
            " where that is meant to happen.",
        )
    else:
        wrapped = RuntimeUserError(
            type(error).__name__, f"The task ended with {type(error).__name__}({_message(error)!r})."
        )
    hide_own_frames(error)
    advise(error)
    wrapped.__cause__ = error
    return wrapped


def is_final(error: BaseException) -> bool:
    """Whether another attempt would be wrong: it is not wanted, or what it does could not be recorded either."""
    if isinstance(error, NonRecoverableError) or (isinstance(error, JournalWriteError) and error.is_lasting):
        return True
    if isinstance(error, BaseRuntimeError) and error.__cause__ is not None and was_carried(error):
        return not isinstance(error.__cause__, Exception)
    return not isinstance(error, Exception)


def record_of(error: BaseRuntimeError) -> ErrorRecord:
    """What is remembered of a failure."""
    if was_carried(error):
        return error.__dict__[_CARRIED]  # type: ignore[no-any-return]
    original = error.__cause__
    if original is None or error.code not in (type(original).__name__, "OOMError"):
        original = error
    kind = type(original)
    return ErrorRecord(
        code=error.code,
        kind=error.kind,
        message=_shortened(error.root_cause_message),
        class_name=f"{kind.__module__}.{kind.__qualname__}",
        traceback=user_traceback(original),
        cause=_failure_behind(error),
    )


def _failure_behind(error: BaseException) -> ErrorRecord | None:
    """The failure of a call that `error` was raised from."""
    cause = _failed_call_behind(error)
    if cause is None:
        return None
    if was_carried(cause):
        return replace(record_of(cause), traceback="")
    return ErrorRecord(cause.code, cause.kind, _shortened(cause.root_cause_message), cause=_failure_behind(cause))


def _failed_call_behind(error: BaseException) -> BaseRuntimeError | None:
    """The nearest error of a call among the causes of `error` and the members of the groups among them."""
    seen = {id(error)}
    nearest_last = _raised_from(error)
    while nearest_last:
        cause = nearest_last.pop()
        if id(cause) in seen:
            continue
        if isinstance(cause, BaseRuntimeError):
            return cause
        seen.add(id(cause))
        nearest_last += _raised_from(cause)
    return None


def _raised_from(error: BaseException) -> list[BaseException]:
    """The members of `error`, the first one last, and its cause at the very end."""
    members = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    return [*reversed(members), *([error.__cause__] if error.__cause__ is not None else [])]


def error_from(record: ErrorRecord) -> BaseRuntimeError:
    """The error a reader raises for a remembered failure."""
    from .. import errors

    kind = getattr(errors, record.code, None)
    error: BaseRuntimeError
    if isinstance(kind, type) and issubclass(kind, BaseRuntimeError):
        error = kind.__new__(kind)
        BaseRuntimeError.__init__(error, record.code, record.kind, record.message)  # type: ignore[arg-type]
    elif record.kind == "user":
        error = RuntimeUserError(record.code, record.message)
    elif record.kind == "system":
        error = errors.RuntimeSystemError(record.code, record.message)
    else:
        error = RuntimeUnknownError(record.code, record.message)
    if record.traceback:
        error.add_note("The task's own traceback:\n" + record.traceback)
    return error


def was_carried(error: BaseRuntimeError) -> bool:
    """Whether an error came here from another process."""
    return _CARRIED in error.__dict__


def carry(error: BaseException) -> ErrorRecord:
    """What another process needs to raise `error` again, for `received`."""
    wrapped = as_runtime_error(error)
    return replace(record_of(wrapped), pickled=_pickled(wrapped))


def received(record: ErrorRecord) -> BaseRuntimeError:
    """The error that `carry` made a record of elsewhere, with its cause where that could come along."""
    from .._code.pickling import unpickled

    record = replace(record, traceback=_with_cells(record.traceback))
    error: BaseRuntimeError
    try:
        if record.pickled is None:
            raise ValueError("nothing was pickled")
        error, cause = unpickled(record.pickled)
    except (Exception, SystemExit):
        error, cause = error_from(record), None
    if not was_carried(error):
        error.__dict__[_CARRIED] = replace(record, pickled=None)
        if record.traceback and not getattr(error, "__notes__", None):
            error.add_note("The task's own traceback:\n" + record.traceback)
    error.__cause__ = cause
    return error


def _with_cells(text: str) -> str:
    """A traceback in which cells of the notebook are called as IPython calls them, not by a file that there is not."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return text

    def named(frame: re.Match[str]) -> str:
        cell = shell.compile.format_code_name(frame["file"])
        return frame[0] if cell is None else f"{frame['indent']}{' '.join(cell)}, line {frame['number']}, in "

    return _FRAME.sub(named, text)


def _pickled(error: BaseRuntimeError) -> bytes | None:
    """`error` and its cause, or as much of them as can be loaded again; an exception's class may refuse it."""
    import cloudpickle

    from .._code.pickling import unpickled

    for cause in (error.__cause__, None):
        try:
            data: bytes = cloudpickle.dumps((error, cause))
            if len(data) <= MOST_PICKLED_BYTES:
                unpickled(data, made_here=True)
                return data
        except (Exception, SystemExit):  # its class may do anything
            continue
    return None


def user_traceback(error: BaseException) -> str:
    """The traceback of `error` as Python prints it, with the user's frames and, unless the fault is ours, no others."""
    hide_own_frames(error)
    return _shortened(_with_cells("".join(traceback.format_exception(error))))


def _shortened(text: str) -> str:
    """`text` without the middle of what nobody would read, and no journal takes."""
    if len(text) <= MOST_CHARACTERS:
        return text
    half = MOST_CHARACTERS // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"


def _message(error: BaseException) -> str:
    """The text of `error`, or its kind where it has none."""
    try:
        return str(error) or type(error).__name__
    except Exception as broken:
        return f"<{type(error).__name__} whose text cannot be had: {type(broken).__name__}>"
