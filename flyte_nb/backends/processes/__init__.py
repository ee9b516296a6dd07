"""Tasks in worker processes of this machine, with limits that hold.

>>> flyte.with_runcontext(mode="process").run(main)
>>> flyte.init(queues={"two": ProcessBackend(cpus=2)})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._lazy import Finder, names_of

if TYPE_CHECKING:
    from .backend import ProcessBackend as ProcessBackend

__all__ = ["ProcessBackend"]

# A worker process imports this package too, and not the kernel's end of it.
__getattr__: Finder = names_of(__name__, {"ProcessBackend": ".backend"})
