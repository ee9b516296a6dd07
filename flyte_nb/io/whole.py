"""Whether stored data that a value refers to is still what was put there."""

from __future__ import annotations

import os
import re

from ..errors import StorageError, StorageUnreachableError
from ..storage import Store
from ..storage.addresses import joined, local_path
from ..storage.local_copy import file_digest
from ..storage.store import checksum_of_file, stored_checksum
from ..types.references import references_of
from .directory_transfer import is_directory, known_digests
from .trees import files_below, sized

VERIFIED_UP_TO = 64 * 2**20

_CONTENT = re.compile(r"/(files|dirs)/([0-9a-f]{2})/(\2[0-9a-f]{38})/[^/]+/?\Z")


def damaged_reference(serialized: bytes, store: Store) -> tuple[str, str] | None:
    """The first object of `store` that serialized literals refer to and that is not whole, and what ails it.

    What lies outside the store is its owner's. An object of this machine whose address tells its content is compared
    with that if it has at most 64 MiB; of others it is only looked whether they are there.

    Raises
    ------
    StorageUnreachableError
        If the storage does not answer.
    """
    for uri in sorted(references_of(serialized)):
        if store.owns(uri):
            try:
                damage = _damage(uri, store)
            except StorageUnreachableError:
                raise
            except (StorageError, OSError) as error:
                damage = f"cannot be read ({error})"
            if damage:
                return uri, damage
    return None


def _damage(uri: str, store: Store) -> str:
    if not store.has(uri) and not is_directory(uri):
        return "is missing"
    path = local_path(uri)
    if path is None:
        return ""
    content = _CONTENT.search(uri.replace("\\", "/"))
    if content is not None and content[1] == "dirs":
        return _damage_of_folder(uri, path)
    checksum = stored_checksum(uri)
    if not (checksum or content) or os.path.getsize(path) > VERIFIED_UP_TO:
        return ""
    if content is not None:
        is_whole = file_digest(path) == content[3]
    else:
        is_whole = checksum_of_file(path)[0] == checksum
    return "" if is_whole else "is damaged"


def _damage_of_folder(uri: str, path: str) -> str:
    listed = known_digests(uri)
    entries = sized(files_below(uri))
    missing = sorted(listed.keys() - {entry.name for entry in entries})
    if missing:
        return f"is damaged: {missing[0]!r} is missing"
    if sum(entry.size or 0 for entry in entries) <= VERIFIED_UP_TO:
        for name, digest in listed.items():
            if file_digest(joined(path, name), threads=1) != digest:
                return f"is damaged: {name!r} is not what was stored"
    return ""
