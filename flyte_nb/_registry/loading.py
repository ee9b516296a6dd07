"""Deployed code in a process of its own: put in place, imported, its tasks found."""

from __future__ import annotations

import importlib
import sys
from typing import Any

from .._task.registry import find_task
from .._task.task import Task
from ..errors import ModuleLoadError


def import_code(folder: str, modules: tuple[str, ...] | list[str], *, compat: bool) -> None:
    """Import the modules that declare tasks.

    Raises
    ------
    ModuleLoadError
        If one of them cannot be imported; the message names what is missing.
    """
    if compat:
        from ..compat import install

        install()
    if folder not in sys.path:
        sys.path.insert(0, folder)
    for name in modules:
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise ModuleLoadError(
                f"The module {name!r} of the deployed code imports {error.name!r}, which is not there. If it is a"
                " package of an index, name it in the environment's image:"
                " Image.from_debian_base().with_pip_packages(...); if it is a file of yours, name it in include=."
            ) from error
        except Exception as error:
            raise ModuleLoadError(
                f"The module {name!r} of the deployed code cannot be imported: {type(error).__name__}: {error}"
            ) from error


def task_in_code(name: str) -> Task[Any, Any]:
    """The task that imported code calls `name`.

    Raises
    ------
    ModuleLoadError
        If it declares none.
    """
    task = find_task(name)
    if task is None:
        raise ModuleLoadError(f"The deployed code declares no task {name!r}.")
    return task
