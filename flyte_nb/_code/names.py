"""Which names a statement gives to its module, and which it needs from it."""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator

_BUILTINS = frozenset(dir(builtins))


def names_given(node: ast.stmt) -> frozenset[str]:
    """Names that the statement binds at the top level, and those whose object it changes by an assignment."""
    given: set[str] = set()
    for inner in outside_functions(node):
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            given.add(inner.name)
        elif isinstance(inner, (ast.Import, ast.ImportFrom)):
            given.update((alias.asname or alias.name).partition(".")[0] for alias in inner.names)
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            given.add(inner.id)
        elif isinstance(inner, (ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, (ast.Store, ast.Del)):
            owner: ast.expr = inner
            while isinstance(owner, (ast.Attribute, ast.Subscript)):
                owner = owner.value
            if isinstance(owner, ast.Name):
                given.add(owner.id)
        elif isinstance(inner, ast.ExceptHandler) and inner.name:
            given.add(inner.name)
    return frozenset(given)


def names_used(node: ast.stmt) -> frozenset[str]:
    """Global names that the statement, or a function in it, looks up; those in annotations as text too."""
    module = ast.Module([node], [])
    table = symtable.symtable(ast.unparse(module), "<cell>", "exec")
    used = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    pending = list(table.get_children())
    while pending:
        inner = pending.pop()
        used |= {symbol.get_name() for symbol in inner.get_symbols() if symbol.is_global() and symbol.is_referenced()}
        pending += inner.get_children()
    for annotation in _annotations(node):
        for text in ast.walk(annotation):
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                used.update(re.findall(r"[^\W\d]\w*", text.value))
    return frozenset(used - _BUILTINS)


def names_mentioned(node: ast.AST) -> frozenset[str]:
    """Every name in the node, whatever is done with it; local variables too."""
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.Global):
            found.update(inner.names)
    return frozenset(found)


def outside_functions(node: ast.AST) -> list[ast.AST]:
    """The statement and what is in it, without the inside of functions, classes and comprehensions."""
    found, pending = [], [node]
    while pending:
        inner = pending.pop()
        found.append(inner)
        if isinstance(inner, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        if isinstance(inner, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            continue
        pending += ast.iter_child_nodes(inner)
    return found


def _annotations(node: ast.stmt) -> Iterator[ast.expr]:
    for inner in ast.walk(node):
        found = getattr(inner, "annotation", None) or getattr(inner, "returns", None)
        if isinstance(found, ast.expr):
            yield found
