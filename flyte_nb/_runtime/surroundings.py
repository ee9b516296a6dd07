"""What is known to make trouble in a notebook: found when a kernel first uses flyte_nb, and told in one line each."""

from __future__ import annotations

import asyncio
import importlib.metadata
import sys

OLDEST_IPYKERNEL = (6, 29)
OLDEST_JUPYTERLAB = (4, 4)


def troubles() -> list[str]:
    """One line for each: what is there, what it does, what to do."""
    found = []
    kernel, lab = _version("ipykernel"), _version("jupyterlab")
    if asyncio.run.__module__ == "nest_asyncio" and "nest_asyncio" in sys.modules and kernel >= (7,):
        found.append(
            "nest_asyncio was applied in this kernel: with ipykernel 7 it loses clicks and cells. Restart the kernel,"
            " and import nest_asyncio2 instead, or nothing: flyte_nb needs neither."
        )
    if kernel and kernel < OLDEST_IPYKERNEL:
        found.append(
            f"ipykernel {_text(kernel)} is older than {_text(OLDEST_IPYKERNEL)}: interrupting a cell may not stop its"
            ' run. Upgrade with: pip install -U "ipykernel>=7"'
        )
    if lab and lab < OLDEST_JUPYTERLAB:
        found.append(
            f"JupyterLab {_text(lab)} is older than {_text(OLDEST_JUPYTERLAB)}: buttons of a run wait for the end of"
            ' the cell. Upgrade with: pip install -U "jupyterlab>=4.4"'
        )
    return found


def _version(distribution: str) -> tuple[int, ...]:
    """The first two numbers of an installed version; nothing if there is none."""
    try:
        parts = importlib.metadata.version(distribution).split(".")
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(int(part) for part in parts[:2] if part.isdigit())


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
