"""An event loop on a thread of its own, for scripts, tests and whoever must not be held up."""

from __future__ import annotations

import asyncio
import threading


class BackgroundLoop:
    """Starts on first use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._lock:
            if self._loop is None or self._loop.is_closed():
                loop = asyncio.new_event_loop()
                running = threading.Event()
                threading.Thread(target=_run, args=(loop, running), name="flyte_nb-loop", daemon=True).start()
                running.wait()
                self._loop = loop
            return self._loop

    def is_current(self) -> bool:
        """Whether the caller is on it."""
        try:
            return asyncio.get_running_loop() is self._loop
        except RuntimeError:
            return False


def _run(loop: asyncio.AbstractEventLoop, running: threading.Event) -> None:
    asyncio.set_event_loop(loop)
    loop.call_soon(running.set)
    loop.run_forever()
