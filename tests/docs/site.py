"""The links of the site as it was built: ``python -m tests.docs.site build/site`` fails where one leads nowhere."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and what can be linked to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the addresses and names of an element."""
        for name, value in attrs:
            if name in ("href", "src", "srcset"):
                self.links.append(value or "")
            elif name in ("id", "name"):
                self.anchors.add(value or "")


def broken_links(site: Path) -> Iterator[str]:
    """Each link within the site that leads nowhere, with its page."""
    for path in sorted(site.rglob("*.html")):
        if path.name != "404.html":  # its links are those of the address that the site gets
            yield from (
                f"{path.relative_to(site)}: {link}" for link in _page(path).links if not _leads_somewhere(path, link)
            )


@cache
def _page(path: Path) -> Page:
    return Page(path.read_text())


def _leads_somewhere(path: Path, link: str) -> bool:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target /= "index.html"
    return target.is_file() and (target.suffix != ".html" or unquote(parts.fragment) in _page(target).anchors)


if __name__ == "__main__":
    found = list(broken_links(Path(sys.argv[1]).resolve()))
    sys.exit("\n".join(found) or None)
