"""What runs in a worker process: reads the kernel's messages and runs tasks on the main thread."""

from __future__ import annotations

import array
import contextlib
import errno
import faulthandler
import fcntl
import os
import signal
import socket
import stat
import sys
import termios
import threading
from collections.abc import Callable

from ..workers import messages as say
from ..workers.attempt import Worker
from .framing import Frames, framed

PIECE_BYTES = 64 * 1024  # what is larger is mapped anew for each call, and takes ten times as long
LAST_WORDS_S = 2.0
LOOK_EVERY_S = 0.01
CHANNEL_CLOSED = b"The task has closed the connection of its process to the kernel, as os.closerange(3, ...) does.\n"

# What every task needs is imported here, once, in the process that workers are forked from.
from ...types import messages as _literals  # noqa: E402, F401
from ...types import variables as _variables  # noqa: E402, F401


def serve(descriptor: int) -> None:
    """Serve the kernel at the other end of a socket until it closes it; does not return."""
    channel = socket.socket(fileno=descriptor)
    channel.setblocking(True)
    lock = threading.Lock()

    def send(message: say.FromWorker) -> None:
        data = framed(say.encode(message))
        try:
            with lock:
                channel.sendall(data)
        except OSError as error:
            _end_if_closed_here(error)

    os.register_at_fork(after_in_child=channel.close)
    faulthandler.enable(2, all_threads=False)
    worker = Worker(send, waiting_output())
    reader = Reader(channel, worker, _leave)
    threading.Thread(target=reader.stand_by, name="flyte_nb-channel", daemon=True).start()
    worker.serve(reader)
    os._exit(0)


def waiting_output() -> Callable[[], bool]:
    """Asks whether what was written to 1 and 2 waits to be read: on Linux whoever writes into a pipe can tell."""
    if sys.platform != "linux":
        return lambda: True
    pipes = [os.dup(number) for number in (1, 2)]  # which stay what they are, whatever becomes of 1 and 2
    size = array.array("i", [0])

    def waits() -> bool:
        for pipe in pipes:
            try:
                fcntl.ioctl(pipe, termios.FIONREAD, size)
            except OSError:  # the task has closed it
                return True
            if size[0]:
                return True
        return False

    return waits


def _end_if_closed_here(error: OSError) -> None:
    """End if the channel was closed by the task: the kernel would wait for ever for what cannot be said any more."""
    if error.errno in (errno.EBADF, errno.ENOTSOCK):
        with contextlib.suppress(OSError):
            if stat.S_ISFIFO(os.fstat(2).st_mode):  # else the task has put a file of its own in its place
                os.write(2, CHANNEL_CLOSED)  # the kernel tells what was printed last
        os._exit(os.EX_IOERR)


def _leave() -> None:
    """End with all that was started; a task that goes on without a kernel has a little time for its last words."""
    threading.Event().wait(LAST_WORDS_S)
    os.killpg(os.getpgid(0), signal.SIGKILL)


class Reader:
    """Reads what the kernel says: the main thread itself between attempts, a thread that stands by while one runs.

    To hand a message from one thread to another takes longer than to read it. So the other thread takes over only where
    an attempt asks something or goes on for longer than `LOOK_EVERY_S`; it reads until the next attempt is there.

    Parameters
    ----------
    channel : socket
        To the kernel; blocking.
    worker : Worker
    leave : callable
        Called when the kernel has gone while an attempt goes on.
    """

    def __init__(self, channel: socket.socket, worker: Worker, leave: Callable[[], None]) -> None:
        self._channel = channel
        self._worker = worker
        self._leave = leave
        self._frames = Frames()
        self._reading = threading.Lock()
        self._awake = threading.Event()
        self._hurried = threading.Event()
        self._waited_for = 0
        self._is_alone = False

    def read_until_work(self) -> None:
        """See `flyte_nb.backends.workers.attempt.Reader`."""
        self._waited_for = self._worker.begun + 1
        if not self._reading.acquire(blocking=False):
            return  # the other thread reads, and goes on until what is waited for is there
        try:
            while not self._worker.has_work:
                self._read()
        finally:
            self._reading.release()

    def look_after(self) -> None:
        """See `flyte_nb.backends.workers.attempt.Reader`."""
        if not self._awake.is_set():
            self._awake.set()

    def hurry(self) -> None:
        """See `flyte_nb.backends.workers.attempt.Reader`."""
        if not self._reading.locked():
            self._hurried.set()

    def stand_by(self) -> None:
        """Read while an attempt goes on, until the kernel has gone; to be called on a thread of its own."""
        worker = self._worker
        while not self._is_alone:
            self._awake.wait()
            seen = worker.begun
            hurried = self._hurried.wait(LOOK_EVERY_S)
            if hurried or (worker.is_busy and worker.begun == seen):
                self._hurried.clear()
                self._take_over()
            elif worker.begun == seen:
                self._awake.clear()
                if worker.is_busy:  # it has begun just before the line above, and found this thread awake
                    self._awake.set()

    def _take_over(self) -> None:
        worker = self._worker
        while self._reading.acquire(blocking=False):
            try:
                told = worker.told
                while worker.told == told:
                    if not self._read():
                        self._is_alone = True
                        self._leave()
                        return
            finally:
                self._reading.release()
            if worker.told >= self._waited_for:
                return

    def _read(self) -> bool:
        """Take up the next piece; false when there is no kernel any more."""
        try:
            piece = self._channel.recv(PIECE_BYTES)
        except OSError as error:
            _end_if_closed_here(error)
            piece = b""
        for frame in self._frames.add(piece):
            self._worker.receive(say.decode_for_worker(frame))
        if not piece:
            self._worker.close()
        return bool(piece)
