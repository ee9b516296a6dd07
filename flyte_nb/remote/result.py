"""What became of a run: what it returned, or why it failed."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .._engine.failure import error_from
from .._follow.values import ActionOutputs, as_outputs, outputs_of, reader_of
from ..errors import ActionAbortedError, BaseRuntimeError, RunStateError, RuntimeUserError
from ..models.phases import ActionPhase

if TYPE_CHECKING:
    from .._engine.live_run import LiveRun
    from .._view.projection import RunView
    from .history import RunHistory


def result_of(history: RunHistory, live: LiveRun | None) -> ActionOutputs:
    """What a run that has ended returned; raises its failure."""
    error = failure_of(history, live)
    if error is not None:
        raise error.with_traceback(None)
    if live is not None and live.done.done():
        return as_outputs(live.values, live.interface)
    root = history.action(history.view().root)
    if root.outputs is None:
        raise RunStateError(f"Run {history.name!r} is {history.phase()}; it has no outputs.")
    return outputs_of(root.outputs, reader_of(root), history)


def failure_of(history: RunHistory, live: LiveRun | None) -> BaseRuntimeError | None:
    """The failure of a run; None while it goes on or where it went well."""
    error = _failure_of(history, live)
    if type(error) is RuntimeUserError:
        with contextlib.suppress(BaseRuntimeError):  # where the run cannot be read any more, its error is all there is
            _say_whose(error, history.view())
    return error


def _say_whose(error: RuntimeUserError, view: RunView) -> None:
    """Note, below the text of what a task raised, which task it was and what the exception is called."""
    action = view.first_failure()
    if action is None or action.error is None:
        return
    said = f"Raised as {action.error.code} by task {action.task!r}, action {action.name!r} of run {view.name!r}."
    if said not in getattr(error, "__notes__", ()):
        error.add_note(said)


def _failure_of(history: RunHistory, live: LiveRun | None) -> BaseRuntimeError | None:
    if live is not None and live.done.done():
        if live.error is not None:
            return live.error
        if live.phase is ActionPhase.ABORTED:
            return ActionAbortedError(live.abort_message or f"Run {history.name!r} was aborted.")
        return None
    phase = history.phase()
    if not phase.is_terminal or phase is ActionPhase.SUCCEEDED:
        return None
    record = history.view().error
    if record is None or phase is ActionPhase.ABORTED:
        message = record.message if record is not None else "It was aborted."
        return ActionAbortedError(f"Run {history.name!r} was aborted: {message}")
    return error_from(record)
