"""The tasks of a notebook, and what they reach, as the source of a module.

Kept are the definitions of tasks and, from there, every statement of the notebook's top level that gives or changes a
name they use: imports, functions, classes, constants, environments, registrations. Left out is what a notebook does
besides: runs, outputs, magics, plots. A cell tagged ``export`` is kept whole, one tagged ``no-export`` is left out.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import CodeBundleError
from .names import names_given, names_used

_AS_IN_A_CELL = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST
KEEP_TAG, DROP_TAG = "export", "no-export"
_NOWHERE = (0, 0)
_BEGINS_A_NAME = re.compile(r"^(?:(?:async\s+)?def\s+|class\s+)?([^\W\d]\w*)\s*[(:=]", re.MULTILINE)
_TRANSPARENT = re.compile(r"%%(time|capture|timeit)\b.*\n?")
_MAGIC = re.compile(r"^\s*([%!]|.*\?\s*$|[\w\s,]+=\s*[%!])")


class Cell(NamedTuple):
    """A code cell: its number among them, from 1, its text, its tags."""

    number: int
    text: str
    tags: tuple[str, ...] = ()


class Problem(NamedTuple):
    """What keeps a part of a notebook out of a module.

    Attributes
    ----------
    cell : int
        Number of its code cell, from 1.
    names : frozenset of str
        Names that are not there because of it.
    text : str
        A sentence that names the cell.
    """

    cell: int
    names: frozenset[str]
    text: str


class NotebookModule(NamedTuple):
    """The module that a notebook's tasks make.

    Attributes
    ----------
    source : str
    places : tuple of (int, int)
        For each of its lines the code cell and the line there, both from 1; zeros where it is in none.
    problems : tuple of Problem
        Of cells that cannot be in it.
    """

    source: str
    places: tuple[tuple[int, int], ...]
    problems: tuple[Problem, ...]


@dataclass(eq=False)
class Statement:
    """A statement of a notebook's top level.

    Attributes
    ----------
    cell, line : int
        Number of its code cell, and of its first line there, from 1.
    gives, uses : frozenset of str
        Names that it binds or changes, and names that it needs.
    asked_for, kept : bool
        Whether a tag keeps it, and whether it is in the module.
    """

    node: ast.stmt
    text: str
    cell: int
    line: int
    gives: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    asked_for: bool = False
    kept: bool = False

    @property
    def is_import(self) -> bool:
        """Whether it is an import, which goes to the top."""
        return isinstance(self.node, (ast.Import, ast.ImportFrom))

    @property
    def is_definition(self) -> bool:
        """Whether it only defines a function or a class."""
        return isinstance(self.node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))


def module_source(path: Path, *, with_main: bool = True) -> str:
    """The source of a module with the tasks of the notebook at `path`.

    Parameters
    ----------
    with_main : bool
        Whether the module, run as a script, runs what the notebook runs first.

    Raises
    ------
    CodeBundleError
        If it is no notebook, has no task, or a task needs what a module cannot make.
    """
    return source_of_cells(_cells_of(path), str(path), path.name, with_main=with_main)


def notebook_module(path: Path) -> NotebookModule:
    """The module of the notebook at `path` with the tasks that can be had, and what is wrong with its other cells.

    Raises
    ------
    CodeBundleError
        If it is no notebook, or has no task.
    """
    return _module(_cells_of(path), str(path), path.name, with_main=False)


def source_of_cells(cells: Iterable[Cell], called: str, title: str, *, with_main: bool = True) -> str:
    """The source of a module with the tasks of `cells`, in the order in which they ran.

    Parameters
    ----------
    called : str
        What messages call the notebook.
    title : str
        What the module calls it.
    with_main : bool
        As `module_source`.

    Raises
    ------
    CodeBundleError
        As `module_source`.
    """
    module = _module(cells, called, title, with_main=with_main)
    if module.problems:
        raise CodeBundleError(module.problems[0].text)
    return module.source


def _module(cells: Iterable[Cell], called: str, title: str, *, with_main: bool) -> NotebookModule:
    unreadable: list[Problem] = []
    statements = [statement for cell in cells for statement in _statements(cell, called, unreadable)]
    if not any(statement.asked_for or is_task(statement.node) for statement in statements):
        raise CodeBundleError(unreadable[0].text if unreadable else f"{called} defines no task.")
    while True:
        impossible = _keep_what_tasks_reach(statements, called)
        lasting = [statement for statement in statements if not _is_replaced(statement, statements)]
        if len(lasting) == len(statements):
            break
        statements = lasting
    main = _main_block(statements) if with_main else ""
    source, places = _written([statement for statement in statements if statement.kept], title, main)
    return NotebookModule(source, places, (*unreadable, *impossible))


def _cells_of(path: Path) -> Iterator[Cell]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError) as error:
        raise CodeBundleError(f"{path} is not a notebook: {type(error).__name__}: {error}") from None
    for number, cell in enumerate(cells, 1):
        yield Cell(number, "".join(cell["source"]), tuple(cell.get("metadata", {}).get("tags", ())))


def _statements(cell: Cell, called: str, unreadable: list[Problem]) -> Iterator[Statement]:
    if DROP_TAG in cell.tags:
        return
    try:
        parsed = list(_parsed(cell.text, f"{called} cell {cell.number}"))
    except SyntaxError as error:
        text = f"Cell {cell.number} of {called} cannot be read: {error.msg} (line {error.lineno})."
        unreadable.append(Problem(cell.number, frozenset(_BEGINS_A_NAME.findall(cell.text)), text))
        return
    for node, text, line in parsed:
        asked_for = KEEP_TAG in cell.tags
        yield Statement(node, text, cell.number, line, names_given(node), names_used(node), asked_for)


def _parsed(source: str, called: str) -> Iterator[tuple[ast.stmt, str, int]]:
    """The statements of a cell, each with its text and the cell's line on which that begins."""
    shown = _TRANSPARENT.sub("\n", source, count=1) if source.startswith("%%") else source
    if shown.lstrip().startswith("%%"):
        return  # another language, or a run
    lines = ["" if _MAGIC.match(line) else line for line in shown.splitlines()]
    tree = compile("\n".join(lines), called, "exec", _AS_IN_A_CELL)
    assert isinstance(tree, ast.Module)
    end = 0
    for node in tree.body:
        decorators = getattr(node, "decorator_list", [])
        start = min([node.lineno, *(one.lineno for one in decorators)]) - 1
        while start > end and lines[start - 1].lstrip().startswith("#"):
            start -= 1  # comments right above belong to it
        end = node.end_lineno or node.lineno
        yield node, "\n".join(lines[start:end]), start + 1


