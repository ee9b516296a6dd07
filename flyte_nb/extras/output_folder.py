"""What a container wrote, taken out of it without trusting it."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path
from typing import IO, Any, Protocol, cast

from ..errors import (
    ContainerOutputError,
    DiskLimitError,
    InlineIOMaxBytesBreached,
    RuntimeDataValidationError,
)
from ..types.type_text import type_text
from .recipe import ContainerRecipe, reference_class

CHUNK_BYTES = 1024 * 1024


class Readable(Protocol):
    """What bytes can be read from."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes; none at the end."""


def unpack(archive: Readable, folder: Path, recipe: ContainerRecipe, limit_bytes: int) -> None:
    """Put the files of an archive into `folder`.

    Links are made last and must lead to something inside the folder; anything but files, folders and links is refused.

    Raises
    ------
    ContainerOutputError
        For a link that leads out, or something that is no file.
    DiskLimitError
        If there is more than `limit_bytes`.
    """
    links: list[tuple[Path, str]] = []
    hard_links: list[tuple[Path, Path]] = []
    left = limit_bytes
    with tarfile.open(fileobj=cast("IO[bytes]", archive), mode="r|") as entries:
        for entry in entries:
            inside = _path_inside(entry.name, recipe)
            target = folder / inside
            if entry.isdir():
                target.mkdir(parents=True, exist_ok=True)
            elif not inside:
                raise _refusal(recipe, recipe.output_data_dir, "is no folder any more")
            elif entry.isreg():
                left -= entry.size
                if left < 0:
                    raise too_much_written(recipe.name, limit_bytes)
                content = entries.extractfile(entry)
                assert content is not None
                with open(target, "xb") as file:
                    shutil.copyfileobj(content, file, CHUNK_BYTES)
                os.chmod(target, 0o600 | (entry.mode & 0o111))
            elif entry.issym():
                links.append((target, entry.linkname))
            elif entry.islnk():
                hard_links.append((folder / _path_inside(entry.linkname, recipe), target))
            else:
                raise _refusal(recipe, _shown(recipe, inside), "is neither a file nor a folder")
    for existing, another in hard_links:
        os.link(existing, another)
    _make_links(links, folder, recipe)


def read_outputs(folder: Path, recipe: ContainerRecipe, max_inline_bytes: int) -> Any:
    """The outputs in `folder`, as a task returns them: nothing, the value, or a tuple of several.

    Raises
    ------
    ContainerOutputError
        If one is missing.
    RuntimeDataValidationError
        If one is not of its type.
    """
    values = tuple(_read(folder / name, name, recipe, max_inline_bytes) for name in recipe.outputs)
    if not values:
        return None
    return values if len(values) > 1 else values[0]


def too_much_written(task_name: str, limit_bytes: int) -> DiskLimitError:
    """The error of a container that wrote more than it may."""
    return DiskLimitError(
        f"Container task {task_name!r} wrote more than the {limit_bytes:,} bytes it may, and was stopped. Let it write"
        " less, or allow it more: resources=Resources(disk='50Gi')."
    )


def _read(path: Path, name: str, recipe: ContainerRecipe, max_inline_bytes: int) -> Any:
    python_type, file = recipe.outputs[name], recipe.output_files[name]
    shown = _shown(recipe, name)
    if not path.exists():
        there = ", ".join(sorted(os.listdir(path.parent))) or "nothing"
        raise ContainerOutputError(
            f"Container task {recipe.name!r} ended well and did not write its output {name!r}: expected"
            f" {shown}, found {there}. Let the command write it there."
        )
    reference = reference_class(python_type)
    wants_folder = reference is not None and reference._noun == "directory"
    if path.is_dir() != wants_folder:
        kinds = ("a file", "a folder")
        raise RuntimeDataValidationError(
            name, f"expected {kinds[wants_folder]} at {shown}, found {kinds[not wants_folder]}", recipe.name
        )
    if reference is not None:
        return reference.from_local_sync(path)
    assert file is not None
    if path.stat().st_size > max_inline_bytes:
        raise InlineIOMaxBytesBreached(
            f"Output {name!r} of container task {recipe.name!r} is {path.stat().st_size:,} bytes; at most"
            f" {max_inline_bytes:,} are allowed by value. Declare it as a File, or raise max_inline_io_bytes."
        )
    content = path.read_bytes()
    try:
        return file.read(content)
    except (ValueError, TypeError) as error:
        raise RuntimeDataValidationError(
            name,
            f"expected {type_text(python_type)} in {shown}, found {content[:120]!r}: {reason_of(error)}",
            recipe.name,
        ) from error


def reason_of(error: Exception) -> str:
    """What is wrong, in one line; Pydantic's errors with the place."""
    problems = getattr(error, "errors", None)
    if not callable(problems):
        return str(error)
    return "; ".join(
        f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" if problem["loc"] else problem["msg"]
        for problem in problems()
    )


def _path_inside(name: str, recipe: ContainerRecipe) -> str:
    """The path of an entry below the archive's one folder.

    Raises
    ------
    ContainerOutputError
        If it would leave it.
    """
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise _refusal(recipe, name, "would leave its folder")
    return "/".join(parts[1:])


def _make_links(links: list[tuple[Path, str]], folder: Path, recipe: ContainerRecipe) -> None:
    """Make links, then see whether they lead out: only together do they show where they lead."""
    root = os.path.realpath(folder)
    for path, leads_to in links:
        if leads_to.startswith(f"{recipe.output_data_dir}/"):
            inside = folder / leads_to.removeprefix(recipe.output_data_dir).lstrip("/")
            os.symlink(os.path.relpath(inside, path.parent), path)
        else:
            os.symlink(leads_to, path)
    for path, leads_to in links:
        if not f"{os.path.realpath(path)}/".startswith(f"{root}/"):
            where = _shown(recipe, path.relative_to(folder).as_posix())
            raise _refusal(recipe, where, f"is a link to {leads_to!r}, outside it")


def _shown(recipe: ContainerRecipe, inside: str) -> str:
    return f"{recipe.output_data_dir}/{inside}"


def _refusal(recipe: ContainerRecipe, path: str, what: str) -> ContainerOutputError:
    return ContainerOutputError(
        f"Container task {recipe.name!r}: {path} {what}. Only files and folders, and links between them, can leave"
        f" {recipe.output_data_dir}."
    )
