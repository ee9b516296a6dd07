"""Where what a worker prints travels far, no more of it leaves than is kept at the other end."""

from __future__ import annotations

from ..._engine.logs import MOST_KEPT_CHARACTERS
from . import messages as say
from .conversation import LAST_CHARACTERS


class Flood:
    """What one attempt prints, on its way to the kernel."""

    def __init__(self) -> None:
        self._passed = 0
        self._withheld = 0
        self._last = ""

    def passes(self, printed: say.Printed) -> bool:
        """Whether it is to be sent; if not, it is counted."""
        if not self._withheld and self._passed + len(printed.text) <= MOST_KEPT_CHARACTERS:
            self._passed += len(printed.text)
            return True
        self._withheld += len(printed.text)
        self._last = (self._last + printed.text[-LAST_CHARACTERS:])[-LAST_CHARACTERS:]
        return False

    def rest(self) -> say.Withheld | None:
        """What is to be sent at the end, if anything was withheld."""
        return say.Withheld(self._withheld, self._last) if self._withheld else None
