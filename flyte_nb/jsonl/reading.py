"""What blocks are turned into: records, batches, Arrow batches; each for `for` and for `async for`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import aclosing
from itertools import chain
from typing import Any

from .._public import hand_over, public
from .arrow import ArrowBatches
from .broken_lines import OnError, fault_handler, settled
from .lines import Block
from .read_ahead import QUEUE_RECORDS, ReadAhead

BATCH_RECORDS = 1000
ARROW_ROWS = 65_536

Blocks = Callable[[], Iterator[Block]]


class Reading:
    """One way through the records of something.

    Parameters
    ----------
    blocks : function
        Gives the blocks; called when the first record is asked for.
    on_error : {"raise", "skip"} or function
    queue_size : int
        How many records may be read ahead.
    is_ahead : bool
        Whether plain iteration reads ahead too, on a thread. `async for` always reads on one.

    Raises
    ------
    ValueError
        If `on_error` or `queue_size` is none.
    """

    def __init__(
        self, blocks: Blocks, on_error: OnError, *, queue_size: int = QUEUE_RECORDS, is_ahead: bool = False
    ) -> None:
        self._blocks = blocks
        self._handle = fault_handler(on_error)
        self._queue_size = checked_count("queue_size", queue_size)
        self._is_ahead = is_ahead

    def records(self) -> Iterator[Any]:
        """Record by record."""
        return chain.from_iterable(self._settled())

    async def records_async(self) -> AsyncGenerator[Any, None]:
        """As `records`, for ``async for``."""
        try:
            async with aclosing(self._settled_async()) as settled_lists:
                async for some in settled_lists:
                    for record in some:
                        yield record
        except Exception as error:
            hand_over(error)
            raise

    @public
    def batches(self, size: int) -> Iterator[list[Any]]:
        """Lists of `size` records; the last one may be shorter."""
        batcher = _Batcher(size)
        for some in self._settled():
            yield from batcher.add(some)
        yield from batcher.rest()

    @public
    async def batches_async(self, size: int) -> AsyncGenerator[list[Any], None]:
        """As `batches`, for ``async for``."""
        batcher = _Batcher(size)
        async with aclosing(self._settled_async()) as settled_lists:
            async for some in settled_lists:
                for batch in batcher.add(some):
                    yield batch
        for batch in batcher.rest():
            yield batch

    @public
    def arrow_batches(self, size: int) -> Iterator[Any]:
        """Arrow batches of `size` rows; the last one may be shorter."""
        to_arrow = ArrowBatches()
        for batch in self.batches(size):
            yield to_arrow.batch(batch)

    @public
    async def arrow_batches_async(self, size: int) -> AsyncGenerator[Any, None]:
        """As `arrow_batches`, for ``async for``."""
        to_arrow = ArrowBatches()
        async with aclosing(self.batches_async(size)) as batches:
            async for batch in batches:
                yield await asyncio.to_thread(to_arrow.batch, batch)

    @public
    def _settled(self) -> Iterator[list[Any]]:
        blocks: Iterable[Block] = self._blocks()
        if self._is_ahead:
            blocks = ReadAhead(self._blocks(), self._queue_size).blocks()
        for block in blocks:
            yield from settled(block, self._handle)

    async def _settled_async(self) -> AsyncGenerator[list[Any], None]:
        async with aclosing(ReadAhead(self._blocks(), self._queue_size).blocks_async()) as blocks:
            async for block in blocks:
                for some in settled(block, self._handle):
                    yield some


class _Batcher:
    """Lists of one length from lists of any length."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: list[Any] = []

    def add(self, records: list[Any]) -> Iterator[list[Any]]:
        held = self._held
        held += records
        full = len(held) - len(held) % self._size
        for begin in range(0, full, self._size):
            yield held[begin : begin + self._size]
        del held[:full]

    def rest(self) -> Iterator[list[Any]]:
        if self._held:
            yield self._held


def checked_count(name: str, count: Any, least: int = 0, most: int | None = None) -> int:
    """`count`, if it is a number that something can have.

    Raises
    ------
    ValueError
        If it is not.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < least or (most is not None and count > most):
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number, {limits}, got {count!r}.")
    return count
