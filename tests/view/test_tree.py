"""The tree keeps its counts event by event, and pages are sent what they opened."""

from __future__ import annotations

import json
import random
import time

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_nb._view.feed import Feed
from flyte_nb._view.picture import picture_html, picture_text
from flyte_nb._view.tree import Tree
from flyte_nb._view.wire import Diff, Node, NodePhase, Reset, ToPage
from flyte_nb.models import events as ev
from flyte_nb.models.phases import ActionPhase
from flyte_nb.types.messages import LiteralMap

OWNER = ev.Owner("host", 1, 0.0)
NOTHING = ev.StoredLiterals(b"")
ENDS = [ActionPhase.SUCCEEDED, ActionPhase.FAILED, ActionPhase.ABORTED, ActionPhase.TIMED_OUT, ActionPhase.RECOVERED]


def started() -> list[ev.AnyEvent]:
    return [ev.RunStarted(100.0, "env.main", OWNER), queued("a0", "", "main")]


def queued(
    name: str, parent: str, label: str = "leaf", group: str = "", inputs: ev.StoredLiterals = NOTHING
) -> ev.ActionQueued:
    return ev.ActionQueued(101.0, name, parent, f"env.{label}", label, inputs, group, running=True)


def inputs_of(month: int, city: str = "Bern or some other place") -> ev.StoredLiterals:
    literals = LiteralMap()
    literals.literals["month"].scalar.primitive.integer = month
    literals.literals["city"].scalar.primitive.string_value = city
    return ev.StoredLiterals(literals.SerializeToString())


def ended(name: str, phase: ActionPhase = ActionPhase.SUCCEEDED) -> ev.ActionEnded:
    error = (
        ev.ErrorRecord("ValueError", "user", "bad", traceback="Traceback\n") if phase is ActionPhase.FAILED else None
    )
    return ev.ActionEnded(102.0, name, phase, None, error)


def grown(events: list[ev.AnyEvent]) -> Tree:
    tree = Tree("run")
    for event in events:
        tree.apply(event)
    return tree


def recounted(tree: Tree, identity: str) -> list[int]:
    """Counts of all actions below a node, the slow way."""
    counts = [0] * len(NodePhase)
    pending = list(tree.nodes[identity].children)
    while pending:
        node = tree.nodes[pending.pop()]
        if node.id in tree.view.actions:
            counts[node.phase] += 1
        pending += node.children
    return counts


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_counts_are_those_of_a_full_recount_whatever_happens_in_whatever_order(seed: int, size: int) -> None:
    chance = random.Random(seed)
    tree = grown(started())
    actions, groups = ["a0"], [""]
    for index in range(size):
        parent = chance.choice(actions)
        kind = chance.random()
        if kind < 0.2:
            group = f"group{index}"
            tree.apply(ev.GroupOpened(101.0, group, group, parent, ""))
            groups.append(group)
        elif kind < 0.6:
            name = f"a{index + 1}"
            own = [group for group in groups if group and tree.view.groups[group].action == parent]
            tree.apply(queued(name, parent, group=chance.choice([*own, ""])))
            actions.append(name)
        elif kind < 0.7:
            tree.apply(ev.TraceEnded(101.0, parent, f"key{index}", "traced", 101.0, NOTHING, NOTHING))
        else:
            tree.apply(ended(chance.choice(actions), chance.choice(ENDS)))
    for identity, node in tree.nodes.items():
        assert (node.below or [0] * len(NodePhase)) == recounted(tree, identity)
    tree.apply(ev.RunEnded(103.0, ActionPhase.ABORTED))
    assert sum(recounted(tree, "a0")[: NodePhase.SUCCEEDED]) == 0
    assert tree.nodes["a0"].below in (None, recounted(tree, "a0"))


def feed_of(tree: Tree) -> Feed:
    return Feed(tree, lambda: tree.header(owned_here=True, can_resume=False))


def ids(messages: list[object]) -> list[str]:
    nodes: list[Node] = []
    for message in messages:
        assert isinstance(message, (Reset, Diff))
        nodes += message.nodes
    return [node.id for node in nodes]


