"""A directory of records is written in shards and read as one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.errors import BrokenRecordError, StorageError
from flyte_nb.jsonl import JsonlDir
from flyte_nb.jsonl.lines import Block
from flyte_nb.jsonl.read_ahead import ReadAhead
from flyte_nb.storage import Store


def ids(first: int, last: int) -> list[dict[str, int]]:
    return [{"id": i} for i in range(first, last)]


def written(directory: JsonlDir, records: list[Any], **options: Any) -> JsonlDir:
    with directory.writer_sync(**options) as writer:
        writer.write_many(records)
    return directory


def names(directory: JsonlDir) -> list[str]:
    return [file.name or "" for file in directory.walk_sync()]


def add(directory: JsonlDir, name: str, content: bytes) -> None:
    with directory.new_file(name).open_sync("wb") as stream:
        stream.write(content)


@pytest.mark.asyncio
async def test_shards_are_numbered_and_read_as_one(store: Store, ending: str) -> None:
    out = JsonlDir.new_remote("dataset/")
    async with out.writer(shard_extension=ending, max_records_per_shard=400) as writer:
        for record in ids(0, 500):
            await writer.write(record)
        await writer.write_many(ids(500, 1000))
    assert names(out) == [f"part-0000{number}{ending}" for number in range(3)]
    assert [record async for record in out.iter_records()] == ids(0, 1000)
    assert list(out.iter_records_sync()) == ids(0, 1000)
    assert [len(batch) async for batch in out.iter_batches(batch_size=300)] == [300, 300, 300, 100]
    assert [len(batch) for batch in out.iter_batches_sync(300)] == [300, 300, 300, 100]
    assert [batch.num_rows async for batch in out.iter_arrow_batches(batch_size=600)] == [600, 400]
    assert [batch.num_rows for batch in out.iter_arrow_batches_sync(600)] == [600, 400]


@pytest.mark.parametrize("flush_bytes", [1, 50, 2**20])
@pytest.mark.parametrize(
    ("limits", "sizes"),
    [
        ({"max_records_per_shard": 4}, [4, 4, 2]),
        ({"max_records_per_shard": 5}, [5, 5]),
        ({"max_bytes_per_shard": 27}, [3, 3, 3, 1]),  # a record is 9 bytes
        ({"max_bytes_per_shard": 28}, [4, 4, 2]),
        ({"max_records_per_shard": 2, "max_bytes_per_shard": 27}, [2] * 5),
        ({"max_bytes_per_shard": 1}, [1] * 10),
    ],
)
def test_a_shard_is_full_at_so_many_records_or_bytes(
    near: Path, limits: dict[str, int], sizes: list[int], flush_bytes: int
) -> None:
    out = written(JsonlDir.new_remote("dataset"), ids(0, 10), flush_bytes=flush_bytes, **limits)
    assert [Path(file.path).read_bytes().count(b"\n") for file in out.walk_sync()] == sizes
    assert list(out.iter_records_sync()) == ids(0, 10)


def test_a_writer_goes_on_after_the_shards_that_are_there(store: Store) -> None:
    out = written(JsonlDir.new_remote("dataset"), ids(0, 10), max_records_per_shard=5)
    written(out, ids(10, 15), shard_extension=".jsonl.zst")
    written(JsonlDir.from_existing_remote(out.path), ids(15, 20))
    assert names(out) == ["part-00000.jsonl", "part-00001.jsonl", "part-00002.jsonl.zst", "part-00003.jsonl"]
    assert list(out.iter_records_sync()) == ids(0, 20)


def test_shards_are_read_in_the_order_of_their_numbers_and_other_files_are_left_alone(near: Path) -> None:
    out = JsonlDir.new_remote("dataset")
    add(out, "part-100000.jsonl", b'{"id":2}\n')
    add(out, "part-99999.jsonl", b'{"id":1}\n')
    add(out, "extra-1.jsonl", b'{"id":0}')
    add(out, "_SUCCESS", b"")
    add(out, "readme.txt", b"no record")
    assert list(out.iter_records_sync()) == ids(0, 3)
    written(out, ids(3, 4))
    assert "part-100001.jsonl" in names(out)


@pytest.mark.asyncio
async def test_a_directory_without_records_can_be_read(store: Store) -> None:
    out = JsonlDir.new_remote("dataset")
    async with out.writer():
        pass
    assert [record async for record in out.iter_records()] == []
    written(out, [])
    assert names(out) == ["part-00000.jsonl"]


def test_after_an_error_full_shards_stay_and_the_one_begun_does_not(store: Store) -> None:
    out = JsonlDir.new_remote("dataset")
    with pytest.raises(RuntimeError, match="stop"), out.writer_sync(max_records_per_shard=4) as writer:
        writer.write_many(ids(0, 10))
        raise RuntimeError("stop")
    assert names(out) == ["part-00000.jsonl", "part-00001.jsonl"]
    written(out, ids(8, 10))
    assert list(out.iter_records_sync()) == ids(0, 10)


def test_two_writers_at_once_do_not_overwrite_each_other(store: Store) -> None:
    out = JsonlDir.new_remote("dataset")
    with pytest.raises(FileExistsError, match=r"part-00000\.jsonl"), out.writer_sync() as slow:
        slow.write({"id": 0})
        written(JsonlDir.from_existing_remote(out.path), ids(1, 2))
    assert list(out.iter_records_sync()) == ids(1, 2)


def test_a_broken_line_is_named_with_its_shard(near: Path) -> None:
    out = written(JsonlDir.new_remote("dataset"), ids(0, 5))
    add(out, "part-00001.jsonl", b'{"id":5}\nnonsense\n{"id":6}\n')
    with pytest.raises(BrokenRecordError, match=r"Line 2 of '.*part-00001\.jsonl'"):
        list(out.iter_records_sync())
    seen = []
    assert list(out.iter_records_sync(on_error=lambda *broken: seen.append(broken[:2]))) == ids(0, 7)
    assert seen == [(2, b"nonsense")]


def test_a_damaged_shard_is_named_after_the_records_before_it(near: Path) -> None:
    out = written(JsonlDir.new_remote("dataset"), ids(0, 10), shard_extension=".jsonl.zst", max_records_per_shard=5)
    shard = Path(out.path) / "part-00001.jsonl.zst"
    shard.write_bytes(shard.read_bytes()[:-6])
    found = []
    with pytest.raises(StorageError, match=r"part-00001\.jsonl\.zst.*ends in the middle"):
        for record in out.iter_records_sync():
            found.append(record)
    assert found == ids(0, 5)


@pytest.mark.asyncio
async def test_a_missing_directory_is_an_error_that_names_it(store: Store) -> None:
    missing = JsonlDir.from_existing_remote(store.path_for("nowhere/dataset"))
    with pytest.raises(FileNotFoundError, match="dataset"):
        async for _ in missing.iter_records():
            pass


@pytest.mark.parametrize("prefetch", [True, False])
@pytest.mark.asyncio
async def test_prefetching_or_not_gives_the_same_records(near: Path, prefetch: bool) -> None:
    out = written(JsonlDir.new_remote("dataset"), ids(0, 1000), max_records_per_shard=100)
    assert [record async for record in out.iter_records(prefetch=prefetch, queue_size=150)] == ids(0, 1000)
    assert list(out.iter_records_sync(prefetch=prefetch, queue_size=0)) == ids(0, 1000)


def test_the_next_shard_is_read_while_this_one_is_used(near: Path) -> None:
    begun = [threading.Event() for _ in range(3)]

    def shards() -> Any:
        for event in begun:
            event.set()
            yield Block([1, 2, 3], [])

    blocks = ReadAhead(shards(), queue_size=100).blocks()
    next(blocks)
    assert begun[2].wait(timeout=10)
    blocks.close()  # type: ignore[attr-defined]


def test_reading_ahead_stops_at_the_size_of_the_queue(near: Path) -> None:
    made = []

    def shards() -> Any:
        for number in range(100):
            made.append(number)
            yield Block([number] * 10, [])

    ahead = ReadAhead(shards(), queue_size=30)
    for number, block in enumerate(ahead.blocks(), 1):
        assert block.records == [number - 1] * 10
        assert len(made) <= number + 4
    assert len(made) == 100


def test_a_directory_has_a_hash_when_all_of_it_was_written_at_once(near: Path) -> None:
    one = written(JsonlDir.new_remote("dataset"), ids(0, 10))
    same = written(JsonlDir.new_remote("dataset"), ids(0, 10))
    assert one.hash == same.hash is not None
    written(same, ids(10, 11))
    assert same.hash is None


def test_what_is_stored_under_its_content_is_not_added_to(near: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "part-00000.jsonl").write_bytes(b'{"id":0}\n')
    stored = JsonlDir.from_local_sync(folder)
    with pytest.raises(PermissionError, match="new_remote"):
        stored.writer_sync()
    assert list(stored.iter_records_sync()) == ids(0, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shard_extension": ".json"}, "shard_extension must be one of '.jsonl'"),
        ({"max_records_per_shard": 0}, "max_records_per_shard must be .* at least 1"),
        ({"max_bytes_per_shard": -1}, "max_bytes_per_shard must be"),
        ({"compression_level": 0}, "compression_level must be"),
    ],
)
def test_a_wrong_parameter_is_an_error_at_the_call(near: Path, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        JsonlDir.new_remote("dataset").writer(**options)
    with pytest.raises(ValueError, match="queue_size"):
        JsonlDir.new_remote("dataset").iter_records(queue_size=-1)


def test_directories_of_records_travel_between_tasks(home: Path) -> None:
    env = flyte.TaskEnvironment("shards")

    @env.task
    async def write(n: int) -> JsonlDir:
        out = JsonlDir.new_remote("dataset/")
        async with out.writer(max_records_per_shard=300) as writer:
            await writer.write_many({"value": i} for i in range(n))
        return out

    @env.task
    async def total(data: JsonlDir) -> int:
        return sum([record["value"] async for record in data.iter_records()])

    @env.task
    async def main() -> int:
        return await total(await write(1000))

    assert flyte.run(main).outputs() == sum(range(1000))
