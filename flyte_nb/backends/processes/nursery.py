"""The kernel's end of the nursery: worker processes are asked for here, and here it is heard how they ended."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import json
import os
import selectors
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable

from ..._registry.interpreter import Interpreter
from ...errors import RuntimeSystemError
from .nursery_main import REPORT, REQUEST

PRELOADABLE = ("numpy", "pandas", "pyarrow", "polars")


class WorkerProcess:
    """A worker process as the kernel knows it.

    Attributes
    ----------
    channel : socket
        To it; not blocking.
    outputs : dict of int to str
        Descriptors from which to read what the process writes to its own 1 and 2, not blocking, and their names.
    on_exit : callable or None
        Gets the exit code, negative for a signal, None where nobody knows; called on the nursery's thread.
    exit_code : int or None
        As `on_exit` got it.
    """

    def __init__(self, pid: int, channel: socket.socket, outputs: dict[int, str]) -> None:
        self.pid = pid
        self.channel = channel
        self.outputs: dict[int, str] = outputs
        self.on_exit: Callable[[int | None], None] | None = None
        self.is_alive = True
        self.exit_code: int | None = None

    def close(self) -> None:
        """Close what leads to it."""
        self.channel.close()
        for descriptor in self.outputs:
            os.close(descriptor)
        self.outputs = {}


class Nursery:
    """Starts with the first worker, and ends with `close`.

    Parameters
    ----------
    preload : sequence of str
        Modules that every worker finds imported already, beside those of this package.
    later : sequence of str
        Modules that workers find imported once there was time for it: the first ones do not wait for them.
    fork : bool
        Whether workers are forks of the nursery; else each is a fresh interpreter.
    interpreter : Interpreter, optional
        The Python that workers run in; by default this one, with this process's import path.
    on_idle : callable
        Asked every now and then while workers live, on the nursery's thread; gives the seconds until it wants to be
        asked again, or None.
    """

    def __init__(
        self,
        preload: tuple[str, ...],
        *,
        later: tuple[str, ...] = (),
        fork: bool,
        on_idle: Callable[[], float | None],
        interpreter: Interpreter | None = None,
    ) -> None:
        self._preload = preload
        self._later = later
        self._interpreter = interpreter
        self._fork = fork
        self._on_idle = on_idle
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._waker: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._expected: deque[tuple[concurrent.futures.Future[WorkerProcess], socket.socket, dict[int, str]]] = deque()
        self._workers: dict[int, WorkerProcess] = {}

    async def new_worker(self) -> WorkerProcess:
        """A fresh worker process.

        Raises
        ------
        RuntimeSystemError
            If no process can be made.
        """
        return await asyncio.wrap_future(self._ask())

    def kill(self, worker: WorkerProcess) -> None:
        """Kill a worker with what it has started. Any thread may call it."""
        with self._lock, contextlib.suppress(OSError):
            if self._control is not None and worker.is_alive:
                self._control.sendall(REQUEST.pack(b"K", worker.pid))

    def wake(self) -> None:
        """Have `on_idle` asked now."""
        with self._lock, contextlib.suppress(OSError):
            if self._waker is not None:
                self._waker.send(b"w")

    def close(self) -> None:
        """End the nursery and all workers, and wait until they are gone."""
        with self._lock:
            thread = self._thread
            if self._control is not None:
                with contextlib.suppress(OSError):
                    self._control.shutdown(socket.SHUT_WR)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout=5)

    def _ask(self) -> concurrent.futures.Future[WorkerProcess]:
        future: concurrent.futures.Future[WorkerProcess] = concurrent.futures.Future()
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        out, their_out = os.pipe()
        err, their_err = os.pipe()
        for descriptor in (out, err):
            os.set_blocking(descriptor, False)
        try:
            with self._lock:
                if self._control is None:
                    self._begin()
                assert self._control is not None
                self._expected.append((future, ours, {out: "stdout", err: "stderr"}))
                socket.send_fds(self._control, [REQUEST.pack(b"F", 0)], [theirs.fileno(), their_out, their_err])
        finally:
            theirs.close()
            os.close(their_out)
            os.close(their_err)
        return future

    def _begin(self) -> None:
        control, theirs = socket.socketpair()
        woken, self._waker = socket.socketpair()
        woken.setblocking(False)
        self._waker.setblocking(False)
        self._control = control
        # The nursery dies with the thread that makes it, so that thread must live as long: not the caller's.
        self._thread = threading.Thread(
            target=self._serve, args=(control, theirs, woken), name="flyte_nb-workers", daemon=True
        )
        self._thread.start()

    # on the nursery's thread --------------------------------------------------------------------------------

    def _serve(self, control: socket.socket, theirs: socket.socket, woken: socket.socket) -> None:
        try:
            process = self._start_process(theirs)
        except OSError as error:
            self._end(control, woken, f"the process that makes workers cannot be started: {error}")
            return
        finally:
            theirs.close()
        selector = selectors.DefaultSelector()
        selector.register(control, selectors.EVENT_READ)
        selector.register(woken, selectors.EVENT_READ)
        reports = bytearray()
        wait_s: float | None = None
        while True:
            for key, _ in selector.select(wait_s):
                if key.fileobj is control:
                    try:
                        piece = control.recv(4096)
                    except OSError:
                        piece = b""
                    if not piece:
                        process.wait()
                        selector.close()
                        self._end(control, woken, "the process that makes workers has ended")
                        return
                    reports += piece
                else:
                    with contextlib.suppress(BlockingIOError):
                        woken.recv(4096)
            while len(reports) >= REPORT.size:
                kind, pid, status = REPORT.unpack_from(reports)
                del reports[: REPORT.size]
                if kind == b"S":
                    self._started(pid)
                else:
                    _tell_exit(self._workers.pop(pid), status)
            wait_s = self._on_idle()

    def _start_process(self, theirs: socket.socket) -> subprocess.Popen[bytes]:
        imports = "".join(f"import {name}; " for name in self._preload)
        worker = self._command(
            f"{imports}from flyte_nb.backends.processes.worker_main import serve; serve(int(sys.argv[1]))"
        )
        spawned = [] if self._fork else worker
        nursery = self._command(
            "from flyte_nb.backends.processes.nursery_main import main;"
            f" main({theirs.fileno()}, {os.getpid()}, {list(self._preload)!r}, {list(self._later)!r}, {spawned!r})"
        )
        return subprocess.Popen(
            nursery,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )

    def _command(self, program: str) -> list[str]:
        if self._interpreter is not None:
            return self._interpreter.command(program)
        path = json.dumps([entry or os.getcwd() for entry in sys.path if isinstance(entry, str)])
        return [sys.executable, "-c", f"import sys, json; sys.path[:] = json.loads({path!r}); {program}"]

    def _started(self, pid: int) -> None:
        future, channel, outputs = self._expected.popleft()
        worker = self._workers[pid] = WorkerProcess(pid, channel, outputs)
        if not future.set_running_or_notify_cancel():
            self.kill(worker)
            worker.close()
            return
        future.set_result(worker)

    def _end(self, control: socket.socket, woken: socket.socket, why: str) -> None:
        with self._lock:
            self._control = self._thread = None
            waker, self._waker = self._waker, None
            expected, self._expected = self._expected, deque()
        for ours in (control, woken, waker):
            if ours is not None:
                ours.close()
        for worker in tuple(self._workers.values()):
            _tell_exit(worker, None)
        self._workers.clear()
        for future, channel, outputs in expected:
            channel.close()
            for descriptor in outputs:
                os.close(descriptor)
            if future.set_running_or_notify_cancel():
                future.set_exception(RuntimeSystemError("WorkerError", f"No worker process can be had: {why}."))


def _tell_exit(worker: WorkerProcess, status: int | None) -> None:
    worker.is_alive, worker.exit_code = False, status
    if worker.on_exit is not None:
        worker.on_exit(status)


def loaded_heavy_modules() -> tuple[str, ...]:
    """Large modules that this process has imported, so that its tasks are likely to need them."""
    return tuple(name for name in PRELOADABLE if name in sys.modules)
