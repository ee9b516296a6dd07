"""What runs in a worker process: reads the kernel's messages on a thread, runs tasks on the main one."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import threading

from ..workers import messages as say
from ..workers.attempt import Worker
from .framing import Frames, framed

PIECE_BYTES = 256 * 1024
LAST_WORDS_S = 2.0

# What every task needs is imported here, once, in the process that workers are forked from.
from ..._engine import map as _map  # noqa: E402, F401
from ..._engine import trace as _trace  # noqa: E402, F401
from ...types import messages as _literals  # noqa: E402, F401
from ...types import variables as _variables  # noqa: E402, F401


def serve(descriptor: int) -> None:
    """Serve the kernel at the other end of a socket until it closes it; does not return."""
    channel = socket.socket(fileno=descriptor)
    channel.setblocking(True)
    lock = threading.Lock()

    def send(message: say.FromWorker) -> None:
        data = framed(say.encode(message))
        with lock, contextlib.suppress(OSError):
            channel.sendall(data)

    faulthandler.enable(2, all_threads=False)
    worker = Worker(send)
    threading.Thread(target=_read, args=(channel, worker), name="flyte_nb-channel", daemon=True).start()
    worker.serve()
    os._exit(0)


def _read(channel: socket.socket, worker: Worker) -> None:
    frames = Frames()
    with contextlib.suppress(OSError):
        while piece := channel.recv(PIECE_BYTES):
            for frame in frames.add(piece):
                worker.receive(say.decode_for_worker(frame))
    worker.close()
    threading.Event().wait(LAST_WORDS_S)
    os.killpg(os.getpgid(0), signal.SIGKILL)
