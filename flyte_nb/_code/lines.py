"""The lines of code that is in no file, such as a notebook's, for tracebacks in another process."""

from __future__ import annotations

import linecache
import os
import types
from collections.abc import Iterator, Mapping

_brought: dict[str, dict[int, str]] = {}
"""What came with code from other processes: files that are none, and their lines by number."""


def lines_of(code: types.CodeType) -> dict[int, str]:
    """The lines of `code` by their numbers; none if they are in a file, or nobody knows them."""
    entry = linecache.cache.get(code.co_filename)
    if entry is None or len(entry) == 1 or os.path.exists(code.co_filename):
        return {}
    last = max(_numbers(code), default=0)
    return dict(enumerate(entry[2][code.co_firstlineno - 1 : last], code.co_firstlineno))


def show_lines(file: str, lines: Mapping[int, str]) -> None:
    """Have tracebacks show lines of a file that is none, unless it is known here."""
    if file not in _brought and (file in linecache.cache or os.path.exists(file)):
        return
    known = _brought.setdefault(file, {})
    known.update(lines)
    text = [known.get(number, "\n") for number in range(1, max(known) + 1)]
    linecache.cache[file] = (sum(map(len, text)), None, text, file)


def _numbers(code: types.CodeType) -> Iterator[int]:
    yield from (number for _, _, number in code.co_lines() if number is not None)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _numbers(constant)
