"""Back-ends by name: ours, those given to `init`, and those that installed packages bring."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

from .._engine.ports import Backend
from ..backends.containers.backend import ContainerBackend
from ..backends.dask import DaskBackend
from ..backends.loop import LoopBackend
from ..backends.processes import ProcessBackend
from ..backends.threads import ThreadBackend
from ..errors import InitializationError

GROUP = "flyte_nb.backends"
KINDS_OF_FUNCTION = ("loop", "thread", "container", "deployed")
"""Places that take one kind of task each, so that none of them can be the place of a whole run."""


class Places(Mapping[str, Backend]):
    """Made once per runtime. A name that nobody gave is looked up among the entry points of `GROUP`.

    Parameters
    ----------
    queues : mapping of str to Backend
    deployed_in : Path
        Folder for the code and the environments of deployed tasks.
    """

    def __init__(self, queues: Mapping[str, Backend], deployed_in: Path) -> None:
        self._lock = threading.Lock()
        self._deployed_in = deployed_in
        self._made: dict[str, Backend] = {
            "loop": LoopBackend(),
            "thread": ThreadBackend(),
            "process": ProcessBackend(),
            "container": ContainerBackend(),
            "dask": DaskBackend(),
            **queues,
        }

    def __getitem__(self, name: str) -> Backend:
        found = self._made.get(name)
        if found is not None:
            return found
        with self._lock:
            if name not in self._made:
                self._made[name] = self._deployed() if name == "deployed" else _installed(name)
            return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._made))

    def __len__(self) -> int:
        return len(self._made)

    def _deployed(self) -> Backend:
        from ..backends.deployed.backend import DeployedBackend

        beside = self._made["process"]
        return DeployedBackend(
            beside if isinstance(beside, ProcessBackend) else ProcessBackend(), self._deployed_in, self
        )

    def close(self) -> None:
        """End what back-ends have started."""
        for backend in tuple(self._made.values()):
            close = getattr(backend, "close", None)
            if close is not None:
                close()


def _installed(name: str) -> Backend:
    from importlib.metadata import entry_points

    for entry_point in entry_points(group=GROUP, name=name):
        try:
            backend: Backend = entry_point.load()()
        except Exception as error:
            raise InitializationError(
                f"The back-end {name!r} ({entry_point.value}) cannot be made: {type(error).__name__}: {error}."
                f" Make it yourself: init(queues={{{name!r}: ...}})."
            ) from error
        return backend
    raise KeyError(name)
