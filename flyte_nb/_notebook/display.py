"""Show a run under a cell: live while it lives, then a static picture that stays in the notebook."""

from __future__ import annotations

import sys
from typing import Any

from .._follow.live_picture import LivePicture
from .._public import public
from .._runtime.notebook_loop import in_notebook
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
    _displayed_by_this_cell().add(name)
    displayed.begin()
    return displayed


def display_result(name: str) -> None:
    """Display the run that is the value of a cell, unless the cell has displayed it already.

    That it cannot be had here, because its home is another one or was removed, is said and fails nothing.
    """
    if in_notebook() and name in _displayed_by_this_cell():
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


_displayed: dict[str, set[str]] = {}


def _displayed_by_this_cell() -> set[str]:
    """Names of the runs that the cell has displayed."""
    cell = _request_id()
    if cell not in _displayed:
        _displayed.clear()
    return _displayed.setdefault(cell, set())
