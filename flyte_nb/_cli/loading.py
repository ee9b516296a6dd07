"""The tasks of a file or a notebook, without starting what it starts.

A file is imported as a module, so that what stands under ``if __name__ == "__main__"`` stays out. Of a notebook the
tasks and what they reach are taken (`flyte_nb._code.notebook_source`), and its other cells are not run. They stand in
`__main__`, as in a kernel: the name of the module is in cache keys and stored values. Either way the code travels with
the run, so that it can be resumed from any folder. A file that fails cannot be used; of a notebook the other cells can.

A file's folder is searched first, as Python does for a script. Of a file that is called like a library it is searched
last: else whoever needs the library would get the file, also what shows the run.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import Any, NamedTuple

import click
import rich  # noqa: F401  # before folders of users are searched, for it is what shows a run

from .._journal import JournalReader
from .._misfit import with_nearest
from .._task.task import Task
from .exits import WrongUse
from .notebook import BrokenCell, load_notebook

_SUFFIXES = (".ipynb", ".py")


class LoadedTasks(NamedTuple):
    """The tasks of a file or a notebook.

    Attributes
    ----------
    tasks : dict of str to Task
        By the names they have there.
    broken : tuple of BrokenCell
        Cells that could not be loaded.
    missing : dict of str to BrokenCell
        What is not there because of which cell.
    """

    tasks: dict[str, Task[Any, Any]]
    broken: tuple[BrokenCell, ...] = ()
    missing: Mapping[str, BrokenCell] = MappingProxyType({})

    def warn(self) -> None:
        """Say on the terminal which cells could not be loaded."""
        for cell in self.broken:
            without = f" Tasks that need it cannot be run: {', '.join(cell.tasks)}." if cell.tasks else ""
            click.echo(f"Warning: {cell.text}{without}", err=True)


def load_tasks(path: Path) -> LoadedTasks:
    """The tasks of a Python file, or those of a notebook that can be had.

    Raises
    ------
    WrongUse
        If there is no such file, it is neither, or the file cannot be loaded; the message shows where it failed.
    """
    if _is_notebook(path):
        module, broken, missing = load_notebook(path)
        return LoadedTasks(
            {name: task for name, task in _tasks_of(module).items() if name not in missing}, broken, missing
        )
    return LoadedTasks(_tasks_of(_file(path)))


def load_module(path: Path) -> ModuleType:
    """A Python file, or all tasks of a notebook, as a module.

    Raises
    ------
    WrongUse
        As `load_tasks`, and if a cell of the notebook cannot be loaded.
    """
    if not _is_notebook(path):
        return _file(path)
    loaded = load_notebook(path)
    if loaded.broken:
        raise WrongUse(loaded.broken[0].details)
    return loaded.module


def _is_notebook(path: Path) -> bool:
    if not path.is_file():
        there = [str(found) for found in path.parent.glob("*") if found.suffix in _SUFFIXES]
        raise WrongUse(f"There is no file {with_nearest(str(path), there)}.")
    if path.suffix not in _SUFFIXES:
        raise WrongUse(f"{path} is neither a Python file (.py) nor a notebook (.ipynb).")
    return path.suffix == ".ipynb"


def _tasks_of(module: ModuleType) -> dict[str, Task[Any, Any]]:
    return {name: value for name, value in vars(module).items() if isinstance(value, Task)}


def search_folders_for(run: str) -> None:
    """Have modules found for the code of a run: those of the current folder first, those beside its notebook last."""
    from .._follow.origin import origin_of
    from .._runtime.runtime import chosen_home

    sys.path.insert(0, os.getcwd())
    folder = origin_of(JournalReader(chosen_home().journal_path), run).folder
    if folder is not None:
        sys.path.append(str(folder))


def _file(path: Path) -> ModuleType:
    import cloudpickle

    from .._engine.failure import user_traceback

    root, name = _place(path.resolve())
    _search(root, first=not _is_taken(path.stem, path.resolve()))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        shown = user_traceback(error.with_traceback(_below_here(error)))
        raise WrongUse(f"{path} cannot be loaded:\n{shown.rstrip()}") from None
    cloudpickle.register_pickle_by_value(module)
    return module


def _search(folder: Path, *, first: bool) -> None:
    """Have modules of a folder found before those of others, or after them."""
    if first:
        sys.path.insert(0, str(folder))
    else:
        others = [entry for entry in sys.path if Path(entry).resolve() != folder]
        sys.path[:] = [*others, str(folder)]


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
    return f"file_{name}" if _is_taken(name, path) or not name.isidentifier() else name


def _is_taken(name: str, path: Path) -> bool:
    """Whether a module of that name is another one than the file."""
    if name in sys.stdlib_module_names:
        return True
    loaded = sys.modules.get(name)
    elsewhere = [entry for entry in sys.path if Path(entry).resolve() != path.parent]
    found = loaded.__spec__ if loaded is not None else PathFinder.find_spec(name, elsewhere)
    return found is not None and found.origin not in (None, str(path))  # a folder in the way takes no name
