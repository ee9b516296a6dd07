"""Opened files: reading anywhere, writing that shows nothing until the block has ended well."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any

from .._misfit import nearest
from .._public import public
from ..storage.addresses import filesystem, local_path, publishes_whole
from ..storage.faults import explained, retried
from ..storage.local_copy import make_private, unfinished_beside
from ..storage.remote_copy import discard, rename, unfinished_name, with_folder
from .compressions import compressed
from .raw_streams import ReadingSource, WritingSink

WRITING = frozenset(["w", "wb", "wt", "x", "xb", "xt"])
_MODES = WRITING | {"r", "rb", "rt"}
_BUFFER_BYTES = 256 * 1024
_TEXT_OPTIONS = ("encoding", "errors", "newline")
_WORDS = ("mode", "block_size", "cache_type", "compression", *_TEXT_OPTIONS)
_MISSPELT = 0.75
"""How like one of these words another is that means it; fsspec's `cache_options` is less so."""


class OpenedFile:
    """One opening of a file.

    Attributes
    ----------
    stream : file object
        What the user reads from or writes to.
    is_near : bool
        Whether a small read or write takes microseconds.
    """

    def __init__(self, stream: Any, sink: WritingSink | None, *, is_near: bool) -> None:
        self.stream = stream
        self.is_near = is_near
        self._sink = sink

    def finish(self) -> tuple[str, int] | None:
        """Close; what was written appears under its address. The digest and size of it, None after reading."""
        sink = self._sink
        try:
            self.stream.close()
            return sink.publish() if sink is not None else None
        except BaseException:
            self.discard()
            raise

    def discard(self) -> None:
        """Close; what was written is thrown away."""
        if self._sink is not None:
            self._sink.forget()
        try:
            self.stream.close()
        except Exception:
            pass


@public
class Opening:
    """What ``file.open_sync(...)`` gives: a ``with`` block.

    Parameters
    ----------
    opener : function
        Opens the file.
    finished : function
        Told the digest and the size of what was written.
    """

    def __init__(self, opener: Callable[[], OpenedFile], finished: Callable[[tuple[str, int]], None]) -> None:
        self._opener, self._finished = opener, finished
        self._opened: OpenedFile | None = None

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"{name!r} is of a stream, and a stream is opened by a block: `with file.open_sync() as stream:`, and in it"
            f" `stream.{name}`."
        )

    def __enter__(self) -> Any:
        self._opened = self._opener()
        return self._opened.stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        opened, self._opened = self._opened, None
        if opened is None:
            return
        if error is not None:
            opened.discard()
            return
        written = opened.finish()
        if written is not None:
            self._finished(written)

    def __aenter__(self) -> Any:
        raise TypeError(
            "File.open_sync is not awaited: write `with file.open_sync(...)`, or `async with file.open(...)`."
        )

    def __aexit__(self, *_: Any) -> None:
        """Never reached."""


def open_file(
    address: str,
    mode: str,
    *,
    block_size: int | None = None,
    cache_type: str = "readahead",
    compression: str | None = None,
    options: dict[str, Any] | None = None,
    digest: str = "",
) -> OpenedFile:
    """Open what is at `address`, or what will be.

    Whoever reads from beginning to end what has another digest than `digest` gets an error at the end.

    Raises
    ------
    ValueError
        If the mode or the compression is unknown.
    TypeError
        If an option is a misspelt word of `File.open`.
    FileNotFoundError, IsADirectoryError, PermissionError, StorageError
        If it cannot be opened.
    """
    options = dict(options or {})
    _refuse_misspelt(options)
    text = {name: options.pop(name) for name in _TEXT_OPTIONS if name in options}
    is_text = _checked(mode, text)
    reads = mode.startswith("r")
    path = local_path(address)
    with explained("open" if reads else "write", address):
        sink = None
        if reads:
            binary = _reader(address, path, block_size, cache_type, options, digest)
        else:
            sink = _local_sink(address, path, mode) if path is not None else _remote_sink(address, mode, block_size)
            binary = io.BufferedWriter(sink, _BUFFER_BYTES)
        try:
            stream = compressed(binary, address, "rb" if reads else "wb", compression)
            if is_text:
                stream = io.TextIOWrapper(stream, **{"encoding": "utf-8", **text})
        except BaseException:
            if sink is not None:
                sink.forget()
            binary.close()
            raise
    return OpenedFile(stream, sink, is_near=path is not None)


