"""``flyte-nb demo``: the tour, executed by a real kernel without a browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

TOUR = Path(__file__).parents[2] / "notebooks" / "00_tour.ipynb"


def run_tour(notebook: Path | None = None) -> None:
    """Execute a notebook, show what its cells print, and say where to go on.

    Raises
    ------
    click.ClickException
        If the notebook is missing, or one of its cells fails.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    path = notebook or TOUR
    if not path.is_file():
        raise click.ClickException(f"There is no notebook {path}. Run the demo from a checkout of the project.")
    content = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cells = sum(cell.cell_type == "code" for cell in content.cells)
    click.echo(
        f"Running {path.name}: {cells} cells, in a kernel of their own. Some tasks fail on purpose: the tour shows how"
    )
    click.echo("failures are caught, and how a run goes on after one. Its runs stay in your home: flyte-nb get run.\n")
    begun = time.perf_counter()
    client = NotebookClient(
        content,
        timeout=600,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_executed=_show_outputs,
    )
    try:
        client.execute()
    except CellExecutionError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Done in {time.perf_counter() - begun:.1f} s. Open it in JupyterLab: make lab")


def _show_outputs(cell: Any, **_: Any) -> None:
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            click.echo(output.text.rstrip("\n"))
        elif output.output_type in ("execute_result", "display_data"):
            text = output.data.get("text/plain")
            if text and not text.startswith("<IPython.core.display"):
                click.echo(text)
