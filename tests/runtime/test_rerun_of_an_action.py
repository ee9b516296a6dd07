"""A rerun of one action recovers what had succeeded below it, and can be resumed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.remote import Action, Run

env = flyte.TaskEnvironment("again")


def note(folder: str, what: str) -> None:
    with Path(folder, "calls").open("a") as calls:
        calls.write(f"{what}\n")


def calls_in(folder: Path) -> list[str]:
    path = folder / "calls"
    found = path.read_text().split() if path.exists() else []
    path.unlink(missing_ok=True)
    return sorted(found)


@env.task
async def leaf(folder: str, x: int) -> int:
    note(folder, f"leaf{x}")
    return x


@flyte.trace
async def traced(folder: str, x: int) -> int:
    note(folder, f"traced{x}")
    return x


@env.task
async def branch(folder: str) -> int:
    leaves = await asyncio.gather(*(leaf(folder, x) for x in range(2)))
    total = sum(leaves) + await traced(folder, 5)
    if not Path(folder, "mended").exists():
        raise ValueError("broken")
    return total


@env.task
async def root(folder: str) -> int:
    return await branch(folder)


def failed_branch(folder: Path, mode: str | None) -> tuple[Run, str]:
    run = flyte.with_runcontext(mode).run(root, str(folder))
    run.wait()
    assert calls_in(folder) == ["leaf0", "leaf1", "traced5"]
    [action] = Action.listall(run.name, task_name="again.branch")
    return run, action.name


@pytest.mark.parametrize("mode", [None, "process"])
def test_it_recovers_what_had_succeeded_below_the_action(tmp_path: Path, mode: str | None) -> None:
    run, action = failed_branch(tmp_path, mode)
    Path(tmp_path, "mended").touch()

    again = flyte.rerun(run.name, action, recover=True)

    assert again.outputs() == 6
    assert calls_in(tmp_path) == []
    assert [str(one.phase) for one in Action.listall(again.name)] == ["succeeded", "recovered", "recovered"]


def test_a_resume_of_it_keeps_what_it_had_recovered_and_what_it_had_done(tmp_path: Path) -> None:
    run, action = failed_branch(tmp_path, None)
    again = flyte.rerun(run.name, action, recover=True)
    again.wait()
    assert again.phase == "failed"
    assert calls_in(tmp_path) == []
    Path(tmp_path, "mended").touch()

    assert again.resume().outputs() == 6
    assert calls_in(tmp_path) == []


@env.task
async def tenant(folder: str) -> str:
    note(folder, "tenant")
    return flyte.get_custom_context()["tenant"]


@env.task
async def for_tenants(folder: str) -> list[str]:
    with flyte.custom_context(tenant="inner"):
        found = [await tenant(folder)]
    if not Path(folder, "mended").exists():
        raise ValueError("broken")
    return [*found, await tenant(folder)]


@env.task
async def of_a_tenant(folder: str) -> list[str]:
    with flyte.custom_context(tenant="outer"):
        return await for_tenants(folder)


def test_it_has_the_custom_context_that_was_set_around_the_call(tmp_path: Path) -> None:
    run = flyte.with_runcontext(custom_context={"tenant": "none"}).run(of_a_tenant, str(tmp_path))
    run.wait()
    action = Action.listall(run.name, task_name="again.for_tenants")
    calls_in(tmp_path)
    Path(tmp_path, "mended").touch()

    again = flyte.rerun(run.name, next(action).name, recover=True)
    assert again.outputs()[0] == ["inner", "outer"]
    assert calls_in(tmp_path) == ["tenant"]

    recovered = next(one for one in Action.listall(again.name, task_name="again.tenant") if one.phase == "recovered")
    assert flyte.rerun(again.name, recovered.name).outputs() == "inner"
