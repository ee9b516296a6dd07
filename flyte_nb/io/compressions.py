"""Streams that compress and decompress on the way."""

from __future__ import annotations

import io
from typing import Any, Literal

from ..errors import StorageError
from .zstd_frames import decompressed

_BUFFER_BYTES = 128 * 1024
_BY_ENDING = {"gz": "gzip", "bz2": "bz2", "xz": "xz", "lzma": "lzma", "zst": "zstd", "zstd": "zstd", "lz4": "lz4"}
_BUILT_IN = ("gzip", "bz2", "xz", "lzma")


def compressed(binary: Any, address: str, mode: Literal["rb", "wb"], compression: str | None) -> Any:
    """`binary` itself, or a stream around it that compresses what is written and decompresses what is read.

    Closing the outer stream closes the inner one.

    Raises
    ------
    ValueError
        If nobody knows that compression here.
    """
    if compression == "infer":
        compression = _BY_ENDING.get(address.rpartition(".")[2].lower())
    if compression is None:
        return binary
    stream = _compressing(binary, mode, compression, address)
    if mode == "wb":
        return _Owning(stream, binary)
    return io.BufferedReader(_Decompressing(stream, binary, address), _BUFFER_BYTES)


def _compressing(binary: Any, mode: Literal["rb", "wb"], compression: str, address: str) -> Any:
    if compression == "gzip":
        import gzip

        # without name and time: the same content has the same digest
        return gzip.GzipFile(filename="", mode=mode, fileobj=binary, mtime=0)
    if compression == "bz2":
        import bz2

        return bz2.BZ2File(binary, mode)
    if compression in ("xz", "lzma"):
        import lzma

        form = lzma.FORMAT_ALONE if compression == "lzma" and mode == "wb" else None
        return lzma.LZMAFile(binary, mode, format=form)
    import fsspec.compression

    known = fsspec.compression.compr
    make = known.get(compression) if isinstance(compression, str) else None
    if make is None:
        names = ", ".join(sorted({*_BUILT_IN, *(name for name in known if name)}))
        raise ValueError(
            f"No compression is called {compression!r} here: expected one of {names}, 'infer' or None."
            " zstd needs the package zstandard, lz4 the package lz4."
        )
    if compression != "zstd":
        return make(binary, mode)
    if mode == "rb":  # the library takes an end that was cut off for an end
        return _ZstdReader(binary, address)
    import zstandard

    return zstandard.ZstdCompressor(write_checksum=True).stream_writer(binary, closefd=False)


class _ZstdReader:
    def __init__(self, binary: Any, address: str) -> None:
        import zstandard

        self._pieces = decompressed(binary.read, address, zstandard)
        self._rest = memoryview(b"")

    def read(self, size: int) -> memoryview:
        """Up to `size` bytes, none at the end."""
        while not self._rest and (piece := next(self._pieces, None)) is not None:
            self._rest = memoryview(piece)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def seekable(self) -> bool:
        """It is not."""
        return False

    def close(self) -> None:
        """Forget what was read ahead."""
        self._pieces.close()  # type: ignore[attr-defined]


class _Decompressing(io.RawIOBase):
    """A decompressing stream that names what is damaged, and closes what is below it."""

    def __init__(self, outer: Any, inner: Any, address: str) -> None:
        self._outer, self._inner, self._address = outer, inner, address

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Whether the decompressing stream can go back, by beginning anew."""
        return bool(self._outer.seekable())

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position of the decompressed content."""
        return int(self._outer.seek(offset, whence))

    def tell(self) -> int:
        """The position in the decompressed content."""
        return int(self._outer.tell())

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`."""
        try:
            data = self._outer.read(len(buffer))
        except StorageError:
            raise
        except EOFError as error:
            raise StorageError(
                f"Cannot read {self._address!r}: it ends in the middle of its compressed data. Was its copy cut off?"
                " Get or write it again."
            ) from error
        except Exception as error:
            if getattr(error, "errno", None) is not None or isinstance(error, FileNotFoundError):
                raise
            raise StorageError(
                f"Cannot read {self._address!r}: its compressed data is damaged ({error}), or compressed in another"
                " way. Get or write it again."
            ) from error
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close both streams."""
        if not self.closed:
            try:
                self._outer.close()
            finally:
                self._inner.close()
                super().close()


class _Owning:
    """A compressing stream that closes what is below it, which most of them leave open."""

    def __init__(self, outer: Any, inner: Any) -> None:
        self._outer, self._inner = outer, inner

    def close(self) -> None:
        """Complete the compressed stream, then close what is below."""
        try:
            self._outer.close()
        finally:
            self._inner.close()

    @property
    def closed(self) -> bool:
        """Whether it was closed."""
        return bool(self._inner.closed)

    def __iter__(self) -> Any:
        return iter(self._outer)

    def __next__(self) -> Any:
        return next(self._outer)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outer, name)
