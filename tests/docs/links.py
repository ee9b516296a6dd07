"""The links of pages and notebooks. ``python -m tests.docs.links`` lists those that lead out, which no test fetches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import mistune
import nbformat

from tests.docs.pages import PAGES, ROOT, tokens

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LINKING = [*PAGES, *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")), *NOTEBOOKS]
_IN_HTML = re.compile(r"""\b(?:href|src)\s*=\s*["']([^"']+)["']""")
_NAMED_IN_HTML = re.compile(r"""\b(?:id|name)\s*=\s*["']([^"']+)["']""")


def links_of(text: str) -> list[str]:
    """Where links and pictures of a text in Markdown lead."""
    found: list[str] = []
    for token in _parsed(text):
        if token["type"] in ("link", "image"):
            found.append(str(token["attrs"]["url"]))
        elif token["type"] in ("block_html", "inline_html"):
            found += _IN_HTML.findall(token["raw"])
    return found


def anchors_of(text: str) -> set[str]:
    """What can stand behind ``#`` in a link to a text in Markdown; headings are named as GitHub and the site do it."""
    found: set[str] = set()
    for token in _parsed(text):
        if token["type"] == "heading":
            words = re.sub(r"[^\w\- ]", "", _said(token).strip().lower())
            found.add(words.replace(" ", "-"))
        elif token["type"] in ("block_html", "inline_html"):
            found.update(_NAMED_IN_HTML.findall(token["raw"]))
    return found


def is_external(link: str) -> bool:
    """Whether it leads out of the repository."""
    return re.match(r"[a-z][a-z0-9+.-]*:", link, re.IGNORECASE) is not None


def what_is_broken(page: Path, link: str) -> str | None:
    """Why a link of a page leads nowhere, or None."""
    place, _, anchor = unquote(link).partition("#")
    target = (page.parent / place).resolve() if place else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return f"{link}: there is no {target}"
    if anchor and target.suffix in (".md", ".ipynb") and anchor not in anchors_of(text_of(target)):
        known = ", ".join(sorted(anchors_of(text_of(target))))
        return f"{link}: {target.relative_to(ROOT)} has no heading #{anchor}, but {known}"
    return None


@cache
def text_of(page: Path) -> str:
    """A page, or the texts of a notebook."""
    if page.suffix != ".ipynb":
        return page.read_text()
    cells = nbformat.read(page, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def _parsed(text: str) -> Iterator[dict]:  # type: ignore[type-arg]
    return tokens(mistune.create_markdown(renderer="ast", plugins=["table"])(text))


def _said(token: dict) -> str:  # type: ignore[type-arg]
    return str(token.get("raw", "")) + "".join(_said(child) for child in token.get("children", []))


if __name__ == "__main__":
    for page in LINKING:
        for link in filter(is_external, links_of(text_of(page))):
            print(f"{page.relative_to(ROOT)}: {link}")
