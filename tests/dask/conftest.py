"""One cluster of several worker processes for all tests of a module; a test that harms workers starts its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("flyte_nb.testing.backends")


def local_cluster(**options: Any) -> Any:
    """A cluster on this machine; the processes of its workers are children of this one."""
    from distributed import LocalCluster

    return LocalCluster(
        **{
            "n_workers": 2,
            "threads_per_worker": 2,
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
            "silence_logs": 50,
            **options,
        }
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two workers with two threads each."""
    with local_cluster() as cluster:
        yield cluster


@pytest.fixture
def new_cluster() -> Iterator[Callable[..., Any]]:
    """Starts a cluster for one test."""
    started = []

    def start(**options: Any) -> Any:
        started.append(local_cluster(**options))
        return started[-1]

    yield start
    for one in started:
        one.close()
