"""A cell's source as a task: top-level await, names that stay in the notebook, the last expression as output."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import inspect
import linecache
from collections.abc import Iterator
from typing import Any

from .._task.environment import TaskEnvironment

environment = TaskEnvironment("notebook")

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class CellProgram:
    """A compiled cell.

    Parameters
    ----------
    source : str
        Plain Python, IPython's own syntax already translated.

    Raises
    ------
    SyntaxError
        If it is none.
    """

    def __init__(self, source: str) -> None:
        filename = f"<flyte_run {hashlib.sha256(source.encode()).hexdigest()[:12]}>"
        tree = ast.parse(source, filename)
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        last = tree.body[-1] if tree.body else None
        self._last = None
        if isinstance(last, ast.Expr) and not source.rstrip().endswith(";"):
            tree.body.pop()
            self._last = compile(ast.Expression(last.value), filename, "eval", flags=_FLAGS, dont_inherit=True)
        self._body = compile(tree, filename, "exec", flags=_FLAGS, dont_inherit=True)

    async def execute(self, namespace: dict[str, Any]) -> Any:
        """Run it in `namespace`; the value of its last expression, None where there is none."""
        await _evaluated(self._body, namespace)
        return await _evaluated(self._last, namespace) if self._last is not None else None


async def _evaluated(code: Any, namespace: dict[str, Any]) -> Any:
    value = eval(code, namespace)
    return await value if code.co_flags & inspect.CO_COROUTINE else value


_kept: dict[str, list[Any]] = {}


@contextlib.contextmanager
def kept_value(run: str) -> Iterator[list[Any]]:
    """A list that gets the value of the cell that is the run of that name, while somebody waits for it."""
    values: list[Any] = []
    _kept[run] = values
    try:
        yield values
    finally:
        del _kept[run]


@environment.task
async def cell(source: str) -> str:
    """Run a cell; its value stays in the kernel, its text is what is recorded."""
    from IPython.core.getipython import get_ipython

    from .._engine.context import ctx

    shell: Any = get_ipython()
    value = await CellProgram(source).execute(shell.user_ns)
    context = ctx()
    if context is not None and context.action.run_name in _kept:
        _kept[context.action.run_name].append(value)
    return "" if value is None else repr(value)[:10_000]
