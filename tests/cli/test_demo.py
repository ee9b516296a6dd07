"""What `flyte-nb demo` runs, with and without the tour's data."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import nbformat
import pytest

from flyte_nb._cli.demo import FIRST_MINUTE, TOUR, TOURS_DATA, copy_notebook, run_demo, shipped_notebook


@pytest.fixture(params=TOURS_DATA)
def without_the_tours_data(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the extra, or with a part of it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == request.param else object())


def test_the_tour_is_run_where_its_data_is() -> None:
    assert shipped_notebook().name == TOUR


@pytest.mark.usefixtures("without_the_tours_data")
def test_without_the_tours_data_the_first_minute_is_run_and_the_extra_is_named(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLYTE_NB_HOME", str(tmp_path))
    run_demo()
    said, warned = capfd.readouterr()
    assert not warned
    assert 'pip install "flyte-nb[demo]"' in said
    assert f"Running {FIRST_MINUTE}" in said and "KeyError: 'county'" in said and "Done in" in said


def test_the_notebook_runs_with_the_python_of_the_command_whatever_kernel_somebody_has_installed(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "kernels" / "python3"
    installed.mkdir(parents=True)
    gone = {"argv": ["/gone/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"], "display_name": "gone"}
    (installed / "kernel.json").write_text(json.dumps(gone))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    monkeypatch.setenv("FLYTE_NB_HOME", str(tmp_path / "home"))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys; print(sys.executable)")])
    nbformat.write(notebook, tmp_path / "own.ipynb")
    run_demo(tmp_path / "own.ipynb")
    assert f"\n{sys.executable}\n" in capfd.readouterr().out


def test_the_notebook_is_copied_to_be_opened_and_never_over_another(tmp_path: Path) -> None:
    copy_notebook(tmp_path / "new")
    assert json.loads((tmp_path / "new" / TOUR).read_text())["cells"]
    with pytest.raises(click.ClickException, match=r"There is a .*00_tour\.ipynb already"):
        copy_notebook(tmp_path / "new")


def test_a_folder_that_cannot_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(click.ClickException, match=r"cannot be written: "):
        copy_notebook(tmp_path / "file" / "below")
