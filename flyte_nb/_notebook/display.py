"""Show a run under a cell: live while it lives, then a static picture that stays in the notebook."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from .._follow.live_picture import LivePicture
from .._public import public
from .._runtime.notebook_loop import in_notebook
from .._runtime.runtime import current_runtime
from .._runtime.source import cell_id
from ..errors import BaseRuntimeError
from ..remote import Run
from ..remote.history import RunHistory
from .displayed import Displayed
from .output_widget import is_within_output_widget

_METADATA_OF_PAGES = frozenset({"deletedCells", "recordTiming", "trusted"})


@public
def show(run: Run | str) -> None:
    """Show a run: of this kernel, of another one, or of yesterday.

    Parameters
    ----------
    run : Run or str
        The run, or its name. Outside a notebook its summary is printed.

    Raises
    ------
    RunNotFoundError
        If there is no such run.

    Examples
    --------
    >>> flyte.show("r2d4kq0v7m1zp")

    Specification: *Notebooks*.
    """
    name = run if isinstance(run, str) else run.name
    Run.get(name)
    display_picture(name)


def display_picture(name: str) -> Displayed | None:
    """Display the run of that name and keep it up to date; None where there is no notebook."""
    if not in_notebook():
        print(LivePicture(RunHistory(name), lambda _: None).text())
        return None
    displayed = Displayed(name, expects_page=sent_by_a_page(), within_output=is_within_output_widget(_request_id()))
    shown = _shown_by_this_cell()
    shown.names.add(name)
    for other in shown.lost_from_sight():
        print(
            f"Run {other!r} was going on when this cell was run again: flyte_nb.show({other!r}) shows it,"
            f" flyte_nb.Run.get({other!r}).abort() stops it."
        )
    displayed.begin()
    return displayed


def display_result(name: str) -> None:
    """Display the run that is the value of a cell, unless the cell has displayed it already.

    That it cannot be had here, because its home is another one or was removed, is said and fails nothing.
    """
    if in_notebook() and name in _shown_by_this_cell().names:
        return
    try:
        display_picture(name)
    except BaseRuntimeError as error:
        print(f"Run {name} cannot be shown: {error}")


def sent_by_a_page() -> bool:
    """Whether the cell that runs came from a page with widgets, and not from a program such as nbclient."""
    if "google.colab" in sys.modules:
        return True
    metadata = _request().get("metadata", {})
    return bool(metadata.keys() & _METADATA_OF_PAGES) or str(metadata.get("cellId", "")).startswith("vscode")


def _request() -> dict[str, Any]:
    """The message that had the cell run."""
    from IPython.core.getipython import get_ipython

    kernel: Any = getattr(get_ipython(), "kernel", None)
    return (kernel.get_parent("shell") if kernel is not None else None) or {}


def _request_id() -> str:
    return str(_request().get("header", {}).get("msg_id", ""))


@dataclass
class _Shown:
    """What a cell shows, and what it showed when it ran before: those outputs are gone, but their runs may go on."""

    request: str
    names: set[str] = field(default_factory=set)
    before: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)

    def lost_from_sight(self) -> list[str]:
        """Runs that go on and that the cell shows no more; each is told once each time that the cell runs."""
        lost = sorted(_going_on(self.before - self.names - self.told))
        self.told.update(lost)
        return lost


_shown: dict[str, _Shown] = {}


def _shown_by_this_cell() -> _Shown:
    """Of the cell that runs, by its id; cells without one are told apart by the request only."""
    request, cell = _request_id(), cell_id()
    last = _shown.get(cell)
    if last is None or last.request != request:
        before = _going_on(last.names | last.before) if last is not None and cell else set()
        _shown[cell] = _Shown(request, before=before)
    return _shown[cell]


def _going_on(names: set[str]) -> set[str]:
    return names & current_runtime().controller.runs.keys()
