"""An installed package brings a back-end by an entry point, and the suite finds out whether it keeps the promises."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import dedent

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb._runtime.runtime import current_runtime
from flyte_nb.models.events import ActionQueued
from flyte_nb.testing.backends import BackendSuite

CODE = """
    from flyte_nb.backends.loop import LoopBackend


    class Elsewhere(LoopBackend):
        name = "elsewhere"


    class Broken:
        def __init__(self):
            raise OSError("the scheduler is on holiday")
"""
ENTRY_POINTS = "[flyte_nb.backends]\nelsewhere = somebody_elses:Elsewhere\nbroken = somebody_elses:Broken\n"


@pytest.fixture(scope="module", autouse=True)
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A package of somebody else's, as an installer leaves it."""
    site = tmp_path_factory.mktemp("site")
    information = site / "somebody_elses-0.1.0.dist-info"
    information.mkdir()
    (site / "somebody_elses.py").write_text(dedent(CODE))
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: somebody-elses\nVersion: 0.1.0\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield


class TestInstalled(BackendSuite):
    kinds = ("async",)
    installed = "elsewhere"


env = flyte.TaskEnvironment("installed")


@env.task
async def one() -> int:
    return 1


def placements(run: flyte.Run) -> list[str]:
    return [
        event.placement for _, event in current_runtime().reader.events(run.name) if isinstance(event, ActionQueued)
    ]


def test_the_name_of_the_entry_point_is_a_mode_and_a_queue() -> None:
    there = one.override(queue="elsewhere")

    for run in (flyte.with_runcontext(mode="elsewhere").run(one), flyte.run(there)):
        assert run.outputs()[0] == 1
        assert placements(run) == ["elsewhere"]


def test_a_backend_that_cannot_be_made_is_an_error_that_names_it_and_says_why() -> None:
    with pytest.raises(errors.InitializationError, match=r"'broken' \(somebody_elses:Broken\).*OSError.*on holiday"):
        flyte.with_runcontext(mode="broken").run(one)
