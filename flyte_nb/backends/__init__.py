"""Where attempts run: a module per place.

A back-end fulfils `Backend`: it says how much room it has (`Room`), refuses what can never run there, and runs one
attempt of an action at a time. One outside this process moves stored literals instead of values (`by_reference`), and
can leave everything but the carrying to `flyte_nb.backends.workers`: it starts a process that serves
`workers.attempt.Worker`, and gives `workers.conversation.converse` a `Link` to it.

A back-end is given to ``init(queues={"big": ...})``, or found by its name in the entry point group
``flyte_nb.backends`` (something to call without arguments). `flyte_nb.testing.backends.BackendSuite` says whether it
keeps the promises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import Finder, names_of

if TYPE_CHECKING:
    from .._engine.capacity import Capacity as Capacity
    from .._engine.ports import Backend as Backend
    from .._engine.ports import Place as Place
    from .._engine.ports import Room as Room

__all__ = ["Backend", "Capacity", "Place", "Room"]

_PORTS = ".._engine.ports"
_HOMES = {"Backend": _PORTS, "Capacity": ".._engine.capacity", "Place": _PORTS, "Room": _PORTS}

# A worker process imports this package too, and needs none of them.
__getattr__: Finder = names_of(__name__, _HOMES)
