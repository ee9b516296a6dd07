"""Records as bytes with a checksum, and back.

MessagePack of typed structs: a field the reader does not know is an error, a field the writer did not know
takes its default, so that old rows stay readable.
"""

from __future__ import annotations

import zlib
from typing import TypeVar

import msgspec

from ..errors import JournalCorruptionError
from ..models.events import AnyEvent, LogLine, StoredLiterals

_encoder = msgspec.msgpack.Encoder()
_event_decoder = msgspec.msgpack.Decoder(AnyEvent)
_log_decoder = msgspec.msgpack.Decoder(LogLine)
_literals_decoder = msgspec.msgpack.Decoder(StoredLiterals)

T = TypeVar("T")

encode = _encoder.encode
checksum = zlib.crc32


def decode_event(body: bytes, crc: int, where: str) -> AnyEvent:
    """The event in `body`.

    Raises
    ------
    JournalCorruptionError
        If the bytes do not match `crc` or are no event; `where` names the row.
    """
    event: AnyEvent = _decoded(_event_decoder, body, crc, where)
    return event


def decode_events(rows: list[tuple[int, bytes, int]], run: str) -> list[tuple[int, AnyEvent]]:
    """Events of `run` with their numbers, from rows of number, body and checksum; errors as `decode_event`."""
    decode, check = _event_decoder.decode, zlib.crc32
    events: list[tuple[int, AnyEvent]] = []
    for seq, body, crc in rows:
        if check(body) != crc:
            decode_event(body, crc, f"Event {seq} of run {run!r}")
        try:
            events.append((seq, decode(body)))
        except msgspec.DecodeError:
            decode_event(body, crc, f"Event {seq} of run {run!r}")
    return events


def decode_log(body: bytes, crc: int, where: str) -> LogLine:
    """The log line in `body`; errors as `decode_event`."""
    return _decoded(_log_decoder, body, crc, where)


def decode_literals(body: bytes, crc: int, where: str) -> StoredLiterals:
    """The stored literals in `body`; errors as `decode_event`."""
    return _decoded(_literals_decoder, body, crc, where)


def _decoded(decoder: msgspec.msgpack.Decoder[T], body: bytes, crc: int, where: str) -> T:
    if zlib.crc32(body) != crc:
        raise JournalCorruptionError(
            f"{where} is damaged: checksum {zlib.crc32(body):08x}, expected {crc:08x}. Run `flyte-nb doctor`."
        )
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise JournalCorruptionError(f"{where} cannot be read: {error}. Run `flyte-nb doctor`.") from error
