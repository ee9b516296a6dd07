"""Blocks that are read on a thread of their own while those before them are used.

So the loop is never held up by a file, and the next shard is opened while this one is worked on.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator

from .lines import Block

QUEUE_RECORDS = 8192


class ReadAhead:
    """Blocks of an iterator, read before they are asked for.

    Parameters
    ----------
    blocks : iterator of Block
        Used and closed on the thread.
    queue_size : int
        Reading pauses while so many records wait; 0 reads the next block when the last one was taken.
    """

    def __init__(self, blocks: Iterator[Block], queue_size: int = QUEUE_RECORDS) -> None:
        self._blocks = blocks
        self._limit = queue_size
        self._ready: deque[Block] = deque()
        self._records = 0
        self._is_done = self._is_closed = False
        self._failure: BaseException | None = None
        self._changed = threading.Condition()
        self._tell: Callable[[], None] | None = None
        run = contextvars.copy_context().run
        threading.Thread(target=run, args=(self._read,), name="flyte_nb-jsonl", daemon=True).start()

    def blocks(self) -> Iterator[Block]:
        """For ``for``."""
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(self._has_news)
                    block = self._take()
                if block is None:
                    return
                yield block
        finally:
            self.close()

    async def blocks_async(self) -> AsyncGenerator[Block, None]:
        """For ``async for``."""
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def tell() -> None:
            loop.call_soon_threadsafe(news.set)

        try:
            while True:
                with self._changed:
                    is_waiting = not self._has_news()
                    news.clear()
                    self._tell = tell if is_waiting else None
                if is_waiting:
                    await news.wait()
                else:
                    await asyncio.sleep(0)  # others have their turn even if everything is there already
                with self._changed:
                    block = self._take()
                if block is None:
                    return
                yield block
        finally:
            self.close()

    def close(self) -> None:
        """Read no further."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def _has_news(self) -> bool:
        return bool(self._ready) or self._is_done

    def _take(self) -> Block | None:
        if self._ready:
            block = self._ready.popleft()
            self._records -= len(block.records)
            self._changed.notify_all()
            return block
        if self._failure is not None:
            raise self._failure
        return None

    def _read(self) -> None:
        failure: BaseException | None = None
        try:
            while self._may_read() and (block := next(self._blocks, None)) is not None:
                with self._changed:
                    self._ready.append(block)
                    self._records += len(block.records)
                    self._say()
            self._blocks.close()  # type: ignore[attr-defined]
        except BaseException as error:
            failure = error
        with self._changed:
            self._failure, self._is_done = failure, True
            self._say()

    def _may_read(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or not self._ready or self._records < self._limit)
            return not self._is_closed

    def _say(self) -> None:
        self._changed.notify_all()
        tell, self._tell = self._tell, None
        if tell is not None and not self._is_closed:
            tell()
