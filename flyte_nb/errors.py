"""Every error a user can catch.

The tree::

    BaseRuntimeError
    ├── InitializationError
    ├── RuntimeSystemError              something of ours or of the machine failed
    │   ├── JournalError                the journal cannot be read or written
    │   │   ├── JournalWriteError
    │   │   │   └── RunTakenOverError   somebody else goes on with the run
    │   │   ├── JournalVersionError
    │   │   └── JournalCorruptionError
    │   ├── StorageError                stored bytes are missing or damaged
    │   │   └── StorageUnreachableError the storage does not answer
    │   ├── ContainerEngineError        no container engine answers, or it refuses
    │   └── ClusterError                a cluster cannot be reached, or cannot do our work
    ├── RuntimeUnknownError
    └── RuntimeUserError                the user's code, values or declarations
        ├── OOMError
        ├── TaskTimeoutError
        ├── RetriesExhaustedError
        ├── TaskInterruptedError
        ├── CustomError
        ├── NotInTaskContextError
        ├── ActionAbortedError
        ├── RestrictedTypeError
        ├── RuntimeDataValidationError
        ├── BrokenRecordError           a line is no JSON; also a json.JSONDecodeError
        ├── InlineIOMaxBytesBreached
        ├── RemoteTaskNotFoundError
        ├── RemoteTaskUsageError
        ├── DeploymentError
        ├── ModuleLoadError
        ├── CodeBundleError
        ├── ImagePullBackOffError
        ├── ContainerExitError          a container did not end well
        ├── ContainerOutputError        an output is missing, or nothing that may leave a container
        ├── DiskLimitError
        ├── NonRecoverableError
        ├── TraceDoesNotAllowNestedTasksError
        ├── OnlyAsyncIOSupportedError
        ├── RunNotFoundError
        └── RunStateError

    ActionNotFoundError(RuntimeError)

Cancellation is not a failure and has no place here: ``asyncio.CancelledError`` passes through.

Specification: *Error handling*, *Abort and cancel*.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar, Literal

ErrorKind = Literal["system", "unknown", "user"]


class BaseRuntimeError(RuntimeError):
    """Root of all errors raised by flyte_nb.

    Parameters
    ----------
    code : str
        Short machine-readable name of the failure, for instance ``"ValueError"`` or ``"OOMError"``.
    kind : {"system", "unknown", "user"}
        Whose failure it is.
    root_cause_message : str
        One sentence for the reader.

    Attributes
    ----------
    item : str
        Where it came from `flyte_nb.map`: the call of the item, ``shop.price(n=2)``. Else empty.
    """

    item = ""

    def __init__(self, code: str, kind: ErrorKind, root_cause_message: str) -> None:
        super().__init__(root_cause_message)
        self.code = code
        self.kind = kind
        self.root_cause_message = root_cause_message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore_error, (type(self), str(self), dict(self.__dict__))


def _restore_error(cls: type[BaseRuntimeError], message: str, state: dict[str, Any]) -> BaseRuntimeError:
    error = cls.__new__(cls)
    error.args = (message,)
    error.__dict__.update(state)
    return error


class _CodedByClass:
    """Mixin for errors whose code is the name of their class."""

    kind_of_error: ClassVar[ErrorKind] = "user"

    def __init__(self, message: str) -> None:
        BaseRuntimeError.__init__(self, type(self).__name__, self.kind_of_error, message)  # type: ignore[arg-type]


class InitializationError(_CodedByClass, BaseRuntimeError):
    """`init` was given something it cannot work with."""


class RuntimeUnknownError(BaseRuntimeError):
    """A failure nobody could classify."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, "unknown", message)


class RuntimeSystemError(BaseRuntimeError):
    """flyte_nb or the machine below it failed, not the user's code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, "system", message)


class JournalError(RuntimeSystemError):
    """The journal cannot do what was asked of it."""

    def __init__(self, message: str) -> None:
        super().__init__(type(self).__name__, message)


class JournalWriteError(JournalError):
    """An event could not be committed; everything committed before is safe.

    Attributes
    ----------
    is_lasting : bool
        Whether it will be the same in a moment: the disk is full, or the home cannot be written. Then another attempt
        of a task would be in vain.
    is_held : bool
        Whether another process writes just now.
    """

    is_lasting = False
    is_held = False


class RunTakenOverError(JournalWriteError):
    """Another process goes on with a run that this one drove; what this one had not committed is not recorded."""

    is_lasting = True


class JournalVersionError(JournalError):
    """The home folder was written by a newer flyte_nb."""


class JournalCorruptionError(JournalError):
    """A stored record does not match its checksum or cannot be decoded."""


class StorageError(RuntimeSystemError):
    """Stored bytes are missing, damaged or out of reach."""

    def __init__(self, message: str) -> None:
        super().__init__("StorageError", message)


class StorageUnreachableError(StorageError):
    """The storage does not answer, or refuses to, so that nobody can say whether what it holds is whole."""


class ContainerEngineError(RuntimeSystemError):
    """No container engine answers here, or it refuses what was asked of it."""

    def __init__(self, message: str) -> None:
        super().__init__("ContainerEngineError", message)


class ClusterError(RuntimeSystemError):
    """A cluster cannot be reached, or what is there cannot do the work."""

    def __init__(self, message: str) -> None:
        super().__init__("ClusterError", message)


class RuntimeUserError(BaseRuntimeError):
    """The user's code failed.

    ``code`` is the class name of the original exception and ``__cause__`` the exception itself where it
    could be carried.

    Examples
    --------
    >>> try:
    ...     await failing_task()
    ... except flyte.errors.RuntimeUserError as error:
    ...     assert error.code == "ValueError"

    Specification: *Error handling*.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, "user", message)