def _checked(mode: str, text: dict[str, Any]) -> bool:
    """Whether a mode is one of text.

    Raises
    ------
    ValueError
        If it is none that can be served.
    """
    if mode not in _MODES:
        why = (
            " What is stored is never changed in place: read it and write a new file."
            if isinstance(mode, str) and any(sign in mode for sign in "a+")
            else ""
        )
        raise ValueError(f"A file cannot be opened in mode {mode!r}: expected 'rb', 'r', 'wb', 'w', 'xb' or 'x'.{why}")
    is_text = "b" not in mode
    if text and not is_text:
        raise ValueError(f"{', '.join(text)} only mean something for text: open in mode {mode.replace('b', '')!r}.")
    return is_text


def _refuse_misspelt(options: dict[str, Any]) -> None:
    """Other words are for the file system of the address, of which this machine's takes none: they stay allowed."""
    meant = {name: nearest(name, _WORDS, _MISSPELT) for name in options if name not in _WORDS}
    if wrong := [f"{name!r} (did you mean {word!r}?)" for name, word in meant.items() if word]:
        raise TypeError(f"A file cannot be opened with {', '.join(wrong)}. It takes {', '.join(_WORDS)}.")


def _reader(
    address: str, path: str | None, block_size: int | None, cache_type: str, options: dict[str, Any], digest: str
) -> Any:
    if path is not None:
        if not digest:
            return open(path, "rb", buffering=block_size if block_size and block_size > 1 else -1)
        return io.BufferedReader(ReadingSource(address, open(path, "rb", buffering=0), digest), _BUFFER_BYTES)
    from ..storage.reading_ahead import opened_for_reading

    system, inner = filesystem(address)
    if block_size is not None:
        options["block_size"] = block_size
    if block_size is not None or cache_type != "readahead":
        options["cache_type"] = cache_type
    opened = retried(lambda: opened_for_reading(system, inner, **options))
    try:
        opened.seek(0)
    except Exception:
        pass  # a file system that only streams
    return io.BufferedReader(ReadingSource(address, opened, digest))


def _local_sink(address: str, path: str, mode: str) -> WritingSink:
    path = os.path.abspath(path)
    if os.path.isdir(path):
        raise IsADirectoryError(path)
    if mode.startswith("x") and os.path.exists(path):
        raise FileExistsError(address)
    make_private(os.path.dirname(path))
    unfinished = unfinished_beside(path)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    target = os.fdopen(descriptor, "wb", buffering=0)

    def publish() -> None:
        target.close()
        if mode.startswith("x"):
            os.link(unfinished, path)  # unlike a rename, this replaces nothing
            os.unlink(unfinished)
        else:
            os.replace(unfinished, path)

    def throw_away() -> None:
        target.close()
        try:
            os.unlink(unfinished)
        except OSError:
            pass

    return WritingSink(address, target, publish, throw_away)


def _remote_sink(address: str, mode: str, block_size: int | None) -> WritingSink:
    system, inner = filesystem(address)
    if mode.startswith("x") and retried(lambda: system.exists(inner)):
        raise FileExistsError(address)
    options = {} if block_size is None else {"block_size": block_size}
    whole = publishes_whole(system)
    where = inner if whole else unfinished_name(inner)
    with_folder(system, inner)
    target = system.open(where, "wb", **options)

    def publish() -> None:
        target.close()
        if not whole:
            rename(system, where, inner)

    def throw_away() -> None:
        # closing would complete the upload
        try:
            target.discard()
        except Exception:
            pass
        try:
            target.closed = True
        except AttributeError:
            pass
        if not whole:
            discard(system, where)

    return WritingSink(address, target, publish, throw_away)
