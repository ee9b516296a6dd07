"""Where lines go: one file, or the shards of a directory. Every method may be called on any thread, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from ..io.streams import OpenedFile
from .extra import zstandard
from .line_buffer import Portion


class Written(NamedTuple):
    """A file that was written: its name, the digest of its content and its size in bytes."""

    name: str
    digest: str
    size: int


class Output(Protocol):
    """What portions are written to.

    Nothing of a file is visible before it is complete. After `discard` what was complete stays.
    """

    def open(self) -> None:
        """Get ready, so that what is wrong with the place is found before the first record."""

    def write(self, portion: Portion) -> None:
        """Go on with a portion."""

    def finish(self) -> list[Written]:
        """Complete it; what was written."""

    def discard(self) -> None:
        """Throw away the file that is not complete."""


class FileOutput:
    """One file.

    Parameters
    ----------
    name : str
    opener : function
        Opens the file, for bytes.
    level : int or None
        How hard to compress; None for a plain file.
    """

    def __init__(self, name: str, opener: Callable[[], OpenedFile], level: int | None) -> None:
        self._name, self._opener, self._level = name, opener, level
        self._opened: OpenedFile | None = None
        self._compressor: Any = None

    def open(self) -> None:
        """See `Output`."""
        if self._level is not None:
            # with a checksum, so that damage is noticed
            self._compressor = zstandard().ZstdCompressor(level=self._level, write_checksum=True).compressobj()
        self._opened = self._opener()

    def write(self, portion: Portion) -> None:
        """See `Output`."""
        lines = portion.lines
        self._send(self._compressor.compress(lines) if self._compressor is not None else lines)

    def finish(self) -> list[Written]:
        """See `Output`."""
        assert self._opened is not None
        if self._compressor is not None:
            self._send(self._compressor.flush())
        written = self._opened.finish()
        assert written is not None
        return [Written(self._name, *written)]

    def discard(self) -> None:
        """See `Output`."""
        if self._opened is not None:
            self._opened.discard()

    def _send(self, data: bytes) -> None:
        if data:
            self._opened.stream.write(data)  # type: ignore[union-attr]


class ShardOutput:
    """Files of a directory, one after the other.

    Parameters
    ----------
    shards : function
        Numbers of the shards that are there already.
    shard : function
        The output for the shard of a number.
    """

    def __init__(self, shards: Callable[[], list[int]], shard: Callable[[int], FileOutput]) -> None:
        self._shards, self._shard = shards, shard
        self._next = 0
        self._current: FileOutput | None = None
        self._written: list[Written] = []

    def open(self) -> None:
        """See `Output`."""
        self._next = max(self._shards(), default=-1) + 1

    def write(self, portion: Portion) -> None:
        """See `Output`."""
        if not portion.lines and not portion.ends_shard:
            return
        if self._current is None:
            self._current = self._shard(self._next)
            self._current.open()
            self._next += 1
        self._current.write(portion)
        if portion.ends_shard:
            self._complete()

    def finish(self) -> list[Written]:
        """See `Output`; a directory without records gets a shard without lines, so that it exists."""
        if self._next == 0:
            self.write(Portion(b"", ends_shard=True))
        self._complete()
        return self._written

    def discard(self) -> None:
        """See `Output`."""
        if self._current is not None:
            self._current.discard()

    def _complete(self) -> None:
        if self._current is not None:
            self._written += self._current.finish()
            self._current = None
