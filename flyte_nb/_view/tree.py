"""The tree that a page shows, kept up to date event by event.

Every change of an action reaches its ancestors' counts at once, so that a closed branch of any size costs as much as
an open one: nothing is counted again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from ..models import events as ev
from ..models.phases import ActionPhase
from .hints import hint_of
from .looks import INTERRUPTED_LOOK, LOOKS, PhaseLook
from .projection import ActionView, RunView
from .siblings import Siblings
from .wire import Flag, Header, Node, NodeKind, NodePhase

PHASES: dict[ActionPhase, NodePhase] = {
    ActionPhase.QUEUED: NodePhase.QUEUED,
    ActionPhase.WAITING_FOR_RESOURCES: NodePhase.QUEUED,
    ActionPhase.INITIALIZING: NodePhase.QUEUED,
    ActionPhase.RUNNING: NodePhase.RUNNING,
    ActionPhase.PAUSED: NodePhase.PAUSED,
    ActionPhase.SUCCEEDED: NodePhase.SUCCEEDED,
    ActionPhase.RECOVERED: NodePhase.RECOVERED,
    ActionPhase.FAILED: NodePhase.FAILED,
    ActionPhase.TIMED_OUT: NodePhase.TIMED_OUT,
    ActionPhase.ABORTED: NodePhase.ABORTED,
}

# What a folder shows when different things are in it: the first of these that is there.
_PRESSING = (
    NodePhase.PAUSED,
    NodePhase.RUNNING,
    NodePhase.QUEUED,
    NodePhase.FAILED,
    NodePhase.TIMED_OUT,
    NodePhase.ABORTED,
    NodePhase.SUCCEEDED,
    NodePhase.RECOVERED,
)
_MAX_LABEL = 200
_MOST_OPENED = 1_000  # children of a branch that a page opens unasked


class TreeNode:
    """One node while it may still change."""

    __slots__ = (
        "below",
        "children",
        "direct",
        "end",
        "flags",
        "hint",
        "id",
        "kind",
        "label",
        "parent",
        "phase",
        "siblings",
        "start",
    )

    def __init__(self, identity: str, parent: TreeNode | None, kind: NodeKind, label: str, phase: NodePhase) -> None:
        self.id: str = identity
        self.parent: TreeNode | None = parent
        self.kind: NodeKind = kind
        self.label: str = label[:_MAX_LABEL]
        self.phase: NodePhase = phase
        self.start: float | None = None
        self.end: float | None = None
        self.flags: int = 0
        self.hint: tuple[frozenset[str], str] | None = None
        self.siblings: Siblings | None = None
        self.children: list[str] = []
        self.below: list[int] | None = None
        self.direct: list[int] | None = None


class Tree:
    """Nodes of one run.

    Attributes
    ----------
    view : RunView
        Everything else that is known of the run.
    root : str
        Id of the first node, empty while there is none.
    listeners : list of callable
        Called with the id of every node that is new or changed. With a node all above it have changed: their counts.
    """

    def __init__(self, name: str) -> None:
        self.view: RunView = RunView(name)
        self.nodes: dict[str, TreeNode] = {}
        self.root = ""
        self.listeners: list[Callable[[str], None]] = []

    @property
    def look(self) -> PhaseLook:
        """How the run as a whole looks."""
        return INTERRUPTED_LOOK if self.view.is_interrupted else LOOKS[PHASES[self.view.phase]]

    def apply(self, event: ev.AnyEvent) -> None:
        """Take one more event into the tree."""
        self.view.apply(event)
        follow = _FOLLOW.get(type(event))
        if follow is not None:
            follow(self, event)

    def interrupted(self, heartbeat_at: float) -> None:
        """The owner is gone, and said last at `heartbeat_at` that it lives."""
        self.view.interrupted(heartbeat_at)
        self.settle()

    def settle(self) -> None:
        """Bring every node in line with its action; after many have changed at once."""
        for name in self.view.actions:
            self.update(name)

    def update(self, name: str) -> None:
        """Bring the node of an action in line with it."""
        node, phase = self.nodes[name], PHASES[self.view.actions[name].phase]
        if phase is not node.phase:
            self._recount(node, node.phase, phase)
            self.enter(node, phase)
        self._changed(node)

    def node(self, identity: str) -> Node:
        """A node as it travels."""
        node, action = self.nodes[identity], self.view.actions.get(identity)
        if action is not None:
            (start, end), tries, flags = self.view.span(action), len(action.attempts), _flags(action)
        else:
            clock = self.view.clock
            start, end = (clock.ran_s(at) if at is not None else None for at in (node.start, node.end))
            tries, flags = 1, node.flags
        return Node(
            node.id,
            node.parent.id if node.parent is not None else "",
            node.kind,
            node.label,
            node.phase,
            _ms(start),
            _ms(end),
            max(tries, 1),
            flags,
            len(node.children),
            self.counts(node) if node.below else [],
            self._beside(node),
        )

    def hint(self, node: TreeNode) -> str:
        """How far a running action says that it is, else some of its inputs, in a few words; empty for other nodes."""
        action = self.view.actions.get(node.id)
        if action is not None and action.progress and node.phase is NodePhase.RUNNING:
            return action.progress
        if action is None:
            return ""
        differing = self._differing(node)
        if node.hint is None or node.hint[0] != differing:
            node.hint = differing, hint_of(action.inputs, differing)
        return node.hint[1]

    def _beside(self, node: TreeNode) -> str:
        """What its row says beside its name: its hint, and what it raised."""
        action = self.view.actions.get(node.id)
        return ", ".join(filter(None, (self.hint(node), action.raised if action is not None else "")))

    def _differing(self, node: TreeNode) -> frozenset[str]:
        """The inputs that tell an action from those beside it."""
        place, actions = node.parent, self.view.actions
        if place is None:
            return frozenset()
        if place.siblings is None:
            place.siblings = Siblings()
        place.siblings.learn(
            len(place.children), lambda: ((self.nodes[name].label, name) for name in place.children if name in actions)
        )
        return place.siblings.differing(node.label, lambda name: actions[name].inputs)

    def header(self, *, owned_here: bool, can_resume: bool, catching_up: bool = False) -> Header:
        """The run as a whole."""
        view = self.view
        return Header(
            name=view.name,
            task=view.started.task if view.started is not None else "",
            phase=PHASES[view.phase],
            started_at_ms=round(view.started.at * 1000) if view.started is not None else -1,
            ended_at_ms=round(view.ended_at * 1000) if view.ended_at is not None else -1,
            counts=self.counts(self.nodes.get(self.root)),
            resumes=len(view.resumes),
            reruns=[f"{decided.task}: {decided.reason}" for decided in view.reruns[:20]],
            error=f"{view.error.code}: {view.error.message}"[:2000] if view.error is not None else "",
            owned_here=owned_here,
            can_resume=can_resume,
            catching_up=catching_up,
            resumed_by=view.resumed_by,
            interrupted=view.is_interrupted,
            failed_in=self._branches_of_failure(),
            rerun_of=view.started.rerun_of if view.started is not None else "",
            pauses=[[round(at * 1000), round(lasted * 1000)] for at, lasted in view.clock.gaps()],
        )

    def counts(self, node: TreeNode | None) -> list[int]:
        """How many actions are in each phase: the one of a node and all below it."""
        counts = list((node.below if node is not None else None) or [0] * len(NodePhase))
        if node is not None and node.kind is NodeKind.ACTION:
            counts[node.phase] += 1
        return counts

    def _branches_of_failure(self) -> list[str]:
        has_failed = self.view.phase in (ActionPhase.FAILED, ActionPhase.TIMED_OUT)
        failed = self.view.first_failure() if has_failed else None
        node = self.nodes[failed.name].parent if failed is not None else None
        branches: list[TreeNode] = []
        while node is not None:
            branches.insert(0, node)
            node = node.parent
        small = itertools.takewhile(lambda branch: len(branch.children) <= _MOST_OPENED, branches)
        return [branch.id for branch in small]

    def add(
        self,
        identity: str,
        parent: TreeNode | None,
        kind: NodeKind,
        label: str,
        phase: NodePhase = NodePhase.QUEUED,
    ) -> TreeNode:
        """A new node below `parent`."""
        node = self.nodes[identity] = TreeNode(identity, parent, kind, label, phase)
        self.enter(node, phase, new=True)
        if parent is not None:
            parent.children.append(identity)
        return node

    def place_of(self, action: str, group: str) -> TreeNode | None:
        """The node under which something of that action and group belongs."""
        if group:
            found = self.nodes.get(f"g:{group}")
            if found is not None:
                return found
        return self.nodes.get(action)

    def count(self, node: TreeNode, phase: NodePhase) -> None:
        """Count a new action with its ancestors."""
        above = node.parent
        while above is not None:
            if above.below is None:
                above.below = [0] * len(NodePhase)
            above.below[phase] += 1
            above = above.parent

    def _recount(self, node: TreeNode, before: NodePhase, now: NodePhase) -> None:
        above = node.parent
        while above is not None:
            below = above.below
            if below is not None:
                below[before] -= 1
                below[now] += 1
            above = above.parent

    def enter(self, node: TreeNode, phase: NodePhase, *, new: bool = False) -> None:
        """Put a node into a phase; a group is in the phase that most presses of what is right in it.

        What failed deeper down and was caught there does not make a folder look broken.
        """
        before, node.phase = node.phase, phase
        group = node.parent
        if group is None or group.kind is not NodeKind.GROUP:
            return
        if group.direct is None:
            group.direct = [0] * len(NodePhase)
        if not new:
            group.direct[before] -= 1
        group.direct[phase] += 1
        pressing = next((one for one in _PRESSING if group.direct[one]), group.phase)
        if pressing is not group.phase:
            self.enter(group, pressing)
            self._changed(group)

    def _changed(self, node: TreeNode) -> None:
        for listener in self.listeners:
            listener(node.id)


def _action_queued(tree: Tree, event: ev.ActionQueued) -> None:
    if event.action in tree.nodes:
        tree.update(event.action)
        return
    place, phase = tree.place_of(event.parent, event.group), PHASES[tree.view.actions[event.action].phase]
    node = tree.add(event.action, place, NodeKind.ACTION, event.short_name, phase)
    tree.count(node, phase)
    if place is not None and len(place.children) == 2:
        tree._changed(tree.nodes[place.children[0]])  # what tells it apart is known now
    if not event.parent:
        tree.root = event.action
    tree._changed(node)


def _group_opened(tree: Tree, event: ev.GroupOpened) -> None:
    identity = f"g:{event.group}"
    if identity not in tree.nodes:
        node = tree.add(identity, tree.place_of(event.action, event.parent_group), NodeKind.GROUP, event.name)
        node.start = event.at
        tree._changed(node)


def _trace_ended(tree: Tree, event: ev.TraceEnded) -> None:
    if event.action not in tree.nodes:
        return
    identity = f"t:{event.action}:{event.key}"
    node = tree.nodes.get(identity)
    if node is None:
        node = tree.add(identity, tree.place_of(event.action, event.group), NodeKind.TRACE, event.name)
    tree.enter(node, NodePhase.FAILED if event.error is not None else NodePhase.SUCCEEDED)
    node.start, node.end = event.started_at, event.at
    node.flags = Flag.RESUMED if event.reused else 0
    tree._changed(node)


def _action_changed(tree: Tree, event: Any) -> None:
    if event.action in tree.nodes:
        tree.update(event.action)


def _all_changed(tree: Tree, event: Any) -> None:
    tree.settle()


_FOLLOW: dict[type, Callable[[Tree, Any], None]] = {
    ev.RunResumed: _all_changed,
    ev.RunEnded: _all_changed,
    ev.GroupOpened: _group_opened,
    ev.ActionQueued: _action_queued,
    ev.AttemptStarted: _action_changed,
    ev.AttemptFailed: _action_changed,
    ev.ActionPaused: _action_changed,
    ev.ActionEnded: _action_changed,
    ev.TraceEnded: _trace_ended,
    ev.ReportChanged: _action_changed,
    ev.LinkAdded: _action_changed,
    ev.PromptAsked: _action_changed,
    ev.PromptAnswered: _action_changed,
    ev.ProgressTold: _action_changed,
    ev.StallNoticed: _action_changed,
}


def _flags(action: ActionView) -> int:
    flags = 0
    if action.reused == "cache":
        flags |= Flag.CACHE_HIT
    if action.reused == "resume" or action.phase is ActionPhase.RECOVERED:
        flags |= Flag.RESUMED
    if action.tabs:
        flags |= Flag.REPORT
    if action.links and any(link.uri for link in action.links):
        flags |= Flag.LINKS
    if action.prompts and action.open_questions():
        flags |= Flag.PROMPT
    if action.stalled_s:
        flags |= Flag.STALLED
    if action.rerun_reason:
        flags |= Flag.RERUN
    return flags


def _ms(seconds: float | None) -> int:
    return -1 if seconds is None else round(seconds * 1000)
