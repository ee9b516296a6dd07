"""Where the bytes of an event go: into the journal when they are few, else into the store."""

from __future__ import annotations

from ..models.events import StoredLiterals, StoredText
from ..storage import Store

INLINE_BYTES = 32 * 1024


def kept_literals(serialized: bytes, store: Store) -> StoredLiterals:
    """Serialized literals as an event holds them."""
    if len(serialized) <= INLINE_BYTES:
        return StoredLiterals(serialized)
    blob = store.put_nowait(serialized, suffix=".pb")
    return StoredLiterals(None, blob.uri, blob.size_bytes, blob.checksum)


def kept_text(html: str, store: Store) -> StoredText:
    """A piece of HTML as an event holds it."""
    encoded = html.encode()
    if len(encoded) <= INLINE_BYTES:
        return StoredText(encoded)
    blob = store.put_nowait(encoded, suffix=".html")
    return StoredText(None, blob.uri, blob.size_bytes, blob.checksum)
