"""Images: are they here, and if not, can they be had?"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ContainerEngineError, ImagePullBackOffError
from .control import Control
from .engine import Engine
from .output import ContainerOutput

ASK_AGAIN_S = 0.2

_pulling: defaultdict[tuple[str, str], threading.Lock] = defaultdict(threading.Lock)


@dataclass(frozen=True)
class LocalImage:
    """An image that the engine holds.

    Attributes
    ----------
    reference : str
        What it was asked for by.
    runs_as_root : bool
    """

    reference: str
    runs_as_root: bool


def image_for(engine: Engine, reference: str, task_name: str, output: ContainerOutput, control: Control) -> LocalImage:
    """The image of that name, pulled if it is not here; the engine's progress goes to `output`.

    Raises
    ------
    ImagePullBackOffError
        If it cannot be had.
    Stopped
        If somebody wants that meanwhile.
    """
    found = _local(engine, reference)
    if found is not None:
        return found
    lock = _pulling[engine.address, reference]
    while not lock.acquire(timeout=ASK_AGAIN_S):
        control.check()
    try:
        found = _local(engine, reference)
        if found is None:
            problem = _pull(engine, reference, output, control)
            found = _local(engine, reference)
    finally:
        lock.release()
    if found is None:
        raise ImagePullBackOffError(
            f"Task {task_name!r}: the image {reference!r} is not here, and {engine.name} cannot pull it: {problem}."
            f" Check its name and tag, the network, and whether its registry wants a login"
            f" (`{engine.name.lower()} login`)."
        )
    return found


def _local(engine: Engine, reference: str) -> LocalImage | None:
    from docker.errors import NotFound

    with engine.answering("look for an image"):
        try:
            found = engine.client().inspect_image(reference)
        except NotFound:
            return None
    user = (found.get("Config") or {}).get("User") or ""
    return LocalImage(reference, runs_as_root=user.partition(":")[0] in ("", "0", "root"))


def _pull(engine: Engine, reference: str, output: ContainerOutput, control: Control) -> str:
    """Pull; what went wrong, or nothing."""
    from docker.utils import parse_repository_tag

    if reference.startswith("localhost/"):
        return "its name says that it was made on this machine, so there is nowhere to pull it from"
    output.tell(f"Pulling image {reference} ...\n")
    repository, tag = parse_repository_tag(reference)
    progress = Progress(output.tell)
    try:
        with engine.answering("pull it"), engine.interruptible(control) as client:
            for news in client.pull(repository, tag or "latest", stream=True, decode=True):
                if news.get("error"):
                    return str(news["error"]).strip().rstrip(".")
                progress.take(news)
    except ContainerEngineError as error:
        return str(error).rstrip(".")
    return ""


class Progress:
    """What an engine tells of a pull, as a few lines for a log.

    Parameters
    ----------
    tell : callable
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._states: dict[str, str] = {}
        self._bytes: dict[str, tuple[int, int]] = {}
        self._tenths_told = 0

    def take(self, news: Mapping[str, Any]) -> None:
        """Take the next piece of news, as the engine's API has them."""
        layer, state = str(news.get("id") or ""), str(news.get("status") or "").strip()
        if state and self._states.get(layer) != state:
            self._states[layer] = state
            self._tell(f"{layer}: {state}\n" if layer else f"{state}\n")
        counted = news.get("progressDetail") or {}
        if state == "Downloading" and counted.get("total"):
            self._bytes[layer] = int(counted.get("current") or 0), int(counted["total"])
            self._tell_tenths()

    def _tell_tenths(self) -> None:
        current, total = (sum(numbers) for numbers in zip(*self._bytes.values(), strict=True))
        tenths = 10 * current // total
        if tenths > self._tenths_told:
            self._tenths_told = tenths
            self._tell(f"{current / 1e6:,.1f} of {total / 1e6:,.1f} MB\n")
