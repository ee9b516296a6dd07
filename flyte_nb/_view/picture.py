"""A run as a static picture: HTML without script, small enough to be kept in a notebook, and as plain text.

It reads on GitHub and nbviewer: folders are `details` elements, colours are inline and work on light and dark pages,
and every phase has a sign and a word besides its colour.
"""

from __future__ import annotations

import html
from collections.abc import Iterator

from .looks import LOOKS, duration_text
from .tree import PHASES, Tree, TreeNode
from .wire import Flag, Node, NodeKind, NodePhase

MAX_ROWS = 150
MAX_CHILDREN = 25
MAX_ROW_BYTES = 36_000
ROW_FRAME_BYTES = 220
MAX_TRACEBACK_BYTES = 18_000
MAX_MESSAGE_BYTES = 3_000
MAX_LABEL_BYTES = 240
MAX_LABEL = 80

_BAD = frozenset({NodePhase.FAILED, NodePhase.TIMED_OUT, NodePhase.ABORTED, NodePhase.PAUSED, NodePhase.RUNNING})


def picture_html(tree: Tree) -> str:
    """The run as HTML: a header, a bar, the tree with failures first, and why it failed."""
    rows = _Rows(tree)
    body = rows.of(tree.root) if tree.root else ""
    return (
        '<div style="font-family:system-ui,sans-serif;font-size:13px;line-height:1.5;max-width:60em">'
        f"{_header(tree)}{_bar(tree)}{body}{_failure(tree)}{_hint(tree)}</div>"
    )


def picture_text(tree: Tree) -> str:
    """The run on a few lines of plain text."""
    view = tree.view
    word = LOOKS[PHASES[view.phase]].word
    task = view.started.task if view.started is not None else ""
    lines = [f"Run {view.name} of {task}: {word}{_took(tree)}{_resumed(tree)}", _counts_text(tree)]
    failure = view.first_failure()
    if failure is not None and failure.error is not None:
        lines.append(f"{failure.task} {failure.name}: {failure.error.code}: {failure.error.message[:300]}")
    return "\n".join(line for line in lines if line)


