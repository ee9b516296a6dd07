"""Inputs and outputs as a reader gets them."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from .._aio import AwaitedAsItself
from .._public import public
from .._task.registry import find_task
from ..models.events import Stored, StoredLiterals
from ..storage import Store, use_store
from ..types.untyped import data_values, described_values, untyped_values

if TYPE_CHECKING:
    from .._view.projection import ActionView
    from ..types.interface import Interface
    from .history import RunHistory


DEPLOYED = "deployed"
"""Placement of actions whose code is elsewhere."""


@public
class ActionOutputs(tuple[Any, ...]):
    """What an action returned: a tuple, of length 1 for a single value, to which it is equal too.

    Examples
    --------
    >>> run.outputs() == 8 and run.outputs()[0] == 8
    True

    Specification: *Remote tasks*.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, tuple):
            return tuple.__eq__(self, other)
        return len(self) == 1 and bool(self[0] == other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return tuple.__hash__(self)

    def __await__(self) -> Generator[Any, None, ActionOutputs]:
        return self
        yield

    @property
    def named_outputs(self) -> dict[str, Any]:
        """The same values as ``o0``, ``o1``, …"""
        return {f"o{index}": value for index, value in enumerate(self)}

    def __repr__(self) -> str:
        return f"ActionOutputs({', '.join(map(repr, self))})"


class ActionInputs(dict[str, Any], AwaitedAsItself):
    """What an action was given, by parameter.

    Specification: *Remote tasks*.
    """

    def __repr__(self) -> str:
        return f"ActionInputs({', '.join(f'{key}={value!r}' for key, value in self.items())})"


def serialized_of(kept: Stored, store: Store) -> bytes:
    """The bytes that an event has."""
    if kept.inline is not None:
        return kept.inline
    return store.get_nowait(kept.uri, checksum=kept.checksum)


def reader_of(view: ActionView) -> str | None:
    """The task by whose types the values of an action are read; None of deployed code, where nothing is unpickled."""
    return None if view.placement == DEPLOYED else view.task


def inputs_of(kept: StoredLiterals, task: str | None, history: RunHistory) -> ActionInputs:
    """Inputs of an action of `task`; typed where the task is defined here, else by the shape of the literals."""
    store = history.store()
    serialized = serialized_of(kept, store)
    if not history.records.loads_values:
        return ActionInputs(described_values(serialized))
    if task is None:
        with use_store(store):
            return ActionInputs(data_values(serialized))
    interface = interface_of(task)
    with use_store(store):
        if interface is not None:
            try:
                return ActionInputs(history.records.finish(interface.read_inputs(serialized)))
            except Exception:
                pass  # the task was declared otherwise when it ran
        return ActionInputs(untyped_values(serialized))


def outputs_of(kept: StoredLiterals, task: str | None, history: RunHistory) -> ActionOutputs:
    """Outputs of an action of `task`; typed where the task is defined here, else by the shape of the literals."""
    store = history.store()
    serialized = serialized_of(kept, store)
    if not history.records.loads_values:
        return _in_order(described_values(serialized))
    if task is None:
        with use_store(store):
            return _in_order(data_values(serialized))
    interface = interface_of(task)
    with use_store(store):
        if interface is not None:
            try:
                return as_outputs(history.records.finish(interface.read_outputs(serialized)), interface)
            except Exception:
                pass  # the task was declared otherwise when it ran
        return _in_order(untyped_values(serialized))


def _in_order(values: dict[str, Any]) -> ActionOutputs:
    return ActionOutputs(values[key] for key in sorted(values, key=lambda name: (len(name), name)))


def as_outputs(value: Any, interface: Interface) -> ActionOutputs:
    """A returned value as outputs."""
    if not interface.outputs:
        return ActionOutputs()
    return ActionOutputs(value if len(interface.outputs) > 1 else (value,))


def interface_of(task: str) -> Interface | None:
    """The interface of a task, if that is defined here."""
    found = find_task(task)
    return found.interface if found is not None else None
