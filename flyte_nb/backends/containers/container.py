"""One container, from its making to its removal."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import secrets
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ...errors import ContainerEngineError
from .engine import Engine, last_words, lines_of
from .leftovers import LABEL, owner_text

logger: logging.Logger = logging.getLogger("flyte_nb")

POLITE_S = 1


@dataclass(frozen=True)
class State:
    """How a container stands.

    Attributes
    ----------
    running : bool
    has_started : bool
        False where the engine could not even start its program.
    exit_code : int
    out_of_memory : bool
        The engine says that it was killed for its use of memory. Podman may not say so.
    """

    running: bool
    has_started: bool
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

    def create(
        self,
        image: str,
        command: list[str],
        arguments: list[str],
        flags: list[str],
        *,
        labels: Mapping[str, str],
        environment: Mapping[str, str],
    ) -> None:
        """Make it. The first word of `command` takes the place of the image's entry point.

        Raises
        ------
        ContainerEngineError
            If the engine refuses.
        """
        words = ["create", "--name", self.name, "--pull=never", "--log-driver=none"]
        for key, value in {LABEL: owner_text(), **labels}.items():
            words += ["--label", f"{key}={value}"]
        # Values stay out of the list of processes, unless they would steer the engine's command itself.
        steering = {name for name in environment if name in _STEERING or name.startswith(_STEERING_PREFIXES)}
        for name, value in environment.items():
            words += ["--env", f"{name}={value}" if name in steering else name]
        words += flags
        if command:
            words.append(f"--entrypoint={command[0]}")
        passed = {name: value for name, value in environment.items() if name not in steering}
        self.engine.call(*words, image, *command[1:], *arguments, environment=passed)

    def make_folder(self, path: str) -> None:
        """Make a folder in it that every user may write to; before it starts."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo(path.strip("/"))
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(entry)
        self.engine.call("cp", "-", f"{self.name}:/", stdin=buffer.getvalue())

    @property
    def start_words(self) -> list[str]:
        """The command that starts it and prints what it prints."""
        return ["start", "--attach", self.name]

    def state(self, folder: Path) -> State:
        """How it stands, after it was started from `folder`."""
        found = json.loads(self.engine.call("inspect", "--format", "{{json .State}}", self.name))
        return State(
            running=bool(found.get("Running")),
            has_started=not str(found.get("StartedAt") or "0001-").startswith("0001-"),
            exit_code=int(found.get("ExitCode") or 0),
            # Podman's monitor may leave its note where it was started, and Podman not find it.
            out_of_memory=bool(found.get("OOMKilled")) or (folder / "oom").exists(),
        )

    def refusal(self) -> str:
        """Why it does not start: an engine that is far away may not say so to who wants to hear what it prints."""
        return last_words(lines_of(self.engine.attempt("start", self.name).stderr)[:1])  # then, that it failed

    def written_bytes(self) -> int:
        """How much it has written to its own file system so far."""
        found = self.engine.call("inspect", "--size", "--format", "{{.SizeRw}}", self.name)
        return int(found) if found.isdigit() else 0

    def stop(self) -> None:
        """Ask it to end, and kill it after a second."""
        self.engine.attempt("stop", "--time", str(POLITE_S), self.name)

    def kill(self) -> None:
        """End it at once, if it runs."""
        self.engine.attempt("kill", self.name)

    @contextlib.contextmanager
    def archive_of(self, path: str) -> Iterator[IO[bytes]]:
        """A tar archive of what is at `path`, to be read as it comes.

        Raises
        ------
        ContainerEngineError
            If there is nothing.
        """
        process = subprocess.Popen(
            [*self.engine.command, "cp", f"{self.name}:{path}", "-"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None and process.stderr is not None
        with process:
            try:
                yield process.stdout
            except BaseException as error:
                process.kill()
                said = process.stderr.read()
                if isinstance(error, tarfile.ReadError) and said:
                    raise ContainerEngineError(
                        f"`{self.engine.name} cp` failed: {last_words(lines_of(said))}"
                    ) from error
                raise

    def remove(self) -> None:
        """Kill it if it runs, and let nothing of it remain."""
        try:
            self.engine.call("rm", "--force", "--volumes", self.name)
        except ContainerEngineError as error:
            if "no such container" not in str(error).lower() and "no container with" not in str(error).lower():
                logger.warning("Container %s could not be removed: %s", self.name, error)


_STEERING = frozenset({"PATH", "HOME", "TMPDIR"})
_STEERING_PREFIXES = ("DOCKER_", "CONTAINER", "LD_", "XDG_")
