"""The code of tasks as files: the modules they are in, and every module of the user's that these import.

Of a package all modules go along, because what is imported by name at run time cannot be seen in advance. A notebook is
written as a module first.
"""

from __future__ import annotations

import ast
import linecache
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from .._code.notebook_source import Cell, source_of_cells
from .._code.ownership import file_of, is_user_file, is_user_module
from .._task.environment import TaskEnvironment
from .._task.task import Task
from ..errors import DeploymentError
from ..storage.store import checksum_of
from .manifest import check_inside

MOST_FILES = 2_000
MOST_BYTES = 50 * 2**20
_NOT_CODE = frozenset({"__pycache__", "node_modules", "site-packages", "dist-packages"})
_OWN = ("flyte_nb", "flyte", "flyteplugins")


@dataclass
class Source:
    """Files of code, and what they import from others.

    Attributes
    ----------
    modules : list of str
        Those that tasks are in.
    files : dict of str to bytes
    libraries : set of str
        Names of modules that are neither the user's nor Python's own.
    """

    modules: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)

    def checksums(self) -> dict[str, str]:
        """Of the files, by path."""
        return {path: checksum_of(content) for path, content in sorted(self.files.items())}

    def add(self, path: str, content: bytes) -> None:
        """Take a file along.

        Raises
        ------
        DeploymentError
            If it is too much, or another file has its path.
        """
        check_inside(path)
        if self.files.setdefault(path, content) != content:
            raise DeploymentError(f"Two files would be {path!r} in what is deployed. Rename one of them.")
        size = sum(map(len, self.files.values()))
        if len(self.files) > MOST_FILES or size > MOST_BYTES:
            raise DeploymentError(
                f"The code of a deployment is at most {MOST_FILES:,} files and {MOST_BYTES // 2**20} MiB; with {path!r}"
                f" it is {len(self.files):,} and {size / 2**20:.1f} MiB. Put data into the store and pass it as a File."
            )


def source_of(environments: list[TaskEnvironment]) -> Source:
    """The code of all tasks of `environments`.

    Raises
    ------
    DeploymentError
        If a task is not at the top level of a module, a script or a notebook.
    CodeBundleError
        If a notebook cannot be written as a module.
    """
    source = Source()
    walk = _Walk(source)
    for environment in environments:
        for module in _modules_of(environment):
            name = walk.take_module(module)
            if name not in source.modules:
                source.modules.append(name)
            _take_included(environment, module, source)
    walk.finish()
    return source


def _modules_of(environment: TaskEnvironment) -> list[ModuleType]:
    names = dict.fromkeys(_module_name(task, environment) for task in environment.tasks.values())
    return [sys.modules[name] for name in names]


def _module_name(task: Task[Any, Any], environment: TaskEnvironment) -> str:
    name = getattr(task.func, "__module__", None) or ""
    if "<locals>" in getattr(task.func, "__qualname__", "") and is_user_module(name):
        raise DeploymentError(
            f"Task {task.name!r} is defined inside a function, where nobody can import it from. Define it, and its"
            " environment, at the top level of a module or a notebook."
        )
    if name in sys.modules and is_user_module(name):
        return name
    for found, module in tuple(sys.modules.items()):  # a task that is no function, such as one of a container
        if is_user_module(found) and any(value is task or value is environment for value in vars(module).values()):
            return found
    raise DeploymentError(
        f"Task {task.name!r} is at the top level of no module. Bind it, or its environment, to a name."
    )


