"""How these tests pass a value: through the interface of a task, without a run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from flyte_nb.storage import open_store, use_store
from flyte_nb.types.interface import Interface, Prepared


@contextmanager
def a_store(folder: Path | None = None) -> Iterator[None]:
    """A store to write to, as a run has one."""
    if folder is not None:
        with use_store(open_store(folder)):
            yield
        return
    with TemporaryDirectory() as temporary, use_store(open_store(temporary)):
        yield


def interface_of(kind: Any) -> Interface:
    """The interface of ``def takes(x: kind) -> kind``."""

    def takes(x): ...  # type: ignore[no-untyped-def]

    takes.__annotations__ = {"x": kind, "return": kind}
    return Interface.from_function(takes, "rooms.takes")


def passed(kind: Any, value: Any) -> Prepared:
    return asyncio.run(interface_of(kind).prepare_outputs(value))


def read(kind: Any, prepared: Prepared) -> Any:
    return asyncio.run(interface_of(kind).read_outputs(prepared.serialized))


def there_and_back(kind: Any, value: Any) -> tuple[Any, Any]:
    """What the task gets, and what a later process reads."""
    with a_store():
        prepared = passed(kind, value)
        return prepared.values, read(kind, prepared)


def digest(kind: Any, value: Any) -> bytes:
    with a_store():
        return passed(kind, value).digest


@pytest.fixture(scope="session", name="there_and_back")
def there_and_back_fixture() -> Callable[[Any, Any], tuple[Any, Any]]:
    return there_and_back


@pytest.fixture(scope="session", name="digest")
def digest_fixture() -> Callable[[Any, Any], bytes]:
    return digest
