"""Results of earlier calls, and why they are taken or not."""

from __future__ import annotations

import asyncio
import importlib
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb._code import data
from flyte_nb.models.events import CacheOutcome
from flyte_nb.remote import Action

env = flyte.TaskEnvironment("cached")
calls: list[Any] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    calls.clear()


def outcomes(run: flyte.Run, task: str) -> list[CacheOutcome]:
    found = [action.details().cache for action in Action.listall(run.name, task_name=f"cached.{task}")]
    return [outcome for outcome in found if outcome is not None]


def define(source: str, **names: Any) -> Any:
    """A task from source text, as a notebook cell would make it."""
    namespace: dict[str, Any] = {"env": env, "calls": calls, "flyte": flyte, "__name__": "__main__", **names}
    exec(compile(source, "<cell>", "exec"), namespace)
    return namespace


CELL = """
LIMIT = 10

def helper(x):
    return x + LIMIT

@env.task(cache="auto")
async def work(x: int) -> int:
    calls.append(x)
    return helper(x)

@env.task
async def main(x: int) -> int:
    return await work(x)
"""


def test_the_second_call_with_the_same_code_and_inputs_is_a_hit_that_says_why() -> None:
    cell = define(CELL)
    first = flyte.run(cell["main"], 1)
    assert first.outputs() == 11
    second = flyte.run(cell["main"], 1)

    assert second.outputs() == 11
    assert calls == [1]
    [miss] = outcomes(first, "work")
    [hit] = outcomes(second, "work")
    assert (miss.status, hit.status) == ("miss", "hit")
    assert hit.source_run == first.name
    assert first.name in hit.reason
    assert "No earlier call" in miss.reason


def test_other_inputs_are_a_miss() -> None:
    cell = define(CELL)
    flyte.run(cell["main"], 1).wait()
    flyte.run(cell["main"], 2).wait()
    assert calls == [1, 2]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("LIMIT = 10", "LIMIT = 11"),
        ("return x + LIMIT", "return x - LIMIT"),
        ("return helper(x)", "return helper(x) + 1"),
    ],
    ids=["constant", "helper", "task"],
)
def test_an_edit_of_the_task_its_helper_or_its_constant_is_a_miss(before: str, after: str) -> None:
    flyte.run(define(CELL)["main"], 1).wait()
    run = flyte.run(define(CELL.replace(before, after))["main"], 1)
    run.wait()
    assert calls == [1, 1]
    assert outcomes(run, "work")[0].status == "miss"


def test_a_comment_a_docstring_and_formatting_are_no_change() -> None:
    flyte.run(define(CELL)["main"], 1).wait()
    edited = CELL.replace("    return x + LIMIT", '    """Adds."""\n\n    # a comment\n    return (x\n        + LIMIT)')
    flyte.run(define(edited)["main"], 1).wait()
    assert calls == [1]


def test_override_runs_again_and_keeps_the_new_result() -> None:
    cell = define(CELL)
    flyte.run(cell["main"], 1).wait()
    flyte.with_runcontext(overwrite_cache=True).run(cell["main"], 1).wait()
    assert calls == [1, 1]
    run = flyte.run(cell["main"], 1)
    run.wait()
    assert outcomes(run, "work")[0].status == "hit"


def test_disable_run_cache_neither_looks_nor_keeps() -> None:
    cell = define(CELL)
    flyte.with_runcontext(disable_run_cache=True).run(cell["main"], 1).wait()
    flyte.run(cell["main"], 1).wait()
    assert calls == [1, 1]


def test_without_a_word_nothing_is_cached() -> None:
    cell = define(CELL.replace('(cache="auto")', ""))
    flyte.run(cell["main"], 1).wait()
    flyte.run(cell["main"], 1).wait()
    assert calls == [1, 1]


def test_init_makes_auto_the_default_of_those_who_say_nothing(home: Any) -> None:
    flyte.init(home=home, cache="auto")
    cell = define(CELL.replace('(cache="auto")', ""))
    flyte.run(cell["main"], 1).wait()
    flyte.run(cell["main"], 1).wait()
    assert calls == [1]


def test_ignored_inputs_do_not_tell_calls_apart() -> None:
    @env.task(cache=flyte.Cache("auto", ignored_inputs="verbose"))
    async def work(x: int, verbose: bool) -> int:
        calls.append(x)
        return x

    flyte.run(work, 1, verbose=True).wait()
    flyte.run(work, 1, verbose=False).wait()
    flyte.run(work, 2, verbose=False).wait()
    assert calls == [1, 2]


