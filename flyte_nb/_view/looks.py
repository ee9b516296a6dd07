"""How a phase looks, wherever a run is shown; the pages have it from here too (`flyte_nb._view.typescript`)."""

from __future__ import annotations

from typing import NamedTuple

from .wire import NodePhase


class PhaseLook(NamedTuple):
    """A sign and a word besides the colour, so that nobody needs to see it."""

    sign: str
    word: str
    color: str


LOOKS = {
    NodePhase.QUEUED: PhaseLook("○", "queued", "#80868b"),
    NodePhase.RUNNING: PhaseLook("◐", "running", "#1a73e8"),
    NodePhase.PAUSED: PhaseLook("❚❚", "waits for an answer", "#a142f4"),
    NodePhase.SUCCEEDED: PhaseLook("✓", "succeeded", "#1e8e3e"),
    NodePhase.RECOVERED: PhaseLook("✓", "recovered", "#1e8e3e"),
    NodePhase.FAILED: PhaseLook("✗", "failed", "#d93025"),
    NodePhase.TIMED_OUT: PhaseLook("✗", "timed out", "#d93025"),
    NodePhase.ABORTED: PhaseLook("⊘", "aborted", "#b06000"),
}
