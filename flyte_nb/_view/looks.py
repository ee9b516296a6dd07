"""How a phase looks, on pages too (`flyte_nb._view.typescript`), and how a duration reads."""

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


INTERRUPTED_LOOK = PhaseLook("⊘", "interrupted", LOOKS[NodePhase.ABORTED].color)
"""How a run looks whose process went away."""


def duration_text(duration: float) -> str:
    """Seconds as a person reads them, here and on pages (``format.ts``)."""
    if duration < 1:
        return f"{round(duration * 1000)} ms" if duration >= 0.001 else "≤ 1 ms"
    if duration < 60:
        return f"{duration:.2f} s" if duration < 10 else f"{duration:.1f} s"
    minutes, seconds = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def stall_text(seconds: float = 1.0) -> str:
    """What it means that an action held the event loop for so long, and what to do about it; here and on pages."""
    return (
        f"this task blocked the event loop for {seconds:.1f} s or more, and no other async task could run meanwhile:"
        " make it a plain `def`, or run it with mode='process'"
    )
