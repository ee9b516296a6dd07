"""`flyte-nb` in a folder with a home: in this process, or as a program where that is what counts."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from click.testing import CliRunner

import flyte_nb as flyte
from flyte_nb._cli import main

COMMAND = [sys.executable, "-c", "from flyte_nb._cli import main; main(prog_name='flyte-nb')"]


class Shell:
    """Runs `flyte-nb` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "FLYTE_NB_HOME": str(folder / "home"), "COLUMNS": "200", "NO_COLOR": "1"}

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def write_notebook(self, name: str, *cells: str, tags: dict[int, list[str]] | None = None) -> Path:
        content = {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{number}",
                    "execution_count": None,
                    "metadata": {"tags": (tags or {}).get(number, [])},
                    "outputs": [],
                    "source": textwrap.dedent(cell).strip().splitlines(keepends=True),
                }
                for number, cell in enumerate(cells)
            ],
            "metadata": {},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def run(
        self, *arguments: str, code: int | None = 0, folder: Path | None = None, typed: str = ""
    ) -> tuple[str, str]:
        """What a command prints on its two outputs; in this process, where each begins anew as far as it can tell."""
        flyte.init(home=self.folder / "home")
        with _as_a_program(folder or self.folder):
            ended = CliRunner().invoke(
                main, arguments, input=typed, env=self.env, catch_exceptions=False, prog_name="flyte-nb"
            )
        assert code in (None, ended.exit_code), ended.output
        return ended.stdout, ended.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "-o", "json", code=code)[0])

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """A command as a program that goes on."""
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env={**self.env, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def program(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        """What a command prints as a program: where its start counts, or what it changes or has loaded."""
        process = self.start(*arguments)
        printed, problems = process.communicate(timeout=60)
        assert process.returncode == code, printed + problems
        return printed, problems


@contextmanager
def _as_a_program(folder: Path) -> Iterator[None]:
    """A block that finds the modules of `folder` anew, and leaves nothing that it loaded from there."""
    path, modules, flag, place = list(sys.path), dict(sys.modules), sys.dont_write_bytecode, Path.cwd()
    sys.dont_write_bytecode = True
    importlib.invalidate_caches()
    os.chdir(folder)
    try:
        yield
    finally:
        sys.modules["__main__"] = modules["__main__"]  # a notebook takes its place
        for name in set(sys.modules) - set(modules):
            if Path(getattr(sys.modules[name], "__file__", None) or "/").resolve().is_relative_to(folder):
                with suppress(ValueError):
                    cloudpickle.unregister_pickle_by_value(sys.modules[name])
                del sys.modules[name]
        sys.path[:] = path
        os.chdir(place)
        sys.dont_write_bytecode = flag


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
