"""The notebooks as they are stored: what a reader finds on a page without a kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from flyte_nb._view.markup import DARK_STYLE
from tests.docs.links import NOTEBOOKS

_OF_A_MACHINE = re.compile(r"(?<![\w:/.])(?:/tmp|/root|/home|/Users|/work|/var/folders)/[\w./-]+")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_as_it_ran_from_top_to_bottom_and_nothing_failed(path: Path) -> None:
    cells = code_cells(path)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert [cell.source for cell in cells if any(output.output_type == "error" for output in cell.outputs)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_run_has_ended(path: Path) -> None:
    runs = [text for _, text in said_in(path) if re.match(r"Run \S+ of ", text)]
    assert [text for text in runs if not re.match(r"Run \S+ of \S+: (?:succeeded|failed|aborted) in ", text)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_stored_notebook_tells_neither_the_time_nor_the_machine_that_it_ran_on(path: Path) -> None:
    timed = [cell.id for cell in code_cells(path) if "execution" in cell.metadata]
    folders = [found for _, text in said_in(path) for found in _OF_A_MACHINE.findall(text)]
    computers = [found for _, text in said_in(path) for found in re.findall(r"on the computer \S+", text)]
    assert (timed, folders, computers) == ([], [], [])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_picture_of_a_run_is_stored_as_it_is_drawn_now(path: Path) -> None:
    pictures = [text for _, text in said_in(path) if ">Open this run: " in text]
    assert [text[:200] for text in pictures if DARK_STYLE not in text] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_traceback_is_stored_only_where_the_cell_asks_for_it(path: Path) -> None:
    shown = [cell.source for cell, text in said_in(path) if "Traceback (most recent call last)" in text]
    assert [source for source in shown if "traceback" not in source] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_run_all_does_not_stop_at_a_cell_that_is_meant_to_be_wrong(path: Path) -> None:
    wrong = [cell for cell, text in said_in(path) if text.startswith("UsageError: ")]
    assert [cell.source for cell in wrong if "raises-exception" not in cell.metadata.get("tags", [])] == []


def code_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def said_in(path: Path) -> Iterator[tuple[NotebookNode, str]]:
    """The cells of a notebook, each with every text of its outputs."""
    for cell in code_cells(path):
        for output in cell.outputs:
            yield from ((cell, text) for text in [output.get("text", ""), *map(str, output.get("data", {}).values())])
