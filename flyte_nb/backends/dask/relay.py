"""What runs in the scheduler of a cluster: it passes messages on between kernels and Dask workers.

Both have a connection to the scheduler already, with Dask's own security, so that a kernel behind a router works and
nothing more listens. The plugin travels by value: a scheduler needs none of this package.
"""

from __future__ import annotations

from typing import Any

from .wire import DOWN, ERRED, GONE, HELLO, LEAVES, MOVED, NO_WORKER, PROTOCOL, READY, RESTARTED, UP, WORKER


def relay() -> Any:
    """The plugin for `Client.register_plugin`."""
    from distributed import SchedulerPlugin

    class Relay(SchedulerPlugin):
        """See the module; classes of functions are pickled with their code."""

        name = PROTOCOL
        idempotent = True

        async def start(self, scheduler: Any) -> None:
            self.scheduler = scheduler
            self.clients: set[str] = set()
            self.hosts: set[str] = set()
            scheduler.stream_handlers.update({HELLO: self.hello, DOWN: self.down, UP: self.up, LEAVES: self.leaves})

        def hello(self, client: str) -> None:
            """A kernel wants to be told about workers and its attempts."""
            self.clients.add(client)
            for address in self.scheduler.workers:
                self.introduce(client, address)
            self.tell(client, READY)

        def up(self, worker: str, client: str, key: str, kind: str, data: bytes) -> None:
            """A Dask worker has something to say to a kernel."""
            self.hosts.add(worker)
            if client in self.clients:
                self.tell(client, kind, key, data, worker)
            else:
                self.send(worker, client, "", GONE, b"")

        def leaves(self, worker: str) -> None:
            """A Dask worker closes in good order: what it does is begun again elsewhere, and counts as no failure."""
            state = self.scheduler.workers.get(worker)
            for task in tuple(state.processing) if state is not None else ():
                if any(wanting.client_key in self.clients for wanting in task.who_wants or ()):
                    task.suspicious = -1

        def down(self, client: str, worker: str, key: str, kind: str, data: bytes) -> None:
            """A kernel has something to say to a Dask worker."""
            self.send(worker, client, key, kind, data)

        def send(self, worker: str, client: str, key: str, kind: str, data: bytes) -> None:
            comm = self.scheduler.stream_comms.get(worker)
            if comm is not None and worker in self.hosts and not comm.closed():
                comm.send({"op": DOWN, "client": client, "key": key, "kind": kind, "data": data})

        def tell(self, client: str, kind: str, key: str = "", data: Any = b"", worker: str = "") -> None:
            comm = self.scheduler.client_comms.get(client)
            if comm is not None and not comm.closed():
                comm.send({"op": UP, "key": key, "kind": kind, "data": data, "worker": worker})

        def introduce(self, client: str, address: str) -> None:
            state = self.scheduler.workers[address]
            about = {
                "threads": state.nthreads,
                "memory": state.memory_limit,
                "resources": dict(state.resources),
                "python": (state.versions.get("host") or {}).get("python", ""),
            }
            self.tell(client, WORKER, "", about, address)

        # what the scheduler says --------------------------------------------------------------------------------

        def update_graph(self, scheduler: Any, *, client: str, tasks: list[Any], **_: Any) -> None:
            """Have Dask not repeat an attempt whose worker died: whether there is another one, the engine decides."""
            if client in self.clients:
                for key in tasks:
                    state = scheduler.tasks.get(key)
                    if state is not None:
                        state.suspicious = max(state.suspicious, scheduler.allowed_failures)

        def transition(self, key: Any, start: str, finish: str, *_: Any, **more: Any) -> None:
            """Tell a kernel that one of its attempts has failed, or moves because its worker leaves."""
            if finish == "erred" or (start == "processing" and finish in ("released", "waiting", "no-worker")):
                state = self.scheduler.tasks.get(key)
                for wanting in tuple(state.who_wants or ()) if state is not None else ():
                    if wanting.client_key in self.clients:
                        text = str(more.get("exception_text") or state.exception_text or "")
                        if finish != "erred":
                            self.tell(wanting.client_key, MOVED, key)
                        else:
                            self.tell(wanting.client_key, ERRED, key, text, next(iter(state.erred_on or ()), ""))

        def restart(self, scheduler: Any) -> None:
            """Somebody restarts the cluster, and the scheduler has forgotten all tasks without a word about them."""
            for client in self.clients:
                self.tell(client, RESTARTED)

        def add_worker(self, scheduler: Any, worker: str) -> None:
            for client in self.clients:
                self.introduce(client, worker)

        def remove_worker(self, scheduler: Any, worker: str, **_: Any) -> None:
            self.hosts.discard(worker)
            for client in self.clients:
                self.tell(client, NO_WORKER, worker=worker)

        def remove_client(self, scheduler: Any, client: str) -> None:
            if client in self.clients:
                self.clients.discard(client)
                for worker in tuple(self.hosts):
                    self.send(worker, client, "", GONE, b"")

    return Relay()


def entry() -> Any:
    """The function that is a Dask task: it finds this package on the worker, or says that it is not there."""

    def flyte_nb_attempt(order: bytes) -> None:
        try:
            from flyte_nb.backends.dask.host import serve
        except ImportError as error:
            raise RuntimeError(f"flyte_nb cannot be imported: {type(error).__name__}: {error}") from None
        serve(order)

    return flyte_nb_attempt
