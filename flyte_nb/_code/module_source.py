"""Modules by their source: found, and read statement by statement, without importing anything."""

from __future__ import annotations
import __future__

import ast
import dis
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
from collections.abc import Iterator
from functools import cached_property, lru_cache
from types import CodeType, ModuleType
from typing import NamedTuple

from . import names
from .bytecode import digest_bytecode, names_used, pack
from .ownership import is_user_file, is_user_module

_NO_INSTRUCTIONS = frozenset({"CACHE", "EXTENDED_ARG"})
_LOADERS = (
    (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    (importlib.machinery.SourceFileLoader, importlib.machinery.SOURCE_SUFFIXES),
    (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
)
# Calls whose result follows from what is written there.
_SETTLED = frozenset(
    {
        *(
            "bytes",
            "compile",
            "Decimal",
            "dict",
            "field",
            "float",
            "frozenset",
            "getLogger",
            "int",
            "list",
            "namedtuple",
        ),
        *("NewType", "ParamSpec", "Path", "range", "set", "str", "TaskEnvironment", "timedelta", "tuple", "TypeVar"),
    }
)
# Those of them that make something to be filled.
_CONTAINERS = frozenset({"dict", "field", "list", "set"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPOUND = (ast.For, ast.AsyncFor, ast.While, ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)


class Import(NamedTuple):
    """An import in a function's body.

    Attributes
    ----------
    module : str
        As it is written there.
    level : int
        How many dots stand before it.
    names : tuple of str
        What is imported from it; empty where the module itself is.
    """

    module: str
    level: int
    names: tuple[str, ...]

    def absolute(self, package: str) -> str:
        """The module's full name, seen from `package`; empty where that leads nowhere."""
        try:
            return importlib.util.resolve_name("." * self.level + self.module, package)
        except (ImportError, ValueError):
            return ""


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


@lru_cache(maxsize=1024)
def imports_in(code: CodeType) -> tuple[Import, ...]:
    """The imports in the body of `code`, or of code inside it."""
    found: list[Import] = []
    instructions = [one for one in dis.get_instructions(code) if one.opname not in _NO_INSTRUCTIONS]
    for position, instruction in enumerate(instructions):
        if instruction.opname == "IMPORT_NAME":
            level, wanted = (one.argval for one in instructions[position - 2 : position])
            found.append(Import(instruction.argval, level, tuple(wanted or ())))
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            found += imports_in(constant)
    return tuple(dict.fromkeys(found))


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


class Statement:
    """A statement at the top level of a module.

    Attributes
    ----------
    gives : frozenset of str
        Names that it binds or changes.
    """

    def __init__(self, node: ast.stmt, flags: int) -> None:
        self.node = node
        self.gives = names.names_given(node)
        self._flags = flags

    @cached_property
    def code(self) -> CodeType:
        """What it does."""
        module = ast.Module([self.node], [])
        code: CodeType = compile(module, "<module>", "exec", flags=self._flags, dont_inherit=True)
        return code

    @cached_property
    def digest(self) -> bytes:
        """16 bytes that change when it does something else."""
        return digest_bytecode(self.code)

    @cached_property
    def uses(self) -> tuple[str, ...]:
        """Names of the module that it, or a function in it, may look up."""
        return tuple(sorted({*names_used(self.code).globals, *names.names_used(self.node)}))

    @cached_property
    def mentions(self) -> frozenset[str]:
        """Every name in it, and in functions in it."""
        return names.names_mentioned(self.node)

    @cached_property
    def attributes(self) -> frozenset[str]:
        """Every name that it, or a function in it, uses as an attribute."""
        return names_used(self.code).attributes

    @property
    def is_import(self) -> bool:
        """Whether it is an import."""
        return isinstance(self.node, (ast.Import, ast.ImportFrom))

    @property
    def is_call(self) -> bool:
        """Whether it is a call whose result nobody keeps, such as a registration."""
        return isinstance(self.node, ast.Expr) and isinstance(self.node.value, ast.Call)

    @property
    def kind(self) -> str:
        """What it makes: a function, a class or a constant."""
        if isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return "function"
        return "class" if isinstance(self.node, ast.ClassDef) else "constant"

    @cached_property
    def literal(self) -> tuple[object, ...]:
        """The value it assigns, alone in a tuple, if that is written down there and cannot be changed in place."""
        targets = getattr(self.node, "targets", None) or [getattr(self.node, "target", None)]
        value = getattr(self.node, "value", None)
        if isinstance(self.node, (ast.Assign, ast.AnnAssign)) and all(isinstance(one, ast.Name) for one in targets):
            try:
                return (ast.literal_eval(value),) if value is not None and _is_fixed(value) else ()
            except ValueError:
                pass
        return ()

    @property
    def is_plain_function(self) -> bool:
        """Whether it is a function whose code is all there is to it: no decorators, no defaults."""
        if not isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return False
        arguments = self.node.args
        return not (self.node.decorator_list or arguments.defaults or any(arguments.kw_defaults))

    @cached_property
    def acts(self) -> bool:
        """Whether running it may do something to an object that another statement made."""
        node = self.node
        if isinstance(node, _FUNCTIONS):
            return bool(node.decorator_list)
        if isinstance(node, ast.ClassDef) and (node.decorator_list or node.bases or node.keywords):
            return True
        if isinstance(node, _COMPOUND):
            return not (isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'")
        return isinstance(node, (ast.AugAssign, ast.Delete)) or any(_changes(inner) for inner in ast.walk(node))

    def makes_filled(self, name: str) -> bool:
        """Whether what it gives `name` is, or may be, something that other statements fill."""
        return _makes_filled(self.node, name)

    def acts_on(self, function: str) -> bool:
        """Whether running it may do something to a function, such as to register a variant of it."""
        if isinstance(self.node, (*_FUNCTIONS, ast.ClassDef)):
            return any(function in names.names_mentioned(one) for one in self.node.decorator_list)
        return self.acts and function in self.mentions

    @cached_property
    def is_settled(self) -> bool:
        """Whether what it makes follows from the source alone, and is not found out when it runs."""
        if self.kind != "constant":
            return True
        return not any(_finds_out(node) for node in ast.walk(self.node))

    def imported(self, name: str) -> Iterator[tuple[Import, str]]:
        """The imports that give `name`, each with the name it has there; empty where it is the module itself."""
        if isinstance(self.node, ast.ImportFrom):
            for alias in self.node.names:
                if name == (alias.asname or alias.name):
                    yield Import(self.node.module or "", self.node.level, (alias.name,)), alias.name
        elif isinstance(self.node, ast.Import):
            for alias in self.node.names:
                if name == (alias.asname or alias.name.partition(".")[0]):
                    yield Import(alias.name if alias.asname else name, 0, ()), ""


def _finds_out(node: ast.AST) -> bool:
    if isinstance(node, ast.Subscript):
        return isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] not in _SETTLED


def _changes(node: ast.AST) -> bool:
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return not isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Call)


def _is_fixed(value: ast.expr) -> bool:
    """Whether the value of an expression can, as it is written, not be changed in place."""
    if isinstance(value, ast.Call):
        called = ast.unparse(value.func).rpartition(".")[2]
        return called in _SETTLED and called not in _CONTAINERS
    if isinstance(value, ast.Tuple):
        return all(map(_is_fixed, value.elts))
    if isinstance(value, ast.UnaryOp):
        return _is_fixed(value.operand)
    if isinstance(value, ast.BinOp):
        return _is_fixed(value.left) and _is_fixed(value.right)
    return isinstance(value, (ast.Constant, ast.JoinedStr, ast.Compare, ast.Lambda))


def _makes_filled(node: ast.stmt, name: str) -> bool:
    if isinstance(node, ast.ClassDef):
        return bool(node.keywords) or any(map(_is_filled_in_class, node.body))
    if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return node.value is not None and not _is_fixed(node.value)
    if not isinstance(node, _COMPOUND):
        return False
    inside = [
        inner
        for inner in names.outside_functions(node)
        if isinstance(inner, ast.stmt) and inner is not node and not isinstance(inner, _COMPOUND)
    ]
    giving = [inner for inner in inside if name in names.names_given(inner)]
    return not giving or any(_makes_filled(inner, name) for inner in giving)


def _is_filled_in_class(node: ast.stmt) -> bool:
    if isinstance(node, _FUNCTIONS):
        return node.name == "__init_subclass__"
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).rpartition(".")[2] != "field" and not _is_fixed(node.value)
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and not _is_fixed(node.value)


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
        self.package = name if place.folders else name.rpartition(".")[0]
        tree = ast.parse(content)
        flags = 0
        for node in tree.body:
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                flags |= sum(getattr(__future__, alias.name).compiler_flag for alias in node.names)
        self.statements = [Statement(node, flags) for node in tree.body]
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
            decorated = [one for one in giving if isinstance(one.node, _FUNCTIONS) and one.acts]
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
