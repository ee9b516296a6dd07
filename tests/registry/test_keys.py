"""A name is one step of a path, whatever it is, and its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flyte_nb._registry.keys import LONGEST, key_of

HOSTILE = (
    "..",
    ".",
    "",
    "/",
    "a/b",
    "../../etc/passwd",
    "C:\\x",
    "a\0b",
    "con ",
    ".hidden",
    "v1.2.3",
    "V1",
    "v1",
    "ü" * 200,
)


def test_names_that_could_lead_elsewhere_lead_nowhere() -> None:
    for name in HOSTILE:
        key = key_of(name)
        assert key and not key.startswith(".") and len(key) <= LONGEST
        assert set(key) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.="), name


@given(st.text(max_size=300), st.text(max_size=300))
def test_two_names_are_two_keys_also_where_capitals_do_not_count(one: str, other: str) -> None:
    assert (key_of(one).lower() == key_of(other).lower()) == (one == other)


def test_common_versions_stay_readable() -> None:
    assert key_of("v1.2.3") == "v1.2.3"
    assert key_of("spark_env") == "spark_env"
