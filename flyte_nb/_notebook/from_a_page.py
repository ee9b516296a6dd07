"""What a page asks of a kernel beside the cells: JupyterLab's panel names it in an execution that shows nothing."""

from __future__ import annotations

from typing import Any

from .._task.registry import registered_tasks
from ..errors import RunStateError
from ..remote import Run


def resume(name: str, process: str) -> bool:
    """Go on with a run in this kernel, as a cell with ``Run.get(name).resume()`` does.

    Parameters
    ----------
    name : str
        Of the run.
    process : str
        The session of the kernel that was asked, which is another one in each process: what a busy kernel was given may
        reach the one that is started in its place.

    Returns
    -------
    bool
        Whether the task is the one that is defined here; else it is the one that was stored with the run.

    Raises
    ------
    RunStateError
        If this is not the process that was asked.
    RunNotFoundError, RunStateError, CodeBundleError
        As `Run.resume`.

    Specification: *Notebooks*.
    """
    if _session() != process:
        raise RunStateError("The kernel was restarted before it could begin. Resume the run once more.")
    run = Run.get(name)
    is_defined = run.details().task_name in registered_tasks()
    run.resume()
    return is_defined


def _session() -> str:
    from IPython.core.getipython import get_ipython

    shell: Any = get_ipython()
    return str(shell.kernel.session.session)