def _keep_what_tasks_reach(statements: list[Statement], called: str) -> list[Problem]:
    """Mark what tasks reach; gives the problems of what they reach and a module cannot make."""
    problems: dict[Statement, Problem] = {}
    for statement in statements:
        statement.kept = statement.asked_for or is_task(statement.node)
    imported = {name for statement in statements if statement.is_import for name in statement.gives}
    functions = {name for statement in statements if statement.is_definition for name in statement.gives}
    grown = True
    while grown:
        needed = {name for statement in statements if statement.kept for name in statement.uses}
        grown = False
        for statement in statements:
            if statement.kept or statement in problems or not _is_needed(statement, needed, imported, functions):
                continue
            if _awaits(statement):
                problems[statement] = _cannot_await(statement, needed, called)
            else:
                statement.kept = grown = True
    return list(problems.values())


def _gives_what_cannot_be_seen(node: ast.stmt) -> bool:
    """Whether it is an import of all names of a module, or one that says how the notebook is compiled."""
    return isinstance(node, ast.ImportFrom) and (node.module == "__future__" or node.names[0].name == "*")


def _is_needed(statement: Statement, needed: set[str], imported: set[str], functions: set[str]) -> bool:
    node = statement.node
    if statement.gives & needed or _gives_what_cannot_be_seen(node):
        return True
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    called = ast.unparse(node.value.func)
    owner, _, method = called.rpartition(".")
    owner = owner.partition(".")[0]
    if owner in imported:
        return method.startswith("register") and owner in needed
    return owner in needed and owner not in functions


def _awaits(statement: Statement) -> bool:
    """Whether it awaits at the top level, which a module cannot do."""
    if statement.is_definition:
        return False
    return any(isinstance(inner, (ast.Await, ast.AsyncFor, ast.AsyncWith)) for inner in ast.walk(statement.node))


def _cannot_await(statement: Statement, needed: set[str], called: str) -> Problem:
    names = ", ".join(sorted(statement.gives & needed))
    return Problem(
        statement.cell,
        statement.gives,
        f"Cell {statement.cell} of {called} makes {names} by awaiting, which a module cannot do at its top level,"
        " and a task uses it. Make it inside the task, or pass it as an input.",
    )


def is_task(node: ast.stmt) -> bool:
    """Whether a statement is a function decorated with ``@env.task`` or ``@env.task(...)``."""
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    decorators = (one.func if isinstance(one, ast.Call) else one for one in node.decorator_list)
    return any(isinstance(one, ast.Attribute) and one.attr == "task" for one in decorators)


def _is_replaced(statement: Statement, statements: list[Statement]) -> bool:
    """Whether a later definition takes the place of this one before anything that runs has used it."""
    if not statement.is_definition:
        return False
    after = statements[statements.index(statement) + 1 :]
    for later in after:
        if later.kept and later.is_definition and later.gives == statement.gives:
            return True
        if later.kept and not later.is_definition and not later.is_import and later.uses & statement.gives:
            return False
    return False


def _main_block(statements: list[Statement]) -> str:
    """The notebook's first ``flyte.run(task, ...)``, for who runs the module as a script."""
    tasks = {name for statement in statements if is_task(statement.node) for name in statement.gives}
    given = {name for statement in statements if statement.kept for name in statement.gives}
    for statement in statements:
        for inner in ast.walk(statement.node):
            if not (isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr == "run"):
                continue
            starts_task = inner.args and isinstance(inner.args[0], ast.Name) and inner.args[0].id in tasks
            names = {name.id for name in ast.walk(inner) if isinstance(name, ast.Name)}
            if starts_task and names <= given:
                return f'if __name__ == "__main__":\n    print({ast.unparse(inner)}.outputs())\n'
    return ""


def _written(kept: list[Statement], title: str, main: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The text of a module, and for each of its lines the cell and the line there."""
    lines: list[tuple[str, tuple[int, int]]] = []

    def write(text: str, cell: int = 0, line: int = 0) -> None:
        for number, one in enumerate(text.split("\n"), line):
            lines.append((one, (cell, number) if cell else _NOWHERE))

    write(f'"""The tasks of {title}."""\n')
    imports: dict[str, Statement] = {}
    for statement in kept:
        if statement.is_import:
            imports.setdefault(ast.unparse(statement.node), statement)
    for text in sorted(imports, key=lambda text: not text.startswith("from __future__")):
        write(text, imports[text].cell, imports[text].line)
    body = [statement for statement in kept if not statement.is_import]
    for before, statement in zip([None, *body], body, strict=False):
        if before is None or before.is_definition or statement.is_definition:
            write("\n")
        write(statement.text, statement.cell, statement.line)
    if main:
        write("\n\n" + main.rstrip("\n"))
    return "\n".join(text for text, _ in lines).rstrip("\n") + "\n", tuple(place for _, place in lines)
