"""What is written after the task in ``%flyte_run TASK name=value ...``."""

from __future__ import annotations

import ast
import io
import itertools
import tokenize
from collections.abc import Iterator


def split_arguments(text: str) -> dict[str, str]:
    """Names and the source of their values: ``x=[1, 2] y="a b"`` is ``{"x": "[1, 2]", "y": '"a b"'}``.

    Raises
    ------
    SyntaxError
        If a value is no Python, or something stands there that is no argument.
    """
    starts = [*_starts(text), len(text)]
    stray = text[: starts[0]].strip()
    if stray:
        raise SyntaxError(f"{stray!r} is no argument; write name=value")
    arguments = {}
    for start, end in itertools.pairwise(starts):
        name, _, value = text[start:end].partition("=")
        if name.strip() in arguments:
            raise SyntaxError(f"{name.strip()!r} is given twice")
        arguments[name.strip()] = _checked(value.strip().removesuffix(","), name.strip())
    return arguments


def _starts(text: str) -> Iterator[int]:
    """Where a name stands before an equals sign, outside all brackets."""
    depth = 0
    before: tokenize.TokenInfo | None = None
    for token in _tokens(text):
        if token.string in ("(", "[", "{"):
            depth += 1
        elif token.string in (")", "]", "}"):
            depth -= 1
        elif token.string == "=" and depth == 0 and before is not None and before.type == tokenize.NAME:
            yield before.start[1]
        before = token


def _tokens(text: str) -> list[tokenize.TokenInfo]:
    try:
        return list(tokenize.generate_tokens(io.StringIO(text.strip("\n")).readline))
    except tokenize.TokenError as error:
        raise SyntaxError(f"{error.args[0]} in {text.strip()!r}") from None


def _checked(value: str, name: str) -> str:
    try:
        ast.parse(value, mode="eval")
    except SyntaxError as error:
        raise SyntaxError(f"{name}={value} is no Python value: {error.msg}") from None
    return value
