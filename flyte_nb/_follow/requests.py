"""What a person asks of a run from outside its code, through the mailbox."""

from __future__ import annotations

import getpass
import json
import time

from .._view.prompts import parse_answer
from ..errors import QuestionNotFoundError, RunStateError
from ..models.events import PromptAnswered, PromptAsked
from ..models.phases import ActionPhase
from .archive import Records
from .history import RunHistory

OUTCOME_WITHIN_S = 5.0
_POLL_S = 0.02


def post_abort(records: Records, run: str, action: str, reason: str) -> int:
    """Ask that a run (an empty `action`) or one of its actions be stopped; returns the request's number."""
    return records.mailbox.post(run, "abort", action=action, body=json.dumps({"reason": reason}))


def answer_prompt(records: Records, run: str, prompt: str, value: str, *, by: str = "") -> str:
    """Answer a question of a run, whichever process drives it.

    Parameters
    ----------
    records : Records
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
        What became of it, in words: it begins with "answered", or "kept" if the run takes it when it is resumed.

    Raises
    ------
    ValueError
        If the value does not fit the question's type.
    RunNotFoundError, QuestionNotFoundError
        If there is no such run or question.
    RunStateError
        If it was answered before, nobody waits for it any more, or the run has succeeded and cannot be resumed.
    """
    history = RunHistory(run, records)
    history.record()
    one, before = _question(records, run, prompt)
    if before is not None:
        by_whom = f" by {before.answered_by}" if before.answered_by else ""
        raise RunStateError(f"{one.name!r} is already answered with {before.value}{by_whom}.")
    if history.phase() is ActionPhase.SUCCEEDED:
        raise RunStateError(f"Run {run!r} has succeeded; nobody waits for an answer to {one.name!r} any more.")
    parse_answer(value, one.data_type)
    if time.time() > one.expires_at:
        raise RunStateError(f"{one.name!r} has expired; nobody waits for the answer any more.")
    body = json.dumps({"prompt": one.prompt_id, "value": value})
    number = records.mailbox.post(run, "answer", action=one.action, body=body, posted_by=by or getpass.getuser())
    return _outcome_of(number, history)


def _question(records: Records, run: str, prompt: str) -> tuple[PromptAsked, PromptAnswered | None]:
    """The question of that identity or name, an open one before answered ones, and its answer."""
    records.commit(run)
    asked: dict[str, PromptAsked] = {}
    others: dict[str, str] = {}
    answers: dict[str, PromptAnswered] = {}
    for event in records.reader.questions(run):
        if isinstance(event, PromptAnswered):
            answers.setdefault(event.prompt_id, event)
        elif prompt in (event.prompt_id, event.name):
            asked[event.prompt_id] = event
        else:
            others[event.prompt_id] = event.name
    if not asked:
        known = ", ".join(sorted({repr(name) for name in others.values()})) or "nothing"
        raise QuestionNotFoundError(f"Run {run!r} has no question {prompt!r}; it asks {known}.")
    found = next((one for one in asked.values() if one.prompt_id not in answers), [*asked.values()][-1])
    return found, answers.get(found.prompt_id)


def _outcome_of(number: int, history: RunHistory) -> str:
    deadline = time.monotonic() + OUTCOME_WITHIN_S
    while time.monotonic() < deadline:
        phase = history.phase()
        outcome = history.records.mailbox.outcome(number)
        if outcome is None:
            if phase.is_terminal:
                return f"kept: run {history.name!r} has ended ({phase}) and takes the answer when it is resumed"
            time.sleep(_POLL_S)
            continue
        if outcome.startswith("invalid: "):
            raise ValueError(outcome.removeprefix("invalid: "))
        if not outcome.startswith("answered"):
            raise RunStateError(outcome[0].upper() + outcome[1:] + ".")
        return outcome
    return "kept: the run has not taken it yet"
