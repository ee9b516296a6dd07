"""A frame that was just stored is handed on without a second read, and nobody sees what somebody else does to it."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import flyte_nb as flyte
from flyte_nb.io.frames.at_hand import FramesAtHand, OwnCopy, frames_at_hand
from flyte_nb.io.frames.hints import FrameHints
from flyte_nb.io.frames.tables import converted

COLUMNS = {"a": [1.0, 2.0, 3.0], "n": [1, 2, 3], "text": ["x", "y", "z"], "lists": [[1], [2, 3], []]}
KINDS = [pd.DataFrame, pl.DataFrame, pa.Table]


def made(kind: type) -> Any:
    return converted(pa.table(COLUMNS), kind, FrameHints())


def contents(frame: Any) -> dict[str, list[Any]]:
    table = converted(frame, pa.Table, FrameHints())
    return {name: table[name].to_pylist() for name in table.column_names}


def damage(uri: str) -> None:
    """Change the file of a frame so that whoever reads it gets an error."""
    data = bytearray(Path(uri).read_bytes())
    data[len(data) // 2] ^= 1
    Path(uri).write_bytes(data)


def force(array: Any) -> None:
    """Write into a NumPy array, whatever its flags say."""
    while isinstance(array, np.ndarray):
        with contextlib.suppress(ValueError):
            array.flags.writeable = True
        with contextlib.suppress(ValueError, TypeError):
            array[...] = array[::-1].copy() if array.dtype == object else 99
        array = array.base


def force_buffers(chunked: Any) -> None:
    """Write into the memory of Arrow arrays, and into what that is a part of."""
    for chunk in chunked.chunks if hasattr(chunked, "chunks") else [chunked]:
        with contextlib.suppress(pa.ArrowInvalid, NotImplementedError):
            force(chunk.to_numpy(zero_copy_only=True))
        buffer = chunk.buffers()[-1]  # the values; offsets that are nonsense crash whoever follows them
        while buffer is not None:
            view = memoryview(buffer)
            if not view.readonly:
                view.cast("B")[:] = b"c" * len(view)
            force(np.frombuffer(buffer, dtype="u1"))
            buffer = buffer.parent


def set_cell(frame: pd.DataFrame) -> None:
    frame.loc[0, "a"] = 99.0
    frame.iloc[1, 1] = 99
    frame.at[2, "text"] = "changed"


def change_in_place(frame: pd.DataFrame) -> None:
    frame["a"] *= 2
    frame.pop("n")
    frame.fillna({"a": 0.0}, inplace=True)
    frame["new"] = 1
    frame.columns = [name.upper() for name in frame.columns]


def write_behind_pandas(frame: pd.DataFrame) -> None:
    for name in frame.columns:
        force(frame[name].to_numpy())
        force(frame[name].values)
    force(frame.values)
    force(frame.index.values)
    for block in frame._mgr.blocks:  # type: ignore[attr-defined]
        force(block.values)


def write_into_extension_arrays(frame: pd.DataFrame) -> None:
    with contextlib.suppress(ValueError):
        frame["text"].array[0] = "changed"  # type: ignore[index]
    force_buffers(frame["text"].array._pa_array)  # type: ignore[attr-defined]
    with contextlib.suppress(ValueError):
        frame["a"].array[0] = 99  # type: ignore[index]


def change_lists_in_cells(frame: pd.DataFrame) -> None:
    for cell in frame["lists"]:
        if isinstance(cell, list):
            cell.append(99)
        else:
            force(cell)


def change_polars(frame: pl.DataFrame) -> None:
    frame[0, "a"] = 99.0
    frame.replace_column(1, pl.Series("n", [9, 9, 9]))
    frame.insert_column(0, pl.Series("new", [1, 2, 3]))
    frame.columns = [name.upper() for name in frame.columns]
    frame.extend(frame.clone())


def change_polars_series(frame: pl.DataFrame) -> None:
    for name in ("a", "n"):
        series = frame[name]
        force(series.to_numpy())
        with contextlib.suppress(TypeError, ValueError):
            force(series.to_numpy(writable=False, allow_copy=False))
        series.scatter(0, 99)
        series.extend(series.clone())
        force_buffers(series.to_arrow())
    force_buffers(frame["text"].to_arrow())
    for column in frame.to_arrow().columns:
        force_buffers(column)


def write_behind_arrow(table: pa.Table) -> None:
    for column in table.columns:
        force_buffers(column)


ATTACKS: list[tuple[type, Callable[[Any], None]]] = [
    (pd.DataFrame, set_cell),
    (pd.DataFrame, change_in_place),
    (pd.DataFrame, write_behind_pandas),
    (pd.DataFrame, write_into_extension_arrays),
    (pd.DataFrame, change_lists_in_cells),
    (pl.DataFrame, change_polars),
    (pl.DataFrame, change_polars_series),
    (pa.Table, write_behind_arrow),
]
each_attack = pytest.mark.parametrize(("kind", "attack"), ATTACKS, ids=lambda value: value.__name__)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__module__.partition(".")[0])


def tasks(kind: type, work: Callable[[Any], Any], other: type | None = None) -> tuple[Any, Any, Any]:
    """A task that gives a frame, one that does `work` on one, and one that says what is in one."""
    env = flyte.TaskEnvironment("frames")

    async def give() -> Any:
        return made(kind)

    async def change(frame: Any) -> int:
        work(frame)
        return 1

    async def look(frame: Any) -> dict[str, list[Any]]:
        return contents(frame)

    give.__annotations__ = {"return": kind}
    change.__annotations__ = {"frame": kind, "return": int}
    look.__annotations__ = {"frame": other or kind, "return": dict[str, list[Any]]}
    return env.task(give), env.task(change), env.task(look)


@pytest.mark.parametrize("wanted", KINDS, ids=lambda kind: kind.__module__.partition(".")[0])
@each_kind
def test_what_was_just_stored_is_handed_on_without_reading_it(kind: type, wanted: type) -> None:
    give, _, look = tasks(kind, lambda frame: None, wanted)
    env = flyte.TaskEnvironment("main")

    async def wrap(frame: Any) -> flyte.io.DataFrame:
        return flyte.io.DataFrame.from_df(frame)

    wrap.__annotations__["frame"] = kind
    wrapping = env.task(wrap)

    @env.task
    async def main() -> bool:
        frame = await give()
        reference = await wrapping(frame)
        damage(reference.uri)
        return await look(reference) == await look(frame) == COLUMNS

    assert flyte.run(main).outputs()[0] is True


@each_kind
def test_what_is_not_at_hand_is_read(kind: type) -> None:
    give, _, look = tasks(kind, lambda frame: None)
    env = flyte.TaskEnvironment("main")

    @env.task
    async def main() -> bool:
        frame = flyte.io.DataFrame.from_df(await give())
        reference = await flyte.io.DataFrame.from_local(frame.val)
        damage(reference.uri)
        frames_at_hand.clear()
        await look(reference)
        return True

    run = flyte.run(main)
    run.wait()
    assert "is damaged" in run.details().error_info.message


@each_attack
def test_what_one_task_does_to_its_frame_another_does_not_see(kind: type, attack: Callable[[Any], None]) -> None:
    give, change, look = tasks(kind, attack)
    env = flyte.TaskEnvironment("main")

    @env.task
    async def main() -> list[bool]:
        frame = await give()
        await change(frame)
        seen = [contents(frame) == COLUMNS, await look(frame) == COLUMNS]
        await change(await give())
        again = await give.override(short_name="again")()
        return [*seen, contents(again) == COLUMNS, await look(again) == COLUMNS]

    assert flyte.run(main).outputs()[0] == [True] * 4


@each_attack
def test_what_the_parent_does_meanwhile_a_task_does_not_see(kind: type, attack: Callable[[Any], None]) -> None:
    env = flyte.TaskEnvironment("main")
    started, changed = asyncio.Event(), asyncio.Event()

    async def look_late(frame: Any) -> dict[str, list[Any]]:
        started.set()
        await changed.wait()
        return contents(frame)

    look_late.__annotations__["frame"] = kind
    looking = env.task(look_late)

    @env.task
    async def main() -> bool:
        frame = made(kind)
        seen = asyncio.create_task(looking(frame))
        await started.wait()
        attack(frame)
        changed.set()
        return await seen == COLUMNS

    assert flyte.run(main).outputs()[0] is True


@each_attack
def test_what_the_parent_changed_before_is_what_the_next_task_gets(kind: type, attack: Callable[[Any], None]) -> None:
    give, _, look = tasks(kind, attack)
    env = flyte.TaskEnvironment("main")

    @env.task
    async def main() -> bool:
        frame = await give()
        await look(frame)
        attack(frame)
        return await look(frame) == contents(frame)

    assert flyte.run(main).outputs()[0] is True


@each_attack
def test_what_a_task_does_to_what_it_has_returned_nobody_sees(kind: type, attack: Callable[[Any], None]) -> None:
    env = flyte.TaskEnvironment("main")
    returned = []

    async def give() -> Any:
        returned.append(made(kind))
        return returned[-1]

    give.__annotations__ = {"return": kind}
    giving = env.task(give)
    _, _, look = tasks(kind, attack)

    @env.task
    async def main() -> list[bool]:
        frame = await giving()
        attack(returned[-1])
        return [contents(frame) == COLUMNS, await look(frame) == COLUMNS]

    assert flyte.run(main).outputs()[0] == [True, True]


@pytest.mark.parametrize(
    "around",
    [
        lambda array: pa.table({"a": array}),
        lambda array: pl.from_arrow(pa.table({"a": array})),
        lambda array: pd.DataFrame({"a": array}, copy=False),
        lambda array: pa.table({"a": array}).to_pandas(split_blocks=True),
    ],
    ids=["arrow", "polars", "pandas", "pandas of arrow"],
)
def test_memory_that_a_frame_was_made_around_may_change_afterwards(around: Callable[[Any], Any]) -> None:
    env = flyte.TaskEnvironment("main")
    array = np.array([1.0, 2.0, 3.0])
    kind = type(around(array))

    async def give() -> Any:
        return around(array)

    give.__annotations__ = {"return": kind}
    giving = env.task(give)
    _, _, look = tasks(kind, lambda frame: None)

    @env.task
    async def main() -> list[list[float]]:
        frame = await giving()
        array[:] = -1
        return [contents(frame)["a"], (await look(frame))["a"]]

    assert flyte.run(main).outputs()[0] == [[1.0, 2.0, 3.0]] * 2


def size(copy: OwnCopy) -> int:
    return sum({block.address: block.size for block in copy.blocks}.values())


def test_memory_for_frames_at_hand_is_bounded() -> None:
    copies = [FramesAtHand().own_copy(pa.table({"a": np.full(1000, number)})) for number in range(10)]
    kept = FramesAtHand(most_bytes=3 * size(copies[0]))
    for number, copy in enumerate(copies):
        kept.keep(f"uri {number}", "root", copy)
    assert [number for number in range(10) if kept.table(f"uri {number}") is not None] == [7, 8, 9]
    assert kept.address("root", copies[6]) is None and kept.address("root", copies[7]) == "uri 7"
    assert kept.address("another root", copies[7]) is None


def test_content_that_differs_in_the_middle_is_other_content() -> None:
    numbers = np.zeros(100_000)
    kept = FramesAtHand()
    kept.keep("uri", "root", kept.own_copy(pa.table({"a": numbers})))
    numbers[50_000] = 1
    assert kept.address("root", kept.own_copy(pa.table({"a": numbers}))) is None
    numbers[50_000] = 0
    assert kept.address("root", kept.own_copy(pa.table({"a": numbers}))) == "uri"


def values_at(table: pa.Table, name: str) -> int:
    return int(table[name].chunk(0).buffers()[1].address)


def test_a_column_that_is_passed_on_as_it_came_is_not_copied_again() -> None:
    kept = FramesAtHand()
    first = kept.own_copy(pa.table({"a": np.arange(100), "b": np.arange(100) / 2, "text": ["x"] * 100}))
    kept.keep("first", "root", first)
    passed_on: Any = pl.from_arrow(kept.table("first"))  # type: ignore[arg-type]
    second = kept.own_copy(passed_on.with_columns(pl.col("b") * 2).to_arrow(compat_level=pl.CompatLevel.oldest()))
    assert values_at(second.table, "a") == values_at(first.table, "a")
    assert values_at(second.table, "b") != values_at(first.table, "b")
    assert second.table["b"].to_pylist() == list(range(100))


def test_a_part_of_a_column_at_hand_is_that_part() -> None:
    kept = FramesAtHand()
    whole = pa.table({"a": np.arange(100), "flag": [True, False] * 50, "text": [str(n) for n in range(100)]})
    kept.keep("whole", "root", kept.own_copy(whole))
    at_hand = kept.table("whole")
    assert at_hand is not None
    for part in (at_hand.slice(0, 99), at_hand.slice(1), at_hand.slice(8, 8), at_hand.slice(100)):
        copy = kept.own_copy(part)
        assert copy.table.equals(part) and kept.address("root", copy) is None


def test_a_frame_whose_columns_another_one_has_keeps_them_when_that_one_goes() -> None:
    first = FramesAtHand().own_copy(pa.table({"a": np.arange(1000)}))
    kept = FramesAtHand(most_bytes=2 * size(first))
    kept.keep("first", "root", first)
    renamed = kept.own_copy(first.table.rename_columns(["b"]))
    kept.keep("second", "root", renamed)
    for number in range(2):
        kept.table("second")
        kept.keep(f"other {number}", "root", kept.own_copy(pa.table({"c": np.full(1000, number)})))
    assert kept.table("first") is None
    again = kept.own_copy(renamed.table)
    assert values_at(again.table, "b") == values_at(first.table, "a") and kept.address("root", again) == "second"


def test_memory_of_a_column_that_nobody_passed_on_is_given_back_too() -> None:
    kept = FramesAtHand()
    whole = kept.own_copy(pa.table({"a": np.arange(1000), "b": np.arange(1000) / 2}))
    memory = weakref.ref(whole.blocks[0])
    kept.keep("whole", "root", whole)
    kept.keep("part", "root", kept.own_copy(whole.table.select(["a"])))
    kept.keep("whole", "root", kept.own_copy(pa.table({"c": [1]})))
    kept.clear()
    del whole
    assert memory() is None


def test_a_file_that_was_removed_meanwhile_is_written_again(near: Path) -> None:
    async def store_twice() -> None:
        first = await flyte.io.DataFrame.from_local(pa.table(COLUMNS))
        Path(first.uri or "").unlink()
        again = await flyte.io.DataFrame.from_local(pa.table(COLUMNS))
        assert again.uri == first.uri and Path(again.uri or "").exists()

    asyncio.run(store_twice())
