"""The places of this kernel in which runs are shown, and what has them look whether somebody has gone on with theirs.

What this process resumes is told at once by what resumes it, whoever asked for that. What other processes do nobody
tells; it is found out when a cell has ended.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .._runtime.launch import tell_of_resumes

if TYPE_CHECKING:
    from .displayed import Displayed

logger = logging.getLogger("flyte_nb")

MOST_LEFT = 20


class Displays:
    """The places where it matters what becomes of a run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: tuple[Displayed, ...] = ()

    def add(self, displayed: Displayed) -> None:
        """It matters there from now on; of places that are left, in the last ones."""
        from IPython.core.getipython import get_ipython

        with self._lock:
            now = [*(one for one in self.now if one is not displayed), displayed]
            too_many = [one for one in now if one.is_left][:-MOST_LEFT]
            self.now = tuple(one for one in now if one not in too_many)
        tell_of_resumes(self._look)
        shell: Any = get_ipython()
        if shell is not None and self._cell_has_ended not in shell.events.callbacks["post_run_cell"]:
            shell.events.register("post_run_cell", self._cell_has_ended)

    def discard(self, displayed: Displayed) -> None:
        """It matters there no more."""
        with self._lock:
            self.now = tuple(one for one in self.now if one is not displayed)

    def _look(self, name: str) -> None:
        """The run of that name goes on in this process."""
        for displayed in self.now:
            if displayed.name == name:
                _tell(displayed, displayed.look)

    def _cell_has_ended(self, _: Any) -> None:
        for displayed in self.now:
            _tell(displayed, displayed.cell_has_ended)


def _tell(displayed: Displayed, news: Callable[[], None]) -> None:
    """That one place cannot show its run is the fault of no run, of no cell and of no other place."""
    try:
        news()
    except Exception:
        logger.exception("The picture of run %s stops.", displayed.name)


displays = Displays()
