"""Dask keeps what back-ends promise."""

from __future__ import annotations

from typing import Any

import pytest

from flyte_nb.backends.dask import DaskBackend
from flyte_nb.testing.backends import BackendSuite


@pytest.mark.usefixtures("cluster_of_class")
class TestDask(BackendSuite):
    cluster: Any

    @pytest.fixture(scope="class")
    @classmethod
    def cluster_of_class(cls, cluster: Any) -> None:
        cls.cluster = cluster

    def make_backend(self) -> DaskBackend:
        return DaskBackend(self.cluster)
