"""A real engine for every test here, and nothing left of it afterwards."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_nb.backends.containers.engine import Engine, find_engine
from flyte_nb.backends.containers.leftovers import PREFIX, owner_text
from tests.containers.engine import containers_of, prepare


@pytest.fixture(scope="session")
def any_engine() -> Engine:
    """An engine that runs containers; in CI there must be one."""
    problem = prepare()
    if problem:
        if os.environ.get("CI"):
            pytest.fail(f"CI must have a container engine: {problem}")
        pytest.skip(f"no container engine: {problem}")
    return find_engine()


@pytest.fixture
def engine(any_engine: Engine) -> Iterator[Engine]:
    """The engine; the test fails if a container or a temporary folder survives it."""
    yield find_engine()
    assert containers_of(owner_text(), find_engine()) == []  # by another service, if the test has ended the first
    assert list(Path(tempfile.gettempdir()).glob(f"{PREFIX}{owner_text()}*")) == []
