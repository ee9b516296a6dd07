"""Where a container engine may be reached."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import ContainerEngineError

if TYPE_CHECKING:
    from docker.tls import TLSConfig

CHOICE = "FLYTE_NB_CONTAINER_ENGINE"
DOCKER_SOCKETS = ("/var/run/docker.sock",)
PODMAN_SOCKETS = ("/run/podman/podman.sock",)


@dataclass(frozen=True)
class Address:
    """Where an engine may be.

    Attributes
    ----------
    url : str
    said_by : str
        Who says so.
    tls : bool or docker.tls.TLSConfig
    """

    url: str
    said_by: str
    tls: TLSConfig | bool = False


def addresses() -> tuple[list[Address], bool]:
    """Where to look, in this order; and whether Podman's command may be asked to serve after that.

    What somebody has written down in the environment is the only place to look.

    Raises
    ------
    ContainerEngineError
        If that is no address, or a context that is not there.
    """
    choice = os.environ.get(CHOICE, "")
    if "://" in choice:
        return [Address(choice, CHOICE)], False
    if choice not in ("", "docker", "podman"):
        raise ContainerEngineError(
            f"{CHOICE} is {choice!r}: expected docker, podman, or the address of an engine's socket such as"
            " unix:///run/user/1000/podman/podman.sock."
        )
    of_docker = _of_docker() if choice != "podman" else []
    of_podman = _of_podman() if choice != "docker" else []
    for address in (*of_docker, *of_podman):
        if address.said_by in os.environ:
            return [address], False
    return of_docker + of_podman, choice != "docker"


def knock(url: str) -> None:
    """See whether somebody listens, where that is a socket of this machine.

    Raises
    ------
    ContainerEngineError
        If not, or for others; it says why.
    """
    if not url.startswith("unix://"):
        return
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(url.removeprefix("unix://"))
    except OSError as error:
        remedies = {
            errno.ENOENT: "there is no such socket",
            errno.ECONNREFUSED: "nothing listens at this socket; start the engine",
            errno.EACCES: "permission denied; whoever may use it can run anything as its owner. Docker lets members of"
            " the group docker: `sudo usermod -aG docker $USER`, then log in anew",
        }
        raise ContainerEngineError(remedies.get(error.errno or 0, str(error))) from error


def _of_docker() -> list[Address]:
    from docker.context import ContextAPI
    from docker.utils import kwargs_from_env

    try:
        if os.environ.get("DOCKER_HOST"):
            return [Address(os.environ["DOCKER_HOST"], "DOCKER_HOST", kwargs_from_env().get("tls", False))]
        chosen = os.environ.get("DOCKER_CONTEXT")
        context = ContextAPI.get_context(chosen)
    except Exception as error:  # the SDK raises plain ones for files that it cannot read
        raise ContainerEngineError(
            f"Docker's settings in this user's files or environment are broken: {error}"
        ) from error
    if context is None and chosen:
        raise ContainerEngineError(
            f"DOCKER_CONTEXT is {chosen!r}, and there is no such context. `docker context ls` shows those there are."
        )
    found = [Address(f"unix://{path}", "Docker's socket") for path in DOCKER_SOCKETS]
    if context is None or context.Name == "default" or not context.Host:
        return found
    said_by = "DOCKER_CONTEXT" if chosen else f"docker's context {context.Name}"
    return [Address(context.Host, said_by, context.TLSConfig or False), *found]


def _of_podman() -> list[Address]:
    if os.environ.get("CONTAINER_HOST"):
        return [Address(os.environ["CONTAINER_HOST"], "CONTAINER_HOST")]
    runtime_folder = os.environ.get("XDG_RUNTIME_DIR")
    own = (f"{runtime_folder}/podman/podman.sock",) if runtime_folder else ()
    return [Address(f"unix://{path}", "Podman's socket") for path in (*own, *PODMAN_SOCKETS)]
