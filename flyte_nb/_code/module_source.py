"""Modules by their source: found, and read as they are in their files, without importing anything."""

from __future__ import annotations
import __future__

import ast
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
from functools import cached_property, lru_cache
from types import CodeType, ModuleType
from typing import NamedTuple

from .bytecode import pack
from .ownership import is_user_file, is_user_module
from .statements import FUNCTIONS, Statement

_LOADERS = (
    (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
    (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
)


class Place(NamedTuple):
    """Where a module is: its file of source if it is the user's, and the folders of its submodules.

    Attributes
    ----------
    file : str
        Empty for a namespace, and for a module that somebody made without a file.
    is_library : bool
        Whether it is not the user's, or is no source.
    """

    file: str = ""
    folders: tuple[str, ...] = ()
    is_library: bool = False


Stamp = tuple[int, int, int]


def find_module(name: str) -> Place | None:
    """Where the module of that full name is, loaded or not; None if there is none."""
    if not is_user_module(name):
        return Place(is_library=True)
    try:
        return _found(name)
    except Exception:
        return None


def _found(name: str) -> Place | None:
    place: Place | None = None
    full = ""
    for part in name.split("."):
        full = f"{full}.{part}" if full else part
        place = _inside(place, full)
        if place is None or place.is_library:
            return place
    return place


def modules_inside(name: str, place: Place) -> Iterator[str]:
    """Full names of the modules that have a file in the folders of the package `name`."""
    for folder in place.folders:
        for path in sorted(pathlib.Path(folder).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            inner = parts[:-1] if parts[-1] == "__init__" else parts
            if all(part.isidentifier() for part in inner):
                yield ".".join((name, *inner))


def _inside(parent: Place | None, full: str) -> Place | None:
    module = sys.modules.get(full)
    if module is not None:
        file, folders = getattr(module, "__file__", None), tuple(getattr(module, "__path__", ()))
        return Place("", folders) if file is None else _place(file, folders)
    if parent is None:
        spec = importlib.util.find_spec(full)
        return _place(spec.origin, tuple(spec.submodule_search_locations or ())) if spec is not None else None
    return _in_folders(parent.folders, full)


def _in_folders(folders: tuple[str, ...], name: str) -> Place | None:
    # Not through `PathFinder`: it looks up the folders of a namespace in its parent, which may not be loaded.
    portions: list[str] = []
    for folder in folders:
        spec = importlib.machinery.FileFinder(folder, *_LOADERS).find_spec(name)
        if spec is not None and spec.origin is not None:
            return _place(spec.origin, tuple(spec.submodule_search_locations or ()))
        portions += (spec.submodule_search_locations or ()) if spec is not None else ()
    return Place("", tuple(portions)) if portions else None


def _place(file: str | None, folders: tuple[str, ...]) -> Place:
    if file is None:
        return Place("", folders, is_library=not folders)
    return Place(file, folders) if file.endswith(".py") and is_user_file(file) else Place(is_library=True)


class ModuleSource:
    """The source of a module, as it is in its file now.

    Attributes
    ----------
    package : str
        What relative imports in it start from.
    statements : list of Statement
    """

    def __init__(self, name: str, place: Place, content: bytes) -> None:
        self.name = name
        self.package: str = name if place.folders else name.rpartition(".")[0]
        tree = ast.parse(content)
        flags = 0
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                flags |= sum(getattr(__future__, alias.name).compiler_flag for alias in node.names)
        self.statements: list[Statement] = [Statement(node, flags) for node in tree.body]
        self._tree = tree

    def giving(self, name: str) -> list[Statement]:
        """The statements that give `name`, or do something with it when the module is imported."""
        giving = [one for one in self.statements if name in one.gives]
        return giving and [one for one in self.statements if one in giving or (one.is_call and name in one.uses)]

    def filling(self, name: str) -> list[Statement]:
        """Further statements that may fill or change what `name` holds when the module is imported."""
        giving = self.giving(name)
        if any(one.makes_filled(name) for one in giving) or name in self._declared_global:
            found = [one for one, behind in self._acting if name in behind]
        else:
            decorated = [one for one in giving if isinstance(one.node, FUNCTIONS) and one.acts]
            found = [one for one in self.statements if decorated and one.acts_on(name)]
        return [one for one in found if one not in giving]

    def behind(self, statements: list[Statement]) -> frozenset[str]:
        """The names in `statements`, those in the statements that give them, and so on."""
        found = set[str]().union(*(one.mentions for one in statements))
        pending = list(found)
        while pending:
            for one in self._given_by.get(pending.pop(), ()):
                pending += one.mentions - found
                found |= one.mentions
        return frozenset(found)

    def binding(self, name: str) -> list[Statement]:
        """The statements that bind `name`, or change its object by an assignment."""
        return self._given_by.get(name, [])

    def digest(self) -> bytes:
        """Of all that it does, whatever of it is used."""
        return pack("module", *(statement.digest for statement in self.statements))

    @cached_property
    def _given_by(self) -> dict[str, list[Statement]]:
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.gives:
                found.setdefault(name, []).append(statement)
        return found

    @cached_property
    def _acting(self) -> list[tuple[Statement, frozenset[str]]]:
        return [(one, self.behind([one])) for one in self.statements if one.acts]

    @cached_property
    def _declared_global(self) -> frozenset[str]:
        found = (node.names for node in ast.walk(self._tree) if isinstance(node, ast.Global))
        return frozenset(name for names_declared in found for name in names_declared)

    def codes_in(self, statement: Statement) -> dict[str, CodeType]:
        """The code of functions in a statement by their qualified names, compiled as an import does it."""
        lines = range(*_lines(statement.node))
        return {code.co_qualname: code for code in self._codes if code.co_firstlineno in lines}

    @cached_property
    def _codes(self) -> list[CodeType]:
        # Not statement by statement: how a method is called depends on what the module imports.
        return list(_codes_inside(compile(self._tree, "<module>", "exec", dont_inherit=True)))

    def stars(self) -> Iterator[str]:
        """Full names of the modules whose names it takes over."""
        for statement in self.statements:
            for found, _ in statement.imported("*"):
                yield found.absolute(self.package)


def _lines(node: ast.stmt) -> tuple[int, int]:
    first = min([node.lineno, *(one.lineno for one in getattr(node, "decorator_list", ()))])
    return first, (node.end_lineno or node.lineno) + 1


def _codes_inside(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes_inside(constant)


_sources: dict[tuple[str, str], tuple[Stamp, ModuleSource | None]] = {}
_as_loaded: dict[str, Stamp] = {}


def stamp_of(file: str) -> Stamp | None:
    """What changes when a file does; None if there is none."""
    try:
        found = os.stat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size


def source_of(name: str, place: Place) -> ModuleSource | None:
    """The source of a module, None if it cannot be read."""
    stamp = stamp_of(place.file)
    if stamp is None:
        return None
    kept = _sources.get((name, place.file))
    if kept is not None and kept[0] == stamp:
        return kept[1]
    try:
        with open(place.file, "rb") as file:
            source = ModuleSource(name, place, file.read())
    except (OSError, SyntaxError, ValueError):
        source = None
    _sources[name, place.file] = stamp, source
    return source


def is_as_loaded(name: str, file: str, module: ModuleType | None) -> bool:
    """Whether a module that is loaded is sure to have been made from the file as it is now.

    It is if the file is older than the process, or has not changed since it was last seen to be so, or since the
    module was not loaded yet.
    """
    stamp = stamp_of(file)
    if stamp is None:
        return False
    if module is not None and _as_loaded.get(name) != stamp and max(stamp[0], stamp[1]) >= _process_start_ns():
        return False
    _as_loaded[name] = stamp
    return True


@lru_cache(maxsize=1)
def _process_start_ns() -> int:
    import psutil

    return int(psutil.Process().create_time() * 1e9)
