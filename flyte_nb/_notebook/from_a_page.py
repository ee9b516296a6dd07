"""What a page asks of a kernel beside the cells: JupyterLab's panel names it in an execution that shows nothing."""

from __future__ import annotations

from .._task.registry import registered_tasks
from ..remote import Run


def resume(name: str) -> bool:
    """Go on with a run in this kernel, as a cell with ``Run.get(name).resume()`` does.

    Parameters
    ----------
    name : str
        Of the run.

    Returns
    -------
    bool
        Whether the task is the one that is defined here; else it is the one that was stored with the run.

    Raises
    ------
    RunNotFoundError, RunStateError, CodeBundleError
        As `Run.resume`.

    Specification: *Notebooks*.
    """
    run = Run.get(name)
    is_defined = run.details().task_name in registered_tasks()
    run.resume()
    return is_defined
