"""Runs notebooks and stores what they gave: ``python -m tests.docs.store notebooks/00_tour.ipynb``."""

from __future__ import annotations

import os
import re
import socket
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient


def store(path: Path) -> None:
    """Run a notebook in a home of its own, and put its outputs in the place of those that it has."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as home:
        environment = {**os.environ, "FLYTE_NB_HOME": home, "LOGNAME": "ada"}  # whoever answers is named
        client = NotebookClient(
            notebook, timeout=600, record_timing=False, resources={"metadata": {"path": path.parent}}
        )
        client.execute(env=environment)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if "text" in output:
                output.text = _without_the_machine(output.text)
            for kind, value in output.get("data", {}).items():
                output.data[kind] = _without_the_machine(value) if isinstance(value, str) else value
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)


def _without_the_machine(text: str) -> str:
    text = text.replace(f" on the computer {socket.gethostname()}", "")
    return re.sub(rf"{re.escape(tempfile.gettempdir())}/\w+", "/tmp/…", text)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        store(Path(name))
