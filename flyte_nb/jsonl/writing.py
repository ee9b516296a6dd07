"""Writers: a ``with`` block, and an ``async with`` block whose writes go on while the next records come."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar

from .._public import ends_tracebacks, hand_over, public
from .line_buffer import LineBuffer, Portion
from .output import Output, Written

T = TypeVar("T")

FLUSH_BYTES = 2**20
COMPRESSION_LEVEL = 3


@public
class RecordWriter:
    """Writes records as lines of JSON; what was written appears when the ``with`` block ends well.

    Examples
    --------
    >>> with out.writer_sync() as writer:
    ...     writer.write({"id": 1})

    Specification: *Files and directories*, JSONL files.
    """

    def __init__(self, buffer: LineBuffer, output: Output, finished: Callable[[list[Written]], None]) -> None:
        self._buffer, self._output, self._finished = buffer, output, finished
        self.write = _outside("with ...writer_sync() as writer:")

    write: Callable[[Any], None]
    """Write one record.

    Parameters
    ----------
    record : dict, or anything else that JSON can say
        NaN and infinite numbers become null.

    Raises
    ------
    TypeError
        If JSON cannot say it.
    ValueError
        Outside the block, where nothing would be written.
    """

    def write_many(self, records: Iterable[Any]) -> None:
        """Write records one after the other.

        Raises
        ------
        TypeError
            If JSON cannot say one of them; those before it are written.
        """
        for record in _iterable(records):
            self.write(record)

    def _flush(self) -> None:
        self._output.write(self._buffer.take())

    def __enter__(self) -> Self:
        self._output.open()
        self.write = self._buffer.adding(self._flush)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.write = _outside("with ...writer_sync() as writer:")
        try:
            if error is None:
                self._flush()
                self._finished(self._output.finish())
                return
        except BaseException:
            self._output.discard()
            raise
        self._output.discard()


@public
class AsyncRecordWriter:
    """Writes records as lines of JSON; what was written appears when the ``async with`` block ends well.

    While a portion is compressed and written on a thread, the next one is filled.

    Examples
    --------
    >>> async with out.writer() as writer:
    ...     await writer.write({"id": 1})

    Specification: *Files and directories*, JSONL files.
    """

    def __init__(self, buffer: LineBuffer, output: Output, finished: Callable[[list[Written]], None]) -> None:
        self._buffer, self._output, self._finished = buffer, output, finished
        self._add: Callable[[Any], bool | None] = _outside("async with ...writer() as writer:")
        self._turn = asyncio.Lock()
        self._busy = threading.Lock()  # a cancelled step goes on in its thread until it is done
        self._under_way: asyncio.Future[None] | None = None

    @ends_tracebacks
    async def write(self, record: Any) -> None:
        """Write one record; see `RecordWriter.write`."""
        try:
            if self._add(record):
                await self._send(self._buffer.take())
        except Exception as error:
            hand_over(error)
            raise

    async def write_many(self, records: Iterable[Any]) -> None:
        """Write records one after the other; see `RecordWriter.write_many`."""
        for record in _iterable(records):
            if self._add(record):
                await self._send(self._buffer.take())

    async def __aenter__(self) -> Self:
        await self._on_thread(self._output.open)
        self._add = self._buffer.adding(lambda: True)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._add = _outside("async with ...writer() as writer:")
        try:
            if error is None:
                await self._send(self._buffer.take())
                await self._settled()
                self._finished(await self._on_thread(self._output.finish))
                return
        except BaseException:
            await self._discard()
            raise
        await self._discard()

    async def _send(self, portion: Portion) -> None:
        async with self._turn:
            await self._settled()
            self._under_way = self._on_thread(lambda: self._output.write(portion))

    async def _settled(self) -> None:
        under_way, self._under_way = self._under_way, None
        if under_way is not None:
            await under_way

    async def _discard(self) -> None:
        if self._under_way is not None:
            await asyncio.gather(self._under_way, return_exceptions=True)
        await self._on_thread(self._output.discard)

    def _on_thread(self, step: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(None, self._alone, step)

    def _alone(self, step: Callable[[], T]) -> T:
        with self._busy:
            return step()

    def __enter__(self) -> Any:
        raise TypeError("This writer is awaited: write `async with ...writer()`, or `with ...writer_sync()`.")

    def __exit__(self, *_: Any) -> None:
        """Never reached."""


def _outside(block: str) -> Callable[[Any], None]:
    def refuse(record: Any) -> None:
        raise ValueError(f"Records are written within the writer's block, and appear when it ends: `{block}`.")

    return refuse


def _iterable(records: Iterable[Any]) -> Iterable[Any]:
    if not isinstance(records, Iterable) or isinstance(records, (str, bytes, Mapping)):
        raise TypeError(
            f"write_many takes an iterable of records, got {type(records).__name__}: {records!r:.120}. One record is"
            " written by write."
        )
    return records
