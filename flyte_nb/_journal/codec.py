"""Records as bytes with a checksum, and back.

MessagePack of typed structs: a field the reader does not know is an error, a field the writer did not know
takes its default, so that old rows stay readable.
"""

from __future__ import annotations

import zlib
from typing import Any, TypeAlias, TypeVar

import msgspec

from ..errors import JournalCorruptionError
from ..models.events import AnyEvent, LogLine, StoredLiterals
from ..models.text import packed

Row: TypeAlias = tuple[int, bytes, int]
"""A record as its table has it: number, body and checksum."""


class EventHead(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How any event begins. Of an action's events, `third` is its name."""

    kind: str
    at: float
    third: Any = None
    fourth: Any = None


_event_decoder = msgspec.msgpack.Decoder(AnyEvent)
_head_decoder = msgspec.msgpack.Decoder(EventHead)
_log_decoder = msgspec.msgpack.Decoder(LogLine)
_literals_decoder = msgspec.msgpack.Decoder(StoredLiterals)

T = TypeVar("T")

encode = packed
checksum = zlib.crc32


def is_whole(body: object, crc: object) -> bool:
    """Whether a row holds bytes of that checksum; a damaged file may have anything there."""
    return isinstance(body, bytes) and checksum(body) == crc


def decode_event(body: bytes, crc: int, where: str) -> AnyEvent:
    """The event in `body`.

    Raises
    ------
    JournalCorruptionError
        If the bytes do not match `crc` or are no event; `where` names the row.
    """
    event: AnyEvent = _decoded(_event_decoder, body, crc, where)
    return event


def decode_row(row: Row, run: str) -> AnyEvent:
    """The event of `run` in a row; errors as `decode_event`."""
    seq, body, crc = row
    return decode_event(body, crc, f"Event {seq} of run {run!r}")


def decode_events(rows: list[Row], run: str) -> list[tuple[int, AnyEvent]]:
    """Events of `run` with their numbers; errors as `decode_event`."""
    decode, check = _event_decoder.decode, zlib.crc32
    events: list[tuple[int, AnyEvent]] = []
    for row in rows:
        seq, body, crc = row
        try:
            if check(body) == crc:
                events.append((seq, decode(body)))
                continue
        except (TypeError, msgspec.DecodeError):
            pass
        decode_row(row, run)
    return events


def event_heads(rows: list[Row], run: str) -> list[EventHead]:
    """How the events of `run` in rows begin; each is checked against its checksum, errors as `decode_event`."""
    bodies = [body for _, body, _ in rows]
    try:
        if list(map(zlib.crc32, bodies)) == [crc for _, _, crc in rows]:
            return list(map(_head_decoder.decode, bodies))
    except (TypeError, msgspec.DecodeError):
        pass
    for row in rows:
        decode_row(row, run)
    raise JournalCorruptionError(f"Events of run {run!r} cannot be read. Run `flyte-nb doctor`.")


def decode_verified(row: Row, run: str, decoder: msgspec.msgpack.Decoder[T]) -> T:
    """The event in a row whose checksum is known to be right; errors as `decode_event`."""
    try:
        return decoder.decode(row[1])
    except msgspec.DecodeError as error:
        raise JournalCorruptionError(
            f"Event {row[0]} of run {run!r} cannot be read: {error}. Run `flyte-nb doctor`."
        ) from error


def tag_of(event: type[msgspec.Struct]) -> str:
    """By what `EventHead.kind` tells events of that class."""
    return str(event.__struct_config__.tag)


def decode_log(body: bytes, crc: int, where: str) -> LogLine:
    """The log line in `body`; errors as `decode_event`."""
    return _decoded(_log_decoder, body, crc, where)


def decode_literals(body: bytes, crc: int, where: str) -> StoredLiterals:
    """The stored literals in `body`; errors as `decode_event`."""
    return _decoded(_literals_decoder, body, crc, where)


def _decoded(decoder: msgspec.msgpack.Decoder[T], body: bytes, crc: int, where: str) -> T:
    if not isinstance(body, bytes) or not isinstance(crc, int):  # as a damaged file may have it
        raise JournalCorruptionError(
            f"{where} is damaged: expected bytes and a checksum, got {type(body).__name__} and {type(crc).__name__}."
            " Run `flyte-nb doctor`."
        )
    if zlib.crc32(body) != crc:
        raise JournalCorruptionError(
            f"{where} is damaged: checksum {zlib.crc32(body):08x}, expected {crc:08x}. Run `flyte-nb doctor`."
        )
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise JournalCorruptionError(f"{where} cannot be read: {error}. Run `flyte-nb doctor`.") from error
