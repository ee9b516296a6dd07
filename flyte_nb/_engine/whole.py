"""Whether a stored value is whole, before a call is answered with it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from ..errors import StorageError, StorageUnreachableError
from ..storage.addresses import local_path
from ..storage.local_copy import put_aside

if TYPE_CHECKING:
    from ..models.events import StoredLiterals
    from ..storage import Store


def damage_of(kept: StoredLiterals, store: Store) -> str:
    """What is wrong with a stored value: which object of `store`, and what ails it. Empty if all of it is whole.

    A damaged object is put aside, so that the same content can be stored anew.

    Raises
    ------
    StorageUnreachableError
        If nobody can say: what is there must not be computed anew.
    """
    serialized = kept.inline
    if serialized is None:
        try:
            serialized = store.get_nowait(kept.uri, checksum=kept.checksum)
        except StorageUnreachableError:
            raise
        except StorageError:
            return _reported(kept.uri, "is damaged" if store.has(kept.uri) else "is missing")
    if not _may_refer_to(store, serialized):
        return ""
    from ..io.whole import damaged_reference

    found = damaged_reference(serialized, store)
    return _reported(*found) if found is not None else ""


def _may_refer_to(store: Store, serialized: bytes) -> bool:
    """Whether literals can hold an address of `store`: told without reading them, because most hold none."""
    plain, escaped = _spellings(store.root)
    return plain in serialized or escaped in serialized


@lru_cache(maxsize=16)
def _spellings(root: str) -> tuple[bytes, bytes]:
    """How addresses below `root` begin, in text and inside JSON."""
    return root.encode("utf-8", "surrogatepass"), json.dumps(root)[1:-1].encode()


def _reported(uri: str, damage: str) -> str:
    path = local_path(uri)
    if path is not None:
        put_aside(path)
    return f"{uri} {damage}"
