"""Which store the running code uses; filled by whoever starts a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from .._outside import store_outside
from ..errors import NotInTaskContextError
from .store import Store

_current: ContextVar[Store | None] = ContextVar("flyte_nb_store", default=None)


def current_store() -> Store:
    """The store of the run whose code asks; outside a run, the one that runs have by default.

    Raises
    ------
    NotInTaskContextError
        Outside a run, where there is none.
    """
    store = _current.get() or store_outside()
    if store is None:
        raise NotInTaskContextError(
            "There is no store here: values are written by reference only inside a run. Start one with flyte.run(...)."
        )
    return store


@contextmanager
def use_store(store: Store) -> Iterator[None]:
    """Make `store` the current one inside the block."""
    token = _current.set(store)
    try:
        yield
    finally:
        _current.reset(token)
