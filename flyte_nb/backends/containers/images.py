"""Images: are they here, and if not, can they be had?"""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from dataclasses import dataclass

from ...errors import ContainerEngineError, ImagePullBackOffError
from .control import Control
from .engine import Engine, last_words, lines_of
from .following import Following
from .output import ContainerOutput, Tail

ASK_AGAIN_S = 0.2

_pulling: defaultdict[tuple[Engine, str], threading.Lock] = defaultdict(threading.Lock)


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
    lock = _pulling[engine, reference]
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
            f" (`{engine.name} login`)."
        )
    return found


def _local(engine: Engine, reference: str) -> LocalImage | None:
    done = engine.attempt("image", "inspect", "--format", "{{json .Config}}", reference)
    if done.returncode:
        if b"o such image" in done.stderr or b"not known" in done.stderr or b"not found" in done.stderr.lower():
            return None
        raise ContainerEngineError(f"`{engine.name} image inspect` failed: {last_words(lines_of(done.stderr))}")
    user = (json.loads(done.stdout) or {}).get("User") or ""
    return LocalImage(reference, runs_as_root=user.partition(":")[0] in ("", "0", "root"))


def _pull(engine: Engine, reference: str, output: ContainerOutput, control: Control) -> str:
    """Pull; what went wrong, or nothing."""
    if reference.startswith("localhost/"):
        return "its name says that it was made on this machine, so there is nowhere to pull it from"
    output.tell(f"Pulling image {reference} ...\n")
    said = Tail()

    def write(stream: str, text: str) -> None:
        said.add(text)
        output.tell(text)

    following = Following(engine, ["pull", reference], write, control)
    try:
        following.wait()
    finally:
        following.give_up()
    return last_words(said.lines()) if following.exit_code else ""
