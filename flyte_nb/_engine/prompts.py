"""Questions to a person: asked once, answered once, remembered like everything else.

A prompt is named like a call, so a resumed run finds the question it had asked and the answer it may have got.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import json
import time
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from .._view.prompts import parse_answer
from ..models.events import ActionPaused, PromptAnswered, PromptAsked
from ..models.phases import ActionPhase
from ..models.records import Request
from .lending import lend_all, take_back
from .naming import child_name

if TYPE_CHECKING:
    from .action import Action
    from .live_run import LiveRun


class OpenPrompt:
    """A question of a living run.

    Attributes
    ----------
    asked : PromptAsked
    answer : concurrent.futures.Future
        Done with the answer's JSON once somebody answered.
    """

    def __init__(self, asked: PromptAsked) -> None:
        self.asked = asked
        self.answer: concurrent.futures.Future[str] = concurrent.futures.Future()
        self.answered_by = ""


async def ask(action: Action, name: str, data_type: str, prompt: str, timeout_s: float) -> OpenPrompt:
    """Ask, unless this very question was asked in an earlier try or attempt."""
    run = action.run
    digest = blake2b(f"{data_type}\0{prompt}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
    identity = child_name(action.known_as, f"prompt:{name}", digest, action.counts)
    found = run.prompts.get(identity)
    if found is not None:
        return found
    now = time.time()
    earlier = run.finished.prompt(identity) if run.finished is not None else None
    expires_at = earlier.asked.expires_at if earlier is not None else now + timeout_s
    asked = PromptAsked(now, action.name, identity, name, prompt, data_type, expires_at)
    opened = OpenPrompt(asked)
    with run.settling:  # an answer may come as soon as the question is recorded
        run.log.append(asked)
        if earlier is not None and earlier.answered is not None:
            answered = earlier.answered
            run.log.append(PromptAnswered(answered.at, action.name, identity, answered.value, answered.answered_by))
            opened.answer.set_result(answered.value)
        run.prompts[identity] = opened
    await action.commits.committed()
    return opened


async def wait_for_answer(action: Action, opened: OpenPrompt) -> Any:
    """The answer; the action is PAUSED until all are there that it waits for.

    Raises
    ------
    TimeoutError
        If nobody answers in time.
    """
    return json.loads(await answer_text(action, opened))


async def answer_text(action: Action, opened: OpenPrompt) -> str:
    """As `wait_for_answer`, but the JSON of the answer."""
    if not opened.answer.done():
        await _pause(action, opened)
        if action.lent is not None:
            await take_back(action)
    await action.commits.committed()
    return opened.answer.result()


def take_answer(run: LiveRun, request: Request) -> None:
    """Give an answer to the question it is for. One to a question of an earlier try waits until it is asked again."""
    said = said_in(request)
    opened = run.prompts.get(_prompt_in(request))
    refused = _refused(run, request)
    if refused is not None:
        run.settle(request, refused)
    elif opened is None:
        return
    elif time.time() > opened.asked.expires_at:
        run.settle(request, "expired: nobody waits for the answer any more")
    else:
        try:
            value = parse_answer(str(said.get("value", "")), opened.asked.data_type)
        except ValueError as error:
            run.settle(request, f"invalid: {error}")
        else:
            _answer(run, opened, json.dumps(value), request)


def outcome_at_end(run: LiveRun, request: Request, end: ActionPhase) -> str | None:
    """What becomes of a request that nobody took before `run` ended in phase `end`."""
    refused = _refused(run, request) if request.kind == "answer" else None
    return refused or request.outcome_after(end)


def said_in(request: Request) -> dict[str, Any]:
    """What a request says; nothing where that is no JSON object."""
    try:
        said = json.loads(request.body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _answer(run: LiveRun, opened: OpenPrompt, text: str, request: Request) -> None:
    asked = opened.asked
    opened.answered_by = request.posted_by
    answered = PromptAnswered(time.time(), asked.action, asked.prompt_id, text, request.posted_by)
    run.settle(request, f"answered with {text}", answered)
    opened.answer.set_result(text)


def _prompt_in(request: Request) -> str:
    return str(said_in(request).get("prompt", ""))


def _refused(run: LiveRun, request: Request) -> str | None:
    """Why an answer is not taken, whatever its value is."""
    identity = _prompt_in(request)
    if not identity:
        return f'invalid: expected a JSON object with "prompt" and "value", got {request.body!r:.200}'
    opened = run.prompts.get(identity)
    if opened is not None:
        return _already(opened.answer.result(), opened.answered_by) if opened.answer.done() else None
    earlier = run.finished.prompt(identity) if run.finished is not None else None
    if earlier is None:
        return f"invalid: run {run.name!r} has asked no question {identity!r:.200}"
    answered = earlier.answered
    return _already(answered.value, answered.answered_by) if answered is not None else None


def _already(answer: str, answered_by: str) -> str:
    return f"already answered with {answer}{f' by {answered_by}' if answered_by else ''}"


async def _pause(action: Action, opened: OpenPrompt) -> None:
    asked = opened.asked
    if action.places:
        lend_all(action)
    action.pauses += 1
    action.run.log.append(ActionPaused(time.time(), action.name, ActionPhase.PAUSED, asked.name))
    action.commits.soon()
    try:
        await asyncio.wait_for(
            asyncio.shield(asyncio.wrap_future(opened.answer)), max(0.0, asked.expires_at - time.time())
        )
    except TimeoutError:
        raise TimeoutError(f"Nobody answered {asked.name!r} in time: {asked.prompt!r:.200}") from None
    finally:
        action.pauses -= 1
        if not action.pauses:
            action.run.log.append(ActionPaused(time.time(), action.name, ActionPhase.RUNNING, asked.name))
            action.commits.soon()
