from __future__ import annotations

import pickle

import pytest

from flyte_nb._task.cache import Cache, VersionParameters, as_cache


def step() -> None: ...


class FileVersion:
    """A policy that counts a text as part of the version."""

    def __init__(self, version: str) -> None:
        self.version = version

    def get_version(self, salt: str, params: VersionParameters) -> str:
        return f"{self.version} {salt} {params.func.__name__}"


class Mute:
    def get_version(self, salt: str, params: VersionParameters) -> str:
        return 3  # type: ignore[return-value]


def test_a_request_is_a_behaviour_or_a_cache() -> None:
    assert as_cache("auto") == Cache("auto")
    kept = Cache("override", salt="x")
    assert as_cache(kept) is kept


@pytest.mark.parametrize("value", ["enabled", "", "AUTO"])
def test_a_behaviour_nobody_knows_is_refused_with_the_known(value: str) -> None:
    with pytest.raises(ValueError, match="'auto', 'override', 'disable'"):
        as_cache(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, None, 1])
def test_a_request_of_another_type_is_a_type_error(value: object) -> None:
    with pytest.raises(TypeError, match="or a Cache, got"):
        as_cache(value)  # type: ignore[arg-type]


def test_the_version_follows_the_code() -> None:
    assert Cache("auto").version_for(step, "abc") == "abc"


def test_a_version_of_ones_own_hides_the_code_and_the_policies() -> None:
    cache = Cache("auto", version_override="v2", policies=FileVersion("1"))
    assert cache.version_for(step, "abc") == cache.version_for(step, "def") == "v2"


def test_policies_add_to_the_code() -> None:
    one = Cache("auto", policies=FileVersion("1"))
    versions = {
        one.version_for(step, "abc"),
        one.version_for(step, "def"),
        Cache("auto", policies=[FileVersion("2")]).version_for(step, "abc"),
        Cache("auto", policies=[FileVersion("1"), FileVersion("1")]).version_for(step, "abc"),
        Cache("auto", salt="s", policies=FileVersion("1")).version_for(step, "abc"),
        "abc",
    }
    assert len(versions) == 6
    assert one.version_for(step, "abc") == Cache("auto", policies=(FileVersion("1"),)).version_for(step, "abc")


def test_a_policy_that_gives_no_text_is_named() -> None:
    with pytest.raises(TypeError, match="Mute.*got int"):
        Cache("auto", policies=Mute()).version_for(step, "abc")


def test_something_that_is_no_policy_is_refused() -> None:
    with pytest.raises(TypeError, match="get_version"):
        Cache("auto", policies="v1")  # type: ignore[arg-type]


def test_a_single_ignored_input_may_stand_alone() -> None:
    assert Cache("auto", ignored_inputs="verbose").ignored_inputs == ("verbose",)
    assert Cache("auto", ignored_inputs=["a", "b"]).ignored_inputs == ("a", "b")


def test_an_age_is_a_length_of_time() -> None:
    assert Cache("auto", max_age="1h").max_age_s == 3600.0
    assert Cache("auto").max_age_s is None
    with pytest.raises(ValueError, match="cache max_age"):
        Cache("auto", max_age="old")


def test_a_cache_survives_pickling() -> None:
    cache = Cache("auto", ignored_inputs="x", max_age=5)
    back = pickle.loads(pickle.dumps(cache))
    assert back == cache
    assert back.max_age_s == 5.0
