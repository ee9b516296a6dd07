"""The task of an earlier run: as this process defines it, as it was stored, or some of both."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING, Any

from .._code.beside import Beside, lacking, notebook_here
from .._code.digest import code_parts
from .._code.redefined import NOTEBOOK
from .._code.snapshot import load_beside, load_snapshot
from .._task.namesakes import Namesakes
from .._task.registry import declared_tasks, find_task
from .._task.task import Task
from ..errors import CodeBundleError
from ..models.code_change import code_change

if TYPE_CHECKING:
    from ..models.events import RunStarted
    from .runtime import Runtime

logger = logging.getLogger("flyte_nb")


def task_of(
    runtime: Runtime, name: str, run: str, parts: dict[str, str], started: RunStarted, *, brings_code: bool = False
) -> Task[Any, Any]:
    """The task called `name`: as it is defined here, else as it was stored with `run`, which so `started`.

    Of several that are defined here it is the one that differs from the others as `parts` of its code do. What was
    stored reaches in a notebook what that has defined by now, and of what it did not define, what was stored. Where the
    run `brings_code`, what happens to have the same names here is other code.

    Raises
    ------
    CodeBundleError
        If it is neither, which of several it is cannot be told, or what is defined here lacks some that was stored.
    StorageError
        If its code is large, and gone from the home's store.
    """
    task = None if brings_code else _defined_here(name, run, parts)
    notebook = None if brings_code else notebook_here()
    if task is not None:
        if notebook is not None:
            _check_is_whole(task, frozenset(label.partition(" (")[0] for label in parts), notebook, run)
        return task
    code = started.code
    if code is not None:
        snapshot: bytes | None = runtime.code_store.get_nowait(code.uri, checksum=code.checksum)
    else:
        snapshot = runtime.reader.snapshot(run)
    if snapshot is None:
        raise CodeBundleError(
            f"The code of task {name!r} is not defined here and was not stored with run {run!r}."
            " Run the cells that define it, or import its module, and try again."
        )
    loaded = load_snapshot(snapshot) if notebook is None else _in_notebook(snapshot, notebook, name, run, parts)
    found = loaded if isinstance(loaded, Task) and loaded.name == name else find_task(name)
    if found is None:
        raise CodeBundleError(f"The code stored with run {run!r} holds no task {name!r}.")
    return found


def _in_notebook(snapshot: bytes, notebook: dict[str, Any], name: str, run: str, parts: dict[str, str]) -> Any:
    """What was stored, with what the notebook defines in its place; says what is other code in the task by that."""
    beside = load_beside(snapshot, notebook)
    _meet_tasks_of_notebook(beside, run)
    _check_is_whole(beside.root, beside.names, notebook, run)
    root = beside.root
    is_wanted = isinstance(root, Task) and root.name == name
    if is_wanted and parts and (now := code_parts(root.func)) != parts:
        change = code_change(root.short_name, parts, now)
        logger.warning("Run %r uses what is defined here, and its stored code for the rest. %s", run, change)
    return root


def _check_is_whole(root: Any, names: frozenset[str], notebook: dict[str, Any], run: str) -> None:
    """Refuse code of the notebook that would look in vain for what was stored under `names`."""
    missing = lacking(root, names, notebook)
    if missing:
        users = ", ".join(f"{name!r} (in {user})" for name, user in sorted(missing.items()))
        raise CodeBundleError(
            f"What is defined here uses {users}, and no cell has defined that here. What was stored with run {run!r} is"
            " used by stored code only. Run the cells that define it, and try again."
        )


def _meet_tasks_of_notebook(beside: Beside, run: str) -> None:
    """Have each stored task that was written at the top of a cell be the one that is defined here by its full name."""
    stored: dict[str, set[int]] = {}
    for task in beside.tasks:
        task.carried_digest = ""  # it may reach other code here
        stored.setdefault(task.name, set()).add(id(task.declared))
    for task in beside.tasks:
        if len(stored[task.name]) == 1 and _is_of_a_cell(task):
            found = _defined_here(task.name, run, code_parts(task.func))
            if found is not None and _is_of_a_cell(found) and type(found) is type(task):
                task.become(found)


def _is_of_a_cell(task: Task[Any, Any]) -> bool:
    func = task.func
    return getattr(func, "__module__", "") == NOTEBOOK and "<locals>" not in getattr(func, "__qualname__", "<locals>")


def _defined_here(name: str, run: str, parts: dict[str, str]) -> Task[Any, Any] | None:
    if len(Namesakes(declared_tasks().get(name, ()))) > 1:
        gc.collect()  # one that is garbage stands for nothing
    known = Namesakes(declared_tasks().get(name, ()))
    if not known:
        return find_task(name)
    found = known.like(parts)
    if found is None:
        raise CodeBundleError(
            f"Run {run!r} called task {name!r}, and {len(known)} tasks have that name here, none like it:"
            f" {known.told_apart()}. Which of them goes on cannot be told. Define the one that ran as it was,"
            " or give each task a name of its own and start a new run."
        )
    return found
