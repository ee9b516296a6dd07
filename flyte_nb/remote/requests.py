"""What a person asks of a run from outside its code, through the mailbox."""

from __future__ import annotations

import getpass
import json
import time

from .._engine.prompts import parse_answer
from .._runtime.runtime import Runtime, current_runtime
from ..errors import RunStateError
from ..models.events import PromptAnswered, PromptAsked
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
    history.record()
    one, before = _question(history.runtime, run, prompt)
    if before is not None:
        by_whom = f" by {before.answered_by}" if before.answered_by else ""
        raise RunStateError(f"{one.name!r} is already answered with {before.value}{by_whom}.")
    parse_answer(value, one.data_type)
    if time.time() > one.expires_at:
        raise RunStateError(f"{one.name!r} has expired; nobody waits for the answer any more.")
    mailbox = current_runtime().mailbox
    body = json.dumps({"prompt": one.prompt_id, "value": value})
    number = mailbox.post(run, "answer", action=one.action, body=body, posted_by=by or getpass.getuser())
    if history.phase() is ActionPhase.ABORTED:
        return "kept: the run takes the answer when it is resumed"
    return _outcome_of(number)


def _question(runtime: Runtime, run: str, prompt: str) -> tuple[PromptAsked, PromptAnswered | None]:
    """The question of that identity or name, an open one before answered ones, and its answer."""
    if run in runtime.controller.runs:
        runtime.writer.flush()
    asked: dict[str, PromptAsked] = {}
    answers: dict[str, PromptAnswered] = {}
    for event in runtime.reader.questions(run):
        if isinstance(event, PromptAnswered):
            answers.setdefault(event.prompt_id, event)
        elif prompt in (event.prompt_id, event.name):
            asked[event.prompt_id] = event
    if not asked:
        raise RunStateError(f"Run {run!r} has no question {prompt!r}.")
    found = next((one for one in asked.values() if one.prompt_id not in answers), [*asked.values()][-1])
    return found, answers.get(found.prompt_id)


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
