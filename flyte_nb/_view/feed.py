"""What one page is sent: nodes of the branches it has opened, as they change.

A feed never sends the same state twice and never more than a page can take: whoever pumps it decides how often.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from .prompts import prompts_of
from .tree import Tree, TreeNode
from .wire import Diff, Header, Heartbeat, Node, Reset, ToPage

NODES_PER_MESSAGE = 1_000


class Feed:
    """Messages for one page.

    Parameters
    ----------
    tree : Tree
    header : callable
        Gives the header as it is now.
    after : int
        Number its messages from the next one on: a page that has heard another feed may be given this one.

    Attributes
    ----------
    heard : bool
        Whether the page has ever said anything.
    seq : int
        Number of the newest message.
    """

    def __init__(self, tree: Tree, header: Callable[[], Header], after: int = 0) -> None:
        self._tree = tree
        self._make_header = header
        self._dirty: dict[str, None] = {}
        self._open: set[str] = set()
        self._open_throughout: set[str] = set()
        self._sent_header: Header | None = None
        self.seq = after
        self.heard = False
        tree.listeners.append(self._note)

    def close(self) -> None:
        """The page is gone."""
        self._tree.listeners.remove(self._note)

    def reset(self, opened: list[str]) -> list[ToPage]:
        """Everything anew, with these branches open: the first message and as many as it takes."""
        self._dirty.clear()
        self._open = {identity for identity in opened if identity in self._tree.nodes}
        self._open_throughout.clear()
        nodes: list[Node] = []
        if self._tree.root:
            self._open.add(self._tree.root)
            nodes.append(self._tree.node(self._tree.root))
            nodes += self._nodes_below(self._tree.root)
        self._sent_header = self._make_header()
        first_nodes, opened_here = nodes[:NODES_PER_MESSAGE], sorted(self._open)
        first = Reset(self._next(), _now_ms(), self._sent_header, first_nodes, opened_here, self.heard)
        prompts = [prompt for action in self._tree.view.actions.values() for prompt in prompts_of(action)]
        asked = [Diff(self._next(), prompts=prompts)] if prompts else []
        return [first, *self._diffs(nodes[NODES_PER_MESSAGE:]), *asked]

    def open(self, identity: str, *, everything: bool = False) -> list[ToPage]:
        """The children of a branch, from now on kept up to date; or everything below it, also what is yet to come."""
        node = self._tree.nodes.get(identity)
        if node is None:
            return []
        self._open.add(identity)
        if everything:
            self._open_throughout.add(identity)
        return self._diffs(self._nodes_below(self._opened_down_to(node)))

    def _opened_down_to(self, node: TreeNode) -> str:
        """Open the branches that a node is in; the topmost one of which the page does not have all yet."""
        top, above = node.id, node.parent
        while above is not None:
            if above.id not in self._open:
                self._open.add(above.id)
                top = above.id
            above = above.parent
        return top

    def shut(self, identity: str) -> None:
        """The branch is closed; its children are no longer sent."""
        self._open.discard(identity)

    def changes(self) -> list[ToPage]:
        """What has changed since the last call, in opened branches."""
        dirty, self._dirty = self._with_those_above(self._dirty), {}
        wanted: dict[str, None] = {}
        for identity in dirty:
            branch = self._tree.nodes[identity].parent
            if branch is None:
                self._open.add(identity)
            elif branch.id not in wanted or not self._is_open(branch):
                continue
            wanted[identity] = None
        nodes = [self._tree.node(identity) for identity in wanted]
        prompts = [
            prompt
            for identity in dirty
            if (action := self._tree.view.actions.get(identity))
            for prompt in prompts_of(action)
        ]
        header = self._make_header()
        if header == self._sent_header and not prompts:
            return self._diffs(nodes)
        self._sent_header = header
        messages = self._diffs(nodes) or [Diff(self._next())]
        last = messages[-1]
        assert isinstance(last, Diff)
        messages[-1] = Diff(last.seq, last.nodes, header, prompts)
        return messages

    def heartbeat(self) -> Heartbeat:
        """The newest number."""
        return Heartbeat(self.seq, _now_ms())

    def _with_those_above(self, dirty: dict[str, None]) -> dict[str, None]:
        """`dirty`, each node before what is below it."""
        found: dict[str, None] = {}
        for identity in dirty:
            path = []
            node: TreeNode | None = self._tree.nodes[identity]
            while node is not None and node.id not in found:
                path.append(node.id)
                node = node.parent
            found.update(dict.fromkeys(reversed(path)))
        return found

    def _is_open(self, branch: TreeNode) -> bool:
        if branch.id in self._open:
            return True
        above = branch.parent if self._open_throughout else None
        while above is not None:
            if above.id in self._open_throughout:
                self._open.add(branch.id)
                return True
            above = above.parent
        return False

    def _nodes_below(self, identity: str) -> list[Node]:
        nodes = []
        pending = [identity]
        while pending:
            for child in self._tree.nodes[pending.pop()].children:
                nodes.append(self._tree.node(child))
                if self._is_open(self._tree.nodes[child]):
                    pending.append(child)
        return nodes

    def _diffs(self, nodes: list[Node]) -> list[ToPage]:
        starts = range(0, len(nodes), NODES_PER_MESSAGE)
        return [Diff(self._next(), nodes[start : start + NODES_PER_MESSAGE]) for start in starts]

    def _next(self) -> int:
        self.seq += 1
        return self.seq

    def _note(self, identity: str) -> None:
        self._dirty[identity] = None


def _now_ms() -> int:
    return round(time.time() * 1_000)
