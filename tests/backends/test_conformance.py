"""Every back-end of ours keeps what back-ends promise."""

from __future__ import annotations

from flyte_nb.backends.loop import LoopBackend
from flyte_nb.backends.processes import ProcessBackend
from flyte_nb.backends.threads import ThreadBackend
from flyte_nb.testing.backends import BackendSuite


class TestLoop(BackendSuite):
    kinds = ("async",)

    def make_backend(self) -> LoopBackend:
        return LoopBackend()


class TestThreads(BackendSuite):
    kinds = ("sync",)

    def make_backend(self) -> ThreadBackend:
        return ThreadBackend()


class TestProcesses(BackendSuite):
    def make_backend(self) -> ProcessBackend:
        return ProcessBackend()


class TestFreshInterpreters(BackendSuite):
    def make_backend(self) -> ProcessBackend:
        return ProcessBackend(start_method="spawn")
