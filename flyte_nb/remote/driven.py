"""Which process drives a run, as an object that stands for it needs to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import RunNotFoundError
from ..models.phases import ActionPhase
from .history import RunHistory

if TYPE_CHECKING:
    from .._engine.live_run import LiveRun


def gone_on_with(live: LiveRun | None, history: RunHistory) -> LiveRun | None:
    """The run as this process drives it now; None if it does not.

    `live` is as it was known to be driven here. Once that try has ended badly, somebody may have resumed the run.
    """
    if live is None or not live.done.done() or live.lost is not None or live.phase is ActionPhase.SUCCEEDED:
        return live
    try:
        was_resumed = history.record().fence != live.log.fence
    except RunNotFoundError:
        return live
    return history.runtime.controller.runs.get(history.name) if was_resumed else live
