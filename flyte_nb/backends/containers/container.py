"""One container, from its making to its removal."""

from __future__ import annotations

import contextlib
import logging
import secrets
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ContainerEngineError
from .control import Control
from .engine import Engine, find_engine
from .leftovers import LABEL, owner_text, remove_container

logger: logging.Logger = logging.getLogger("flyte_nb")

POLITE_S = 1
END_WITHIN_S = 20


@dataclass(frozen=True)
class State:
    """How a container stands.

    Attributes
    ----------
    running : bool
    tidied : bool
        Whether the engine is done with it. Podman says earlier that it does not run, and hands out nothing until then.
    exit_code : int
    out_of_memory : bool
        The engine says that it was killed for its use of memory. Podman may not say so.
    """

    running: bool
    tidied: bool
    exit_code: int
    out_of_memory: bool


class Container:
    """A container of ours, known to the engine by a name that nobody else uses.

    Parameters
    ----------
    engine : Engine
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.name: str = f"flyte_nb-{secrets.token_hex(8)}"
        self._client = engine.client()
        self._ending = engine.client(END_WITHIN_S)

    def create(
        self,
        image: str,
        command: list[str],
        arguments: list[str],
        *,
        mounts: Mapping[str, str],
        host: Mapping[str, Any],
        labels: Mapping[str, str],
        environment: Mapping[str, str],
    ) -> None:
        """Make it. The first word of `command` takes the place of the image's entry point.

        Parameters
        ----------
        mounts : mapping of str to str
            Paths of the engine's machine by those in the container, which cannot write to them.
        host : mapping of str to object
            More for the SDK's `create_host_config`, such as limits.

        Raises
        ------
        ContainerEngineError
            If the engine refuses.
        """
        from docker.types import LogConfig, Mount

        binds = [Mount(there, here, type="bind", read_only=True) for there, here in mounts.items()]
        with self.engine.answering("create a container"):
            self._client.create_container(
                image,
                [*command[1:], *arguments],
                entrypoint=command[:1] or None,
                name=self.name,
                labels={LABEL: owner_text(), **labels},
                environment=dict(environment),
                host_config=self._client.create_host_config(mounts=binds, log_config=LogConfig(type="none"), **host),
            )

    def make_folder(self, path: str) -> None:
        """Make a folder in it that every user may write to; before it starts."""
        entry = tarfile.TarInfo(path.strip("/"))
        entry.type, entry.mode = tarfile.DIRTYPE, 0o777
        # Not one byte after the end of the archive: Podman stops reading there, and may fail for what is left.
        archive = entry.tobuf() + bytes(2 * tarfile.BLOCKSIZE)
        with self.engine.answering("make a folder in a container"):
            self._client.put_archive(self.name, "/", archive)

    def start(self) -> Iterator[tuple[bytes | None, bytes | None]]:
        """Start it; what it prints, to stdout or stderr, as it comes.

        Raises
        ------
        ContainerEngineError
            If the engine cannot start it.
        """
        client = self.engine.client()
        with self.engine.answering("start a container"):
            printed = client.attach(self.name, stream=True, demux=True)
            self._client.start(self.name)
        return printed

    def state(self) -> State:
        """How it stands."""
        with self.engine.answering("say how a container stands"):
            found = self._client.inspect_container(self.name)["State"]
        return State(
            running=bool(found.get("Running")),
            tidied=found.get("Status") != "stopped",
            exit_code=int(found.get("ExitCode") or 0),
            out_of_memory=bool(found.get("OOMKilled")),
        )

    def written_bytes(self) -> int:
        """How much it has written to its own file system so far."""
        with self.engine.answering("say what a container has written"):
            found = self._client.containers(all=True, size=True, filters={"name": self.name})
        return sum(one.get("SizeRw") or 0 for one in found)

    def stop(self) -> None:
        """Ask it to end, and kill it after a second, if it runs."""
        with contextlib.suppress(ContainerEngineError), self.engine.answering("stop a container"):
            self._ending.stop(self.name, timeout=POLITE_S)

    @contextlib.contextmanager
    def archive_of(self, path: str, control: Control) -> Iterator[Iterator[bytes]]:
        """A tar archive of what is at `path`, as it comes.

        Raises
        ------
        ContainerEngineError
            If there is nothing.
        Stopped
            If somebody wants that.
        """
        with (
            self.engine.answering("hand out what a container has written"),
            self.engine.interruptible(control) as client,
        ):
            yield client.get_archive(self.name, path)[0]

    def remove(self) -> bool:
        """Kill it if it runs, and let nothing of it remain; whether that is so."""
        try:
            remove_container(self.engine, self._ending, self.name)
        except ContainerEngineError as error:
            with contextlib.suppress(ContainerEngineError):
                engine = find_engine()  # a service of Podman may have ended, and another one know the container
                if engine is not self.engine:
                    remove_container(engine, engine.client(END_WITHIN_S), self.name)
                    return True
            logger.warning("Container %s could not be removed: %s", self.name, error)
            return False
        return True
