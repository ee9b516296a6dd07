"""A file of records may hold any bytes: what is no record is named, skipped or raised, as was asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from flyte_nb.errors import BrokenRecordError, StorageError
from flyte_nb.jsonl import JsonlDir, JsonlFile
from tests.fuzz.profile import fuzzed

lines = (
    st.binary(max_size=30).filter(lambda line: b"\n" not in line)
    | st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=10),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    ).map(lambda value: json.dumps(value).encode())
    | st.sampled_from(
        [b"[" * 5000, b'{"a":' * 3000, b"1e999", b"\xff\xfe", b"\xef\xbb\xbf{}", b'"\\ud800"', b"\r", b"9" * 400]
    )
)
contents = st.lists(lines, max_size=8).map(b"\n".join)


def a_file(folder: Path, name: str, content: bytes) -> JsonlFile:
    path = folder / name
    path.write_bytes(content)
    return JsonlFile.from_existing_remote(str(path))


@given(content=contents)
@fuzzed(40)
def test_each_line_is_a_record_or_reported_with_its_number(tmp_path: Path, content: bytes) -> None:
    file = a_file(tmp_path, "records.jsonl", content)
    broken: list[int] = []
    records = list(file.iter_records_sync(on_error=lambda number, line, error: broken.append(number)))
    assert list(file.iter_records_sync(on_error="skip")) == records
    assert len(broken) == len(set(broken))
    lines_with_something = sum(bool(line.strip()) for line in content.split(b"\n"))
    assert len(records) + len(broken) == lines_with_something
    if broken:
        with pytest.raises(BrokenRecordError, match=str(broken[0])):
            list(file.iter_records_sync())


@given(content=contents, at=st.integers(0, 10_000), junk=st.binary(min_size=1, max_size=20), cut=st.booleans())
@fuzzed(40)
def test_a_compressed_file_of_any_bytes_is_read_or_refused(
    tmp_path: Path, content: bytes, at: int, junk: bytes, cut: bool
) -> None:
    packed = zstandard.ZstdCompressor().compress(content)
    place = at % (len(packed) + 1)
    changed = packed[:place] + junk + (b"" if cut else packed[place + len(junk) :])
    file = a_file(tmp_path, "records.jsonl.zst", changed)
    try:
        list(file.iter_records_sync(on_error="skip"))
    except (StorageError, BrokenRecordError) as refusal:
        assert "records.jsonl.zst" in str(refusal)


@given(content=contents)
@fuzzed(40)
def test_any_records_are_arrow_batches_or_refused(tmp_path: Path, content: bytes) -> None:
    file = a_file(tmp_path, "records.jsonl", content)
    try:
        batches = list(file.iter_arrow_batches_sync(on_error="skip"))
    except (BrokenRecordError, ValueError) as refusal:
        assert str(refusal)
    else:
        assert sum(batch.num_rows for batch in batches) == len(list(file.iter_records_sync(on_error="skip")))


@given(
    names=st.lists(
        st.sampled_from(["part-00000.jsonl", "a.jsonl.zst", ".hidden", "part--1.jsonl", "x\ny.jsonl"]), max_size=4
    )
)
@fuzzed(40)
def test_a_folder_of_shards_with_any_names_is_read(tmp_path: Path, names: list[str]) -> None:
    folder = tmp_path / "shards"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for name in names:
        content = b'{"a": 1}\n'
        (folder / name).write_bytes(zstandard.ZstdCompressor().compress(content) if name.endswith("zst") else content)
    shards = [name for name in set(names) if name.endswith((".jsonl", ".jsonl.zst"))]
    assert len(list(JsonlDir.from_existing_remote(str(folder)).iter_records_sync())) == len(shards)
