"""Text of the user's as HTML that is no markup, of a size that is known."""

from __future__ import annotations

import html

from .looks import COLORS, Color

BYTES_OF_A_CHARACTER = 6
"""No character takes more, escaped."""


PICTURE = "fnb-picture"
"""The class of a static picture."""

_DARK_PAGES = ':is(body[data-jp-theme-light="false"],body.vscode-dark,html[theme="dark"])'
DARK_STYLE = "<style>{}{}</style>".format(
    "".join(f"{_DARK_PAGES} .{PICTURE} .fnb-{color.name}{{color:{color.dark}!important}}" for color in COLORS),
    f"{_DARK_PAGES} .{PICTURE} .fnb-fill{{background:currentColor!important}}",
)
"""Colours for pages that say they are dark. Where styles are taken out, those in the elements themselves stay."""


def colored(color: Color) -> str:
    """What gives an element of a static picture its colour."""
    return f'class="fnb-{color.name}" style="color:{color.light}"'


def html_text(text: str, most_bytes: int) -> str:
    """Text as HTML, cut where it would take more than `most_bytes`."""
    parts: list[str] = []
    size = 0
    for character in text:
        if character == "\n" or character >= " ":
            part = html.escape(character)
            size += len(part.encode("utf-8", "replace"))
            if size > most_bytes:
                return "".join(parts) + "..."
            parts.append(part)
    return "".join(parts)


def end_of_text(text: str, most_bytes: int) -> str:
    """As `html_text`, but the end of a long text is what is kept."""
    kept = html_text(text, most_bytes)
    if not kept.endswith("..."):
        return kept
    return "...\n" + html_text(text[-(most_bytes // BYTES_OF_A_CHARACTER) :], most_bytes)