class _Walk:
    """From module to module, by their imports."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._tops: set[str] = set()
        self._waiting: list[str] = []

    def take_module(self, module: ModuleType) -> str:
        """Take a module along with the package it is in; gives the name to import it by."""
        name = _name_of(module)
        top = name.partition(".")[0]
        package = sys.modules.get(top)
        if "." in name or hasattr(module, "__path__"):
            self._take_top(top, package)
            return name
        self._tops.add(name)
        text = _text_of(module, name)
        self._source.add(f"{name}.py", text.encode())
        self._waiting.append(text)
        return name

    def finish(self) -> None:
        """Take along what the modules import."""
        while self._waiting:
            for top in _tops_imported(self._waiting.pop()):
                if top not in self._tops and top not in _OWN:
                    self._take_top(top, sys.modules.get(top))

    def _take_top(self, top: str, module: ModuleType | None) -> None:
        if top in self._tops:
            return
        self._tops.add(top)
        place = _place_of(top, module)
        if place is None:
            if top not in sys.stdlib_module_names and top not in sys.builtin_module_names:
                self._source.libraries.add(top)
        elif place.is_dir():
            for path in _code_below(place):
                self._take_file(path, f"{top}/{path.relative_to(place).as_posix()}")
        else:
            self._take_file(place, f"{top}.py")

    def _take_file(self, path: Path, kept_as: str) -> None:
        content = path.read_bytes()
        self._source.add(kept_as, content)
        self._waiting.append(content.decode("utf-8", "replace"))


def _name_of(module: ModuleType) -> str:
    if module.__name__ != "__main__":
        return module.__name__
    spec = getattr(module, "__spec__", None)
    if spec is not None:  # python -m package.module
        return str(spec.name)
    file = file_of(module)
    stem = re.sub(r"\W", "_", Path(file).stem) if file else "notebook"
    return stem if stem.isidentifier() and stem not in sys.stdlib_module_names else f"file_{stem}"


def _text_of(module: ModuleType, name: str) -> str:
    if module.__name__ == "__main__" and isinstance(vars(module).get("In"), list):
        ran = [Cell(number, text) for number, text in enumerate(_cells_of(module), 1) if _is_python(text)]
        return source_of_cells(ran, "This notebook, in the order in which its cells ran,", "a notebook")
    file = getattr(module, "__file__", None)
    get_source = getattr(getattr(module, "__loader__", None), "get_source", None)
    try:
        text = get_source(module.__name__) if get_source is not None else None
        if text is None and file:
            text = Path(file).read_text(encoding="utf-8")
    except (OSError, ImportError) as error:
        raise DeploymentError(f"The source of module {name!r} cannot be read: {error}.") from error
    if not isinstance(text, str):
        raise DeploymentError(f"Module {name!r} has no source. Define its tasks in a file or a notebook.")
    return text


def _cells_of(module: ModuleType) -> list[str]:
    """The cells of a kernel in the order in which they ran: what IPython lists, where that is all that it compiled."""
    listed = [str(text) for text in vars(module)["In"][1:]]
    folders = {
        os.path.dirname(value.func.__code__.co_filename)
        for value in vars(module).values()
        if isinstance(value, Task) and hasattr(value.func, "__code__")
    } - {""}
    compiled = [
        "".join(entry[2])
        for name, entry in tuple(linecache.cache.items())
        if os.path.dirname(name) in folders and len(entry) > 2
    ]
    return listed if {text.strip() for text in compiled} <= {text.strip() for text in listed} else compiled


def _is_python(text: object) -> bool:
    try:
        compile(str(text), "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    except SyntaxError:
        return False  # a cell that never ran
    return True


def _place_of(top: str, module: ModuleType | None) -> Path | None:
    """The file or folder of a module of the user's; None for anybody else's."""
    spec = getattr(module, "__spec__", None) if module is not None else None
    if spec is None:
        try:
            spec = PathFinder.find_spec(top)
        except (ImportError, ValueError, AttributeError):
            return None
    if spec is None:
        return None
    folders = list(spec.submodule_search_locations or ())
    if folders:
        is_users = is_user_file(str(Path(folders[0], "__init__.py")))
        return Path(folders[0]) if is_users else None
    origin = spec.origin
    if not origin or not origin.endswith(".py") or not is_user_file(origin):
        return None
    return Path(origin)


def _code_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).parts
        if not any(part.startswith(".") or part in _NOT_CODE for part in parts) and path.is_file():
            yield path


def _tops_imported(text: str) -> list[str]:
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(dict.fromkeys(alias.name.partition(".")[0] for alias in node.names))
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found[node.module.partition(".")[0]] = None
    return list(found)


def _take_included(environment: TaskEnvironment, module: ModuleType, source: Source) -> None:
    """Files that the environment asks for, below the folder of its module."""
    file = getattr(module, "__file__", None)
    folder = Path(file).resolve().parent if file else Path.cwd()
    inside = "/".join(_name_of(module).split(".")[:-1])
    for asked in environment.include:
        path = folder / asked
        found = [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())
        if not found and not path.exists():
            pattern = str(asked)
            found = [] if Path(pattern).is_absolute() else sorted(one for one in folder.glob(pattern) if one.is_file())
        if not found:
            raise DeploymentError(f"Environment {environment.name!r}: include names {str(asked)!r}; there is none.")
        for one in found:
            try:
                relative = one.resolve().relative_to(folder).as_posix()
            except ValueError:
                raise DeploymentError(
                    f"Environment {environment.name!r}: include names {str(asked)!r}, which is outside {folder}. Files"
                    " below the folder of the module can be deployed."
                ) from None
            if not any(part in _NOT_CODE for part in Path(relative).parts):
                source.add(f"{inside}/{relative}" if inside else relative, one.read_bytes())
