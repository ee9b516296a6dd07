"""A run as a drawing (SVG): its tree on the left, what ran when on the right. For papers and slides, without script."""

from __future__ import annotations

import html
from dataclasses import dataclass

from .looks import LOOKS, Color, PhaseLook, duration_text
from .tree import PHASES, Tree
from .wire import Node, NodeKind, NodePhase

MAX_ROWS = 60
MAX_CHILDREN = 12
_ROW = 22
_TOP = 58
_INDENT = 16
_LABELS_AT_LEAST = 160
_LABELS_AT_MOST = 340
_BARS = 460
_TOOK = 80
_MARGIN = 12
_CHARACTER = 7.2  # width of one of the widest that are common, at 13 px

_STYLE = (
    "text{font:13px system-ui,'Segoe UI',Helvetica,Arial,sans-serif;fill:%(ink)s}"
    ".title{font-weight:600;font-size:15px}.group{font-weight:600}.faint{fill:%(faint)s}"
    ".number{text-anchor:end;fill:%(faint)s;font-variant-numeric:tabular-nums}"
    "line{stroke:%(line)s;stroke-width:1}.gap{stroke:%(faint)s;stroke-dasharray:4 3}"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a drawing.

    Attributes
    ----------
    node : Node or None
        None for the row that tells how many are left out.
    start_ms, end_ms : int
        That the run had run, -1 is not yet; those of a group are where its first child starts and its last one ends.
    """

    node: Node | None
    depth: int
    start_ms: int = -1
    end_ms: int = -1
    left_out: int = 0


def drawing_svg(tree: Tree, *, dark: bool = False, max_rows: int = MAX_ROWS, max_children: int = MAX_CHILDREN) -> str:
    """The run as SVG.

    Parameters
    ----------
    tree : Tree
    dark : bool
        Light text on a dark ground.
    max_rows : int
        Rows in all; what is left out is counted.
    max_children : int
        Rows below one parent.
    """
    colors = (
        {"paper": "#1e1f22", "ink": "#e3e5e8", "faint": "#9aa0a6", "line": "#3c4043"}
        if dark
        else {"paper": "#ffffff", "ink": "#1f2328", "faint": "#5f6368", "line": "#dadce0"}
    )
    return _Drawing(tree, rows_of(tree, max_rows=max_rows, max_children=max_children), dark).svg(colors)


def rows_of(tree: Tree, *, max_rows: int, max_children: int) -> list[Row]:
    """The rows that are drawn, from the root down, each parent before its children.

    Where there is room for some only, near comes before far.
    """
    shown = _chosen(tree, max_rows, max_children)
    extents = _extents(tree)
    rows: list[Row] = []
    pending: list[tuple[str, int, int]] = [(tree.root, 0, 0)] if tree.root else []
    while pending:
        identity, depth, left_out = pending.pop()
        if left_out:
            rows.append(Row(None, depth, left_out=left_out))
            continue
        rows.append(Row(tree.node(identity), depth, *extents[identity]))
        children = tree.nodes[identity].children
        drawn = [(child, depth + 1, 0) for child in children if child in shown]
        if drawn and len(drawn) < len(children):
            drawn.append(("", depth + 1, len(children) - len(drawn)))
        pending += reversed(drawn)
    return rows


def _chosen(tree: Tree, max_rows: int, max_children: int) -> set[str]:
    shown: set[str] = set()
    level = [tree.root] if tree.root else []
    while level:
        shown.update(level[: max_rows - len(shown)])
        level = [child for parent in level if parent in shown for child in tree.nodes[parent].children[:max_children]]
    return shown


def _extents(tree: Tree) -> dict[str, tuple[int, int]]:
    extents: dict[str, tuple[int, int]] = {}
    for identity in reversed(tree.nodes):  # children come after their parents
        node = tree.node(identity)
        if node.kind != NodeKind.GROUP:
            extents[identity] = (node.start_ms, node.end_ms)
            continue
        below = [extents[child] for child in tree.nodes[identity].children]
        starts = [start for start, _ in below if start >= 0]
        goes_on = any(start >= 0 > end for start, end in below)
        ends = [end for _, end in below if end >= 0 and not goes_on]
        extents[identity] = (min(starts, default=node.start_ms), max(ends, default=-1))
    return extents


class _Drawing:
    """Where things stand, and the parts."""

    def __init__(self, tree: Tree, rows: list[Row], dark: bool) -> None:
        self._tree = tree
        self._rows = rows
        self._dark = dark
        self._total_ms = max((max(row.start_ms, row.end_ms) for row in rows), default=0) or 1
        wanted = (row.depth * _INDENT + 30 + len(row.node.label) * _CHARACTER for row in rows if row.node is not None)
        self._labels = min(max(max(wanted, default=0), _LABELS_AT_LEAST), _LABELS_AT_MOST)
        self._width = round(_MARGIN + self._labels + _BARS + _TOOK + _MARGIN)
        self._height = _TOP + _ROW * max(len(rows), 1) + _MARGIN

    def svg(self, colors: dict[str, str]) -> str:
        spoken = f"Run {self._tree.view.name}: {self._look.word}, {len(self._tree.view.actions)} actions"
        body = "".join(self._row(row, _TOP + _ROW * place) for place, row in enumerate(self._rows))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self._width}" height="{self._height}" '
            f'viewBox="0 0 {self._width} {self._height}" role="img" aria-label="{_text(spoken)}">'
            f"<style>{_STYLE % colors}</style>"
            f'<rect width="{self._width}" height="{self._height}" fill="{colors["paper"]}"/>'
            f"{self._header()}{self._scale()}{body}{self._gaps()}</svg>"
        )

    @property
    def _look(self) -> PhaseLook:
        return LOOKS[PHASES[self._tree.view.phase]]

    def _fill(self, color: Color) -> str:
        return color.dark if self._dark else color.light

    def _header(self) -> str:
        sign, word, color = self._look
        task = self._tree.view.started.task if self._tree.view.started is not None else ""
        return (
            f'<text x="{_MARGIN}" y="26" style="fill:{self._fill(color)}">{sign}</text>'
            f'<text class="title" x="{_MARGIN + 18}" y="26">{_text(task)}: {word}</text>'
            f'<text class="number" x="{self._width - _MARGIN}" y="26">{_text(self._tree.view.name)}</text>'
        )

    def _scale(self) -> str:
        parts = []
        for quarter in range(5):
            x = self._at(self._total_ms * quarter / 4)
            at = duration_text(self._total_ms * quarter / 4000) if quarter else "0"
            parts.append(f'<line x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{self._height - _MARGIN}"/>')
            parts.append(f'<text class="faint" text-anchor="middle" x="{x:.1f}" y="{_TOP - 12}">{at}</text>')
        return "".join(parts)

    def _gaps(self) -> str:
        """Where nobody drove the run."""
        parts = []
        for at_s, lasted_s in self._tree.view.clock.gaps():
            x = self._at(min(at_s * 1000, self._total_ms))
            line = f'<line class="gap" x1="{x:.1f}" y1="{_TOP - 6}" x2="{x:.1f}" y2="{self._height - _MARGIN}"/>'
            parts.append(f"<g><title>stopped, and resumed {duration_text(lasted_s)} later</title>{line}</g>")
        return "".join(parts)

    def _row(self, row: Row, top: int) -> str:
        x, y = _MARGIN + row.depth * _INDENT, top + 15
        if row.node is None:
            return f'<text class="faint" x="{x}" y="{y}">and {row.left_out:,} more</text>'
        sign, word, color = LOOKS[NodePhase(row.node.phase)]
        room = max(int((self._labels - row.depth * _INDENT - 24) / _CHARACTER), 4)
        label = row.node.label if len(row.node.label) <= room else row.node.label[: room - 1] + "…"
        look = ' class="group"' if row.node.kind == NodeKind.GROUP else ""
        return (
            f"<g><title>{_text(row.node.label)}: {word}</title>"
            f'<text x="{x}" y="{y}" style="fill:{self._fill(color)}">{sign}</text>'
            f'<text{look} x="{x + 18}" y="{y}">{_text(label)}</text>{self._bar(row, top, self._fill(color))}</g>'
        )

    def _bar(self, row: Row, top: int, color: str) -> str:
        if row.start_ms < 0:
            return ""
        end_ms = row.end_ms if row.end_ms >= 0 else self._total_ms
        x = self._at(row.start_ms)
        width = max(self._at(end_ms) - x, 2)
        faint = ' opacity="0.45"' if row.node is not None and row.node.kind == NodeKind.GROUP else ""
        return (
            f'<rect x="{x:.1f}" y="{top + 4}" width="{width:.1f}" height="14" rx="2" fill="{color}"{faint}/>'
            f'<text class="number" x="{self._width - _MARGIN}" y="{top + 15}">'
            f"{duration_text((end_ms - row.start_ms) / 1000)}</text>"
        )

    def _at(self, ms: float) -> float:
        return _MARGIN + self._labels + _BARS * ms / self._total_ms


def _text(text: str) -> str:
    """Text as XML: what XML does not allow is left out."""
    kept = (character for character in text if character >= " " and not 0xD800 <= ord(character) <= 0xDFFF)
    return html.escape("".join(character for character in kept if character not in "\ufffe\uffff"))
