"""The code of a page of the documentation, as the cells of a notebook.

A fragment that needs something that the page does not show finds it in a comment above it, which readers do not see::

    <!-- runs first
    df = pandas.DataFrame({"day": [1, 2]})
    -->

``<!-- not run: reason -->`` leaves the next block out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import mistune
import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FIRST = re.compile(r"<!-- runs first\n(.*?)-->", re.DOTALL)
_NOT_RUN = re.compile(r"<!-- not run: \S.*?-->", re.DOTALL)


def cells_of(text: str) -> list[str]:
    """The code of a page, block by block."""
    cells: list[str] = []
    skips = False
    for token in tokens(mistune.create_markdown(renderer="ast")(text)):
        raw = token.get("raw", "")
        if token["type"] == "block_html":
            cells += _FIRST.findall(raw)
            skips = skips or _NOT_RUN.search(raw) is not None
        elif token["type"] == "block_code" and token.get("attrs", {}).get("info", "").split()[:1] == ["python"]:
            if not skips:
                cells.append(raw)
            skips = False
    return cells


def notebook_of(text: str) -> NotebookNode:
    """A page as a notebook."""
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code) for code in cells_of(text)])


def tokens(tree: object) -> Iterator[dict]:  # type: ignore[type-arg]
    """All tokens of a parsed text, those within others too."""
    for token in tree if isinstance(tree, list) else []:
        yield token
        yield from tokens(token.get("children"))
