"""The rows of a static picture: as much of the tree as there is room for, and what was left out."""

from __future__ import annotations

from collections.abc import Iterator

from .looks import LOOKS, RED, duration_text
from .markup import colored, html_text
from .tree import Tree, TreeNode
from .wire import Flag, Node, NodeKind, NodePhase

MAX_ROWS = 250
MAX_LEAVES = 25
MAX_BRANCHES = 150
MAX_LABEL_BYTES = 240
MAX_LABEL = 80
MAX_ERROR_BYTES = 160

_LEAF_FRAME = '<div style="padding-left:1.1em">{line}</div>'
_BRANCH_FRAME = '<details{opened}><summary>{line}</summary><div style="margin-left:1.1em">{inner}</div></details>'
_REST_BYTES = 240  # the line that tells what is left out below a branch
_FRAME_BYTES = len(_BRANCH_FRAME) + _REST_BYTES
_PRESSING = frozenset({NodePhase.FAILED, NodePhase.TIMED_OUT, NodePhase.ABORTED, NodePhase.PAUSED, NodePhase.RUNNING})
_FADED = '<span style="opacity:.7">{}</span>'


class PictureRows:
    """Rows of the tree, as many as fit, what presses first and near before far.

    Parameters
    ----------
    tree : Tree
    most_bytes : int
        The most that all of them may take.

    Attributes
    ----------
    left_out : int
        How many rows did not fit.
    """

    def __init__(self, tree: Tree, most_bytes: int) -> None:
        self._tree = tree
        self._lines: dict[str, str] = {}
        self._choose(most_bytes)
        self.left_out = len(tree.nodes) - len(self._lines)

    def html(self) -> str:
        """All of them."""
        return self._row(self._tree.nodes[self._tree.root], opened=True) if self._tree.root in self._lines else ""

    def _choose(self, most_bytes: int) -> None:
        """Level by level, so that of many equal branches all are seen before anything in one of them."""
        level = [self._tree.root] if self._tree.root else []
        while level:
            for identity in level:
                line = _line(self._tree, identity)
                most_bytes -= len(line.encode()) + (
                    _FRAME_BYTES if self._tree.nodes[identity].children else len(_LEAF_FRAME)
                )
                if most_bytes < 0 or len(self._lines) == MAX_ROWS:
                    return
                self._lines[identity] = line
            level = self._pressing_first([child for parent in level for child in self._candidates(parent)])

    def _candidates(self, parent: str) -> Iterator[str]:
        """The children of a node that may be shown."""
        left = {False: MAX_LEAVES, True: MAX_BRANCHES}
        for child in self._pressing_first(self._tree.nodes[parent].children):
            is_branch = bool(self._tree.nodes[child].children)
            left[is_branch] -= 1
            if left[is_branch] >= 0:
                yield child

    def _pressing_first(self, identities: list[str]) -> list[str]:
        return sorted(identities, key=lambda identity: self._tree.nodes[identity].phase not in _PRESSING)

    def _row(self, node: TreeNode, *, opened: bool = False) -> str:
        line = self._lines[node.id]
        if not node.children:
            return _LEAF_FRAME.format(line=line)
        opens = opened or node.phase in _PRESSING
        return _BRANCH_FRAME.format(opened=" open" if opens else "", line=line, inner="".join(self._inner(node)))

    def _inner(self, node: TreeNode) -> Iterator[str]:
        shown = [child for child in self._pressing_first(node.children) if child in self._lines]
        for child in shown:
            yield self._row(self._tree.nodes[child])
        if len(shown) < len(node.children):
            yield _LEAF_FRAME.format(line=_FADED.format(self._rest(node)))

    def _rest(self, node: TreeNode) -> str:
        """What of the children of a node is left out, in words."""
        counts = [0] * len(NodePhase)
        for child in node.children:
            if child not in self._lines:
                counts[self._tree.nodes[child].phase] += 1
        return f"and {sum(counts):,} more: {counts_text(counts)}"


def counts_text(counts: list[int]) -> str:
    """How many there are of each phase, in words."""
    return ", ".join(f"{count:,} {LOOKS[phase].word}" for phase, count in zip(NodePhase, counts, strict=True) if count)


def _line(tree: Tree, identity: str) -> str:
    """A row, without inputs: a notebook that is saved goes to others."""
    node = tree.node(identity)
    sign, word, color = LOOKS[NodePhase(node.phase)]
    counts = _FADED.format(f" ({counts_text(node.counts)})") if any(node.counts) else ""
    label = html_text(node.label[:MAX_LABEL], MAX_LABEL_BYTES)
    start = f'<span {colored(color)} title="{word}">{sign}</span>'
    if node.kind == NodeKind.GROUP:
        return f"{start} <b>{label}</b>{counts}"
    kind = "<i>trace</i> " if node.kind == NodeKind.TRACE else ""
    remarks = [_duration(node), *_marks(node)]
    extra = _FADED.format(" " + " · ".join(filter(None, remarks))) if any(remarks) else ""
    return f"{start} {kind}{label}{extra}{_error(tree, identity)}{counts}"


def _duration(node: Node) -> str:
    return duration_text((node.end_ms - node.start_ms) / 1000) if node.start_ms >= 0 and node.end_ms >= 0 else ""


def _marks(node: Node) -> list[str]:
    words = {
        Flag.CACHE_HIT: "from the cache",
        Flag.RESUMED: "from an earlier try",
        Flag.RERUN: "ran again",
        Flag.REPORT: "report",
        Flag.STALLED: "blocked the loop",
    }
    tries = [f"{node.attempts} attempts"] if node.attempts > 1 else []
    return [*tries, *(word for flag, word in words.items() if node.flags & flag)]


def _error(tree: Tree, identity: str) -> str:
    """Why an action failed, in a few words."""
    action = tree.view.actions.get(identity)
    if action is None or not action.raised:
        return ""
    return f" <span {colored(RED)}>{html_text(action.raised, MAX_ERROR_BYTES)}</span>"
