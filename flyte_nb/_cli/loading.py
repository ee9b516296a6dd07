"""The tasks of a file or a notebook, without starting what it starts.

A file is imported as a module, so that what stands under ``if __name__ == "__main__"`` stays out. Of a notebook the
tasks and what they reach are taken (`flyte_nb._code.notebook_source`), and its other cells are not run. They stand in
`__main__`, as in a kernel: the name of the module is in cache keys and stored values. Either way the code travels with
the run, so that it can be resumed from any folder.
"""

from __future__ import annotations

import importlib.util
import linecache
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from .._task.task import Task
from .exits import WrongUse


def load_tasks(path: Path) -> dict[str, Task[Any, Any]]:
    """Tasks by the names they have in a Python file or a notebook; errors are those of `load_module`."""
    return {name: value for name, value in vars(load_module(path)).items() if isinstance(value, Task)}


def load_module(path: Path) -> ModuleType:
    """A Python file, or the tasks of a notebook, as a module.

    Raises
    ------
    WrongUse
        If there is no such file, it is neither, or it cannot be loaded; the message shows where it failed.
    """
    if not path.is_file():
        raise WrongUse(f"There is no file {path}.")
    if path.suffix == ".ipynb":
        return _notebook(path)
    if path.suffix == ".py":
        return _file(path)
    raise WrongUse(f"{path} is neither a Python file (.py) nor a notebook (.ipynb).")


def search_current_folder() -> None:
    """Have modules of the current folder found, as Python finds those beside a script."""
    sys.path.insert(0, os.getcwd())


def _file(path: Path) -> ModuleType:
    root, name = _place(path.resolve())
    sys.path.insert(0, str(root))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    loader = spec.loader
    return _loaded(path, module, lambda: loader.exec_module(module))


def _notebook(path: Path) -> ModuleType:
    from .._code.notebook_source import module_source

    source = module_source(path, with_main=False)
    module = ModuleType("__main__")
    filename = f"<tasks of {path.name}>"
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    # Not `__file__`: a notebook has none, and processes that Python starts would read it as a script.
    vars(module)["__loader__"] = _NotebookLoaded(str(path), source)
    sys.path.insert(0, str(path.resolve().parent))
    return _loaded(path, module, lambda: exec(compile(source, filename, "exec", dont_inherit=True), vars(module)))


class _NotebookLoaded:
    """Tells where a module comes from that is in no Python file, and its source, as loaders do."""

    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self._source = source

    def get_source(self, name: str) -> str:
        return self._source


def _loaded(path: Path, module: ModuleType, execute: Any) -> ModuleType:
    import cloudpickle

    from .._engine.failure import user_traceback

    sys.modules[module.__name__] = module
    try:
        execute()
    except (Exception, SystemExit) as error:
        shown = user_traceback(error.with_traceback(_below_here(error)))
        raise WrongUse(f"{path} cannot be loaded:\n{shown.rstrip()}") from None
    if module.__name__ != "__main__":  # which always travels by value
        cloudpickle.register_pickle_by_value(module)
    return module


def _below_here(error: BaseException) -> Any:
    """The traceback without our own frames and those of the import system."""
    at = error.__traceback__
    while at is not None and (
        at.tb_frame.f_code.co_filename == __file__ or "importlib" in at.tb_frame.f_code.co_filename
    ):
        at = at.tb_next
    return at


def _place(path: Path) -> tuple[Path, str]:
    """The folder that a file is imported from, and its name as a module: with its packages, if it is in some."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder = folder.parent
    if len(parts) == 1:
        return folder, _free_name(path)
    if path.stem == "__init__":
        parts.pop()
    return folder, ".".join(parts)


def _free_name(path: Path) -> str:
    """The name of the file as that of a module, changed where another module has it."""
    name = "".join(sign if sign.isalnum() else "_" for sign in path.stem)
    found = importlib.util.find_spec(name)
    taken = name in sys.stdlib_module_names or (found is not None and found.origin != str(path.resolve()))
    return f"file_{name}" if taken or not name.isidentifier() else name
