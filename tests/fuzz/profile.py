"""How many examples a test of this folder takes, and bytes in which bits are turned.

Few in `make test`, many where `FLYTE_NB_FUZZ_EXAMPLES` says so.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st


def fuzzed(few: int, *, of_many: int = 1) -> settings:
    """Settings for a test that takes `few` examples unless told otherwise; of many it takes one of `of_many`."""
    many = int(os.environ.get("FLYTE_NB_FUZZ_EXAMPLES", 0))
    return settings(
        max_examples=max(1, many // of_many) if many else few,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


flips = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 7)), min_size=1, max_size=12)
"""Which bits to turn: at what share of the length, and which of the byte."""


def flipped(content: bytes, flips: list[tuple[float, int]]) -> bytes:
    """With these bits turned."""
    changed = bytearray(content)
    for share, bit in flips:
        changed[int(share * len(changed))] ^= 1 << bit
    return bytes(changed)
