"""A blocking call outside a run that is interrupted leaves nothing behind, however early the interrupt comes."""

from __future__ import annotations

import _thread
import asyncio
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flyte_nb._aio import finished


@contextmanager
def interrupt_as_threads_begin() -> Iterator[None]:
    """Interrupt the main thread whenever it has begun another one and was not told of it yet."""
    own = threading.get_ident()
    every_s = sys.getswitchinterval()

    def interrupt(*_: Any) -> None:
        sys.setprofile(None)
        if threading.get_ident() != own:
            _thread.interrupt_main()

    sys.setswitchinterval(60)  # whoever began the thread comes to itself when that waits for something
    threading.setprofile(interrupt)
    try:
        yield
    finally:
        threading.setprofile(None)  # type: ignore[arg-type]
        sys.setswitchinterval(every_s)


def test_what_is_interrupted_as_its_thread_begins_has_ended_or_never_begins() -> None:
    heard: list[str] = []

    async def sleeps() -> None:
        heard.append("begins")
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("is cancelled")
            raise

    with interrupt_as_threads_begin(), pytest.raises(KeyboardInterrupt):
        finished(sleeps())
    for thread in threading.enumerate():
        if thread.name.startswith("flyte_nb-sync"):
            thread.join(timeout=10)
            assert not thread.is_alive(), "it goes on, and nobody waits for it"
    assert heard in (["begins", "is cancelled"], [])


def test_what_is_interrupted_while_it_goes_on_has_ended_when_the_caller_hears() -> None:
    heard: list[str] = []

    async def sleeps() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            heard.append("is cancelled")
            raise

    with pytest.raises(KeyboardInterrupt):
        finished(sleeps())
    assert heard == ["is cancelled"]
