"""Lengths of time, and the limits and pauses made of them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyte_nb._task.duration import seconds
from flyte_nb._task.retries import LONGEST_DELAY_S, Backoff, RetryStrategy, as_retries
from flyte_nb._task.timeout import Timeout, as_timeout


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (90, 90.0),
        (0.5, 0.5),
        (timedelta(minutes=2), 120.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("90s", 90.0),
        ("1d 2h", 93_600.0),
        ("250ms", 0.25),
        ("1.5m", 90.0),
    ],
)
def test_a_length_of_time_is_seconds(value: float | str | timedelta, expected: float) -> None:
    assert seconds(value, "it") == expected


@given(hours=st.integers(0, 99), minutes=st.integers(0, 59), rest=st.integers(0, 59))
def test_text_adds_up_its_parts(hours: int, minutes: int, rest: int) -> None:
    assert seconds(f"{hours}h{minutes}m{rest}s", "it") == 3600 * hours + 60 * minutes + rest


@pytest.mark.parametrize("value", ["", "soon", "10", "2x", "h", "2h!", "-2h", -1, float("nan"), float("inf")])
def test_what_is_no_length_of_time_is_refused_by_name(value: float | str) -> None:
    with pytest.raises(ValueError, match="pause"):
        seconds(value, "pause")


@pytest.mark.parametrize("value", [None, True, [1], b"2h"])
def test_what_cannot_be_a_length_of_time_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="pause: expected seconds"):
        seconds(value, "pause")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [3600, "1h", timedelta(hours=1)])
def test_a_bare_timeout_limits_the_runtime(value: float | str | timedelta) -> None:
    limits = as_timeout(value)
    assert limits is not None
    assert (limits.max_runtime_s, limits.max_queued_time_s, limits.deadline_s) == (3600.0, None, None)


@pytest.mark.parametrize("value", [None, 0, "0s", timedelta(0), Timeout(), Timeout(deadline=0)])
def test_a_timeout_that_limits_nothing_is_none(value: Timeout | float | str | timedelta | None) -> None:
    assert as_timeout(value) is None


def test_each_limit_is_read_on_its_own() -> None:
    limits = Timeout(max_runtime="2m", max_queued_time=30, deadline=timedelta(hours=1))
    assert (limits.max_runtime_s, limits.max_queued_time_s, limits.deadline_s) == (120.0, 30.0, 3600.0)
    assert as_timeout(limits) is limits


def test_a_bad_limit_is_named() -> None:
    with pytest.raises(ValueError, match="timeout deadline"):
        Timeout(deadline="tomorrow")


def test_retries_without_backoff_start_at_once() -> None:
    assert as_retries(3) == RetryStrategy(3)
    assert [as_retries(3).delay_s(retry) for retry in (1, 2, 3)] == [0.0, 0.0, 0.0]


def test_no_retries_may_be_said_as_zero_or_not_at_all() -> None:
    assert as_retries(0) == as_retries(None) == RetryStrategy(0)


def test_pauses_grow_by_the_factor_up_to_the_cap() -> None:
    strategy = RetryStrategy(5, Backoff(base=timedelta(seconds=2), factor=3, cap="1m"))
    assert [strategy.delay_s(retry) for retry in (1, 2, 3, 4, 5)] == [2.0, 6.0, 18.0, 54.0, 60.0]


def test_pauses_stay_finite_however_many_retries() -> None:
    assert Backoff(base=1, factor=10).delay_s(5_000) == LONGEST_DELAY_S
    assert Backoff(base=0, factor=10).delay_s(5_000) == 0.0


@given(
    base=st.floats(0, 1e6),
    factor=st.floats(0.01, 100),
    cap=st.floats(0, 1e6),
    retry=st.integers(1, 10_000),
)
def test_a_pause_is_never_negative_nor_above_its_cap(base: float, factor: float, cap: float, retry: int) -> None:
    assert 0 <= Backoff(base, factor, cap).delay_s(retry) <= cap


@pytest.mark.parametrize("factor", [0, -1, float("nan"), float("inf")])
def test_a_factor_that_is_not_above_zero_is_refused(factor: float) -> None:
    with pytest.raises(ValueError, match="backoff factor"):
        Backoff(1, factor)


@pytest.mark.parametrize("value", ["3", 2.5, True, [3]])
def test_retries_that_are_no_number_are_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="retries"):
        as_retries(value)  # type: ignore[arg-type]


def test_a_backoff_given_as_a_number_names_the_class_to_use() -> None:
    with pytest.raises(TypeError, match="Backoff"):
        RetryStrategy(3, backoff=2)  # type: ignore[arg-type]
