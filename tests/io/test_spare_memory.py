"""The memory of a frame that was let go holds the next one, and no memory that somebody can still read."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from flyte_nb.io.frames.at_hand import FramesAtHand
from flyte_nb.io.frames.spare_memory import STEP_BYTES, SpareMemory

ROWS = 2 * STEP_BYTES // 8


def table_of(number: int) -> pa.Table:
    return pa.table({"a": np.full(ROWS, number, dtype="i8")})


def stored(frames: FramesAtHand, number: int) -> tuple[int, pa.Table]:
    """Have a frame at hand; where its memory is, and the frame as a task gets it."""
    copy = frames.own_copy(table_of(number))
    frames.keep(str(number), "store", copy)
    return copy.blocks[0].address, copy.table


def test_a_frame_that_nobody_has_any_more_leaves_its_memory_to_the_next_one() -> None:
    frames = FramesAtHand(most_bytes=3 * ROWS * 8)

    places = [stored(frames, number)[0] for number in range(12)]

    assert len(set(places)) == 3  # two at hand, and the memory of the one that was let go
    assert all(frames.table(str(number)).column("a")[0].as_py() == number for number in (10, 11))


def test_a_copy_that_was_not_needed_leaves_its_memory_too() -> None:
    frames = FramesAtHand()
    first = frames.own_copy(table_of(1)).blocks[0].address

    assert frames.own_copy(table_of(2)).blocks[0].address == first


@pytest.mark.parametrize(
    "part",
    [
        lambda table: table,
        lambda table: table.slice(5, 3),
        lambda table: table.column("a").chunk(0).buffers()[1],
        lambda table: memoryview(table.column("a").chunk(0).buffers()[1]),
        lambda table: table.column("a").chunk(0).to_numpy(zero_copy_only=True),
        lambda table: table.column("a").chunk(0).to_numpy(zero_copy_only=True)[3:5],
        lambda table: np.from_dlpack(table.column("a").chunk(0)),
        lambda table: pl.from_arrow(table).head(4),
        lambda table: table.to_pandas(split_blocks=True, zero_copy_only=True).loc[7:9],
        lambda table: pa.Table.from_pandas(table.to_pandas(split_blocks=True, zero_copy_only=True)),
    ],
    ids=["table", "slice", "buffer", "view", "array", "part of array", "dlpack", "polars", "pandas", "there and back"],
)
def test_whoever_has_a_part_of_a_frame_keeps_it_as_it_was(part: Callable[[pa.Table], Any]) -> None:
    frames = FramesAtHand(most_bytes=ROWS * 8)
    place, table = stored(frames, 1)
    held = part(table)
    del table

    places = [stored(frames, number)[0] for number in range(2, 8)]

    assert place not in places
    assert set(values_of(held)) == {1}
    del held
    gc.collect()
    assert place in [stored(frames, number)[0] for number in range(8, 12)]


def values_of(held: Any) -> list[int]:
    if isinstance(held, pa.Buffer | memoryview):
        return list(np.frombuffer(held, dtype="i8")[:100])
    if isinstance(held, pa.Table | pl.DataFrame | pd.DataFrame):
        return list(held["a"].to_numpy()[:100])
    return list(held[:100])


def test_spare_memory_is_bounded() -> None:
    spare = SpareMemory(most_bytes=3 * STEP_BYTES)
    buffers = [spare.readable(spare.take(2 * STEP_BYTES)) for _ in range(4)]
    assert spare.spare_bytes == 0

    buffers.clear()

    assert spare.spare_bytes == 2 * STEP_BYTES


def test_nobody_can_write_to_memory_that_is_read() -> None:
    spare = SpareMemory(most_bytes=4 * STEP_BYTES)
    buffer = spare.readable(spare.take(STEP_BYTES))

    assert not buffer.is_mutable
    assert memoryview(buffer).readonly
    with pytest.raises(ValueError, match="WRITEABLE"):
        np.frombuffer(buffer, dtype="u1").flags.writeable = True


@pytest.mark.parametrize("use", [lambda spare: spare.take(STEP_BYTES), lambda spare: spare.spare_bytes])
def test_memory_that_a_collection_of_garbage_gives_back_meanwhile_is_no_hindrance(
    use: Callable[[SpareMemory], Any],
) -> None:
    thresholds = gc.get_threshold()
    for allocations in range(30):  # so the collection begins at one or the other step
        spare = SpareMemory(most_bytes=100 * STEP_BYTES)
        buffers = [spare.readable(spare.take(STEP_BYTES)) for _ in range(40)]
        buffers.clear()
        gc.collect()
        gc.disable()
        garbage: list[Any] = [spare.readable(np.empty(STEP_BYTES, dtype="u1"))]
        garbage.append(garbage)
        del garbage
        try:
            gc.set_threshold(gc.get_count()[0] + allocations, *thresholds[1:])
            gc.enable()
            use(spare)
        finally:
            gc.enable()
            gc.set_threshold(*thresholds)
