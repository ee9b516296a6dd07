"""A task as one run uses it: everything that is the same for all its calls, worked out once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .naming import seeing
from .ports import Backend

if TYPE_CHECKING:
    from .._code.digest import KnownCode
    from .._task.cache import Cache
    from .._task.link import Link
    from .._task.task import Task
    from .._task.timeout import Timeout
    from ..types.interface import Interface
    from .used_code import Use


class TaskPlan:
    """What a run needs to know of a task before calling it.

    Attributes
    ----------
    code_remark : str
        What has no part in `code_digest`, or only by its type or source, as a sentence after a reason; may be empty.
    known : KnownCode
        The code of the task and all it reaches, as it was when the run planned a call.
    code_digest : str
        Of that code.
    is_mixed : bool
        As `Use` has it.
    edited_to : KnownCode or None
        What that code was changed to meanwhile.
    identity : str
        What tells the task from others in a run; deployed ones of one name differ by their version.
    kind : str
        `identity`, told apart by what calls see besides their inputs: environment variables of an override.
    declared : Task
        The task without overrides, as this run uses it.
    delay_s : callable or None
        Seconds before retry n, counted from 1.
    may_repeat : bool
        Whether a call may run more than once: it has retries, or its place may have to begin it again.
    code : object
        For the back-end: what it needs to have the code run where it runs.
    """

    __slots__ = (
        "backend",
        "by_reference",
        "cache",
        "code",
        "code_digest",
        "code_remark",
        "declared",
        "delay_s",
        "edited_to",
        "environment",
        "func",
        "identity",
        "interface",
        "is_async",
        "is_mixed",
        "kind",
        "known",
        "links",
        "max_attempts",
        "max_inline_io_bytes",
        "may_repeat",
        "name",
        "options",
        "report",
        "resources",
        "short_name",
        "task",
        "timeout",
    )

    def __init__(
        self,
        task: Task[Any, Any],
        *,
        declared: Task[Any, Any],
        backend: Backend,
        environment: dict[str, str] | None,
        cache: Cache | None,
        timeout: Timeout | None,
        max_attempts: int,
        delay_s: Callable[[int], float] | None,
        resources: dict[str, str],
        options: dict[str, str],
    ) -> None:
        self.task: Task[Any, Any] = task
        self.name: str = task.name
        self.identity: str = task.identity
        self.kind: str = _kind(task)
        self.short_name: str = task.short_name
        self.interface: Interface = task.interface
        self.declared: Task[Any, Any] = declared
        self.func: Callable[..., Any] = declared.func
        self.is_async: bool = task.is_async
        self.backend: Backend = backend
        self.by_reference: bool = backend.by_reference
        self.code: Any = None
        self.environment: dict[str, str] | None = environment
        self.cache: Cache | None = cache
        self.timeout: Timeout | None = timeout
        self.max_attempts: int = max_attempts
        self.may_repeat: bool = max_attempts > 1 or backend.may_repeat
        self.delay_s: Callable[[int], float] | None = delay_s
        self.resources: dict[str, str] = resources
        self.options: dict[str, str] = options
        self.links: tuple[Link, ...] = task.options.links
        self.report: bool = task.options.report
        self.max_inline_io_bytes: int = task.options.max_inline_io_bytes
        self.known: KnownCode
        self.code_digest: str = ""
        self.code_remark: str = ""
        self.is_mixed: bool = False
        self.edited_to: KnownCode | None = None

    def is_of_other_code(self, use: Use) -> bool:
        """Whether `use` is of a task that does something else."""
        return use.task is not self.declared or use.known.digest != self.code_digest

    def use(self, use: Use) -> None:
        """Take note of the code that is used."""
        self.known, self.is_mixed, self.edited_to = use.known, use.is_mixed, None
        self.code_digest = use.known.digest
        self.code_remark = _remark(use.known)


def _kind(task: Task[Any, Any]) -> str:
    own, declared = task.options, task.declared.options
    if own is declared or (own.env_vars == declared.env_vars and own.secrets == declared.secrets):
        return task.identity
    secrets = {secret.environment_variable: secret.label for secret in own.secrets}
    return seeing(task.identity, {**(own.env_vars or {}), **secrets})


def _remark(known: KnownCode) -> str:
    """What a digest does not tell, for the reasons of the cache."""
    remark = f" Of {', '.join(known.by_type)} only the type counts." if known.by_type else ""
    return remark + (f" Of {', '.join(known.by_source)} only the source counts." if known.by_source else "")