def test_a_page_is_sent_the_root_and_its_children_and_no_deeper() -> None:
    tree = grown([*started(), queued("a1", "a0"), queued("a2", "a1")])
    assert ids(feed_of(tree).reset([])) == ["a0", "a1"]


def test_an_opened_branch_is_sent_and_kept_up_to_date_and_a_closed_one_is_not() -> None:
    tree = grown([*started(), queued("a1", "a0"), queued("a2", "a1")])
    feed = feed_of(tree)
    feed.reset([])
    assert ids(feed.open("a1")) == ["a2"]
    tree.apply(ended("a2"))
    assert set(ids(feed.changes())) == {"a2", "a1", "a0"}
    feed.shut("a1")
    tree.apply(queued("a3", "a1"))
    assert "a3" not in ids(feed.changes())


def test_a_branch_that_appears_below_one_that_is_open_throughout_is_sent_too() -> None:
    tree = grown([*started(), queued("a1", "a0")])
    feed = feed_of(tree)
    feed.reset([])
    assert ids(feed.open("a0", everything=True)) == ["a1"]
    for event in (queued("a2", "a1"), queued("a3", "a2"), ev.GroupOpened(101.0, "late", "late", "a3", "")):
        tree.apply(event)
    tree.apply(queued("a4", "a3", group="late"))
    assert [identity for identity in ids(feed.changes()) if identity not in ("a0", "a1")] == [
        "a2",
        "a3",
        "g:late",
        "a4",
    ]
    feed.reset([])
    tree.apply(queued("a5", "a4"))
    assert "a5" not in ids(feed.changes())


def below(tree: Tree, identity: str) -> list[str]:
    """A branch and all that is in it."""
    found = [identity]
    for one in found:
        found += tree.nodes[one].children
    return found


class Shown:
    """What a page makes of the messages of a feed, and the branches that somebody opened on it."""

    def __init__(self, tree: Tree) -> None:
        self.feed = feed_of(tree)
        self.rows: dict[str, Node] = {}
        self.open: set[str] = {"a0"}
        self.take(self.feed.reset([]))

    def take(self, messages: list[ToPage]) -> None:
        for message in messages:
            assert isinstance(message, (Reset, Diff))
            if isinstance(message, Reset):
                self.rows.clear()
            for row in message.nodes:
                assert not row.parent or row.parent in self.rows, f"{row.id} came without {row.parent}"
                self.rows[row.id] = row

    def in_sight(self, tree: Tree) -> list[str]:
        """Rows below branches that are open, and in open ones."""
        found = ["a0"]
        for identity in found:
            found += tree.nodes[identity].children if identity in self.open else []
        return found


@settings(max_examples=100)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_a_page_has_every_row_in_sight_as_it_is_whatever_is_opened_closed_and_asked_anew(seed: int, size: int) -> None:
    chance = random.Random(seed)
    tree = grown(started())
    page, actions = Shown(tree), ["a0"]
    for _ in range(size):
        row = chance.choice(page.in_sight(tree))
        what = chance.choice(["grow", "grow", "grow", "end", "open", "open", "open all", "close", "reset"])
        if what == "grow":
            actions.append(f"a{len(actions)}")
            tree.apply(queued(actions[-1], chance.choice(actions[:-1])))
        elif what == "end":
            tree.apply(ended(chance.choice(actions), chance.choice(ENDS)))
        elif what.startswith("open"):
            page.open.update([row] if what == "open" else below(tree, row))
            page.take(page.feed.open(row, everything=what == "open all"))
        elif what == "close":
            page.open.discard(row)
            page.feed.shut(row)
        else:
            page.take(page.feed.reset(sorted(page.open)))
        page.take(page.feed.changes())
        for identity in page.in_sight(tree):
            assert page.rows.get(identity) == tree.node(identity)


def test_what_came_below_a_branch_that_is_open_throughout_while_that_was_closed_is_sent_when_it_is_opened() -> None:
    tree = grown([*started(), queued("g", "a0"), queued("p", "g")])
    feed = feed_of(tree)
    feed.reset([])
    feed.open("g", everything=True)
    feed.shut("g")
    tree.apply(queued("c", "p"))
    feed.changes()
    assert ids(feed.open("g")) == ["p", "c"]


