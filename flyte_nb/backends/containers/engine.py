"""A container engine, found and spoken to by its socket through the `docker` SDK."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from ...errors import ContainerEngineError
from .addresses import CHOICE, Address, addresses, knock
from .control import Control
from .podman_service import PodmanService

if TYPE_CHECKING:
    from docker import APIClient

LOWEST_API = (1, 40)
ANSWER_WITHIN_S = 60
FIRST_ANSWER_WITHIN_S = 20

_CHOOSING = (
    *(CHOICE, "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"),
    *("CONTAINER_HOST", "XDG_RUNTIME_DIR", "HOME", "PATH"),
)
_known: dict[tuple[str | None, ...], Engine] = {}
_lock = threading.Lock()


class Engine:
    """An engine that answers.

    Parameters
    ----------
    address : Address
    version : dict of str to object
        What it says of itself.
    service : PodmanService, optional
        The one that it is reached by, if that is ours.

    Attributes
    ----------
    name : str
        ``"Docker"`` or ``"Podman"``.
    address : str
    is_podman : bool
    """

    def __init__(self, address: Address, version: dict[str, Any], service: PodmanService | None = None) -> None:
        parts = {part.get("Name", "") for part in version.get("Components") or ()}
        self.is_podman: bool = any("podman" in part.lower() for part in parts)
        self.name: str = "Podman" if self.is_podman else "Docker"
        self.address: str = address.url
        self._settings = _settings(address, str(version["ApiVersion"]))
        self._service = service
        self._connection: Any = None
        if service is not None:
            # Of no events: the end of this process closes it, however it comes, and the service has nobody to serve.
            with self.answering("keep a connection open"):
                self._connection = self.client().events(filters={"label": "flyte_nb.nothing"})

    @property
    def is_there(self) -> bool:
        """False if it was reached by a service of ours that has ended."""
        return self._service is None or self._service.is_running

    def client(self, answer_within_s: int = ANSWER_WITHIN_S) -> APIClient:
        """A client of the SDK; for one thread."""
        from docker import APIClient

        return APIClient(**self._settings | {"timeout": answer_within_s})

    def settings_as_json(self) -> str:
        """What a client is made with, for another process; `tls` is what a `docker.tls.TLSConfig` is made with."""
        tls = self._settings["tls"]
        if not isinstance(tls, bool):
            tls = {"client_cert": tls.cert, "ca_cert": tls.ca_cert, "verify": tls.verify}
        return json.dumps(self._settings | {"tls": tls})

    @contextlib.contextmanager
    def answering(self, what: str) -> Iterator[None]:
        """Say in our words what goes wrong in the block, where the engine is to `what`.

        Raises
        ------
        ContainerEngineError
            If it refuses, in its own words; or cannot be reached.
        """
        with _answering(f"{self.name} ({self.address})", what):
            yield

    @contextlib.contextmanager
    def interruptible(self, control: Control) -> Iterator[APIClient]:
        """A client whose answers, also those that come bit by bit, break off when somebody wants the work to stop.

        After the block they break off too: Docker removes no container while it hands out what is in it.

        Raises
        ------
        Stopped
            If somebody wanted that.
        """
        client, answers = self.client(), []

        def watch(answer: Any, **_: Any) -> None:
            answers.append(answer)
            control.on_stop(functools.partial(_break_off, answer))

        client.hooks["response"].append(watch)
        try:
            yield client
        except Exception:
            control.check()
            raise
        finally:
            for answer in answers:
                _break_off(answer)
        control.check()


def find_engine() -> Engine:
    """The engine that the environment names; else Docker where it answers, else Podman.

    Raises
    ------
    ContainerEngineError
        If none answers; it says what was tried.
    """
    try:
        import docker.context  # noqa: F401  (a folder of the user's may be called docker too)
    except ImportError:
        raise ContainerEngineError(
            'Container tasks need the package docker, which is not installed: pip install "flyte-nb[containers]".'
        ) from None
    choice = tuple(map(os.environ.get, _CHOOSING))
    with _lock:
        engine = _known.get(choice)
        if engine is None or not engine.is_there:
            engine = _known[choice] = _found()
    return engine


def forget_engines() -> None:
    """Look anew at the next `find_engine`."""
    with _lock:
        for engine in _known.values():
            if engine._connection is not None:
                engine._connection.close()
        _known.clear()


def _found() -> Engine:
    places, may_serve = addresses()
    tries: list[tuple[str, Callable[[], Engine]]] = [
        (f"{place.said_by}, {place.url}", functools.partial(_reached, place)) for place in places
    ]
    if may_serve:
        tries.append(("the command podman", _served))
    problems = []
    for what, reach in tries:
        try:
            return reach()
        except ContainerEngineError as error:
            problems.append(f"{what}: {str(error).rstrip('.')}")
    raise ContainerEngineError(
        f"No container engine answers here ({'; '.join(problems)}). Install Docker or Podman and start it, mount its"
        f" socket where this runs in a container itself, or write the socket's address into {CHOICE} or DOCKER_HOST."
    )


def _served() -> Engine:
    service = PodmanService()
    return _reached(Address(service.url, "a service of its own"), service)


def _reached(address: Address, service: PodmanService | None = None) -> Engine:
    from docker import APIClient

    knock(address.url)
    with _answering(address.url, "say its version"):
        lowest = ".".join(map(str, LOWEST_API))
        try:
            client = APIClient(**_settings(address, lowest, FIRST_ANSWER_WITHIN_S))
        except ValueError as error:
            raise ContainerEngineError(f"this is no address: {error}") from error
        version = client.version(api_version=False)
    spoken = str(version.get("ApiVersion", "")) if isinstance(version, dict) else ""
    try:
        enough = tuple(map(int, spoken.split("."))) >= LOWEST_API
    except ValueError:
        raise ContainerEngineError("what answers there is no container engine") from None
    if not enough:
        raise ContainerEngineError(
            f"it speaks version {spoken} of Docker's API, and at least {lowest} is needed: that of Docker 19.03 or"
            " Podman 3. Update it"
        )
    return Engine(address, version, service)


def _settings(address: Address, version: str, timeout_s: int = ANSWER_WITHIN_S) -> dict[str, Any]:
    return {
        "base_url": address.url,
        "tls": address.tls,
        "version": version,
        "timeout": timeout_s,
        "use_ssh_client": address.url.startswith("ssh://"),
    }


@contextlib.contextmanager
def _answering(who: str, what: str) -> Iterator[None]:
    from docker.errors import APIError, DockerException
    from requests.exceptions import RequestException, Timeout
    from urllib3.exceptions import HTTPError

    try:
        yield
    except APIError as error:
        said = str(error.explanation or error).strip().rstrip(".")
        raise ContainerEngineError(f"{who} refuses to {what}: {said} (status {error.status_code}).") from error
    except Timeout as error:
        raise ContainerEngineError(
            f"{who} was to {what} and did not answer in time. Is it healthy? Try `docker ps` or `podman ps` in a"
            " terminal."
        ) from error
    except (DockerException, RequestException, HTTPError) as error:
        raise ContainerEngineError(f"{who} was to {what} and cannot be reached: {error}.") from error


def _break_off(answer: Any) -> None:
    from docker.types.daemon import CancellableStream

    with contextlib.suppress(Exception):  # it has ended, or comes through an SSH client that cannot be told
        CancellableStream(iter(()), answer).close()