def test_another_salt_and_another_version_are_other_caches() -> None:
    @env.task(cache=flyte.Cache("auto", version_override="1"))
    async def work(x: int) -> int:
        calls.append(x)
        return x

    for cache in (
        flyte.Cache("auto", version_override="1"),
        flyte.Cache("auto", version_override="1", salt="s"),
        flyte.Cache("auto", version_override="2"),
        flyte.Cache("auto", version_override="2"),
    ):
        flyte.run(work.override(cache=cache), 1).wait()
    assert calls == [1, 1, 1]


def test_a_version_override_stands_for_the_code() -> None:
    source = CELL.replace('cache="auto"', 'cache=flyte.Cache("auto", version_override="v")')
    flyte.run(define(source)["main"], 1).wait()
    flyte.run(define(source.replace("LIMIT = 10", "LIMIT = 99"))["main"], 1).wait()
    assert calls == [1]


def test_a_policy_decides_the_version() -> None:
    class ByHand:
        version = "1"

        def get_version(self, salt: str, params: Any) -> str:
            assert isinstance(params.func, FunctionType)
            return self.version

    policy = ByHand()

    @env.task(cache=flyte.Cache("auto", policies=policy))
    async def work(x: int) -> int:
        calls.append(x)
        return x

    flyte.run(work, 1).wait()
    flyte.run(work, 1).wait()
    policy.version = "2"
    flyte.run(work, 1).wait()
    assert calls == [1, 1]


def test_a_result_older_than_max_age_is_not_taken() -> None:
    @env.task(cache=flyte.Cache("auto", max_age=0))
    async def work(x: int) -> int:
        calls.append(x)
        return x

    flyte.run(work, 1).wait()
    run = flyte.run(work, 1)
    run.wait()
    assert calls == [1, 1]
    assert "max_age" in outcomes(run, "work")[0].reason


def test_serialized_identical_calls_at_the_same_time_run_once() -> None:
    @env.task(cache=flyte.Cache("auto", serialize=True))
    async def work(x: int) -> int:
        calls.append(x)
        await asyncio.sleep(0.01)
        return x

    @env.task
    async def root() -> list[int]:
        return list(await asyncio.gather(*(work(5) for _ in range(5))))

    assert flyte.run(root).outputs()[0] == [5] * 5
    assert calls == [5]


def test_a_failure_is_not_kept() -> None:
    @env.task(cache="auto")
    async def work() -> int:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError
        return 3

    flyte.run(work).wait()
    assert flyte.run(work).outputs() == 3


def test_a_kept_result_whose_bytes_are_gone_is_a_miss(home: Any) -> None:
    @env.task(cache="auto", max_inline_io_bytes=10**6)
    async def work() -> str:
        calls.append(1)
        return "x" * 100_000

    flyte.run(work).wait()
    for path in (home / "store").rglob("*.pb"):
        path.unlink()
    assert flyte.run(work).outputs() == "x" * 100_000
    assert calls == [1, 1]


def test_custom_context_has_no_effect_on_keys() -> None:
    cell = define(CELL)
    flyte.with_runcontext(custom_context={"a": "1"}).run(cell["main"], 1).wait()
    flyte.with_runcontext(custom_context={"a": "2"}).run(cell["main"], 1).wait()
    assert calls == [1]


def test_the_reason_names_what_counts_by_its_type_only() -> None:
    cell = define(
        CELL.replace("LIMIT = 10", "import threading; LIMIT = 10; lock = threading.Lock()").replace(
            "return x + LIMIT", "with lock: return x + LIMIT"
        )
    )
    first = flyte.run(cell["main"], 1)
    first.wait()
    second = flyte.run(cell["main"], 1)
    second.wait()

    [miss], [hit] = outcomes(first, "work"), outcomes(second, "work")
    assert (miss.status, hit.status) == ("miss", "hit")
    assert all(one.reason.endswith("Of lock (_thread.lock) only the type counts.") for one in (miss, hit))


def test_an_edit_of_a_module_that_the_body_imports_is_a_miss_and_the_reason_names_what_counts_by_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    rates = tmp_path / "rates_of_a_test.py"
    cell = define(
        CELL.replace("return helper(x)", "from rates_of_a_test import ROUNDED, rate; return x * rate() * ROUNDED")
    )

    def reason(factor: int) -> str:
        rates.write_text(f"ROUNDED = round(1.1)\ndef rate(): return {factor}\n")
        sys.modules.pop("rates_of_a_test", None)
        importlib.invalidate_caches()
        run = flyte.run(cell["main"], 10)
        run.wait()
        assert run.outputs() == 10 * factor
        return outcomes(run, "work")[0].reason

    try:
        missed, hit, missed_again = reason(2), reason(2), reason(333)
    finally:
        sys.modules.pop("rates_of_a_test", None)
    assert calls == [10, 10]
    assert hit.startswith("Same code and same inputs")
    assert missed.startswith("No earlier call")
    assert missed_again.startswith("No earlier call")
    assert hit.endswith("Of rates_of_a_test.ROUNDED only the source counts.")


