"""Calls with the same inputs that see something else keep their own results, in whatever order they are made again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("apart")


@env.task
async def by_context(x: int) -> str:
    return flyte.get_custom_context()["region"]


@env.task
async def by_environment(x: int) -> str:
    return os.environ["REGION"]


@flyte.trace
async def traced(x: int) -> str:
    return flyte.get_custom_context()["region"]


async def ask(kind: str, region: str) -> str:
    if kind == "environment":
        return await by_environment.override(env_vars={"REGION": region})(1)
    with flyte.custom_context(region=region):
        return await (traced(1) if kind == "trace" else by_context(1))


@env.task
async def main(kind: str, orders: str) -> list[str]:
    path = Path(orders)
    order, _, rest = path.read_text().partition("\n")
    path.write_text(rest)
    answers = {region: await ask(kind, region) for region in order.split()}
    if rest:
        raise ValueError("not yet")
    return [answers["eu"], answers["us"]]


@pytest.fixture
def orders(tmp_path: Path) -> str:
    path = tmp_path / "orders"
    path.write_text("us eu\neu us")
    return str(path)


@pytest.mark.parametrize("kind", ["context", "environment", "trace"])
@pytest.mark.parametrize("mode", [None, "process"])
def test_a_resume_gives_each_call_what_it_had_seen(kind: str, mode: str | None, orders: str) -> None:
    run = flyte.with_runcontext(mode).run(main, kind, orders)
    run.wait()
    assert run.phase == "failed"

    assert run.resume().outputs() == ["eu", "us"]
    assert len(list(Action.listall(run.name))) == (1 if kind == "trace" else 3)


@pytest.mark.parametrize("kind", ["context", "environment", "trace"])
def test_another_attempt_gives_each_call_what_it_had_seen(kind: str, orders: str) -> None:
    assert flyte.run(main.override(retries=1), kind, orders).outputs() == ["eu", "us"]


def test_context_that_was_changed_on_purpose_has_its_calls_run_again(tmp_path: Path) -> None:
    path = tmp_path / "regions"
    path.write_text("eu")

    @env.task
    async def root() -> str:
        region = path.read_text()
        with flyte.custom_context(region=region):
            answer = await by_context(1)
        if region == "eu":
            raise ValueError("not there")
        return answer

    run = flyte.run(root)
    run.wait()
    path.write_text("us")

    assert run.resume().outputs() == "us"


def test_a_call_that_sets_nothing_has_the_name_that_earlier_versions_gave_it() -> None:
    @env.task
    async def double(x: int) -> int:
        return 2 * x

    @env.task
    async def root() -> int:
        with flyte.custom_context(region="eu"):
            pass
        return await double.override(retries=3)(4)

    run = flyte.with_runcontext(custom_context={"region": "eu"}, env_vars={"A": "1"}).run(root)
    run.wait()

    assert [action.name for action in Action.listall(run.name)] == ["a0", "1267ec3e7ffdb74bb6a8"]
