"""From an address to its store."""

from __future__ import annotations

import os

from .addresses import local_path, without_secrets
from .local import LocalStore
from .remote import FsspecStore
from .store import Store


def open_store(address: str | os.PathLike[str]) -> Store:
    """The store at `address`: a folder, ``file://…``, or any address fsspec knows.

    Raises
    ------
    StorageError
        If nobody knows that kind of address, or it carries a password.
    """
    text = os.fspath(address)
    path = local_path(text)
    return LocalStore(path) if path is not None else FsspecStore(without_secrets(text))
