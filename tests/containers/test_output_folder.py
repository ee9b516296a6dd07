"""What a container wrote is not trusted: archives and values that are not what they should be."""

from __future__ import annotations

import dataclasses
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from flyte_nb.errors import ContainerOutputError, DiskLimitError, RuntimeDataValidationError
from flyte_nb.extras.output_folder import read_outputs, unpack
from flyte_nb.extras.recipe import ContainerRecipe
from flyte_nb.io import Dir, File

NO_LIMIT = 2**60


@dataclasses.dataclass
class Pair:
    left: int
    right: int


def recipe_for(kind: Any) -> ContainerRecipe:
    return ContainerRecipe(
        name="t",
        image="i",
        command=(),
        arguments=(),
        inputs={},
        outputs={"x": kind},
        input_data_dir="/var/inputs",
        output_data_dir="/var/outputs",
        metadata_format="JSON",
        network=None,
    )


def archive_of(*entries: tuple[str, bytes, str | bytes]) -> io.BytesIO:
    """An archive of entries given as name, type, and content or aim."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, about in entries:
            entry = tarfile.TarInfo(name)
            entry.type = kind
            if isinstance(about, str):
                entry.linkname = about
                archive.addfile(entry)
            else:
                entry.size = len(about)
                archive.addfile(entry, io.BytesIO(about))
    buffer.seek(0)
    return buffer


FOLDER = ("outputs", tarfile.DIRTYPE, "")


@pytest.mark.parametrize(
    "entries",
    [
        [("outputs/x", tarfile.SYMTYPE, "/etc/passwd")],
        [("outputs/x", tarfile.SYMTYPE, "../../../../../../etc/passwd")],
        [("outputs/x", tarfile.SYMTYPE, "..")],
        [("outputs/x", tarfile.SYMTYPE, "/var/outputs/../../etc/passwd")],
        [
            ("outputs/a", tarfile.DIRTYPE, ""),
            ("outputs/a/b", tarfile.DIRTYPE, ""),
            ("outputs/a/b/up", tarfile.SYMTYPE, "../.."),
            ("outputs/x", tarfile.SYMTYPE, "a/b/up/.."),
        ],
        [("outputs/../x", tarfile.REGTYPE, b"1")],
        [("outputs/x", tarfile.LNKTYPE, "outputs/../../../etc/passwd")],
        [("outputs/x", tarfile.FIFOTYPE, "")],
        [("outputs/x", tarfile.CHRTYPE, "")],
    ],
)
def test_nothing_leads_or_gets_out_of_the_folder(entries: list[Any], tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b" / "out"
    folder.mkdir(parents=True)
    with pytest.raises(ContainerOutputError, match="Only files and folders, and links between them"):
        unpack(archive_of(FOLDER, *entries), folder, recipe_for(str), NO_LIMIT)
    assert os.listdir(folder.parent) == ["out"]


def test_an_entry_behind_a_link_does_not_get_out_of_the_folder(tmp_path: Path) -> None:
    for name in ("out", "elsewhere"):
        (tmp_path / name).mkdir()
    entries = [("outputs/d", tarfile.SYMTYPE, "../elsewhere"), ("outputs/d/x", tarfile.REGTYPE, b"1")]
    with pytest.raises((ContainerOutputError, OSError)):
        unpack(archive_of(FOLDER, *entries), tmp_path / "out", recipe_for(str), NO_LIMIT)
    assert os.listdir(tmp_path / "elsewhere") == []


def test_the_output_folder_itself_must_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ContainerOutputError, match="is no folder any more"):
        unpack(archive_of(("outputs", tarfile.SYMTYPE, "/etc")), tmp_path, recipe_for(str), NO_LIMIT)


def test_unpacking_ends_at_the_limit(tmp_path: Path) -> None:
    entries = [("outputs/a", tarfile.REGTYPE, b"x" * 600), ("outputs/x", tarfile.REGTYPE, b"x" * 600)]
    with pytest.raises(DiskLimitError, match="more than the 1,000 bytes it may"):
        unpack(archive_of(FOLDER, *entries), tmp_path, recipe_for(str), 1_000)
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    ("kind", "content", "told"),
    [
        (int, b"abc\n", "expected int in /var/outputs/x, found b'abc\\n'"),
        (int, b"1.5", "invalid literal"),
        (float, b"", "could not convert"),
        (bool, b"maybe", "it is neither true nor false"),
        (str, b"\xff", "can't decode byte 0xff"),
        (Pair, b'{"left": 1}', "right: Field required"),
        (list[int], b'[1, "b"]', "1: Input should be a valid integer"),
        (Dir, b"", "expected a folder at /var/outputs/x, found a file"),
        (File, None, "expected a file at /var/outputs/x, found a folder"),
        (str, None, "expected a file at /var/outputs/x, found a folder"),
    ],
)
def test_a_value_of_another_type_says_what_was_expected_and_what_came(
    kind: Any, content: bytes | None, told: str, tmp_path: Path
) -> None:
    if content is None:
        (tmp_path / "x").mkdir()
    else:
        (tmp_path / "x").write_bytes(content)
    with pytest.raises(RuntimeDataValidationError) as caught:
        read_outputs(tmp_path, recipe_for(kind), NO_LIMIT)
    assert "'x' of task 't'" in str(caught.value)
    assert told in str(caught.value)
