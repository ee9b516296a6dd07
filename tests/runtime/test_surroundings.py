"""What is known to make trouble in a notebook is told in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flyte_nb._runtime.surroundings import troubles


def installed(folder: Path, name: str, version: str) -> None:
    described = folder / f"{name}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


def test_what_is_installed_here_makes_no_trouble() -> None:
    assert troubles() == []


@pytest.mark.parametrize(
    ("name", "version", "told"),
    [("ipykernel", "6.20.1", "ipykernel 6.20 is older than 6.29"), ("jupyterlab", "4.2.0", "JupyterLab 4.2 is older")],
)
def test_an_old_version_is_named_with_the_command_that_upgrades_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, version: str, told: str
) -> None:
    installed(tmp_path, name, version)
    monkeypatch.syspath_prepend(str(tmp_path))
    [line] = troubles()
    assert line.startswith(told) and f'pip install -U "{name}' in line and "\n" not in line


def test_the_old_nest_asyncio_is_noticed_once_it_is_applied() -> None:
    program = """
import nest_asyncio
from flyte_nb._runtime.surroundings import troubles
assert troubles() == []
nest_asyncio.apply()
[line] = troubles()
print(line)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("nest_asyncio was applied in this kernel") and "nest_asyncio2" in done.stdout
