"""A file of records is written and read record by record."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import flyte_nb as flyte
from flyte_nb.errors import BrokenRecordError, StorageError
from flyte_nb.io import File
from flyte_nb.jsonl import JsonlFile
from flyte_nb.jsonl.lines import Block
from flyte_nb.jsonl.read_ahead import ReadAhead
from flyte_nb.storage import Store, open_store, use_store

RECORDS = [
    {"id": i, "name": f"näme {i}", "tags": [[str(i)], ["],[", "\n"]], "nested": {"a": None}} for i in range(20_000)
]


def file_with(content: bytes, name: str = "records.jsonl") -> JsonlFile:
    file = JsonlFile.new_remote(name)
    with file.open_sync("wb") as stream:
        stream.write(content)
    return file


def written(records: list[Any], name: str = "records.jsonl", **options: Any) -> JsonlFile:
    file = JsonlFile.new_remote(name)
    with file.writer_sync(**options) as writer:
        writer.write_many(records)
    return file


@pytest.mark.asyncio
async def test_what_was_written_is_read_again(store: Store, ending: str) -> None:
    file = JsonlFile.new_remote(f"records{ending}")
    async with file.writer() as writer:
        for record in RECORDS[:5000]:
            await writer.write(record)
        await writer.write_many(RECORDS[5000:])
    assert [record async for record in file.iter_records()] == RECORDS
    assert list(file.iter_records_sync()) == RECORDS
    assert [len(batch) async for batch in file.iter_batches(batch_size=3000)] == [3000] * 6 + [2000]
    assert [record for batch in file.iter_batches_sync(3000) for record in batch] == RECORDS
    arrow = [batch async for batch in file.iter_arrow_batches(batch_size=3000)]
    assert [batch.num_rows for batch in arrow] == [3000] * 6 + [2000]
    assert sum(batch.num_rows for batch in file.iter_arrow_batches_sync()) == len(RECORDS)


def test_a_line_of_the_file_is_a_record_as_json(near: Path) -> None:
    file = written([{"a": 1}, [2], "three", None])
    assert Path(file.path).read_bytes() == b'{"a":1}\n[2]\n"three"\nnull\n'
    compressed = written([{"a": 1}], "records.jsonl.zst")
    assert zstandard.ZstdDecompressor().decompressobj().decompress(Path(compressed.path).read_bytes()) == b'{"a":1}\n'


def test_the_level_of_compression_counts(near: Path) -> None:
    sizes = [
        os.path.getsize(written(RECORDS, "records.jsonl.zst", compression_level=level).path) for level in (1, 3, 19)
    ]
    assert len(set(sizes)) == 3


def test_a_record_that_changes_after_it_was_written_is_stored_as_it_was(near: Path) -> None:
    file = JsonlFile.new_remote("records.jsonl")
    record = {"id": 0}
    with file.writer_sync() as writer:
        for i in range(3):
            record["id"] = i
            writer.write(record)
    assert list(file.iter_records_sync()) == [{"id": 0}, {"id": 1}, {"id": 2}]


def test_numbers_of_numpy_are_records_too(near: Path) -> None:
    file = written([{"mean": np.float64(1.5), "count": np.int64(3), "row": np.arange(3)}])
    assert list(file.iter_records_sync()) == [{"mean": 1.5, "count": 3, "row": [0, 1, 2]}]


@pytest.mark.parametrize("flush_bytes", [1, 100, 10_000_000])
def test_how_much_is_flushed_at_a_time_changes_nothing(near: Path, flush_bytes: int) -> None:
    assert list(written(RECORDS[:500], flush_bytes=flush_bytes).iter_records_sync()) == RECORDS[:500]


@pytest.mark.asyncio
async def test_the_hash_stands_for_the_content(near: Path) -> None:
    one, same, other = written([{"a": 1}]), written([{"a": 1}]), written([{"a": 2}])
    assert one.hash == same.hash != other.hash
    async with other.writer() as writer:
        await writer.write({"a": 1})
    assert other.hash == one.hash


@pytest.mark.asyncio
async def test_nothing_is_visible_before_the_block_ends_nor_after_an_error(store: Store, ending: str) -> None:
    file = JsonlFile.new_remote(f"records{ending}")
    with pytest.raises(RuntimeError, match="stop"):
        async with file.writer(flush_bytes=10) as writer:
            await writer.write_many(RECORDS[:100])
            assert not await file.exists()
            raise RuntimeError("stop")
    assert not await file.exists()
    with pytest.raises(RuntimeError, match="stop"), file.writer_sync(flush_bytes=10) as sync_writer:
        sync_writer.write_many(RECORDS[:100])
        raise RuntimeError("stop")
    assert not file.exists_sync()


@pytest.mark.asyncio
async def test_a_record_outside_the_writers_block_is_refused_and_not_lost_in_silence(near: Path) -> None:
    file = JsonlFile.new_remote("records.jsonl")
    writer, awaited = file.writer_sync(), file.writer()
    for _ in range(2):
        with pytest.raises(ValueError, match=r"within the writer's block.*`with \.\.\.writer_sync\(\) as writer:`"):
            writer.write({"id": 1})
        with pytest.raises(ValueError, match=r"within the writer's block.*`async with \.\.\.writer\(\) as writer:`"):
            await awaited.write({"id": 1})
        with writer:
            writer.write({"id": 2})
        async with awaited:
            await awaited.write({"id": 3})
    assert list(file.iter_records_sync()) == [{"id": 3}]


@pytest.mark.asyncio
async def test_a_cancelled_writer_leaves_nothing(near: Path) -> None:
    file = JsonlFile.new_remote("records.jsonl")
    begun = asyncio.Event()

    async def write_for_ever() -> None:
        async with file.writer(flush_bytes=1) as writer:
            while True:
                await writer.write({"a": 1})
                begun.set()

    task = asyncio.create_task(write_for_ever())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not file.exists_sync()
    assert [path for path in near.rglob("*") if path.is_file()] == []


@pytest.mark.asyncio
async def test_tasks_may_write_at_the_same_time(near: Path) -> None:
    file = JsonlFile.new_remote("records.jsonl")

    async def write(writer: Any, first: int) -> None:
        for i in range(first, first + 100):
            await writer.write({"id": i})

    async with file.writer(flush_bytes=50) as writer:
        await asyncio.gather(*(write(writer, 100 * i) for i in range(10)))
    assert sorted(record["id"] for record in file.iter_records_sync()) == list(range(1000))


@pytest.mark.asyncio
async def test_a_record_that_json_cannot_say_is_named_and_the_others_stay(near: Path) -> None:
    file = JsonlFile.new_remote("records.jsonl")
    async with file.writer() as writer:
        await writer.write({"a": 1})
        with pytest.raises(TypeError, match=r"Record 2 for '.*records.jsonl' cannot be written as JSON: .*set"):
            await writer.write({"a": {1, 2}})
        await writer.write({"a": 3})
    assert list(file.iter_records_sync()) == [{"a": 1}, {"a": 3}]


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n \n\r\n"])
@pytest.mark.asyncio
async def test_a_file_without_records_has_none(near: Path, content: bytes) -> None:
    file = file_with(content)
    assert [record async for record in file.iter_records()] == []
    assert list(file.iter_batches_sync()) == []
    assert list(file.iter_arrow_batches_sync()) == []


def test_empty_lines_and_windows_ends_and_a_missing_last_newline_are_no_errors(near: Path) -> None:
    file = file_with(b'{"a":1}\r\n\r\n\n  {"a":2}  \n{"a":3}')
    assert list(file.iter_records_sync()) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_a_broken_line_is_named_after_the_records_before_it(near: Path) -> None:
    file = file_with(b'{"a":1}\n\n{"a":2}\n{"a":3\n{"a":4}\n')
    found = []
    with pytest.raises(BrokenRecordError, match=r"Line 4 of '.*records.jsonl' is no JSON") as caught:
        for record in file.iter_records_sync():
            found.append(record)
    assert found == [{"a": 1}, {"a": 2}]
    assert caught.value.line_number == 4
    assert isinstance(caught.value, json.JSONDecodeError)


@pytest.mark.asyncio
async def test_broken_lines_are_skipped_with_a_warning(near: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = file_with(b'{"a":1}\nnonsense\n{"a":2}\n\xff\xfe\n')
    with caplog.at_level(logging.WARNING, "flyte_nb"):
        assert [record async for record in file.iter_records(on_error="skip")] == [{"a": 1}, {"a": 2}]
    assert [f"Line {number} of " in message for number, message in zip((2, 4), caplog.messages, strict=True)] == [
        True
    ] * 2


@pytest.mark.asyncio
async def test_a_handler_gets_number_line_and_error_between_the_records(near: Path) -> None:
    file = file_with(b'{"a":1}\nnonsense\n{"a":2}\n[1\n')
    seen: list[Any] = []

    def handle(line_number: int, raw_line: bytes, error: Exception) -> None:
        seen.append(
            (line_number, raw_line, type(error).__name__, threading.current_thread() is threading.main_thread())
        )

    async for record in file.iter_records(on_error=handle):
        seen.append(record["a"])
    assert seen == [1, (2, b"nonsense", "BrokenRecordError", True), 2, (4, b"[1", "BrokenRecordError", True)]
    assert [batch async for batch in file.iter_batches(on_error=handle)] == [[{"a": 1}, {"a": 2}]]


def test_a_handler_that_raises_ends_the_reading(near: Path) -> None:
    def refuse(*_: Any) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError, match="enough"):
        list(file_with(b"x\n").iter_records_sync(on_error=refuse))


@pytest.mark.parametrize(
    "lines",
    [
        [b"[1", b"2]", b"3,4"],
        [b"1,2", b"3"],
        [b'{"a":[1', b"2]}"],
        [b'"a', b'b"'],
        [b"1],[2"],
        [b'{"a":1}{"b":2}'],
        [b'1,"x",2', b"[1", b"2]"],
        [b"NaN"],
        [b"1,"],
        [b""],
    ],
)
def test_lines_that_are_broken_alone_cannot_make_up_for_each_other(near: Path, lines: list[bytes]) -> None:
    good = [b'{"ok":1}', b'{"ok":2}']
    file = file_with(b"\n".join([good[0], *lines, good[1]]))
    broken: list[int] = []
    records = list(file.iter_records_sync(on_error=lambda number, line, error: broken.append(number)))
    alone = []
    for line in lines:
        try:
            alone += [json.loads(line)] if line and line != b"NaN" else []
        except ValueError:
            pass
    assert records == [{"ok": 1}, *alone, {"ok": 2}]
    assert len(broken) == len([line for line in lines if line]) - len(alone)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@settings(max_examples=60)
@given(st.lists(json_values, max_size=20), st.sampled_from([".jsonl", ".jsonl.zst"]), st.integers(1, 200))
def test_any_records_come_back(
    tmp_path_factory: pytest.TempPathFactory, records: list[Any], ending: str, flush_bytes: int
) -> None:
    with use_store(open_store(tmp_path_factory.getbasetemp() / "any-records")):
        file = written(records, f"records{ending}", flush_bytes=flush_bytes)
        assert list(file.iter_records_sync()) == records


def test_a_line_of_fifty_megabytes_is_a_record(near: Path) -> None:
    long = "x" * 50_000_000
    file = written([{"a": 1}, {"long": long}, {"a": 2}])
    assert [len(record.get("long", "")) for record in file.iter_records_sync()] == [0, 50_000_000, 0]


def test_a_broken_line_of_fifty_megabytes_is_named_and_not_printed(near: Path) -> None:
    file = file_with(b'{"a":1}\n{"long":"' + b"x" * 50_000_000 + b'\n{"a":2}\n')
    with pytest.raises(BrokenRecordError, match="Line 2 of .*50,000,009 bytes") as caught:
        list(file.iter_records_sync())
    assert len(str(caught.value)) < 500
    assert len(list(file.iter_records_sync(on_error="skip"))) == 2


@pytest.mark.parametrize("share", [0.0001, 0.3, 0.999])
@pytest.mark.asyncio
async def test_a_compressed_file_that_was_cut_off_is_an_error_that_names_it(near: Path, share: float) -> None:
    file = written(RECORDS, "records.jsonl.zst")
    content = Path(file.path).read_bytes()
    Path(file.path).write_bytes(content[: int(len(content) * share) or 1])
    for on_error in ("raise", "skip"):
        with pytest.raises(StorageError, match=r"Cannot read '.*records.jsonl.zst': .*compressed data"):
            async for _ in file.iter_records(on_error=on_error):  # type: ignore[arg-type]
                pass


def test_every_flipped_bit_of_a_compressed_file_is_noticed(near: Path) -> None:
    file = written(RECORDS[:50], "records.jsonl.zst")
    content = Path(file.path).read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        Path(file.path).write_bytes(damaged)
        try:
            assert list(file.iter_records_sync()) == RECORDS[:50], place
        except StorageError as error:
            assert "records.jsonl.zst" in str(error)


def test_frames_one_after_the_other_and_skippable_ones_are_read_as_one_file(near: Path) -> None:
    frames = [zstandard.ZstdCompressor().compress(b'{"a":%d}\n' % i) for i in range(3)]
    skippable = b"\x5a\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"abcd"
    file = file_with(frames[0] + skippable + frames[1] + frames[2], "records.jsonl.zst")
    assert list(file.iter_records_sync()) == [{"a": 0}, {"a": 1}, {"a": 2}]


def test_what_is_no_zstd_at_all_is_said(near: Path) -> None:
    with pytest.raises(StorageError, match="no zstd frame"):
        list(file_with(b'{"a":1}\n', "records.jsonl.zst").iter_records_sync())


@pytest.mark.asyncio
async def test_little_data_that_becomes_much_is_read_in_bounded_memory(near: Path) -> None:
    import tracemalloc

    compressor = zstandard.ZstdCompressor().compressobj()
    line = b'{"a":"' + b"x" * 1000 + b'"}\n'
    small = b"".join(compressor.compress(line * 1000) for _ in range(100)) + compressor.flush()
    assert len(small) < 100_000
    file = file_with(small, "records.jsonl.zst")
    tracemalloc.start()
    try:
        count = 0
        async for batch in file.iter_batches(batch_size=100):
            count += len(batch)
        assert tracemalloc.get_traced_memory()[1] < 30_000_000  # of 100 MB
    finally:
        tracemalloc.stop()
    assert count == 100_000


@pytest.mark.asyncio
async def test_a_missing_file_is_an_error_that_names_it(store: Store, ending: str) -> None:
    file = JsonlFile.from_existing_remote(store.path_for(f"nowhere/records{ending}"))
    with pytest.raises(FileNotFoundError, match="records"):
        async for _ in file.iter_records():
            pass
    with pytest.raises(FileNotFoundError, match="records"):
        list(file.iter_batches_sync())


def test_a_directory_is_no_file(near: Path, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="Use Dir"):
        list(JsonlFile.from_existing_remote(str(tmp_path)).iter_records_sync())


def test_what_is_stored_under_its_content_is_not_written_over(near: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_bytes(b'{"a":1}\n')
    file = JsonlFile.from_local_sync(tmp_path / "mine.jsonl")
    with pytest.raises(PermissionError, match="new_remote"), file.writer_sync():
        pass
    assert list(file.iter_records_sync()) == [{"a": 1}]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda file: file.iter_records(on_error="ignore"), "on_error cannot be 'ignore'"),
        (lambda file: file.iter_records(on_error=asyncio.sleep), "on_error cannot be .*that is not awaited"),
        (lambda file: file.iter_batches_sync(batch_size=0), "batch_size must be .* at least 1, got 0"),
        (lambda file: file.iter_arrow_batches(batch_size="9"), "batch_size must be .* got '9'"),
        (lambda file: file.writer(flush_bytes=0), "flush_bytes must be"),
        (lambda file: file.writer_sync(compression_level=40), "compression_level must be .* from 1 to 22, got 40"),
    ],
)
def test_a_wrong_parameter_is_an_error_at_the_call(near: Path, call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(JsonlFile.new_remote("records.jsonl"))


@pytest.mark.asyncio
async def test_the_two_kinds_of_writer_do_not_pass_for_each_other(near: Path) -> None:
    with pytest.raises(TypeError, match="writer_sync"), JsonlFile.new_remote("records.jsonl").writer():
        pass


@pytest.mark.asyncio
async def test_others_on_the_loop_have_their_turn_after_each_block_even_if_all_were_read_already() -> None:
    all_read = threading.Event()
    turns = 0

    def blocks() -> Iterator[Block]:
        for number in range(100):
            yield Block([number], [])
        all_read.set()

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ahead = ReadAhead(blocks(), queue_size=1000)
    assert all_read.wait(timeout=10)
    counting = asyncio.create_task(count_turns())
    assert [block.records[0] async for block in ahead.blocks_async()] == list(range(100))
    counting.cancel()
    assert turns >= 100


@pytest.mark.asyncio
async def test_a_reader_that_stops_early_closes_the_file(near: Path) -> None:
    import psutil

    file = written(RECORDS * 5)
    reading = file.iter_records()
    assert await anext(reading) == RECORDS[0]
    await reading.aclose()  # type: ignore[attr-defined]
    for thread in threading.enumerate():
        if thread.name == "flyte_nb-jsonl":
            thread.join(timeout=10)
    assert file.path not in [opened.path for opened in psutil.Process().open_files()]


def test_arrow_batches_go_together_where_nothing_is_lost(near: Path) -> None:
    import pyarrow

    file = written([{"a": 1.5, "b": "x", "c": None}, {"a": 2, "d": [1]}, {"a": 3}, {"b": "y", "a": None, "d": []}])
    batches = list(file.iter_arrow_batches_sync(batch_size=2))
    table = pyarrow.Table.from_batches(batches)
    assert table.column("a").to_pylist() == [1.5, 2.0, 3.0, None]
    assert table.column("d").to_pylist() == [None, [1], None, []]


def test_an_arrow_batch_keeps_what_does_not_fit_the_one_before(near: Path) -> None:
    file = written([{"a": 1}, {"a": 2.5, "new": "x"}, {"a": 2**60 + 1, "new": "y"}])
    assert [batch.to_pylist() for batch in file.iter_arrow_batches_sync(batch_size=1)] == [
        [{"a": 1}],
        [{"a": 2.5, "new": "x"}],
        [{"a": 2**60 + 1, "new": "y"}],
    ]


@pytest.mark.parametrize("records", [[1, 2], [{"a": 1}, {"a": "x"}], [{"a": 1}, 2]])
def test_what_makes_no_arrow_batch_is_an_error(near: Path, records: list[Any]) -> None:
    with pytest.raises(ValueError, match="Arrow batch"):
        list(written(records).iter_arrow_batches_sync())


@pytest.mark.parametrize(("package", "ending"), [("orjson", ".jsonl"), ("zstandard", ".jsonl.zst")])
def test_a_missing_extra_is_named(near: Path, monkeypatch: pytest.MonkeyPatch, package: str, ending: str) -> None:
    monkeypatch.setitem(__import__("sys").modules, package, None)
    file = JsonlFile.new_remote(f"records{ending}")
    with pytest.raises(ModuleNotFoundError, match=r'pip install "flyte-nb\[jsonl\]"'), file.writer_sync() as writer:
        writer.write({"a": 1})


def test_files_of_records_travel_between_tasks(home: Path) -> None:
    env = flyte.TaskEnvironment("records")

    @env.task
    async def write() -> JsonlFile:
        out = JsonlFile.new_remote("records.jsonl.zst")
        async with out.writer() as writer:
            await writer.write_many({"id": i} for i in range(20_000))
        return out

    @env.task
    async def count(data: JsonlFile) -> int:
        assert type(data) is JsonlFile
        return len([record async for record in data.iter_records()])

    @env.task
    def count_plain(data: File) -> int:
        return sum(1 for _ in JsonlFile.from_existing_remote(data.path).iter_records_sync())

    @env.task
    async def main() -> list[int]:
        file = await write()
        return [await count(file), await count_plain.aio(file)]

    assert flyte.run(main).outputs() == [20_000, 20_000]
