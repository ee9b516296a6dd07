"""The wheel: what it brings into an environment that has never seen it, without node and without a further step."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from flyte_nb._version import __version__

ROOT = Path(__file__).parents[2]
IN_LAB = "share/jupyter/labextensions/flyte-nb/static"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the wheel; what it depends on is seen where the tests have it."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / "bin" / "python"
    target = ["--prefix", str(folder), "--no-deps", "--no-index", "--ignore-installed", "--quiet", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "install", *target], check=True, capture_output=True)
    [packages] = folder.glob("lib/python3*/site-packages")
    (packages / "beside.pth").write_text(sysconfig.get_path("purelib"))
    return python


def said(python: Path, *arguments: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "JUPYTER"))}
    empty = str(python.parents[1] / "empty")
    places = {"JUPYTER_CONFIG_DIR": empty, "JUPYTER_DATA_DIR": empty, "HOME": empty}
    done = subprocess.run(
        [str(python), "-m", *arguments], cwd=python.parent, env={**kept, **places}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_it_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < 2_000_000


@pytest.mark.parametrize(
    ("bundle", "licences"),
    [
        ("flyte_nb/_notebook/static/widget.js", "flyte_nb/_notebook/static/LICENSES.txt"),
        ("flyte_nb/_server/static/page.js", "flyte_nb/_server/static/LICENSES.txt"),
        (f"{IN_LAB}/build_index_js.*.js", f"{IN_LAB}/LICENSES.txt"),
        (f"{IN_LAB}/build_index_js.*.js", f"{IN_LAB}/third-party-licenses.json"),
    ],
)
def test_beside_each_bundle_are_the_licences_of_what_is_in_it(wheel: Path, bundle: str, licences: str) -> None:
    with zipfile.ZipFile(wheel) as packed:
        [code] = [name for name in packed.namelist() if fnmatch(name, f"*{bundle}")]
        [text] = [packed.read(name).decode() for name in packed.namelist() if name.endswith(licences)]
        assert b"RETURN_TRUSTED_TYPE" in packed.read(code), "a setting of DOMPurify"
    assert "Jason Miller" in text and "The MIT License" in text, "Preact's licence"
    assert "Mario Heiderich" in text and "Apache License" in text, "DOMPurify's licence"


def test_it_enables_the_server_extension(installed: Path) -> None:
    listed = said(installed, "jupyter_server.extension.serverextension", "list")
    assert re.search(r"flyte_nb\._server.*enabled", listed), listed
    assert re.search(r"flyte_nb\._server\s.*OK", listed), listed


def test_it_brings_the_panel_into_jupyterlab(installed: Path) -> None:
    listed = said(installed, "jupyterlab.labextensions", "list")
    version = json.loads((ROOT / "labextension/lab/package.json").read_text())["version"]
    assert re.search(rf"flyte-nb v{re.escape(version)}.*enabled.*OK.*\(python, flyte-nb\)", listed), listed


def test_the_panel_has_the_version_of_the_package() -> None:
    built = json.loads((ROOT / "labextension/lab/prebuilt/package.json").read_text())
    assert built["version"] == __version__.replace(".dev", "-dev.")
