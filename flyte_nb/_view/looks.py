"""How a phase looks, on pages too (`flyte_nb._view.typescript`), and how a duration reads."""

from __future__ import annotations

from typing import NamedTuple

from .wire import NodePhase


class Color(NamedTuple):
    """A colour on light pages and on dark ones."""

    name: str
    light: str
    dark: str


GREY = Color("grey", "#80868b", "#bdc1c6")
BLUE = Color("blue", "#1a73e8", "#8ab4f8")
VIOLET = Color("violet", "#a142f4", "#d7aefb")
GREEN = Color("green", "#1e8e3e", "#81c995")
RED = Color("red", "#d93025", "#f28b82")
ORANGE = Color("orange", "#b06000", "#fcad70")
COLORS = (GREY, BLUE, VIOLET, GREEN, RED, ORANGE)


class PhaseLook(NamedTuple):
    """A sign and a word besides the colour, so that nobody needs to see it."""

    sign: str
    word: str
    color: Color


LOOKS = {
    NodePhase.QUEUED: PhaseLook("○", "queued", GREY),
    NodePhase.RUNNING: PhaseLook("◐", "running", BLUE),
    NodePhase.PAUSED: PhaseLook("❚❚", "waits for an answer", VIOLET),
    NodePhase.SUCCEEDED: PhaseLook("✓", "succeeded", GREEN),
    NodePhase.RECOVERED: PhaseLook("✓", "recovered", GREEN),
    NodePhase.FAILED: PhaseLook("✗", "failed", RED),
    NodePhase.TIMED_OUT: PhaseLook("✗", "timed out", RED),
    NodePhase.ABORTED: PhaseLook("⊘", "aborted", ORANGE),
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


def stalled_for(seconds: float, *, is_over: bool) -> str:
    """For how long an action held the event loop at a stretch."""
    return f"{seconds:.1f} s" if is_over else f"{seconds:.1f} s or more"


def stall_text(seconds: float = 1.0, *, is_over: bool = False) -> str:
    """What it means that an action held the event loop for so long, and what to do about it; here and on pages."""
    return (
        f"this task blocked the event loop for {stalled_for(seconds, is_over=is_over)}, and no other async task could"
        " run meanwhile:"
        " make it a plain `def`, or run it with mode='process'"
    )
