"""The tasks of a notebook, loaded statement by statement: a cell that fails takes along what needs it, and no more."""

from __future__ import annotations
import __future__

import ast
import linecache
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from .._code.names import names_given, names_used
from .._code.notebook_source import NotebookModule, Problem, is_task, notebook_module

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class BrokenCell(NamedTuple):
    """A cell that could not be loaded.

    Attributes
    ----------
    text : str
        A sentence that names the cell and the error.
    details : str
        The text, and the traceback where there is one.
    tasks : tuple of str
        Those that need the cell, and are not there.
    """

    text: str
    details: str
    tasks: tuple[str, ...]


class LoadedNotebook(NamedTuple):
    """The tasks of a notebook as a module.

    Attributes
    ----------
    module : module
    broken : tuple of BrokenCell
        In their order.
    missing : dict of str to BrokenCell
        What is not there, or of no use, because of which cell.
    """

    module: ModuleType
    broken: tuple[BrokenCell, ...]
    missing: dict[str, BrokenCell]


def load_notebook(path: Path) -> LoadedNotebook:
    """The tasks of the notebook at `path`, as the main module of this process.

    Raises
    ------
    CodeBundleError
        If it is no notebook, or has no task.
    """
    source = notebook_module(path)
    module = ModuleType("__main__")
    # Not `__file__`: a notebook has none, and processes that Python starts would read it as a script.
    vars(module)["__loader__"] = _NotebookLoader(str(path), source.source)
    sys.path.insert(0, str(path.resolve().parent))
    sys.modules[module.__name__] = module
    loading = _Loading(path, source)
    loading.execute_in(module)
    broken = loading.broken()
    missing = {name: broken[problem] for name, problem in loading.missing.items()}
    return LoadedNotebook(module, tuple(broken.values()), missing)


class _NotebookLoader:
    """Tells where a module comes from that is in no Python file, and its source, as loaders do."""

    def __init__(self, path: str, source: str) -> None:
        self.path = path
        self._source = source

    def get_source(self, name: str) -> str:
        return self._source


class _Loading:
    """The statements of a module one after the other, and which names are not there because of which cell."""

    def __init__(self, path: Path, source: NotebookModule) -> None:
        self._path = path
        self._statements = ast.parse(source.source).body
        self._cells = {one: _put_into_its_cell(one, source.places) for one in self._statements}
        _show_lines_of_cells(path, source)
        self._problems = list(source.problems)
        self._tracebacks: dict[Problem, str] = {}
        self.missing = {name: problem for problem in source.problems for name in problem.names}

    def execute_in(self, module: ModuleType) -> None:
        """Execute what can be; what needs a cell that failed is left out."""
        flags = _future_flags(self._statements)
        for statement in self._statements:
            cell = self._cells[statement]
            problem = self._hindrance(statement, up_to=cell)
            if problem is None:
                try:
                    tree = ast.Module([statement], [])
                    exec(compile(tree, _file_of(self._path, cell), "exec", flags, dont_inherit=True), vars(module))
                except (Exception, SystemExit) as error:
                    problem = self._failed(statement, error)
            for name in names_given(statement):
                if problem is not None:
                    self.missing[name] = problem
                elif name in self.missing and self.missing[name].cell < cell:
                    del self.missing[name]  # this cell makes up for an earlier one
        self._look_into_bodies()

    def broken(self) -> dict[Problem, BrokenCell]:
        """The cells that could not be loaded, in their order."""
        tasks = dict.fromkeys(name for one in self._statements if is_task(one) for name in names_given(one))
        found = {}
        for problem in sorted(self._problems, key=lambda one: one.cell):
            without = tuple(name for name in tasks if self.missing.get(name) == problem)
            details = f"{problem.text}\n{self._tracebacks.get(problem, '')}".rstrip()
            found[problem] = BrokenCell(problem.text, details, without)
        return found

    def _look_into_bodies(self) -> None:
        """Note the functions that use, when they are called, what is not there."""
        definitions = [one for one in self._statements if isinstance(one, _DEFINITIONS)]
        news = True
        while news:
            news = False
            for definition in definitions:
                problem = self._hindrance(definition, up_to=sys.maxsize)
                if problem is not None and definition.name not in self.missing:
                    self.missing[definition.name] = problem
                    news = True

    def _hindrance(self, statement: ast.stmt, up_to: int) -> Problem | None:
        """Why the statement cannot be executed: a problem of a cell that is not behind `up_to`."""
        needed = (self.missing[name] for name in sorted(names_used(statement)) if name in self.missing)
        return next((problem for problem in needed if problem.cell <= up_to), None)

    def _failed(self, statement: ast.stmt, error: BaseException) -> Problem:
        from .._engine.failure import user_traceback

        cell = self._cells[statement]
        said = " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(".")
        problem = Problem(cell, names_given(statement), f"Cell {cell} of {self._path} failed: {said}.")
        self._problems.append(problem)
        self._tracebacks[problem] = user_traceback(error)
        return problem


def _file_of(path: Path, cell: int) -> str:
    """What tracebacks call a cell."""
    return f"Cell {cell} of {path.name}"


def _put_into_its_cell(statement: ast.stmt, places: Sequence[tuple[int, int]]) -> int:
    """Number the lines of a statement as its cell does; the number of that cell."""
    cell, _ = places[statement.lineno - 1]
    for node in ast.walk(statement):
        for field in ("lineno", "end_lineno"):
            if line := getattr(node, field, None):
                setattr(node, field, places[line - 1][1])
    return cell


def _show_lines_of_cells(path: Path, source: NotebookModule) -> None:
    """Have tracebacks show the lines of cells that are in the module."""
    cells: dict[int, dict[int, str]] = {}
    for (cell, line), text in zip(source.places, source.source.split("\n"), strict=False):
        cells.setdefault(cell, {})[line] = text
    for cell, texts in cells.items():
        lines = [f"{texts.get(number, '')}\n" for number in range(1, max(texts) + 1)]
        file = _file_of(path, cell)
        linecache.cache[file] = (sum(map(len, lines)), None, lines, file)


def _future_flags(statements: list[ast.stmt]) -> int:
    flags = 0
    for statement in statements:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= getattr(__future__, alias.name).compiler_flag
    return flags
