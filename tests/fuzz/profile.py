"""How many examples a test of this folder takes: few in `make test`, many where `FLYTE_NB_FUZZ_EXAMPLES` says so."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def fuzzed(few: int, *, of_many: int = 1) -> settings:
    """Settings for a test that takes `few` examples unless told otherwise; of many it takes one of `of_many`."""
    many = int(os.environ.get("FLYTE_NB_FUZZ_EXAMPLES", 0))
    return settings(
        max_examples=max(1, many // of_many) if many else few,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
