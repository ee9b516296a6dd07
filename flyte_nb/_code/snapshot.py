"""The code that a run needs, as bytes that another process can load."""

from __future__ import annotations

import functools
import pickle
import types
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from ..errors import CodeBundleError
from .bytecode import read_code
from .digest import code_digest

_MAX_KEPT = 64


@dataclass(frozen=True)
class Snapshot:
    """A task by value.

    Attributes
    ----------
    payload : bytes or None
        None where something could not be pickled; `problem` says what.
    """

    payload: bytes | None
    problem: str = ""


_kept: OrderedDict[tuple[str, str, int], Snapshot] = OrderedDict()


def take_snapshot(task: Any) -> Snapshot:
    """The snapshot of `task`: functions of the notebook by value, importable modules by reference."""
    key = (task.name, code_digest(task.func), task.generation)
    found = _kept.get(key)
    if found is None:
        found = _kept[key] = _pickled(task)
        if len(_kept) > _MAX_KEPT:
            _kept.popitem(last=False)
    return found


def load_snapshot(payload: bytes) -> Any:
    """What `take_snapshot` was given.

    Raises
    ------
    CodeBundleError
        If a module it needs is missing, or the bytes cannot be read by this Python.
    """
    try:
        return pickle.loads(zlib.decompress(payload))
    except ModuleNotFoundError as error:
        raise CodeBundleError(
            f"The stored code needs the module {error.name!r}, which is not installed here or not on the path."
            " Start from the folder the run was started from, or install it."
        ) from error
    except Exception as error:
        raise CodeBundleError(
            f"The stored code cannot be loaded by this Python: {type(error).__name__}: {error}. Define the tasks here"
            " (run their cells) and resume again."
        ) from error


def _pickled(task: Any) -> Snapshot:
    try:
        return Snapshot(zlib.compress(_dumps(task), 1))
    except Exception as error:
        culprit = _culprit(task.func, set())
        where = culprit or f"{type(error).__name__}: {error}"
        return Snapshot(None, f"{where}. The run can be resumed where its tasks are defined, not from elsewhere.")


def _dumps(value: Any) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(value)
    return data


def _culprit(func: Any, seen: set[int]) -> str:
    """The name of what cannot be pickled, found by trying one at a time what `func` reaches."""
    while isinstance(func, functools.partial) or type(func).__module__ == "flyte_nb._task.task":
        func = func.func
    if not isinstance(func, types.FunctionType) or id(func) in seen:
        return ""
    seen.add(id(func))
    _, names = read_code(func.__code__, repr)
    reached = {name: func.__globals__[name] for name in names.loaded if name in func.__globals__}
    for name, cell in zip(func.__code__.co_freevars, func.__closure__ or (), strict=True):
        reached[name] = _contents(cell)
    for name, value in reached.items():
        try:
            _dumps(value)
        except Exception:
            deeper = _culprit(value, seen)
            return deeper or (
                f"{name!r}, a {type(value).__module__}.{type(value).__qualname__} that {func.__qualname__!r} uses,"
                " cannot be pickled; make it inside the task"
            )
    return ""


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None
