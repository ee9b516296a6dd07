"""What stands at the top level of a module, statement by statement, and what it imports."""

from __future__ import annotations

import ast
import dis
import importlib.util
from collections.abc import Iterator
from functools import cached_property, lru_cache
from types import CodeType
from typing import NamedTuple

from . import names
from .bytecode import digest_bytecode, names_used

_NO_INSTRUCTIONS = frozenset({"CACHE", "EXTENDED_ARG"})
# Calls whose result follows from what is written there.
_SETTLED = frozenset(
    {
        *("bytes", "compile", "Decimal", "dict", "field", "float", "frozenset", "getLogger", "int", "list"),
        *("namedtuple", "NewType", "ParamSpec", "Path", "range", "set", "str", "TaskEnvironment", "timedelta"),
        *("tuple", "TypeVar"),
    }
)
# Those of them that make something to be filled.
_CONTAINERS = frozenset({"dict", "field", "list", "set"})
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
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


class Statement:
    """A statement at the top level of a module.

    Attributes
    ----------
    gives : frozenset of str
        Names that it binds or changes.
    """

    def __init__(self, node: ast.stmt, flags: int) -> None:
        self.node = node
        self.gives: frozenset[str] = names.names_given(node)
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
        if isinstance(node, FUNCTIONS):
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
        if isinstance(self.node, (*FUNCTIONS, ast.ClassDef)):
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
    if isinstance(node, FUNCTIONS):
        return node.name == "__init_subclass__"
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call):
        return ast.unparse(node.value.func).rpartition(".")[2] != "field" and not _is_fixed(node.value)
    return isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and not _is_fixed(node.value)
