"""Tasks by where they are found: module and name."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from .._code.ownership import is_carried
from ..errors import ModuleLoadError

if TYPE_CHECKING:
    from .task import Task


def place_of(task: Task[Any, Any]) -> tuple[str, str] | None:
    """Module and qualified name under which another process can import `task`; None if there is none.

    The notebook's own module does not count, nor does one that cloudpickle was told to carry along.
    """
    module_name = getattr(task.func, "__module__", None)
    qualified = getattr(task.func, "__qualname__", "<locals>")
    if not module_name or module_name == "__main__" or "<locals>" in qualified or is_carried(module_name):
        return None
    module = sys.modules.get(module_name)
    if module is None or _attribute(module, qualified) is not task:
        return None
    return module_name, qualified


def task_at(module_name: str, qualified: str) -> Task[Any, Any]:
    """The task found at that place.

    Raises
    ------
    ModuleLoadError
        If the module cannot be imported, or holds no such task.
    """
    from .task import Task

    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ModuleLoadError(
            f"Task {qualified!r} is in module {module_name!r}, which cannot be imported here"
            f" ({type(error).__name__}: {error}). Install it, or add its folder to sys.path."
        ) from error
    found = _attribute(module, qualified)
    if not isinstance(found, Task):
        raise ModuleLoadError(
            f"Module {module_name!r} holds no task {qualified!r} here; it has {type(found).__name__} there."
            " Is it the same version of the module?"
        )
    return found


def _attribute(module: object, qualified: str) -> object:
    found = module
    for part in qualified.split("."):
        found = getattr(found, part, None)
    return found
