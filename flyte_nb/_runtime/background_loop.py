"""An event loop on a thread of its own, for scripts, tests and whoever must not be held up."""

from __future__ import annotations

import asyncio
import threading

GRACE_S = 1.0


class BackgroundLoop:
    """Starts on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None or self._loop.is_closed():
                loop = asyncio.new_event_loop()
                running = threading.Event()
                thread = threading.Thread(target=_run, args=(loop, running), name="flyte_nb-loop", daemon=True)
                thread.start()
                running.wait()
                self._loop, self._thread = loop, thread
            return self._loop

    def close(self) -> None:
        """Stop the loop and its thread; what still runs there is cancelled and has a second. Another `get` starts anew.

        A loop that code blocks is not waited for: it stops when it turns again.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None or loop.is_closed():
            return
        loop.call_soon_threadsafe(loop.stop)
        if thread is not threading.current_thread():
            thread.join(2 * GRACE_S)

    def is_current(self) -> bool:
        """Whether the caller is on it."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False


def _run(loop: asyncio.AbstractEventLoop, running: threading.Event) -> None:
    asyncio.set_event_loop(loop)
    loop.call_soon(running.set)
    try:
        loop.run_forever()
    finally:
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.wait(left, timeout=GRACE_S))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
