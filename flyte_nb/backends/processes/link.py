"""A link to a worker process over a socket; see `flyte_nb.backends.workers.conversation.Link`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable

from ...errors import OOMError
from ..workers import messages as say
from ..workers.conversation import WorkerLost
from .framing import Frames, framed
from .nursery import WorkerProcess

PIECE_BYTES = 256 * 1024


class ProcessLink:
    """Carries messages to a worker process for one attempt.

    Parameters
    ----------
    worker : WorkerProcess
    kill : callable
        Kills the process with what it started.
    give_back : callable
        Takes the worker when the attempt is over: the worker, and whether it may serve again.
    """

    def __init__(
        self,
        worker: WorkerProcess,
        kill: Callable[[WorkerProcess], None],
        give_back: Callable[[WorkerProcess, bool], None],
    ) -> None:
        self.worker = worker
        self.known = worker.known
        self.too_large: OOMError | None = None
        self._kill = kill
        self._give_back = give_back
        self._loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._unsent = bytearray()
        self._receive: Callable[[say.FromWorker], None] = _ignore
        self._lost: Callable[[Exception], None] = _ignore
        self._ended = False

    def open(self, receive: Callable[[say.FromWorker], None], lost: Callable[[Exception], None]) -> None:
        """See `Link`."""
        self._receive, self._lost = receive, lost
        worker = self.worker
        worker.on_output = self._output_elsewhere
        worker.on_exit = self._exit_elsewhere
        if worker.is_alive:
            self._loop.add_reader(worker.channel, self._read)
        else:
            self._loop.call_soon(self._exited, None)

    def send(self, message: say.ToWorker) -> None:
        """See `Link`."""
        if self._ended:
            return
        data = framed(say.encode(message))
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self.worker.channel.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(data):
            self._unsent += data[sent:]
            self._loop.add_writer(self.worker.channel, self._write)

    def kill(self) -> None:
        """See `Link`."""
        self._kill(self.worker)

    def kill_for_memory(self, error: OOMError) -> None:
        """Kill the worker because it is over its limit; any thread may call it."""
        self.too_large = error
        self._kill(self.worker)

    def release(self, clean: bool) -> None:
        """See `Link`."""
        if not self._ended:
            self._leave_loop()
        worker = self.worker
        worker.on_output = worker.on_exit = None
        reusable = clean and worker.is_alive and not self._unsent and self.too_large is None
        if not worker.is_alive:
            worker.channel.close()
        self._give_back(worker, reusable)

    def _read(self) -> None:
        try:
            piece = self.worker.channel.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._loop.remove_reader(self.worker.channel)  # how it ended, the nursery tells
            return
        for frame in self._frames.add(piece):
            self._receive(say.decode_from_worker(frame))

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                sent = self.worker.channel.send(self._unsent)
            except OSError as error:
                if isinstance(error, BlockingIOError):
                    raise
                sent = len(self._unsent)
            del self._unsent[:sent]
        if not self._unsent:
            self._loop.remove_writer(self.worker.channel)

    def _leave_loop(self) -> None:
        self._ended = True
        self._loop.remove_reader(self.worker.channel)
        if self._unsent:
            self._loop.remove_writer(self.worker.channel)

    # from the nursery's thread ------------------------------------------------------------------------------

    def _output_elsewhere(self, stream: str, text: str) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._output, stream, text)

    def _exit_elsewhere(self, status: int | None) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._exited, status)

    def _output(self, stream: str, text: str) -> None:
        if not self._ended:
            self._receive(say.Printed(stream, text))

    def _exited(self, status: int | None) -> None:
        if self._ended:
            return
        with contextlib.suppress(OSError):
            while piece := self.worker.channel.recv(PIECE_BYTES):
                for frame in self._frames.add(piece):
                    self._receive(say.decode_from_worker(frame))
        self._leave_loop()
        self._lost(self.too_large or WorkerLost(how_it_ended(status)))


def how_it_ended(status: int | None) -> str:
    """An exit code in words."""
    if status is None:
        return "is gone, and nobody saw how"
    if status >= 0:
        return f"ended with exit code {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = "unknown"
    hint = " Did the machine run out of memory?" if -status == signal.SIGKILL else ""
    return f"was killed by signal {-status} ({name}).{hint}".removesuffix(".")


def _ignore(_: object) -> None:
    pass
