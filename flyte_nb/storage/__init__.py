"""Bytes anywhere: stores that keep what is too large for the journal."""

from .current import current_store as current_store
from .current import use_store as use_store
from .opening import open_store as open_store
from .store import Store as Store
from .store import StoredBlob as StoredBlob

__all__ = ["Store", "StoredBlob", "current_store", "open_store", "use_store"]
