"""What code expects around it, on a machine that need not be the kernel's.

Environment variables of the kernel stay there: they speak of its machine, and may hold its secrets. The folder of the
notebook and the user's own folders on the import path are used where they exist: with a shared file system they do.
"""

from __future__ import annotations

import os
import sys

from msgspec.structs import replace

from ..._engine.live_run import LiveRun
from ..workers import messages as say
from ..workers.surroundings import setup_of


def sent_setup(run: LiveRun) -> say.Setup:
    """What a kernel tells of a run to other machines."""
    setup = setup_of(run)
    return replace(setup, path=[entry for entry in setup.path if not _is_installed(entry)], environment={})


def settled(setup: say.Setup) -> say.Setup:
    """What the processes of this machine are told of it."""
    here = [entry for entry in sys.path if isinstance(entry, str)]
    theirs = [entry for entry in setup.path if entry not in here and os.path.exists(entry)]
    folder = setup.folder if os.path.isdir(setup.folder) else os.getcwd()
    return replace(setup, folder=folder, path=[*theirs, *here], environment=dict(os.environ))


def _is_installed(entry: str) -> bool:
    """Whether an entry of the import path came with Python or with its packages."""
    prefixes = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    return "site-packages" in entry or any(entry.startswith(prefix + os.sep + "lib") for prefix in prefixes)
