"""What a running task shows: HTML, figures, tables, in tabs.

Specification: *Reports*.
"""

from __future__ import annotations

from typing import Any

from .._aio import Waited, with_aio
from .._engine.reporting import MAIN_TAB, Report, Tab, report_of
from .._engine.scope import current_scope
from .._public import public
from ..errors import NotInTaskContextError

__all__ = ["Report", "Tab", "current_report", "flush", "get_tab", "log", "replace"]


@public
def current_report() -> Report:
    """The report of the running task.

    Raises
    ------
    NotInTaskContextError
        Outside a task that a run called.

    Specification: *Reports*.
    """
    scope = current_scope()
    if scope is None:
        raise NotInTaskContextError(
            "There is no report here: reports belong to tasks. Call this from a task that runs with flyte.run(...)."
        )
    return report_of(scope.action)


@with_aio
def log(content: Any, do_flush: bool = False) -> Waited:
    """Append to the report's main tab.

    Parameters
    ----------
    content : str or object
        HTML; or a plotly or matplotlib figure, a data frame, anything with ``_repr_html_``.
    do_flush : bool
        Show it now; else with the next flush, at the latest when the task ends.

    Raises
    ------
    NotInTaskContextError
        Outside a task.

    Examples
    --------
    >>> await flyte.report.log.aio("<p>half way</p>", do_flush=True)

    Specification: *Reports*.
    """
    report = current_report()
    report.get_tab(MAIN_TAB).log(content)
    if do_flush:
        report.flush()
    return Waited()


@with_aio
def replace(content: Any, do_flush: bool = False) -> Waited:
    """Put `content` in the place of all that the main tab held; else as `log`.

    Specification: *Reports*.
    """
    report = current_report()
    report.get_tab(MAIN_TAB).replace(content)
    if do_flush:
        report.flush()
    return Waited()


@with_aio
def flush() -> Waited:
    """Show what was written since the last flush.

    Specification: *Reports*.
    """
    current_report().flush()
    return Waited()


@public
def get_tab(name: str, create_if_missing: bool = True) -> Tab:
    """A tab of the running task's report.

    Raises
    ------
    ValueError
        If there is none of that name and it shall not be made.
    NotInTaskContextError
        Outside a task.

    Specification: *Reports*.
    """
    return current_report().get_tab(name, create_if_missing)
