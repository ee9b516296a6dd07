"""A link to a worker process over a socket; see `flyte_nb.backends.workers.conversation.Link`."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import signal
from collections.abc import Callable

from ...errors import OOMError
from ..workers import messages as say
from ..workers.conversation import WorkerLost
from ..workers.kept import Known
from .framing import Frames, framed
from .nursery import WorkerProcess

PIECE_BYTES = 64 * 1024  # what is larger is mapped anew for each call, and takes ten times as long


class ProcessLink:
    """Carries messages to a worker process, for one attempt after the other.

    The socket stays with the loop that it was read on last: to enter and leave it for every attempt would take as
    long as everything else about a message.

    Parameters
    ----------
    worker : WorkerProcess
    kill : callable
        Kills the process with what it started.
    give_back : callable
        Takes the link when the attempt is over: the link, and whether it may serve again.
    withdraw : callable
        Takes a link that was given back and may not serve again after all.
    """

    def __init__(
        self,
        worker: WorkerProcess,
        kill: Callable[[WorkerProcess], None],
        give_back: Callable[[ProcessLink, bool], None],
        withdraw: Callable[[ProcessLink], None],
    ) -> None:
        self.worker = worker
        self.key = ""
        self.idle_since: float = 0.0
        self.known: Known = Known()
        self._kill = kill
        self._give_back = give_back
        self._withdraw = withdraw
        self._channel = worker.channel
        self._number = worker.channel.fileno()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempts_loop: asyncio.AbstractEventLoop | None = None
        self._too_large: OOMError | None = None
        self._is_stale = False
        self._frames = Frames()
        self._unsent = bytearray()
        self._receive: Callable[[say.FromWorker], None] | None = None
        self._lost: Callable[[Exception], None] = _ignore
        self._decoders = {
            descriptor: codecs.getincrementaldecoder("utf-8")("backslashreplace") for descriptor in worker.outputs
        }
        worker.on_exit = self._exit_elsewhere

    def open(self, receive: Callable[[say.FromWorker], None], lost: Callable[[Exception], None]) -> None:
        """See `Link`."""
        self._receive, self._lost = receive, lost
        loop = self._attempts_loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._leave_loop()
            self._loop = loop
            loop.add_reader(self._number, self._read)
            for descriptor in self.worker.outputs:
                loop.add_reader(descriptor, self._read_output, descriptor)
        if not self.worker.is_alive:
            loop.call_soon(self._exited, self.worker.exit_code)

    def send(self, message: say.ToWorker) -> None:
        """See `Link`."""
        if self._loop is None:
            return
        data = framed(say.encode(message))
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._channel.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return
        if sent < len(data):
            self._unsent += data[sent:]
            self._loop.add_writer(self._number, self._write)

    def kill(self) -> None:
        """See `Link`."""
        self._kill(self.worker)

    def kill_for_memory(self, error: OOMError) -> None:
        """Kill the worker because it is over its limit; any thread may call it."""
        self._too_large = error
        self._kill(self.worker)

    def release(self, clean: bool) -> None:
        """See `Link`."""
        self._receive, self._lost = None, _ignore
        is_fit = clean and self.worker.is_alive and not (self._unsent or self._is_stale or self._too_large)
        self._give_back(self, is_fit)

    def close(self) -> None:
        """Close the channel of a worker that is gone; on the loop that reads it, where that still runs."""
        loop = self._loop
        if loop is None:
            self.worker.close()
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._close)

    def _close(self) -> None:
        self._leave_loop()
        self.worker.close()

    def _read(self) -> None:
        try:
            piece = self._channel.recv(PIECE_BYTES)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self._leave_loop()  # how it ended, the nursery tells
            return
        self._take(piece)

    def _take(self, piece: bytes) -> None:
        for frame in self._frames.add(piece):
            message = say.decode_from_worker(frame)
            self._is_stale = self._is_stale or isinstance(message, say.Stale)
            receive = self._receive
            if receive is not None:
                if isinstance(message, say.ENDS) and message.wrote:
                    self._read_outputs()
                receive(message)
            elif self._is_stale:
                self._withdraw(self)

    def _write(self) -> None:
        try:
            sent = self._channel.send(self._unsent)
        except BlockingIOError:
            return
        except OSError:
            sent = len(self._unsent)
        del self._unsent[:sent]
        if not self._unsent and self._loop is not None:
            self._loop.remove_writer(self._number)

    def _leave_loop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None and not loop.is_closed():
            loop.remove_reader(self._number)
            loop.remove_writer(self._number)
            for descriptor in self.worker.outputs:
                loop.remove_reader(descriptor)

    def _read_outputs(self) -> None:
        for descriptor in self.worker.outputs:
            while self._read_output(descriptor):
                pass

    def _read_output(self, descriptor: int) -> bool:
        """Take up what was written past Python; whether there may be more."""
        try:
            data = os.read(descriptor, PIECE_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            if self._loop is not None:
                self._loop.remove_reader(descriptor)
            return False
        text = self._decoders[descriptor].decode(data)
        if self._receive is not None and text:
            self._receive(say.Printed(self.worker.outputs[descriptor], text))
        return True

    # from the nursery's thread ------------------------------------------------------------------------------

    def _exit_elsewhere(self, status: int | None) -> None:
        loop = self._attempts_loop
        if loop is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._exited, status)

    def _exited(self, status: int | None) -> None:
        if self._receive is None:
            return
        with contextlib.suppress(OSError):
            while piece := self._channel.recv(PIECE_BYTES):
                self._take(piece)
        self._read_outputs()
        self._leave_loop()
        self._lost(self._too_large or WorkerLost(how_it_ended(status)))


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
    hint = "; did the machine run out of memory?" if -status == signal.SIGKILL else ""
    return f"was killed by signal {-status} ({name}){hint}"


def _ignore(_: object) -> None:
    pass
