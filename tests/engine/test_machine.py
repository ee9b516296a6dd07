"""Decisions about attempts while wishes come from other threads; timers that are due together."""

from __future__ import annotations

import threading

from flyte_nb._engine.machine import ActionMachine, Answer, End, Outcome, Stop, StopReason
from flyte_nb._engine.service import ServiceThread


def test_an_abort_that_comes_while_a_retry_is_decided_is_heard() -> None:
    def backoff(retry: int) -> float:
        machine.wish_stop(Stop(StopReason.ABORT, "Somebody aborted it."))
        return 0.0

    machine = ActionMachine(3, backoff)

    decision = machine.attempt_ended(Outcome.RAISED)

    assert isinstance(decision, End)
    assert decision.answer is Answer.ABORTED_ERROR


def test_a_timer_that_was_cancelled_by_one_due_with_it_is_not_called() -> None:
    service = ServiceThread(lambda: None)
    called: list[str] = []
    over = threading.Event()

    def first() -> None:
        called.append("first")
        second.cancel()

    service.call_after(0.0, first)
    second = service.call_after(0.0, lambda: called.append("second"))
    service.call_after(0.0, over.set)
    service.hold()  # only now a thread looks, and all three are due

    assert over.wait(20)
    service.release()
    service.close()
    assert called == ["first"]
