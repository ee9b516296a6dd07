"""Commands as processes, in a folder with a home."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

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

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *arguments: str, code: int | None = 0, folder: Path | None = None, typed: str = ""
    ) -> tuple[str, str]:
        done = subprocess.run(
            [*COMMAND, *arguments],
            cwd=folder or self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            input=typed,
            timeout=60,
            check=False,
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done.stdout, done.stderr

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.run(*arguments, "-o", "json", code=code)[0])


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
