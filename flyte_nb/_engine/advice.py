"""What is said beside Python's own words where a task, or `flyte.map`, was used in a wrong way."""

from __future__ import annotations

import re

from .. import errors

_AWAITED = re.compile(
    r"object .+ can't be used in 'await' expression|'.+' object can't be awaited"
    r"|An asyncio.Future, a coroutine or an awaitable is required|a coroutine was expected, got "
)
_QUOTED = re.compile(r"'(\w+)'")
_NOT_AWAITED = re.compile(r"'coroutine'|\bnon-iterable coroutine object")


def advise(error: BaseException) -> None:
    """Give `error`, which a task raised, a note where there is something to say."""
    advice = _advice(error)
    if advice and advice not in getattr(error, "__notes__", ()):
        error.add_note(advice)


def _advice(error: BaseException) -> str:
    if not isinstance(error, (TypeError, AttributeError)):
        return ""
    text = str(error)
    if _AWAITED.match(text):
        return (
            "If it is what a task gave that is a plain `def`: such a task is called without await, and gives its"
            " result; or await task.aio(...)."
        )
    if _NOT_AWAITED.search(text):
        return (
            "A coroutine is a call that was not awaited. Of an async task: await task(...); several at once:"
            " await asyncio.gather(*calls)."
        )
    for name in _QUOTED.findall(text):
        kind = getattr(errors, name, None)
        if isinstance(kind, type) and issubclass(kind, errors.BaseRuntimeError):
            return (
                f"{name!r} is the error of a call, in the place of its result: flyte.map gives the errors of failed"
                " items among the results; flyte.map(..., return_exceptions=False) raises the first one."
            )
    return ""