def test_a_branch_that_is_opened_although_those_above_are_closed_comes_with_them() -> None:
    tree = grown([*started(), queued("g", "a0"), queued("p", "g"), queued("c", "p")])
    feed = feed_of(tree)
    feed.reset([])
    assert ids(feed.open("p")) == ["p", "c"]


def test_nothing_new_is_nothing_sent() -> None:
    tree = grown(started())
    feed = feed_of(tree)
    feed.reset([])
    assert feed.changes() == []


def test_messages_are_numbered_without_a_gap_and_split_when_large() -> None:
    tree = grown([*started(), *(queued(f"a{index}", "a0") for index in range(1, 2501))])
    messages = feed_of(tree).reset([])
    assert [message.seq for message in messages if isinstance(message, (Reset, Diff))] == [1, 2, 3]
    assert len(ids(messages)) == 2501


def test_a_page_is_told_what_time_it_is_where_the_run_is_told_of() -> None:
    before = time.time()
    feed = feed_of(grown(started()))
    told = msgspec.to_builtins([feed.reset([])[0], feed.heartbeat()])
    after = time.time()
    assert all(before - 0.001 <= message["at_ms"] / 1_000 <= after + 0.001 for message in told)


def test_a_row_says_how_far_its_action_is_instead_of_what_it_was_given() -> None:
    tree = grown([*started(), queued("a1", "a0", inputs=inputs_of(3, "Bern"))])
    feed = feed_of(tree)
    feed.reset([])
    told = [
        ev.ProgressTold(102.0, "a1", "Storing pictures: 42 %"),
        ev.ProgressTold(103.0, "a1", ""),
        ev.ProgressTold(104.0, "a1", "Storing pictures: 43 %"),
        ev.AttemptFailed(105.0, "a1", 1, ev.ErrorRecord("OOMError", "user", "died"), 0.0),
        ev.AttemptStarted(106.0, "a1", 2),
        ev.ProgressTold(107.0, "a1", "Storing pictures: 1 %"),
        ended("a1", ActionPhase.ABORTED),
    ]
    hints = []
    for event in told:
        tree.apply(event)
        sent = [node for message in feed.changes() if isinstance(message, Diff) for node in message.nodes]
        hints += [node.hint.partition(",")[0] for node in sent if node.id == "a1"]
    given = "month=3"
    assert hints == [told[0].text, given, told[2].text, given, given, told[5].text, given]  # type: ignore[union-attr]


def test_the_row_of_an_action_that_failed_says_what_it_was_given_and_what_it_raised() -> None:
    tree = grown([*started(), queued("a1", "a0", inputs=inputs_of(3, "Bern")), ended("a1", ActionPhase.FAILED)])
    assert tree.node("a1").hint == "month=3, city='Bern', ValueError: bad"
    assert tree.hint(tree.nodes["a1"]) == "month=3, city='Bern'"


def test_a_finished_action_takes_at_most_200_bytes_on_the_wire() -> None:
    events = [*started(), *(queued(f"{index:020x}", "a0", inputs=inputs_of(index)) for index in range(10_000))]
    tree = grown(events)
    feed = feed_of(tree)
    feed.reset([])
    for index in range(10_000):
        tree.apply(ended(f"{index:020x}"))
    messages = feed.changes()
    assert "month=9999, city='Bern or some other p…" in str(messages)
    size_bytes = sum(len(json.dumps(msgspec.to_builtins(message))) for message in messages)
    assert 10_000 * 20 < size_bytes < 10_000 * 200


def test_the_static_picture_of_10000_actions_is_small_and_shows_the_failures_first() -> None:
    events: list[ev.AnyEvent] = started()
    for branch in range(100):
        events.append(queued(f"b{branch}", "a0", "branch with a name of some length"))
        for leaf in range(100):
            name = f"b{branch}l{leaf}"
            events += [queued(name, f"b{branch}", "leaf", inputs=inputs_of(leaf, "'<&>'" * 10)), ended(name)]
        events.append(ended(f"b{branch}", ActionPhase.FAILED if branch == 77 else ActionPhase.SUCCEEDED))
    events += [ended("a0", ActionPhase.FAILED), ev.RunEnded(103.0, ActionPhase.FAILED)]
    html = picture_html(grown(events))
    assert len(html.encode()) < 64_000
    assert html.index("✗") < html.index("✓")
    assert "<script" not in html
    assert "10,099 succeeded" in html
    assert "month=" not in html


