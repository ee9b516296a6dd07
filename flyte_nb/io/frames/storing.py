"""Tables into the store, where their bytes name them."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator

import pyarrow

from ...storage import Store, current_store
from ...storage.addresses import local_path
from ...types.transformer import TypeTransformerFailedError
from .at_hand import frames_at_hand, may_be_at_hand
from .formats import TableFormat

IN_MEMORY_UP_TO = 32 * 2**20


def store_table(table: pyarrow.Table, form: TableFormat) -> str:
    """Store a table; its address. One that was just stored here is not written again.

    Raises
    ------
    TypeTransformerFailedError
        If the format cannot hold it.
    StorageError
        If it cannot be written.
    """
    store = current_store()
    if form.NAME != "parquet" or not may_be_at_hand(table):
        return _written(store, form, table)
    copy = frames_at_hand.own_copy(table)
    uri = frames_at_hand.address(store.root, copy)
    if uri is None or not store.has(uri):
        uri = _written(store, form, copy.table)
        frames_at_hand.keep(uri, store.root, copy)
    return uri


def store_file(form: TableFormat, write: Callable[[str], None]) -> str:
    """Have `write` fill a new file, at the path it is given, and store that; its address."""
    store = current_store()
    with _new_file(store) as path:
        with writable_as(form.NAME):
            write(path)
        return store.put_file_nowait(path, suffix=form.SUFFIX).uri


@contextlib.contextmanager
def writable_as(form: str) -> Iterator[None]:
    """Turn what a writer raises into an error that says what could not be done."""
    from ...errors import BaseRuntimeError

    try:
        yield
    except (TypeTransformerFailedError, BaseRuntimeError):
        raise
    except Exception as error:
        raise TypeTransformerFailedError(
            f"The frame cannot be written as {form.capitalize() if form != 'csv' else 'CSV'}:"
            f" {type(error).__name__}: {error}"
        ) from error


def _written(store: Store, form: TableFormat, table: pyarrow.Table) -> str:
    is_far = local_path(store.root) is None
    if table.nbytes > IN_MEMORY_UP_TO:
        return store_file(form, lambda path: form.write(table, path, is_far=is_far))
    sink = pyarrow.BufferOutputStream()
    with writable_as(form.NAME):
        form.write(table, sink, is_far=is_far)
    return store.put_nowait(sink.getvalue().to_pybytes(), suffix=form.SUFFIX).uri


@contextlib.contextmanager
def _new_file(store: Store) -> Iterator[str]:
    near = local_path(store.root) is not None
    folder = store.path_for("unfinished") if near else tempfile.gettempdir()
    os.makedirs(folder, mode=0o700, exist_ok=True)
    path = os.path.join(folder, f"flyte_nb-{secrets.token_hex(10)}")
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        yield path
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