class OOMError(_CodedByClass, RuntimeUserError):
    """A task used more memory than it declared, or Python ran out of it."""


class TaskTimeoutError(_CodedByClass, RuntimeUserError):
    """A task ran, or waited, longer than its timeout allows."""


class RetriesExhaustedError(_CodedByClass, RuntimeUserError):
    """Every attempt that a task was allowed has failed."""


class TaskInterruptedError(_CodedByClass, RuntimeUserError):
    """The process that ran a task went away."""


class CustomError(RuntimeUserError):
    """A user's exception, given a code of its own."""

    @classmethod
    def from_exception(cls, exception: BaseException) -> CustomError:
        """Wrap `exception`; the code is the name of its class."""
        error = cls(type(exception).__name__, str(exception))
        error.__cause__ = exception
        return error


class NotInTaskContextError(_CodedByClass, RuntimeUserError):
    """Something that needs a running task was called outside one."""


class ActionAbortedError(_CodedByClass, RuntimeUserError):
    """An action was stopped from outside the code that awaits it."""


class RestrictedTypeError(_CodedByClass, RuntimeUserError):
    """A type that may not be the input or output of a task."""


class RuntimeDataValidationError(RuntimeUserError):
    """A value does not fit the type its task declares for it.

    Where an error of `flyte_nb.map` stands in the place of a value, that error is the ``__cause__``. What a
    `TypeTransformer` raises (`flyte_nb.types.TypeTransformerFailedError`) becomes this one, too.

    Parameters
    ----------
    var : str
        Name of the parameter, or of the output: ``o0``, ``o1``, …
    error : Exception or str
        What is wrong with the value.
    task_name : str
    called : str, optional
        How the message calls it, such as "The result"; by default by its name.
    kind : str, optional
        What `task_name` is the name of; by default a task.

    Examples
    --------
    >>> try:
    ...     flyte.run(main, days="three")
    ... except flyte.errors.RuntimeDataValidationError as error:
    ...     assert error.code == "RuntimeDataValidationError"

    Specification: *Dataclasses and structures*.
    """

    var: str = ""
    task_name: str = ""

    def __init__(
        self, var: str, error: Exception | str, task_name: str = "", *, called: str = "", kind: str = "task"
    ) -> None:
        where = f" of {kind} {task_name!r}" if task_name else ""
        super().__init__("RuntimeDataValidationError", f"{called or repr(var)}{where}: {error}")
        self.var = var
        self.task_name = task_name


class BrokenRecordError(RuntimeUserError, json.JSONDecodeError):
    """A line of a JSONL file is no JSON.

    Parameters
    ----------
    address : str
        The file.
    line_number : int
        The line in it; the first is 1.
    line : bytes
    reason : Exception
        What the parser says.
    """

    def __init__(self, address: str, line_number: int, line: bytes, reason: Exception) -> None:
        shown = line[:80]
        more = f"... ({len(line):,} bytes)" if len(line) > len(shown) else ""
        what = getattr(reason, "msg", None) or str(reason)
        super().__init__(
            "BrokenRecordError", f"Line {line_number:,} of {address!r} is no JSON: {what}. The line: {shown!r}{more}."
        )
        self.address: str = address
        self.line_number: int = line_number
        self.msg: str = what
        self.pos: int = getattr(reason, "pos", 0)
        self.doc: str = shown.decode("utf-8", "replace")
        self.lineno: int = line_number
        self.colno: int = getattr(reason, "colno", 1)


class InlineIOMaxBytesBreached(_CodedByClass, RuntimeUserError):
    """Inputs or outputs that travel by value are larger than `max_inline_io_bytes`."""


class RemoteTaskNotFoundError(_CodedByClass, RuntimeUserError):
    """No deployed task has that name and version."""


class RemoteTaskUsageError(_CodedByClass, RuntimeUserError):
    """A deployed task was called in a way it does not accept."""


class DeploymentError(_CodedByClass, RuntimeUserError):
    """An environment could not be deployed."""


class ModuleLoadError(_CodedByClass, RuntimeUserError):
    """A module that holds tasks could not be imported."""


class CodeBundleError(_CodedByClass, RuntimeUserError):
    """The code a run needs could not be stored with it, or not be loaded from there."""


class ImagePullBackOffError(_CodedByClass, RuntimeUserError):
    """A container image could not be had."""


class ContainerExitError(_CodedByClass, RuntimeUserError):
    """The program in a container failed, or could not be started.

    Parameters
    ----------
    message : str
    exit_code : int
        What it ended with; 128 + n if signal n killed it, 127 if there is no such program.
    """

    exit_code: int | None = None

    def __init__(self, message: str, *, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class ContainerOutputError(_CodedByClass, RuntimeUserError):
    """An output of a container is missing, or is something that may not leave it."""


class DiskLimitError(_CodedByClass, RuntimeUserError):
    """A container wrote more than it may."""


class NonRecoverableError(_CodedByClass, RuntimeUserError):
    """Raised by a task to say that another attempt would not help; retries stop."""


class TraceDoesNotAllowNestedTasksError(_CodedByClass, RuntimeUserError):
    """A task was called inside a traced function."""


class OnlyAsyncIOSupportedError(_CodedByClass, RuntimeUserError):
    """A task was awaited on an event loop that is not asyncio's."""


class RunNotFoundError(_CodedByClass, RuntimeUserError):
    """No run has that name."""


class RunStateError(_CodedByClass, RuntimeUserError):
    """A run is not in a state that allows what was asked."""


class QuestionNotFoundError(RunStateError):
    """A run has asked no such question."""


class ActionNotFoundError(RuntimeError):
    """No action has that name in that run."""
