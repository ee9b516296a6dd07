"""The awaitable face of an opened file: small steps on a near file at once, everything else on a thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar

from .._public import public
from .streams import OpenedFile

T = TypeVar("T")

AT_ONCE_BYTES = 64 * 1024


@public
class AsyncStream:
    """A file that was opened in an ``async with`` block; its methods are those of Python's files, awaited.

    Examples
    --------
    >>> async with file.open("rb") as stream:
    ...     head = await stream.read(100)

    Specification: *Files and directories*.
    """

    def __init__(self, opened: OpenedFile) -> None:
        self._opened = opened
        self._stream = opened.stream
        self._is_near = opened.is_near
        self._busy = threading.Lock()  # a cancelled step goes on in its thread until it is done

    async def read(self, size: int = -1) -> Any:
        """Up to `size` bytes or characters; everything that is left if it is negative."""
        return await self._step(0 <= size <= AT_ONCE_BYTES, lambda: self._stream.read(size))

    async def readline(self, size: int = -1) -> Any:
        """The next line with its end, empty after the last one."""
        return await self._step(True, lambda: self._stream.readline(size))

    async def readlines(self, hint: int = -1) -> list[Any]:
        """All lines that are left."""
        return await self._step(False, lambda: self._stream.readlines(hint))

    async def readinto(self, buffer: Any) -> int:
        """Fill `buffer` with bytes; how many there were."""
        return await self._step(len(buffer) <= AT_ONCE_BYTES, lambda: self._stream.readinto(buffer))

    async def write(self, data: Any) -> int:
        """Write bytes or text; how much it was."""
        return await self._step(len(data) <= AT_ONCE_BYTES, lambda: self._stream.write(data))

    async def writelines(self, lines: Iterable[Any]) -> None:
        """Write all of `lines`, which bring their own ends."""
        await self._step(False, lambda: self._stream.writelines(lines))

    async def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position; where that is."""
        return await self._step(True, lambda: self._stream.seek(offset, whence))

    async def tell(self) -> int:
        """The position."""
        return await self._step(True, self._stream.tell)

    async def flush(self) -> None:
        """Hand on what is buffered. It becomes visible at the end of the block all the same."""
        await self._step(False, self._stream.flush)

    async def close(self) -> None:
        """Close before the block ends; what was written is published at its end."""
        await self._step(False, self._stream.close)

    def readable(self) -> bool:
        """Whether it was opened for reading."""
        return bool(self._stream.readable())

    def writable(self) -> bool:
        """Whether it was opened for writing."""
        return bool(self._stream.writable())

    def seekable(self) -> bool:
        """Whether one may go to another position."""
        return bool(self._stream.seekable())

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return bool(self._stream.closed)

    def __aiter__(self) -> AsyncStream:
        return self

    async def __anext__(self) -> Any:
        line = await self.readline()
        if not line:
            raise StopAsyncIteration
        return line

    async def _step(self, is_small: bool, operation: Callable[[], T]) -> T:
        if is_small and self._is_near and self._busy.acquire(blocking=False):
            try:
                return operation()
            finally:
                self._busy.release()
        return await asyncio.to_thread(self._locked, operation)

    def _locked(self, operation: Callable[[], T]) -> T:
        with self._busy:
            return operation()

    async def _finish(self) -> tuple[str, int] | None:
        return await self._step(False, self._opened.finish)

    async def _discard(self) -> None:
        await self._step(False, self._opened.discard)


@public
class OpeningAsync:
    """What ``file.open(...)`` gives: an ``async with`` block.

    Parameters
    ----------
    opener : function
        Opens the file, on a thread where it is far away.
    finished : function
        Told the digest and the size of what was written.
    """

    def __init__(
        self, opener: Callable[[], OpenedFile], finished: Callable[[tuple[str, int]], None], *, is_near: bool
    ) -> None:
        self._opener, self._finished, self._is_near = opener, finished, is_near
        self._stream: AsyncStream | None = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{name!r} is of a stream, and a stream is opened by a block: `async with file.open() as stream:`, and in"
            f" it `stream.{name}`."
        )

    async def __aenter__(self) -> AsyncStream:
        opened = self._opener() if self._is_near else await asyncio.to_thread(self._opener)
        self._stream = AsyncStream(opened)
        return self._stream

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        if error is not None:
            await stream._discard()
            return
        written = await stream._finish()
        if written is not None:
            self._finished(written)

    def __enter__(self) -> Any:
        raise TypeError("File.open is awaited: write `async with file.open(...)`, or `with file.open_sync(...)`.")

    def __exit__(self, *_: Any) -> None:
        """Never reached."""

    def __await__(self) -> Any:
        raise TypeError("File.open gives a block: write `async with file.open(...) as stream:`, without `await`.")
