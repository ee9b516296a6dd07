"""Full garbage collections are rare while runs live, however slow the machine is."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator

import pytest

from flyte_nb._engine import garbage
from flyte_nb._engine.garbage import RareFullCollections

EVERY_S = 0.3


@pytest.fixture
def held_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[RareFullCollections]:
    """While somebody uses it."""
    monkeypatch.setattr(garbage, "EVERY_S", EVERY_S)
    collections = RareFullCollections()
    with collections:
        yield collections


def are_held_back() -> bool:
    return gc.get_threshold()[2] > 1_000


def test_time_in_which_others_have_the_processor_brings_no_full_collection_nearer(
    held_back: RareFullCollections,
) -> None:
    used_before = time.process_time()
    time.sleep(2 * EVERY_S)
    held_back.allow_when_due()
    assert are_held_back() or time.process_time() - used_before >= EVERY_S


def test_a_full_collection_may_happen_when_the_last_one_is_some_processor_time_ago(
    held_back: RareFullCollections,
) -> None:
    assert are_held_back()
    used_before = time.process_time()
    while time.process_time() - used_before < EVERY_S:
        sum(range(1_000))
    held_back.allow_when_due()
    assert not are_held_back()
