"""The tree of a run on a terminal: as many rows as there is room for, what presses most first."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from .._follow.live_picture import LivePicture
from .._view.looks import INTERRUPTED_LOOK, LOOKS, stalled_for
from .._view.projection import ActionView
from .._view.prompts import answer_command, wanted
from .._view.tree import TreeNode
from .._view.wire import Header, NodeKind, NodePhase
from ..remote.history import RunHistory

ROWS_AROUND = 4
MIN_ROWS = 8
MAX_ROWS = 200
CHILDREN_SHOWN = 12

SIGNS = {
    NodePhase.QUEUED: ("·", "dim"),
    NodePhase.RUNNING: ("▶", "blue"),
    NodePhase.PAUSED: ("?", "magenta"),
    NodePhase.SUCCEEDED: ("✓", "green"),
    NodePhase.RECOVERED: ("✓", "green"),
    NodePhase.FAILED: ("✗", "red"),
    NodePhase.TIMED_OUT: ("✗", "red"),
    NodePhase.ABORTED: ("■", "yellow"),
}
_FIRST = (NodePhase.PAUSED, NodePhase.FAILED, NodePhase.TIMED_OUT, NodePhase.RUNNING)


class LiveTree:
    """A run as rich draws it, read anew at every draw.

    Parameters
    ----------
    name : str
        Of the run.
    whole : bool
        Draw all there is, with the names of actions, whatever room there is.
    """

    def __init__(self, name: str, *, whole: bool = False) -> None:
        self._picture = LivePicture(RunHistory(name), lambda _: None)
        self._settled = False
        self._whole = whole

    def settle(self) -> None:
        """Read to the end; from now on it stays as it is."""
        while not self._picture.ended:
            self._picture.read()
        self._settled = True

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._settled:
            self._picture.read(math.inf if self._whole else 0.05)
        with self._picture.lock:
            yield self._title()
            root = self._picture.tree.nodes.get(self._picture.tree.root)
            if root is None:
                return
            rows = self._rows(root, 0)
            for _, row in zip(range(self._height(console)), rows, strict=False):
                yield row
            left = sum(1 for _ in zip(range(MAX_ROWS), rows, strict=False))
            if left:
                yield Text("…", "dim")

    def _height(self, console: Console) -> int:
        if self._whole:
            return sys.maxsize
        return MAX_ROWS if self._settled else max(MIN_ROWS, console.size.height - ROWS_AROUND)

    def _title(self) -> Text:
        header = self._picture.header()
        title = Text.assemble("run ", (header.name, "bold"), f" of {header.task}: ", _standing(header))
        title.append("  actions:", "dim")
        for phase, count in enumerate(header.counts):
            if count:
                title.append(f" {count:,} {LOOKS[NodePhase(phase)].word}", SIGNS[NodePhase(phase)][1])
        return title

    def _rows(self, node: TreeNode, depth: int) -> Iterator[Text]:
        yield self._row(node, depth)
        nodes = self._picture.tree.nodes
        children = [nodes[child] for child in node.children]
        if len(children) > CHILDREN_SHOWN and not self._whole:
            pressing = [child for child in children if child.phase in _FIRST]
            shown = sorted(pressing, key=lambda child: _FIRST.index(NodePhase(child.phase)))[:CHILDREN_SHOWN]
        else:
            shown = children
        for child in shown:
            yield from self._rows(child, depth + 1)
        if len(shown) < len(children):
            yield Text(f"{'  ' * (depth + 1)}… {len(children) - len(shown):,} more", "dim")

    def _row(self, node: TreeNode, depth: int) -> Text:
        sign, style = SIGNS[NodePhase(node.phase)]
        row = Text.assemble(
            "  " * depth, (f"{sign} ", style), (node.label, "dim" if node.kind == NodeKind.GROUP else "")
        )
        if node.kind is NodeKind.TRACE:
            self._tell_of_trace(row, node)
        action = self._picture.tree.view.actions.get(node.id)
        if action is not None:
            self._tell_of_action(row, node, action)
        if self._whole:
            return row
        row.truncate(400)
        row.no_wrap = True
        row.overflow = "ellipsis"
        return row

    def _tell_of_action(self, row: Text, node: TreeNode, action: ActionView) -> None:
        style, tree = SIGNS[NodePhase(node.phase)][1], self._picture.tree
        hint = tree.hint(node)
        if hint:
            row.append(f"  {hint}", "dim")
        if self._whole:
            row.append(f"  {LOOKS[NodePhase(node.phase)].word}", style)
            row.append(f"  {action.task}  {action.name}", "dim")
        start_s, end_s = tree.view.span(action)
        if end_s is None and not self._settled:
            end_s = tree.view.clock.ran_s(time.time())
        if start_s is not None and end_s is not None:
            row.append(f"  {max(0.0, end_s - start_s):.1f} s", "dim")
        if len(action.attempts) > 1:
            row.append(f"  {len(action.attempts)} attempts", "yellow")
        if action.stalled_s:
            lasted = stalled_for(action.stalled_s, is_over=action.stall_is_over)
            row.append(f"  blocked the event loop for {lasted}", "yellow")
        if action.reused:
            row.append(f"  from {'the cache' if action.reused == 'cache' else 'an earlier try'}", "dim")
        asked = action.open_questions()
        if asked:
            command = answer_command(self._picture.name, asked[-1].name)
            row.append(f"  asks for {wanted(asked[-1].data_type)}: {command}", "magenta")
        if action.error is not None:
            row.append(f"  {action.error.code}: {action.error.message}"[:200].replace("\n", " "), style)

    def _tell_of_trace(self, row: Text, node: TreeNode) -> None:
        row.append("  trace", "dim")
        if node.start is not None and node.end is not None:
            row.append(f"  {node.end - node.start:.1f} s", "dim")


def _standing(header: Header) -> tuple[str, str]:
    phase = NodePhase(header.phase)
    look = INTERRUPTED_LOOK if header.interrupted else LOOKS[phase]
    return look.word, SIGNS[phase][1]
