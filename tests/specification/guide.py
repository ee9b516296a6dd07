"""The programs of the user guide, as its pages show them.

Blocks that name the same source file are one program. Another block is a program of its own, after those blocks of its
page that define what it uses.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PAGE = re.compile(r"^=== PAGE: \S+/([\w-]+) ===$", re.MULTILINE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```\n(?:\s*\*Source: \S+/(\S+?)\*)?", re.DOTALL | re.MULTILINE)
_GUARD = re.compile(r"^if __name__ == .__main__.:", re.MULTILINE)
_BUILT_IN = frozenset([*dir(builtins), "__name__", "__file__"])


@dataclass(frozen=True)
class Block:
    """One block of code: the page it is on, its place among the page's blocks, its text, the source file it names."""

    page: str
    number: int
    text: str
    source: str


@dataclass
class Program:
    """What is run as one.

    Attributes
    ----------
    name : str
        ``page/file.py`` or, for a block without a source file, ``page/number``.
    own : str
        The blocks themselves.
    text : str
        After what they use from their page.
    unknown : set of str
        Names that it uses and that nothing on its page defines.
    """

    name: str
    own: str
    text: str
    unknown: set[str] = field(default_factory=set)

    @property
    def has_guard(self) -> bool:
        """Whether it does something when it is run as a script."""
        return _GUARD.search(self.own) is not None

    def compile(self) -> None:
        """Compile it, as a notebook would."""
        compile(self.text, self.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def programs_in(bundle: Path) -> list[Program]:
    """The programs of all pages, in their order."""
    found: list[Program] = []
    for page, blocks in _pages(_COMMENT.sub("", bundle.read_text(encoding="utf-8"))):
        by_source: dict[str, list[Block]] = {}
        for block in blocks:
            by_source.setdefault(block.source or str(block.number), []).append(block)
        for name, parts in by_source.items():
            text = _with_context(parts, blocks)
            own = "\n\n".join(part.text for part in parts)
            found.append(Program(f"{page}/{name}", own, text, names_used(text) - names_defined(text)))
    return found


def names_defined(text: str) -> set[str]:
    """Names that a program binds at its top."""
    try:
        table = symtable.symtable(text, "program", "exec")
    except SyntaxError:
        return set()
    return {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()} | {
        child.get_name() for child in table.get_children()
    }


def names_used(text: str) -> set[str]:
    """Names of the top that a program reads, in its functions too."""
    try:
        table = symtable.symtable(text, "program", "exec")
    except SyntaxError:
        return set()
    return {name for name in _globals_of(table) if name not in _BUILT_IN}


def _globals_of(table: symtable.SymbolTable) -> Iterator[str]:
    is_top = table.get_type() == "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (is_top or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _globals_of(child)


def _pages(bundle: str) -> Iterator[tuple[str, list[Block]]]:
    _, *parts = _PAGE.split(bundle)
    for page, text in zip(parts[::2], parts[1::2], strict=True):
        matches = [match for match in _BLOCK.finditer(text) if match[1] in ("", "python")]
        yield page, [Block(page, number, match[2], match[3] or "") for number, match in enumerate(matches, 1)]


def _with_context(parts: list[Block], blocks: list[Block]) -> str:
    """The blocks of a program, after the nearest earlier ones that define what it uses."""
    chosen = {part.number: part for part in parts}
    while True:
        text = "\n\n".join(chosen[number].text for number in sorted(chosen))
        missing = names_used(text) - names_defined(text)
        earlier = [block for block in blocks if block.number < parts[-1].number and block.number not in chosen]
        needed = next((block for block in reversed(earlier) if names_defined(block.text) & missing), None)
        if needed is None:
            return text
        chosen[needed.number] = needed
