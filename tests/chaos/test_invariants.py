"""What holds after a round is checked by something that notices when it does not."""

from __future__ import annotations

from collections import Counter

from flyte_nb.models.events import ActionEnded, ActionQueued, AnyEvent, AttemptStarted, StoredLiterals
from flyte_nb.models.phases import ActionPhase

from .invariants import Snapshot, begun_in, repeated

QUEUED = ActionQueued(1.0, "a1", "a0", "chaos.leaf", "leaf", StoredLiterals(), running=True)
AGAIN = AttemptStarted(2.0, "a1", 1)
ENDED = ActionEnded(3.0, "a1", ActionPhase.SUCCEEDED)


def found(events: list[AnyEvent], effects: int, *deaths: Snapshot) -> list[str]:
    return list(repeated(events, Counter({"a1": effects}), list(deaths), 0))


def death(events: list[AnyEvent], effects: int, *completed: str) -> Snapshot:
    return Snapshot(frozenset(completed), Counter({"a1": effects}), begun_in(events))


def test_an_effect_happens_once_in_a_life_that_nothing_struck() -> None:
    assert found([QUEUED, ENDED], 1) == []
    assert found([QUEUED, ENDED], 2) == ["a1 happened 2 times in one life, and 1 can be accounted for"]
    assert found([QUEUED, ENDED], 0) == ["a1 succeeded and has no side effect"]


def test_an_effect_in_flight_at_a_death_happens_once_more_and_no_oftener() -> None:
    died = death([QUEUED], 1)
    assert found([QUEUED, AGAIN, ENDED], 2, died) == []
    assert found([QUEUED, AGAIN, ENDED], 3, died) == ["a1 happened 2 times in one life, and 1 can be accounted for"]


def test_an_effect_whose_begin_was_not_committed_is_accounted_for_once() -> None:
    died = death([], 1)
    assert found([QUEUED, ENDED], 2, died) == []
    assert found([QUEUED, ENDED], 3, death([], 2)) == ["a1 happened 2 times in one life, and 1 can be accounted for"]


def test_a_completed_effect_never_happens_again() -> None:
    died = death([QUEUED, ENDED], 1, "a1")
    assert found([QUEUED, ENDED], 1, died) == []
    assert found([QUEUED, ENDED, AGAIN], 2, died)[0] == "a1 was completed at end 1 and ran again: 1 -> 2"
    assert "a1 has an attempt after its good end" in found([QUEUED, ENDED, AGAIN], 2, died)
