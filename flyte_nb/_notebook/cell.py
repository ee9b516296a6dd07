"""A cell's source as a task: top-level await, names that stay in the notebook, the last expression as output."""

from __future__ import annotations

import ast
import inspect
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

    def __init__(self, source: str, filename: str = "<flyte_run>") -> None:
        tree = ast.parse(source, filename)
        last = tree.body[-1] if tree.body else None
        self._last = None
        if isinstance(last, ast.Expr) and not source.rstrip().endswith(";"):
            tree.body.pop()
            self._last = compile(ast.Expression(last.value), filename, "eval", flags=_FLAGS)
        self._body = compile(tree, filename, "exec", flags=_FLAGS)

    async def execute(self, namespace: dict[str, Any]) -> Any:
        """Run it in `namespace`; the value of its last expression, None where there is none."""
        await _evaluated(self._body, namespace)
        return await _evaluated(self._last, namespace) if self._last is not None else None


async def _evaluated(code: Any, namespace: dict[str, Any]) -> Any:
    value = eval(code, namespace)
    return await value if code.co_flags & inspect.CO_COROUTINE else value


last_values: dict[str, Any] = {}


@environment.task
async def cell(source: str) -> str:
    """Run a cell; its value stays in the kernel, its text is what is recorded."""
    from IPython.core.getipython import get_ipython

    from .._engine.context import ctx

    shell: Any = get_ipython()
    value = await CellProgram(source).execute(shell.user_ns)
    context = ctx()
    if context is not None:
        last_values[context.action.run_name] = value
    return "" if value is None else repr(value)[:10_000]
