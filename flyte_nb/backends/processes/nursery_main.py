"""The nursery: a small process that has imported what workers need, and forks one whenever the kernel asks.

A notebook's kernel has threads and cannot be forked safely; this process has none of its own. It tells how each
worker ended, kills what a dead worker has left behind, and takes all of them along when the kernel is gone.

What only some tasks need is imported when workers are not being waited for: the first ones do without.

The kernel sends ``F`` with three descriptors (channel, stdout, stderr) to have a worker, ``K`` and a number to have one
killed. The nursery sends ``S`` and the number of a worker that was started, ``X``, number and status of one that ended.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import struct
import sys
import time
from collections import deque
from typing import Any

from .descendants import descendants_of
from .prctl import adopt_orphans, be_told_of_parents_end

REQUEST = struct.Struct("<ci")
REPORT = struct.Struct("<cii")
NEEDED_BY_MANY = (
    "flyte_nb._engine.map",
    "flyte_nb._engine.trace",
    "flyte_nb._journal.home",
    "flyte_nb._task.environment",
    "flyte_nb.types.registered",
)
END_WITHIN_S = 5.0
LOOK_AGAIN_S = 0.01


def main(descriptor: int, kernel_pid: int, preload: list[str], later: list[str], spawned: list[str]) -> None:
    """Serve until the kernel closes its end."""
    be_told_of_parents_end(signal.SIGTERM)  # to live on until all that tasks have started has ended
    if os.getppid() != kernel_pid:
        return
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    adopt_orphans()
    if not spawned:
        for name in ("flyte_nb.backends.processes.worker_main", *preload):
            _import(name)
        gc.freeze()
    with socket.socket(fileno=descriptor) as control:
        Nursery(control, [] if spawned else [*NEEDED_BY_MANY, *later], spawned).serve()


class Nursery:
    """See the module.

    Parameters
    ----------
    control : socket
        To the kernel.
    later : list of str
        Modules to import when there is nothing else to do.
    spawned : list of str
        Where a fork of this process will not do: the command of a fresh interpreter, which gets the channel's number.
    """

    def __init__(self, control: socket.socket, later: list[str], spawned: list[str]) -> None:
        self._control = control
        self._later = deque(later)
        self._spawned = spawned
        self._workers: set[int] = set()
        self._woken, waker = socket.socketpair()
        self._woken.setblocking(False)
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._waker = waker
        self._is_ending = False
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._on_end)

    def serve(self) -> None:
        """Do what the kernel asks, until it is gone."""
        selector = selectors.PollSelector()  # `select` refuses numbers above 1,023, which a busy kernel hands on
        selector.register(self._control, selectors.EVENT_READ)
        selector.register(self._woken, selectors.EVENT_READ)
        try:
            while True:
                ready = [key.fileobj for key, _ in selector.select(0 if self._later else None)]
                if not ready:
                    self._prepare()
                    continue
                if self._woken in ready:
                    with contextlib.suppress(BlockingIOError):
                        self._woken.recv(4096)
                    self._reap()
                if self._is_ending:
                    return
                if self._control in ready and not self._take_request():
                    return
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            signal.set_wakeup_fd(-1)
            _end_descendants()

    def _on_end(self, *_: Any) -> None:
        self._is_ending = True

    def _prepare(self) -> None:
        """Import one more module; collect what all of them left behind, so that forks share the rest for longer."""
        _import(self._later.popleft())
        if not self._later:
            gc.collect()
            gc.freeze()

    def _take_request(self) -> bool:
        data, descriptors, _, _ = socket.recv_fds(self._control, REQUEST.size, 3)
        while data and len(data) < REQUEST.size:
            more = self._control.recv(REQUEST.size - len(data))
            data += more
            if not more:
                return False
        if not data:
            return False
        kind, pid = REQUEST.unpack(data)
        if kind == b"F":
            self._fork(descriptors)
        elif pid in self._workers:
            _kill(pid)
        return True

    def _fork(self, descriptors: list[int]) -> None:
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                self._become_worker(descriptors, nursery)
            finally:
                os._exit(70)
        for descriptor in descriptors:
            os.close(descriptor)
        self._workers.add(pid)
        self._control.sendall(REPORT.pack(b"S", pid, 0))

    def _become_worker(self, descriptors: list[int], nursery: int) -> None:
        channel, out, err = descriptors
        os.setsid()
        be_told_of_parents_end(signal.SIGKILL)
        if os.getppid() != nursery:
            return
        adopt_orphans()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for ours in (self._control, self._woken, self._waker):
            ours.close()
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (out, 1), (err, 2)):
            os.dup2(source, target)
            os.close(source)
        if self._spawned:
            os.set_inheritable(channel, True)
            os.execv(self._spawned[0], [*self._spawned, str(channel)])
        numpy: Any = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed()  # else all workers would draw the same numbers
        from .worker_main import serve

        serve(channel)

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            if pid in self._workers:
                self._workers.discard(pid)
                _kill(pid, only_group=True)
                self._kill_orphans()
                self._control.sendall(REPORT.pack(b"X", pid, os.waitstatus_to_exitcode(status)))

    def _kill_orphans(self) -> None:
        """What a dead worker started is this process's child now, wherever it hid."""
        children = descendants_of([os.getpid()])[os.getpid()]
        of_workers = {one for below in descendants_of(self._workers).values() for one in below} | self._workers
        for pid in children:
            if pid not in of_workers:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)


def _end_descendants() -> None:
    """Kill all below this process, until nothing is left: what has lost its parent comes to light as its own child."""
    give_up_at = time.monotonic() + END_WITHIN_S
    while time.monotonic() < give_up_at:
        below = descendants_of([os.getpid()])[os.getpid()]
        if not below:
            return
        for pid in below:
            _kill(pid)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        time.sleep(LOOK_AGAIN_S)


def _import(name: str) -> None:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


def _kill(pid: int, *, only_group: bool = False) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    if not only_group:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
