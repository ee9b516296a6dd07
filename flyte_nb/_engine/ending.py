"""The end of an action is recorded once: by who runs it, or, where its event loop has stopped, by who gave it up."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from .._code.digest import Depth
from ..models.events import ActionEnded, ErrorRecord, StoredLiterals
from ..models.phases import ActionPhase
from .lending import give_back_all

if TYPE_CHECKING:
    from .action import Action

_one_at_a_time = threading.Lock()


def record_end(action: Action, phase: ActionPhase, outputs: StoredLiterals | None, error: ErrorRecord | None) -> None:
    """Record how `action` ended, unless that is recorded."""
    with _one_at_a_time:
        if action.ended:
            return
        action.ended = True
    run = action.run
    if action.report is not None:
        action.report.flush()
    if action.log is not None:
        action.log.end_attempt()
    found = action.looked_up
    reused = "cache" if outputs is not None and found is not None and found.outputs is not None else ""
    if outputs is not None and not reused:
        _look_at_code(action)
    attempt, changed = action.machine.attempt, action.code_changed
    cache = found.outcome if found is not None else None
    run.log.append(ActionEnded(time.time(), action.name, phase, outputs, error, cache, reused, attempt, changed))


def _look_at_code(action: Action) -> None:
    """What an action gave is not kept under the digest of its code if that was edited while it ran."""
    plan, found = action.plan, action.looked_up
    if plan.by_reference and not action.counts:
        return  # it ran as it was when it was planned, and called nothing
    code = action.run.code
    action.code_changed = code.was_edited(plan, Depth.NAMES)
    follows_code = found is not None and plan.cache is not None and plan.cache.follows_code
    if found is not None and follows_code and (action.code_changed or code.was_edited(plan, Depth.SMALL)):
        found.keep_nothing()


def let_go(action: Action) -> None:
    """Free what `action`, which is over, holds of others."""
    if action.looked_up is not None:
        action.run.cached.release(action.looked_up)
    if action.run.live.get(action.name) is action:
        del action.run.live[action.name]
    if action.places or action.lent is not None:
        give_back_all(action)


def give_up(action: Action) -> None:
    """Record the end of a call whose event loop has stopped with it: nobody goes on with its code."""
    action.closed = action.given_up = True
    error = ErrorRecord("Abandoned", "user", "Its event loop was stopped before it ended.")
    record_end(action, ActionPhase.ABORTED, None, error)
    let_go(action)
    if action.parent is not None:
        action.parent.release(action)
