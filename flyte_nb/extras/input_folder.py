"""Inputs as a container sees them: a folder that it cannot write to, with a file or folder for each."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..storage.addresses import local_path
from .recipe import ContainerRecipe
from .value_files import literal_of, yaml_text

LONGEST_WORD_BYTES = 100_000  # Linux lets a word have 131,071; what stands around a template counts too


class InputFolder:
    """A folder of this machine that becomes `input_data_dir`.

    Parameters
    ----------
    recipe : ContainerRecipe
    values : mapping of str to object
    folder : Path
        An empty folder.
    copies : bool
        Whether stored data must be copied because the container could not read it in place.

    Attributes
    ----------
    mounts : dict of str to str
        The folder, and stored data that stays where it is, by the paths in the container.
    """

    def __init__(self, recipe: ContainerRecipe, values: Mapping[str, Any], folder: Path, *, copies: bool) -> None:
        self.mounts: dict[str, str] = {recipe.input_data_dir: str(folder)}
        self._recipe = recipe
        self._values = values
        self._folder = folder
        self._copies = copies
        self._write_index()
        for name, file in recipe.input_files.items():
            if file is not None:
                (folder / name).write_bytes(file.write(values[name]))
            else:
                self._place(name, values[name])
        make_readable(folder)

    def text_of(self, name: str) -> str:
        """What stands for an input in a command: its value, and the path of a file or directory.

        Raises
        ------
        ValueError
            If no program can take it.
        """
        file = self._recipe.input_files[name]
        if file is None:
            return f"{self._recipe.input_data_dir}/{name}"
        data = file.write(self._values[name])
        problem = "holds the character NUL, which" if b"\0" in data else ""
        if len(data) > LONGEST_WORD_BYTES:
            problem = f"is {len(data):,} bytes long, and more than {LONGEST_WORD_BYTES:,}"
        if problem:
            raise ValueError(
                f"Input {name!r} {problem} cannot be part of a command. Let the program read it"
                f" from {self._recipe.input_data_dir}/{name}."
            )
        return data.decode(errors="surrogateescape")

    def _place(self, name: str, reference: Any) -> None:
        source = local_path(reference.path)
        target = self._folder / name
        # Podman takes a comma in a path of its API for the end of that path.
        if source is None or self._copies or "," in os.path.realpath(source) or not os.path.exists(source):
            reference.download_sync(target)
            return
        if os.path.isdir(source):
            target.mkdir()
        else:
            target.touch()
        self.mounts[f"{self._recipe.input_data_dir}/{name}"] = os.path.realpath(source)

    def _write_index(self) -> None:
        """All inputs in one file; an input of that very name wins."""
        recipe, values = self._recipe, self._values
        if not recipe.inputs:
            return
        suffix = {"JSON": "json", "YAML": "yaml", "PROTO": "pb"}[recipe.metadata_format]
        target = self._folder / f"inputs.{suffix}"
        if recipe.metadata_format == "PROTO":
            target.write_bytes(self._literals())
            return
        plain = {
            name: file.plain(values[name]) if file is not None else self.text_of(name)
            for name, file in recipe.input_files.items()
        }
        is_json = recipe.metadata_format == "JSON"
        target.write_bytes(json.dumps(plain, ensure_ascii=False).encode() if is_json else yaml_text(plain))

    def _literals(self) -> bytes:
        from ..types.messages import LiteralMap

        literals = LiteralMap()
        for name, python_type in self._recipe.inputs.items():
            literal = literals.literals[name]
            literal.CopyFrom(literal_of(self._values[name], python_type))
            if self._recipe.input_files[name] is None:
                literal.scalar.blob.uri = self.text_of(name)
        return bytes(literals.SerializeToString(deterministic=True))


def make_readable(folder: Path) -> None:
    """Let every user of the container read what is in `folder`."""
    for parent, folders, files in os.walk(folder):
        os.chmod(parent, 0o755)
        for name in files:
            path = os.path.join(parent, name)
            os.chmod(path, 0o644 | (os.stat(path).st_mode & 0o111))
        del folders
