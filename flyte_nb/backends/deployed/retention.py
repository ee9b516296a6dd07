"""Code and environments of deployed tasks that were not called for long."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from ...io.units import extent
from .locks import unused, used_at

CODE, ENVIRONMENTS = "code", "environments"


def sweep_deployed(folder: Path, keep_s: float, *, dry_run: bool = False) -> tuple[int, int]:
    """Remove what no process uses and none began to use within the last `keep_s` seconds.

    The next call takes the code from its registry, and installs the packages, once more.

    Parameters
    ----------
    folder : Path
        Where a home keeps them.
    keep_s : float
    dry_run : bool
        Whether to change nothing, and say what would be removed.

    Returns
    -------
    tuple of int
        How many copies of code and environments, and their bytes.
    """
    count = size_bytes = 0
    oldest = time.time() - keep_s
    for target in _kept_in(folder):
        if used_at(target) > oldest:
            continue
        with unused(target) as is_unused:
            if is_unused:
                count, size_bytes = count + 1, size_bytes + extent(target)[1]
                if not dry_run:
                    shutil.rmtree(target, ignore_errors=True)
    return count, size_bytes


def _kept_in(folder: Path) -> Iterator[Path]:
    for kind in (CODE, ENVIRONMENTS):
        for target in sorted((folder / kind).glob("[!.]*")):
            if target.is_dir():
                yield target
