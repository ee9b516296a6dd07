"""Names: the same in every replay, whatever the order in which things happen to start.

An action is named by a digest of its parent's name, its task's name, the digest of its inputs and how many
times the parent had already made that same call. Calls that set custom context or environment variables are told
apart by those too. A trace's key is made the same way, with the digest of its code.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Mapping
from hashlib import blake2b

ROOT_ACTION = "a0"
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"

_RUN_NAME = re.compile(r"\w([\w .-]{0,98}[\w.-])?\Z")

_counting = threading.Lock()  # calls of one action may come from any thread

CallCounts = dict[tuple[str, bytes], int]


def child_name(parent: str, kind: str, inputs_digest: bytes, counts: CallCounts) -> str:
    """Name of a call under `parent`; counts it.

    Parameters
    ----------
    parent : str
        Name of the calling action.
    kind : str
        The task's full name, or the trace's.
    inputs_digest : bytes
        What tells these inputs from others.
    counts : dict
        The parent's own; how often each (kind, inputs) pair was called so far.

    Returns
    -------
    str
        20 hexadecimal digits.
    """
    key = (kind, inputs_digest)
    with _counting:
        index = counts.get(key, 0)
        counts[key] = index + 1
    call = f"{parent}\0{kind}\0{index}\0".encode("utf-8", "surrogatepass")
    return blake2b(call + inputs_digest, digest_size=10).hexdigest()


def seeing(kind: str, seen: Mapping[str, str]) -> str:
    """`kind` of a call of `child_name` whose callee sees something beside its inputs."""
    text = json.dumps(sorted(seen.items())).encode()
    return f"{kind}\0{blake2b(text, digest_size=16).hexdigest()}"


def new_run_name() -> str:
    """A short name nobody has: ``r`` and twelve letters or digits (60 random bits)."""
    number = secrets.randbits(60)
    return "r" + "".join(_ALPHABET[(number >> shift) & 31] for shift in range(0, 60, 5))


def checked_run_name(name: str) -> str:
    """The name, if a run can have it: it stands in commands and addresses.

    Raises
    ------
    ValueError
    """
    if not isinstance(name, str) or not _RUN_NAME.match(name):
        raise ValueError(
            f"A run's name is at most 100 letters, digits, '-', '_', '.' and, inside it, spaces, and begins with a"
            f" letter or a digit; got {name!r}."
        )
    return name