def test_the_header_of_a_failed_run_tells_in_which_branches_the_failure_is() -> None:
    events = [
        *started(),
        ev.GroupOpened(101.0, "g1", "months", "a0"),
        queued("a1", "a0", "month", "g1"),
        queued("a2", "a1"),
    ]
    failed = [ended(name, ActionPhase.FAILED) for name in ("a2", "a1", "a0")]
    tree = grown([*events, *failed, ev.RunEnded(103.0, ActionPhase.FAILED)])
    assert tree.header(owned_here=True, can_resume=True).failed_in == ["a0", "g:g1", "a1"]
    assert grown(events).header(owned_here=True, can_resume=False).failed_in == []


HOSTILE = st.text(st.sampled_from("<>&\"'\U0001f680x"), min_size=80, max_size=400)


@settings(max_examples=10)
@given(HOSTILE, HOSTILE)
def test_the_static_picture_stays_small_whatever_things_are_called(label: str, text: str) -> None:
    events: list[ev.AnyEvent] = [ev.RunStarted(100.0, text * 100, OWNER), queued("a0", "", label)]
    for branch in range(50):
        events.append(queued(f"b{branch}", "a0", label))
        for leaf in range(30):
            events += [queued(f"b{branch}l{leaf}", f"b{branch}", label), ended(f"b{branch}l{leaf}")]
        events.append(ended(f"b{branch}", ActionPhase.FAILED))
    record = ev.ErrorRecord(text * 100, "user", text * 100, traceback=text * 1000)
    events += [ev.ActionEnded(102.0, "a0", ActionPhase.FAILED, None, record), ev.RunEnded(103.0, ActionPhase.FAILED)]
    assert 20_000 < len(picture_html(grown(events)).encode()) < 64_000


def test_the_picture_tells_the_failure_with_its_traceback_and_escapes_everything() -> None:
    hostile = "<script>alert(1)</script>"
    events: list[ev.AnyEvent] = [
        ev.RunStarted(100.0, hostile, OWNER),
        queued("a0", "", hostile),
        ev.ActionEnded(
            102.0, "a0", ActionPhase.FAILED, None, ev.ErrorRecord(hostile, "user", hostile, traceback=hostile)
        ),
        ev.RunEnded(103.0, ActionPhase.FAILED),
    ]
    tree = grown(events)
    assert "<script" not in picture_html(tree)
    assert hostile in picture_text(tree)
    assert "&lt;script&gt;" in picture_html(tree)


def test_a_folder_shows_what_presses_most_of_what_is_in_it() -> None:
    events: list[ev.AnyEvent] = [*started(), ev.GroupOpened(101.0, "g", "group", "a0", "")]
    tree = grown([*events, queued("a1", "a0", group="g"), queued("a2", "a0", group="g")])
    group = tree.nodes["g:g"]
    assert group.phase is NodePhase.RUNNING
    tree.apply(ended("a1", ActionPhase.FAILED))
    assert group.phase is NodePhase.RUNNING
    tree.apply(ended("a2"))
    assert group.phase is NodePhase.FAILED
    assert group.below == [0, 0, 0, 1, 0, 1, 0, 0]


def test_a_failure_that_was_caught_deeper_down_does_not_make_a_folder_look_broken() -> None:
    events: list[ev.AnyEvent] = [*started(), ev.GroupOpened(101.0, "g", "group", "a0", "")]
    tree = grown(
        [*events, queued("a1", "a0", group="g"), queued("a2", "a1"), ended("a2", ActionPhase.FAILED), ended("a1")]
    )
    assert tree.nodes["g:g"].phase is NodePhase.SUCCEEDED
    assert tree.nodes["g:g"].below is not None and tree.nodes["g:g"].below[NodePhase.FAILED] == 1
