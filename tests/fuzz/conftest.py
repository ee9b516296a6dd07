"""A home in which something of every kind was recorded; each example changes a copy of it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import hitl
from flyte_nb._journal import Home
from flyte_nb._server.desk import Desk

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Many examples may take as long as they take."""
    for item in items:
        if os.environ.get("FLYTE_NB_FUZZ_EXAMPLES") and item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.timeout(0))


env = flyte.TaskEnvironment("recorded", depends_on=[hitl.env])


asked = threading.Event()


class Unplain:
    """Is kept as a pickle."""

    def __init__(self, name: str) -> None:
        self.name = name


@flyte.trace
async def looked_up(word: str) -> str:
    return word.upper()


@env.task(report=True, cache="auto")
async def told(word: str) -> dict[str, list[str]]:
    print("told", word)
    await flyte.report.log.aio(f"<p>{word}</p>", do_flush=True)
    return {"words": [await looked_up(word)], "many": ["x" * 200_000]}


@env.task
async def refuses(thing: Unplain) -> None:
    raise ValueError(thing.name)


@env.task
async def everything() -> str:
    with flyte.group("phase one"):
        found = await told("word")
    try:
        await refuses(Unplain("refused"))
    except flyte.errors.RuntimeUserError:
        event = await hitl.new_event.aio("sure", data_type=bool, prompt="Go **on**?")
        asked.set()
        return f"{found['words']} {await event.wait.aio()}"
    raise AssertionError("refuses() did not refuse")


@pytest.fixture
def recorded_home(home: Path) -> Path:
    """A home with a finished run, named `recorded`, whose journal is one file."""
    asked.clear()
    run = flyte.with_runcontext(name="recorded").run(everything)
    assert asked.wait(20)
    Desk(Home(home)).answer("recorded", "sure", "yes", by="a person")
    run.wait()
    copy = home.with_name("recorded")
    copy.mkdir()
    with sqlite3.connect(Home(home).journal_path) as source, sqlite3.connect(Home(copy).journal_path) as target:
        source.backup(target)
    shutil.copytree(home / "store", copy / "store", dirs_exist_ok=True)
    return copy


@pytest.fixture
def copied(recorded_home: Path) -> Callable[[], Path]:
    """Makes a fresh copy of the recorded home; a new call takes the place of the last."""
    place = recorded_home.with_name("changed")

    def copy() -> Path:
        shutil.rmtree(place, ignore_errors=True)
        return Path(shutil.copytree(recorded_home, place))

    return copy
