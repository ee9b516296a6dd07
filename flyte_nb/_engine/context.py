"""What a task can ask about where it runs, and what it can set for the calls it makes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from .._public import public
from .._task.invocation import active_invoker
from ..models.events import GroupOpened
from ..models.text import checked_text, checked_texts
from .reporting import Report, report_of
from .scope import Scope, current_scope


@dataclass(frozen=True)
class ActionID:
    """Identity of an action."""

    name: str
    run_name: str = ""
    project: str = ""
    domain: str = ""
    org: str = ""


@public
@dataclass(frozen=True)
class TaskContext:
    """The running action, as its code sees it.

    Specification: *Custom context*, *Reports*.
    """

    action: ActionID
    version: str
    raw_data_path: str
    run_start_time: float
    attempt_number: int
    mode: str
    custom_context: dict[str, str]
    _scope: Scope

    @property
    def report(self) -> Report:
        """The report of this action."""
        return report_of(self._scope.action)


@public
def ctx() -> TaskContext | None:
    """The context of the running task, None outside one.

    Examples
    --------
    >>> flyte.ctx().custom_context.get("trace_id")

    Specification: *Custom context*.
    """
    scope = current_scope()
    if scope is None:
        return None
    action, run = scope.action, scope.action.run
    options = run.options
    return TaskContext(
        action=ActionID(action.name, run.name, options.project, options.domain, options.org),
        version=options.version,
        raw_data_path=run.store.root,
        run_start_time=run.started_at,
        attempt_number=action.attempt,
        mode=options.mode or "local",
        custom_context=dict(scope.custom_context),
        _scope=scope,
    )


@public
def get_custom_context() -> dict[str, str]:
    """The custom context of the running task; empty outside one.

    Specification: *Custom context*.
    """
    scope = current_scope()
    return dict(scope.custom_context) if scope is not None else {}


@public
def custom_context(**values: str) -> AbstractContextManager[None]:
    """Set or override custom context for the calls made inside the block.

    Parameters
    ----------
    **values : str
        Keys and values; values are strings.

    Raises
    ------
    TypeError
        If a value is not a string.

    Examples
    --------
    >>> with flyte.custom_context(trace_id="child"):
    ...     await downstream()

    Specification: *Custom context*.
    """
    return _with_context(checked_custom_context(values))


@contextmanager
def _with_context(checked: dict[str, str]) -> Iterator[None]:
    scope = current_scope()
    if scope is None:
        yield
        return
    token = active_invoker.set(scope.with_context({**scope.custom_context, **checked}))
    try:
        yield
    finally:
        active_invoker.reset(token)


def checked_custom_context(values: dict[str, Any] | None) -> dict[str, str]:
    """`values`, if all of them are strings."""
    for key, value in (values or {}).items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(
                f"Custom context holds strings only: {key!r} has a value of type {type(value).__name__}."
                f" Write {key}=str(...) and parse it where it is read."
            )
    return checked_texts(values or {}, "custom_context")


@public
def group(name: str) -> AbstractContextManager[None]:
    """Show the calls made inside the block under one heading.

    Parameters
    ----------
    name : str
        The heading. Opened again under the same task and group, it is the same heading.

    Examples
    --------
    >>> with flyte.group("training"):
    ...     model = await train(data)

    Specification: *Grouping actions*.
    """
    if not isinstance(name, str) or not name:
        raise TypeError(f"A group has a name, a non-empty str; got {name!r}.")
    return _in_group(checked_text(name, "The name of the group"))


@contextmanager
def _in_group(name: str) -> Iterator[None]:
    scope = current_scope()
    if scope is None:
        yield
        return
    token = active_invoker.set(scope.in_group(open_group(scope, name)))
    try:
        yield
    finally:
        active_invoker.reset(token)


def open_group(scope: Scope, name: str) -> str:
    """Identity of the group `name` below where `scope` is; recorded the first time."""
    action = scope.action
    checked_text(name, "The name of the group")
    identity = blake2b(f"{action.name}\0{scope.group}\0{name}".encode(), digest_size=8).hexdigest()
    if action.seen_groups is None:
        action.seen_groups = set()
    if identity not in action.seen_groups:
        action.seen_groups.add(identity)
        action.run.log.append(GroupOpened(time.time(), identity, name, action.name, scope.group))
    return identity
