"""The command line of a container engine."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import ContainerEngineError

CHOICE = "FLYTE_NB_CONTAINER_ENGINE"
DOCKER_SOCKET = "/var/run/docker.sock"
ANSWER_WITHIN_S = 60.0

_known: dict[tuple[str, ...], Engine] = {}


@dataclass(frozen=True)
class Engine:
    """A command that understands ``create``, ``start``, ``inspect``, ``cp`` and so on.

    Attributes
    ----------
    command : tuple of str
        The words before the verb, for instance ``("podman",)``.
    is_podman : bool
    """

    command: tuple[str, ...]
    is_podman: bool = False

    @property
    def name(self) -> str:
        """What a person calls it."""
        return " ".join([os.path.basename(self.command[0]), *self.command[1:]])

    def attempt(
        self,
        *words: str,
        stdin: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = ANSWER_WITHIN_S,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run a command to its end, whatever it answers.

        Raises
        ------
        ContainerEngineError
            If it does not answer in time, or cannot be run: for instance a command line that is too long.
        """
        try:
            return subprocess.run(
                [*self.command, *words],
                input=stdin if stdin is not None else b"",
                capture_output=True,
                timeout=timeout_s,
                env={**os.environ, **environment} if environment else None,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired:
            raise ContainerEngineError(
                f"{self.name} did not answer to `{words[0]}` within {timeout_s:.0f} s. Is its service healthy? Try"
                f" `{self.name} ps` in a terminal."
            ) from None
        except OSError as error:
            raise ContainerEngineError(f"`{self.name} {words[0]}` could not be run: {error.strerror}.") from error

    def call(self, *words: str, stdin: bytes | None = None, environment: Mapping[str, str] | None = None) -> str:
        """What a command prints.

        Raises
        ------
        ContainerEngineError
            If it fails; with the engine's own words.
        """
        done = self.attempt(*words, stdin=stdin, environment=environment)
        if done.returncode:
            raise ContainerEngineError(f"`{self.name} {words[0]}` failed: {last_words(lines_of(done.stderr))}")
        return done.stdout.decode(errors="replace").strip()


def find_engine() -> Engine:
    """The engine that ``FLYTE_NB_CONTAINER_ENGINE`` names, else Docker where its service answers, else Podman.

    Raises
    ------
    ContainerEngineError
        If none answers; it says what was tried.
    """
    chosen = os.environ.get(CHOICE)
    candidates = [tuple(shlex.split(chosen))] if chosen else [("docker",), ("podman",)]
    problems = []
    for command in candidates:
        if command in _known:
            return _known[command]
        problem = _problem_of(command)
        if not problem:
            version = Engine(command).attempt("--version").stdout
            return _known.setdefault(command, Engine(command, is_podman=b"podman" in version.lower()))
        problems.append(f"{shlex.join(command)}: {problem}")
    raise ContainerEngineError(
        f"No container engine answers here ({'; '.join(problems)}). Install Docker or Podman and start it, or name"
        f" its command in the environment variable {CHOICE}."
    )


def forget_engines() -> None:
    """Look anew at the next `find_engine`."""
    _known.clear()


def last_words(lines: list[str]) -> str:
    """The last line of what a command complained about."""
    if not lines:
        return "it did not say why"
    return lines[-1].removeprefix("Error: ").removeprefix("Error response from daemon: ").rstrip(".")


def lines_of(text: bytes) -> list[str]:
    """What a command said, line by line."""
    return text.decode(errors="replace").strip().splitlines()


def _engine_without_command(command: tuple[str, ...]) -> str:
    socket = os.environ.get("DOCKER_HOST") or (DOCKER_SOCKET if os.path.exists(DOCKER_SOCKET) else "")
    if command != ("docker",) or not socket:
        return ""
    return f", though an engine seems to be at {socket}: only its command is missing"


def _problem_of(command: tuple[str, ...]) -> str:
    if not command or shutil.which(command[0]) is None:
        return f"not installed{_engine_without_command(command)}"
    done = Engine(command).attempt("ps", "--quiet", timeout_s=20.0)
    return last_words(lines_of(done.stderr)) if done.returncode else ""
