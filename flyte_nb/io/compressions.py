"""Streams that compress and decompress on the way."""

from __future__ import annotations

from typing import Any, Literal

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
    if compression == "gzip":
        import gzip

        # without name and time: the same content has the same digest
        return _Owning(gzip.GzipFile(filename="", mode=mode, fileobj=binary, mtime=0), binary)
    if compression == "bz2":
        import bz2

        return _Owning(bz2.BZ2File(binary, mode), binary)
    if compression in ("xz", "lzma"):
        import lzma

        form = lzma.FORMAT_ALONE if compression == "lzma" and mode == "wb" else None
        return _Owning(lzma.LZMAFile(binary, mode, format=form), binary)
    import fsspec.compression

    known = fsspec.compression.compr
    make = known.get(compression) if isinstance(compression, str) else None
    if make is None:
        names = ", ".join(sorted({*_BUILT_IN, *(name for name in known if name)}))
        raise ValueError(
            f"No compression is called {compression!r} here: expected one of {names}, 'infer' or None."
            " zstd needs the package zstandard, lz4 the package lz4."
        )
    return _Owning(make(binary, mode), binary)


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
