"""``flyte-nb export``: the tasks of a notebook as a module."""

from __future__ import annotations

import re
from pathlib import Path

import click

from .commands import program, write_file

_IMPORT = re.compile(r"^(from|import) flyte_nb(\.\w+)?\b", re.MULTILINE)
_PLUGINS = {".hitl": "flyteplugins.hitl", ".jsonl": "flyteplugins.jsonl"}


@click.command()
@click.argument("notebook", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write; else the terminal."
)
@click.option("--for-flyte", is_flag=True, help="Import the reference SDK (`flyte`) in place of flyte_nb.")
def export(notebook: Path, output: Path | None, for_flyte: bool) -> None:
    """Write the tasks of NOTEBOOK, with the helpers, constants and imports they reach, as a Python module.

    A cell tagged `export` is kept whole, one tagged `no-export` is left out.
    """
    from .._code.notebook_source import module_source

    source = module_source(notebook)
    if for_flyte:
        source = _IMPORT.sub(_of_the_reference_sdk, source)
    if output is None:
        click.echo(source, nl=False)
    else:
        write_file(output, source)
        click.echo(f"Wrote {output} ({len(source.splitlines())} lines). Run it: {program()} run {output} --help")


def _of_the_reference_sdk(found: re.Match[str]) -> str:
    word, inner = found.group(1), found.group(2) or ""
    return f"{word} {_PLUGINS.get(inner, f'flyte{inner}')}"