class _Rows:
    """Rows of the tree, as many as fit."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._left = MAX_ROWS
        self._left_bytes = MAX_ROW_BYTES

    def of(self, identity: str, depth: int = 0) -> str:
        node = self._tree.nodes[identity]
        self._left -= 1
        line = _line(self._tree.node(identity))
        self._left_bytes -= len(line.encode()) + len(_below(node)) + ROW_FRAME_BYTES
        if not node.children:
            return f'<div style="padding-left:1.1em">{line}</div>'
        opened = " open" if depth == 0 or node.phase in _BAD else ""
        inner = "".join(self._children(node, depth))
        return (
            f"<details{opened}><summary>{line}{_below(node)}</summary>"
            f'<div style="margin-left:1.1em">{inner}</div></details>'
        )

    def _children(self, node: TreeNode, depth: int) -> Iterator[str]:
        ordered = sorted(node.children, key=lambda child: self._tree.nodes[child].phase not in _BAD)
        shown = 0
        for child in ordered[:MAX_CHILDREN]:
            if self._left <= 0 or self._left_bytes <= 0:
                break
            yield self.of(child, depth + 1)
            shown += 1
        if shown < len(ordered):
            yield f'<div style="padding-left:1.1em;opacity:.7">and {len(ordered) - shown:,} more</div>'


def _header(tree: Tree) -> str:
    view = tree.view
    sign, word, color = LOOKS[PHASES[view.phase]]
    task = view.started.task if view.started is not None else ""
    return (
        f'<div><b style="color:{color}">{sign} {word}</b> <b>{_text(task)}</b>'
        f' <code>{_text(view.name)}</code><span style="opacity:.7">{_took(tree)}{_text(_resumed(tree))}</span></div>'
        f'<div style="opacity:.7">{_counts_text(tree)}</div>'
    )


def _resumed(tree: Tree) -> str:
    view = tree.view
    return f", resumed {len(view.resumes)} time(s), now by {view.resumed_by}" if view.resumes else ""


def _hint(tree: Tree) -> str:
    call = _text(f'flyte.show("{tree.view.name}")')
    return f'<div style="margin-top:6px;opacity:.7"><code>{call}</code> opens details, logs and reports.</div>'


def _bar(tree: Tree) -> str:
    counts = _counts(tree)
    total = sum(counts) or 1
    parts = "".join(
        f'<span style="display:inline-block;height:4px;width:{100 * count / total:.2f}%;'
        f'background:{LOOKS[phase].color}"></span>'
        for phase, count in zip(NodePhase, counts, strict=True)
        if count
    )
    return f'<div style="margin:4px 0 8px;font-size:0;background:#8883">{parts}</div>'


def _line(node: Node) -> str:
    sign, word, color = LOOKS[NodePhase(node.phase)]
    label = _text(node.label[:MAX_LABEL])
    if node.kind == NodeKind.GROUP:
        return f'<span style="color:{color}" title="{word}">{sign}</span> <b>{label}</b>'
    marks = []
    if node.flags & Flag.CACHE_HIT:
        marks.append("from the cache")
    if node.flags & Flag.RESUMED:
        marks.append("from an earlier try")
    if node.flags & Flag.RERUN:
        marks.append("ran again")
    if node.attempts > 1:
        marks.append(f"{node.attempts} attempts")
    if node.flags & Flag.REPORT:
        marks.append("report")
    if node.flags & Flag.STALLED:
        marks.append("blocked the loop")
    kind = "<i>trace</i> " if node.kind == NodeKind.TRACE else ""
    duration = (
        f" {duration_text((node.end_ms - node.start_ms) / 1000)}" if node.start_ms >= 0 and node.end_ms >= 0 else ""
    )
    extra = f'<span style="opacity:.7">{duration}{" · " if marks else ""}{" · ".join(marks)}</span>'
    return f'<span style="color:{color}" title="{word}">{sign}</span> {kind}{label}{extra}'


def _below(node: TreeNode) -> str:
    if not node.below:
        return ""
    parts = [f"{count:,} {LOOKS[phase].word}" for phase, count in zip(NodePhase, node.below, strict=True) if count]
    return f' <span style="opacity:.7">({", ".join(parts)})</span>'


def _failure(tree: Tree) -> str:
    failed = tree.view.first_failure()
    if failed is None or failed.error is None:
        return ""
    error = failed.error
    trace = _end_of(error.traceback)
    return (
        f'<div style="margin-top:8px"><b style="color:#d93025">{_text(error.code)}</b> in {_text(failed.task)}:'
        f" {_text(error.message, MAX_MESSAGE_BYTES)}</div>"
        f"<details><summary>Traceback</summary><pre>{trace}</pre></details>"
    )


def _counts(tree: Tree) -> list[int]:
    root = tree.nodes.get(tree.root)
    counts = [0] * len(NodePhase)
    if root is not None:
        counts = list(root.below or counts)
        counts[root.phase] += 1
    return counts


def _counts_text(tree: Tree) -> str:
    return ", ".join(
        f"{count:,} {LOOKS[phase].word}" for phase, count in zip(NodePhase, _counts(tree), strict=True) if count
    )


def _took(tree: Tree) -> str:
    view = tree.view
    if view.started is None or view.ended_at is None:
        return ""
    return f" in {duration_text(view.ended_at - view.started.at)}"


def _text(text: str, most_bytes: int = MAX_LABEL_BYTES) -> str:
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


def _end_of(trace: str) -> str:
    """The end of a traceback as HTML."""
    kept = _text(trace, MAX_TRACEBACK_BYTES)
    if not kept.endswith("..."):
        return kept
    least = MAX_TRACEBACK_BYTES // 6  # no character takes more bytes, escaped
    return "...\n" + _text(trace[-least:], MAX_TRACEBACK_BYTES)
