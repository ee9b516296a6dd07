"""Pictures that are followed no more, and what has them followed again: somebody goes on with their run."""

from __future__ import annotations

import pytest

from .conftest import Notebook

SETUP = """
import asyncio, os, time
import flyte_nb as flyte
from flyte_nb._follow.live_picture import follower
from flyte_nb._journal.retention import forget_run
from flyte_nb._notebook import displayed as module
from flyte_nb._notebook.displayed import Displayed
from flyte_nb._notebook.displays import displays

module.PAGE_ASKS_WITHIN_S = module.SETTLE_AFTER_S = 0
env = flyte.TaskEnvironment("resumed")

@env.task
async def fails_at_first(name: str) -> None:
    if not os.path.exists(flyte_home / name):
        raise ValueError("not yet")

def failed(name):
    run = flyte.with_runcontext(name=name).run(fails_at_first, name)
    run.wait()
    return run

async def shown(name, uses=False):
    place = Displayed(name, expects_page=True)
    place.begin()
    if uses:
        place._take({"type": "look", "uses": True, "view": "one"})
    await follow_no_more()
    return place

async def follow_no_more():
    while follower._thread: await asyncio.sleep(0.01)
"""


@pytest.fixture(scope="module")
def cells(module_notebook: Notebook) -> Notebook:
    """A kernel that has run the setup."""
    module_notebook.run(SETUP)
    module_notebook.run("from flyte_nb._runtime.runtime import current_runtime; home = current_runtime().home")
    module_notebook.run("flyte_home = home.path")
    return module_notebook


@pytest.mark.parametrize(("uses", "state"), [(True, "resting"), (False, "left")])
def test_a_picture_is_followed_again_from_the_moment_that_a_cell_resumes_its_run(
    cells: Notebook, uses: bool, state: str
) -> None:
    cells.run(f"run = failed({state!r}); place = await shown(run.name, uses={uses})")
    assert cells.run("place.state.value").value == repr(state)
    resumed = cells.run("(flyte_home / run.name).touch(); run.resume(); print(place.state.value); run.wait()")
    assert resumed.text == "live\n"
    cells.run("await follow_no_more()")
    assert "succeeded" in cells.run("place._picture.text()").value


def test_of_places_that_were_left_the_last_ones_are_told(cells: Notebook) -> None:
    cells.run("""
from flyte_nb._notebook.displays import MOST_LEFT
run = failed("often")
places = [await shown(run.name) for _ in range(MOST_LEFT + 2)]
run.resume()
""")
    assert cells.run("[place.is_left for place in places].count(True), places[0].is_left").value == "(2, True)"


def test_a_place_whose_run_has_succeeded_is_told_of_nothing(cells: Notebook) -> None:
    cells.run("(flyte_home / 'done').touch(); place = await shown(failed('done').name)")
    assert cells.run("place.is_left, place in displays.now").value == "(True, False)"


@pytest.mark.parametrize("uses", [True, False])
def test_a_place_shows_nothing_of_another_run_that_has_the_name_of_its_own(cells: Notebook, uses: bool) -> None:
    name = f"namesake-{uses}".lower()
    cells.run(f"place = await shown(failed({name!r}).name, uses={uses}); before = place.state")
    cells.run(f"forget_run(home.journal_path, {name!r}); failed({name!r}).resume().wait()")
    assert cells.run("place.state is before, place in displays.now").value == "(True, False)"


def test_a_place_whose_widget_was_closed_is_kept_no_more(cells: Notebook) -> None:
    cells.run("import ipywidgets; place = await shown(failed('closed').name, uses=True)")
    assert cells.run("place in displays.now").value == "True"
    cells.run("ipywidgets.Widget.close_all()")
    assert cells.run("place in displays.now").value == "False"


def test_a_run_is_resumed_also_where_its_picture_cannot_be_drawn(cells: Notebook) -> None:
    cells.run("run = failed('drawn'); place = await shown(run.name); history = module.RunHistory")
    cells.run("def unreadable(name): raise OSError('the disk is gone')\nmodule.RunHistory = unreadable")
    resumed = cells.run("(flyte_home / 'drawn').touch(); phase = run.resume().wait(); module.RunHistory = history")
    assert "The picture of run drawn stops." in resumed.text
    assert cells.run("run.phase.value").value == "'succeeded'"


def test_a_picture_that_cannot_be_drawn_when_a_cell_ends_keeps_no_other_from_it(cells: Notebook) -> None:
    cells.run("lost, told = await shown(failed('lost').name), await shown(failed('told').name)")
    cells.run("looked = []; told.look = lambda: looked.append('told')")
    ended = cells.run("def unreadable(): raise OSError('the disk is gone')\nlost.look = unreadable")
    assert "The picture of run lost stops." in ended.text
    assert cells.run("displays.discard(lost); displays.discard(told); looked[0]").value == "'told'"
