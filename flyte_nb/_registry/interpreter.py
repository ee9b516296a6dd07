"""Pythons that see installed packages, and neither the folder nor the import path of who starts them."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from .._code.ownership import is_user_file


@dataclass(frozen=True)
class Interpreter:
    """A Python and where it finds this package.

    Attributes
    ----------
    executable : str
    """

    executable: str

    def command(self, program: str, *arguments: str) -> list[str]:
        """The command that runs `program`, a text of Python, in it.

        What is installed there comes first; after it, what is installed here. This package is the one that runs here.
        """
        own, libraries = _own_folder(), library_path()
        paths = (
            f"sys.path += {libraries!r}" if own in libraries else f"sys.path[:0] = [{own!r}]; sys.path += {libraries!r}"
        )
        return [self.executable, "-I", "-c", f"import sys; {paths}; {program}", *arguments]


def this_interpreter() -> Interpreter:
    """The Python that runs this."""
    return Interpreter(sys.executable)


def library_path() -> list[str]:
    """Where this process finds installed packages."""
    entries = [entry for entry in sys.path if isinstance(entry, str) and entry]
    return [entry for entry in entries if not is_user_file(f"{entry}/module.py") and _is_for_packages(entry)]


def _is_for_packages(entry: str) -> bool:
    return "site-packages" in entry or "dist-packages" in entry


def _own_folder() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
