"""Why an action that had not succeeded runs again after a resume, in words. Of one that had, the engine tells."""

from __future__ import annotations

from collections.abc import Mapping

from ..models.code_change import code_change
from ..models.events import ActionQueued
from ..models.phases import ActionPhase
from .actions import INTERRUPTED, ActionView

_MAX_MESSAGE = 200


def why_again(
    before: ActionView, now: ActionQueued, parts_before: Mapping[str, str], parts_now: Mapping[str, str]
) -> str:
    """The reason; empty for an action that had succeeded, and for the root, which always runs again.

    Parameters
    ----------
    before : ActionView
        How the action stood when the run was resumed.
    now : ActionQueued
    parts_before, parts_now : mapping of str to str
        Parts of its code with their digests, as far as they are known.
    """
    if before.is_root or before.phase in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED):
        return ""
    reasons = [_how_it_had_ended(before)]
    if before.code_digest != now.code_digest:
        reasons.append(code_change(now.short_name, parts_before, parts_now))
    return " ".join(reasons)


def _how_it_had_ended(before: ActionView) -> str:
    error = before.error
    if error == INTERRUPTED:
        return "It had not ended when its process went away."
    if error is None or before.phase is ActionPhase.ABORTED:
        return "It had been aborted."
    how = "exceeded a time limit" if before.phase is ActionPhase.TIMED_OUT else "failed"
    message = error.message.strip().partition("\n")[0]
    return f"It had {how} ({error.code}: {message[:_MAX_MESSAGE]})."
