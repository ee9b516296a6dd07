"""Whatever is asked for, and whatever fails meanwhile, the bytes are those of the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_nb.storage import reading_ahead
from flyte_nb.storage.reading_ahead import GrowingReadAhead

CONTENT = bytes(range(251)) * 40


@given(
    st.lists(st.tuples(st.integers(0, len(CONTENT) + 5), st.integers(0, 3000), st.booleans()), max_size=30),
    st.integers(1, 500),
)
def test_any_reads_give_what_is_there(reads: list[tuple[int, int, bool]], first: int) -> None:
    fails = False

    def fetch(start: int, stop: int) -> bytes:
        if fails:
            raise OSError("cut")
        assert 0 <= start < stop <= len(CONTENT)
        return CONTENT[start:stop]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading_ahead, "FIRST_BYTES", first)
        patched.setattr(reading_ahead, "MOST_BYTES", 4 * first)
        cache = GrowingReadAhead(0, fetch, len(CONTENT))
        for start, length, fails in reads:
            try:
                found = cache._fetch(start, start + length)
            except OSError:
                fails = False
                found = cache._fetch(start, start + length)
            assert found == CONTENT[start : start + length]
