"""From an address to its store."""

from __future__ import annotations

import os
from urllib.parse import unquote

from .local import LocalStore
from .remote import FsspecStore
from .store import Store


def open_store(address: str | os.PathLike[str]) -> Store:
    """The store at `address`: a folder, ``file://…``, or any address fsspec knows.

    Raises
    ------
    StorageError
        If nobody knows that kind of address.
    """
    text = os.fspath(address)
    if "://" not in text:
        return LocalStore(os.path.expanduser(text))
    if text.startswith("file://"):
        return LocalStore(unquote(text.removeprefix("file://").removeprefix("localhost")))
    return FsspecStore(text)
