"""How many examples a test of this folder takes: few in `make test`, many where `FLYTE_NB_FUZZ_EXAMPLES` says so."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings


def fuzzed(few: int) -> settings:
    """Settings for a test that takes `few` examples unless told otherwise."""
    return settings(
        max_examples=int(os.environ.get("FLYTE_NB_FUZZ_EXAMPLES", few)),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
