"""Raw streams between a buffer and where bytes are: they make digests on the way and explain what goes wrong."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, TypeVar

from ..errors import StorageError
from ..storage.digests import RunningDigest
from ..storage.faults import explained, retried

T = TypeVar("T")


class ReadingSource(io.RawIOBase):
    """Where bytes come from; whoever reads all of them in their order gets the right ones or an error.

    Parameters
    ----------
    source : binary file object
    digest : str
        That of the content; empty if nobody knows, and then nothing is compared.
    """

    def __init__(self, address: str, source: Any, digest: str) -> None:
        self._address, self._source, self._expected = address, source, digest
        self._running = RunningDigest() if digest else None

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def seekable(self) -> bool:
        """See `io.RawIOBase`."""
        return bool(self._source.seekable())

    def readinto(self, buffer: Any, /) -> int:
        """See `io.RawIOBase`."""
        count = int(self._from_here(lambda: self._source.readinto(buffer)) or 0)
        self._note(memoryview(buffer)[:count], is_end=not count and len(buffer) > 0)
        return count

    def readall(self) -> bytes:
        """See `io.RawIOBase`."""
        data: bytes = self._from_here(self._source.read)
        self._note(memoryview(data), is_end=True)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """See `io.RawIOBase`."""
        position: int = self._source.seek(offset, whence)
        if self._running is not None and position != self._running.size:
            self._running = None
        return position

    def tell(self) -> int:
        """See `io.RawIOBase`."""
        return int(self._source.tell())

    def fileno(self) -> int:
        """See `io.RawIOBase`."""
        return int(self._source.fileno())

    def close(self) -> None:
        """See `io.RawIOBase`."""
        if not self.closed:
            self._source.close()
            super().close()

    def _from_here(self, operation: Callable[[], T]) -> T:
        """What `operation` gives, tried again from the same position where that may help."""
        with explained("read", self._address):
            if not self._source.seekable():
                return operation()
            position = self._source.tell()

            def attempt() -> T:
                self._source.seek(position)
                return operation()

            return retried(attempt)

    def _note(self, data: memoryview, *, is_end: bool) -> None:
        running = self._running
        if running is None:
            return
        running.update(data)
        if is_end:
            self._running = None
            must_be(self._expected, running.digest(), self._address)


class WritingSink(io.RawIOBase):
    """Where bytes go: to an unfinished object, which is published or thrown away; their digest is made on the way.

    Parameters
    ----------
    target : binary file object
        The unfinished object.
    publish, discard : functions
        Called once, either of them, when nothing more will be written.
    """

    def __init__(self, address: str, target: Any, publish: Callable[[], None], discard: Callable[[], None]) -> None:
        self._address, self._target = address, target
        self._publish, self._discard = publish, discard
        self._digest = RunningDigest()
        self._is_open = True

    def writable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def write(self, data: Any, /) -> int:
        """See `io.RawIOBase`."""
        if not self._is_open:
            return len(data)  # what is flushed after `forget` is wanted nowhere
        with explained("write", self._address):
            view = memoryview(data).cast("B")
            while view:
                count = self._target.write(view)
                count = len(view) if count is None else count
                self._digest.update(view[:count])
                view = view[count:]
            return len(data) if isinstance(data, bytes | bytearray) else memoryview(data).nbytes

    def tell(self) -> int:
        """See `io.RawIOBase`."""
        return self._digest.size

    def publish(self) -> tuple[str, int]:
        """Make what was written visible; its digest and size."""
        if self._is_open:
            with explained("write", self._address):
                self._publish()
            self._is_open = False
        return self._digest.digest(), self._digest.size

    def forget(self) -> None:
        """Throw away what was written."""
        if self._is_open:
            self._is_open = False
            self._discard()


def must_be(expected: str, found: str, address: str) -> None:
    """Refuse content that is not what was stored.

    Raises
    ------
    StorageError
        If the digests differ.
    """
    if found != expected:
        raise StorageError(
            f"{address} is damaged or was replaced: expected content {expected}, found {found}. Run the action"
            " that wrote it again, or refer to the new content with from_existing_remote(address)."
        )
