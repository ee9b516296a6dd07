"""What travels between kernel, scheduler and Dask worker beside the messages of an attempt.

Every message that passes the scheduler is a mapping that Dask's own encoding takes: the operation, who it is for, the
key of the attempt, its kind and its data. Kinds of messages to a Dask worker: `SAY` (a message for the task's process),
`KILL`, `SETUP`, `CODE`, and `GONE` when a kernel is. Kinds of messages to a kernel: `BEGUN`, `SAY`, `WANT_SETUP`,
`WANT_CODE`, `LOST`, `REFUSED`; from the scheduler itself `ERRED`, `MOVED`, `RESTARTED`, `WORKER`, `NO_WORKER` and
`READY`. A Dask
worker that closes in good order says `LEAVES` to the scheduler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

PROTOCOL = "flyte_nb-1"
HELLO = f"{PROTOCOL}-hello"
DOWN = f"{PROTOCOL}-down"
UP = f"{PROTOCOL}-up"

SAY, KILL, SETUP, CODE, GONE = "say", "kill", "setup", "code", "gone"
BEGUN, WANT_SETUP, WANT_CODE, LOST, REFUSED = "begun", "want-setup", "want-code", "lost", "refused"
LEAVES = f"{PROTOCOL}-leaves"
ERRED, MOVED, RESTARTED = "erred", "moved", "restarted"
WORKER, NO_WORKER, READY = "worker", "no-worker", "ready"


class Order(msgspec.Struct, array_like=True, frozen=True):
    """What a Dask task is given: one attempt.

    Attributes
    ----------
    client : str
        Dask's name of the kernel.
    version : str
        Of this package in the kernel.
    start : bytes
        The encoded `Start`.
    workers : str
        Attempts of the same text share processes.
    idle_s, scaledown_s, least : see `flyte_nb.backends.processes.pool.Stay`
    memory_bytes : int
        The limit; 0 is none.
    devices : int
        How many accelerators the task asks for.
    """

    client: str
    version: str
    run: str
    code: str
    task: str
    start: bytes
    workers: str
    idle_s: float
    scaledown_s: float
    least: int
    memory_bytes: int
    devices: int


class Surrounding(msgspec.Struct, array_like=True, frozen=True):
    """What a Dask worker must know of a run.

    Attributes
    ----------
    setup : bytes
        The encoded `Setup`.
    beacon, checksum : str
        A small object in the run's storage: who can read it, reaches the storage.
    preload : list of str
        Large modules that the kernel has imported, so that its tasks are likely to need them.
    """

    setup: bytes
    beacon: str
    checksum: str
    preload: list[str]


class Loss(msgspec.Struct, array_like=True, frozen=True):
    """How the process of an attempt was lost.

    Attributes
    ----------
    how : str
        Text of a `WorkerLost`; empty for an attempt that passed its memory limit.
    used_bytes : int
        Where it did, how much it held.
    """

    how: str
    used_bytes: int = 0


order_of: Callable[[bytes], Order] = msgspec.msgpack.Decoder(Order).decode
surrounding_of: Callable[[bytes], Surrounding] = msgspec.msgpack.Decoder(Surrounding).decode
loss_of: Callable[[bytes], Loss] = msgspec.msgpack.Decoder(Loss).decode
encoded: Callable[[Any], bytes] = msgspec.msgpack.Encoder().encode
