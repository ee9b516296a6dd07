"""What a person asks of a run from outside its code, through the mailbox."""

from __future__ import annotations

import getpass
import json
import time

from .._engine.prompts import parse_answer
from .._runtime.runtime import current_runtime
from ..errors import RunStateError
from ..models.phases import ActionPhase

OUTCOME_WITHIN_S = 5.0
_POLL_S = 0.02


def post_abort(run: str, action: str, reason: str) -> int:
    """Ask that a run (an empty `action`) or one of its actions be stopped; returns the request's number."""
    return current_runtime().mailbox.post(run, "abort", action=action, body=json.dumps({"reason": reason}))


def answer_prompt(run: str, prompt: str, value: str, *, by: str = "") -> str:
    """Answer a question of a run, whichever process drives it.

    Parameters
    ----------
    run : str
        Name of the run.
    prompt : str
        The question's identity, or its name.
    value : str
        What was typed.
    by : str, optional
        Who answers; by default the user of this process.

    Returns
    -------
    str
        What became of it, in words: it begins with "answered", or "kept" if the run is to be resumed first.

    Raises
    ------
    ValueError
        If the value does not fit the question's type.
    RunStateError
        If there is no such question, it was answered before, or nobody waits for it any more.
    """
    from .history import RunHistory

    history = RunHistory(run)
    view = history.view()
    asked = [
        (action, one)
        for action in view.actions.values()
        for one in action.prompts.values()
        if prompt in (one.prompt_id, one.name)
    ]
    if not asked:
        raise RunStateError(f"Run {run!r} has no question {prompt!r}.")
    action, one = next(((a, p) for a, p in asked if p.prompt_id not in a.answers), asked[-1])
    before = action.answers.get(one.prompt_id)
    if before is not None:
        by_whom = f" by {before.answered_by}" if before.answered_by else ""
        raise RunStateError(f"{one.name!r} is already answered with {before.value}{by_whom}.")
    parse_answer(value, one.data_type)
    if time.time() > one.expires_at:
        raise RunStateError(f"{one.name!r} has expired; nobody waits for the answer any more.")
    mailbox = current_runtime().mailbox
    body = json.dumps({"prompt": one.prompt_id, "value": value})
    number = mailbox.post(run, "answer", action=action.name, body=body, posted_by=by or getpass.getuser())
    if history.phase() is ActionPhase.ABORTED:
        return "kept: the run takes the answer when it is resumed"
    return _outcome_of(number)


def _outcome_of(number: int) -> str:
    mailbox = current_runtime().mailbox
    deadline = time.monotonic() + OUTCOME_WITHIN_S
    while time.monotonic() < deadline:
        outcome = mailbox.outcome(number)
        if outcome is None:
            time.sleep(_POLL_S)
            continue
        if outcome.startswith("invalid: "):
            raise ValueError(outcome.removeprefix("invalid: "))
        if not outcome.startswith("answered"):
            raise RunStateError(outcome[0].upper() + outcome[1:] + ".")
        return outcome
    return "kept: the run has not taken it yet"