def test_an_edit_in_a_frame_of_the_notebook_is_a_miss() -> None:
    source = CELL.replace("LIMIT = 10", "import pandas as pd; RATES = pd.DataFrame({'rate': [10, 20]})").replace(
        "x + LIMIT", "x + int(RATES['rate'].sum())"
    )
    flyte.run(define(source)["main"], 1).wait()
    run = flyte.run(define(source.replace("10, 20", "10, 21"))["main"], 1)

    assert run.outputs() == 32
    assert outcomes(run, "work")[0].status == "miss"


def test_a_completed_step_whose_body_imports_a_module_that_fills_a_table_is_not_run_again_by_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "table_of_a_test.py").write_text(
        "TABLE = {}\n"
        "def register(f):\n    TABLE[f.__name__] = f\n    return f\n"
        "@register\ndef double(x): return 2 * x\n"
        "NAMES = []\nfor name in ('a', 'b'): NAMES.append(name)\n"
    )
    importlib.invalidate_caches()
    cell = define(
        """
@env.task
async def step(x: int) -> int:
    from table_of_a_test import TABLE, NAMES
    calls.append(x)
    return TABLE["double"](x) + len(NAMES)

@env.task
async def root(x: int) -> int:
    found = await step(x)
    if "mended" not in calls:
        raise ValueError("stop")
    return found
"""
    )
    try:
        run = flyte.run(cell["root"], 5)
        with pytest.raises(flyte.errors.RuntimeUserError):
            run.outputs()
        calls.append("mended")
        assert flyte.remote.Run.get(run.name).resume().outputs() == 12
    finally:
        sys.modules.pop("table_of_a_test", None)
    assert calls == [5, "mended"]


def test_a_run_reads_a_large_constant_once_to_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    digest = data._digest
    monkeypatch.setattr(data, "_digest", lambda content: (reads.append(len(content)), digest(content))[1])
    cell = """
import numpy
WEIGHTS = numpy.arange(100_000)
SEEN = []
@env.task
async def one(n: int) -> int:
    SEEN.append(n)
    return int(WEIGHTS[n])
"""
    task = define(cell)["one"]
    for _ in range(2):
        reads.clear()
        assert flyte.run(task, 5).outputs() == 5
        assert len(reads) == 1


def test_a_large_constant_is_read_as_often_by_many_calls_as_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    digest = data._digest
    monkeypatch.setattr(data, "_digest", lambda content: (reads.append(1), digest(content))[1])
    names = define(
        """
import asyncio
import numpy
WEIGHTS = numpy.arange(100_000)
@env.task(cache="auto")
async def one(n: int) -> int:
    return int(WEIGHTS[n])
@env.task
async def weigh(n: int) -> int:
    return sum(await asyncio.gather(*(one(i) for i in range(n))))
"""
    )
    counts = []
    for n in (1, 1, 50):
        reads.clear()
        assert flyte.run(names["weigh"], n).outputs()[0] == sum(range(n))
        counts.append(len(reads))
    assert 0 < counts[1] == counts[2]


UNTYPED = """
from dataclasses import dataclass
import enum

RATE = 1

def rated(x):
    return x * RATE

class Base:
    def rate(self) -> "Rate": return rated(1)

class Plain(Base):
    limit: "Rate" = 3
    def __init__(self, x): self.x = x
    def value(self): return self.rate() * self.x

class Rate(enum.Enum):
    LOW = 1
    def value_of(self): return RATE

@env.task(cache="auto")
async def untyped(one):
    return one.value()

@env.task
async def around(x: int):
    return await untyped(Plain(x))
"""


@pytest.mark.parametrize("edit", ["RATE = 5", "def rated(x): return x * 5", "Plain.value = lambda self: self.x * 5"])
def test_an_edit_of_the_class_of_an_argument_whose_type_is_not_said_is_a_miss(edit: str) -> None:
    cell = define(UNTYPED)
    assert flyte.run(cell["untyped"], cell["Plain"](2)).outputs()[0] == 2
    exec(edit, cell)
    run = flyte.run(cell["untyped"], cell["Plain"](2))
    assert (run.outputs()[0], outcomes(run, "untyped")[0].status) == (10, "miss")
    run = flyte.run(cell["untyped"], cell["Plain"](2))
    assert (run.outputs()[0], outcomes(run, "untyped")[0].status) == (10, "hit")


def test_the_class_of_an_argument_is_the_same_for_the_cache_in_a_worker_process() -> None:
    cell = define(UNTYPED)
    flyte.run(cell["around"], 2).wait()
    run = flyte.with_runcontext(mode="process").run(cell["around"], 2)
    assert (run.outputs()[0], outcomes(run, "untyped")[0].status) == (2, "hit")
