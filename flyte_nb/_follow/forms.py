"""A question as a page of its own, and what becomes of what is sent from it; whoever serves it adds its own address.

Programs answer with JSON: ``request_id``, ``response_path``, ``value`` and perhaps ``data_type``. The response path
is a word that was given out with the question, and is only ever compared.
"""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec

from .._view.prompts import answer_text, prompts_of
from .._view.wire import Prompt
from ..errors import BaseRuntimeError, JournalError, QuestionNotFoundError, RunNotFoundError
from .archive import Records
from .history import RunHistory
from .requests import answer_prompt

MAX_BODY_BYTES = 1_000_000
_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool, str),
    "int": (int, str),
    "float": (int, float, str),
    "str": (str,),
}
_STATUS: tuple[tuple[type[Exception], HTTPStatus], ...] = (
    (ValueError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (QuestionNotFoundError, HTTPStatus.NOT_FOUND),
    (RunNotFoundError, HTTPStatus.NOT_FOUND),
    (JournalError, HTTPStatus.SERVICE_UNAVAILABLE),
    (BaseRuntimeError, HTTPStatus.CONFLICT),
)
_REFUSALS = tuple(kind for kind, _ in _STATUS)
_TEXT = "text/plain; charset=utf-8"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True)
class Reply:
    """What to send back: a page, or a JSON object."""

    status: HTTPStatus
    text: str
    kind: str = "text/html; charset=utf-8"


class JsonAnswer(msgspec.Struct):
    """An answer as programs send it."""

    request_id: str
    response_path: str
    value: Any
    data_type: str = ""


def response_path(run: str, prompt: str) -> str:
    """The word that a program gives back with its answer."""
    return f"{run}/{prompt}"


def form_page(records: Records, run: str, prompt: str, *, hidden: str = "") -> Reply:
    """The page of a question; `hidden` is markup that the server wants back with the form."""
    return _page_of(records, run, prompt, hidden)


def take_form(records: Records, run: str, prompt: str, value: str, *, by: str, hidden: str = "") -> Reply:
    """Take what the form sent."""
    try:
        answer_prompt(records, run, prompt, value, by=by)
    except _REFUSALS as error:
        typed = value if isinstance(error, ValueError) else ""
        return _page_of(records, run, prompt, hidden, refusal=error, typed=typed)
    return form_page(records, run, prompt)


def take_json(records: Records, body: bytes, *, by: str) -> Reply:
    """Take an answer that a program sent."""
    try:
        answer = msgspec.json.decode(body, type=JsonAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return _json(
            HTTPStatus.BAD_REQUEST, f"Expected JSON with request_id, response_path, value and data_type: {error}"
        )
    run = answer.response_path.rpartition("/")[0]
    try:
        asked = find_prompt(records, run, answer.request_id)
        if asked is None or answer.response_path != response_path(run, asked.prompt):
            raise QuestionNotFoundError("There is no such question.")
        if answer.data_type not in ("", asked.kind):
            raise ValueError(f"The question asks for {asked.kind}; data_type is {answer.data_type!r}.")
        return _json(HTTPStatus.OK, answer_prompt(records, run, asked.prompt, _typed(answer.value, asked.kind), by=by))
    except _REFUSALS as error:
        return _json(_status_of(error), str(error))


def find_prompt(records: Records, run: str, prompt: str) -> Prompt | None:
    """The question of that identity; None where the run or the question is gone."""
    try:
        view = RunHistory(run, records).view()
    except RunNotFoundError:
        return None
    found = (one for action in view.actions.values() for one in prompts_of(action) if one.prompt == prompt)
    return next(found, None)


def _typed(value: Any, kind: str) -> str:
    """A JSON value as a person would have typed it.

    Raises
    ------
    ValueError
        For one that is not of that kind; text is taken for all, as a form sends it.
    """
    if not isinstance(value, _JSON_TYPES[kind]) or (isinstance(value, bool) and kind != "bool"):
        raise ValueError(f"Expected a value of type {kind}, got {json.dumps(value)}.")
    return value if isinstance(value, str) else json.dumps(value)


def _page_of(
    records: Records, run: str, prompt: str, hidden: str, *, refusal: Exception | None = None, typed: str = ""
) -> Reply:
    try:
        found = find_prompt(records, run, prompt)
    except JournalError as error:
        return Reply(_status_of(error), str(error), _TEXT)
    if found is None:
        return Reply(HTTPStatus.NOT_FOUND, "This question is gone: its run was forgotten, or never asked it.", _TEXT)
    status, problem = (HTTPStatus.OK, "") if refusal is None else (_status_of(refusal), str(refusal))
    return Reply(status, _page(run, found, hidden, problem, typed))


def _status_of(refusal: Exception) -> HTTPStatus:
    return next(status for kind, status in _STATUS if isinstance(refusal, kind))


def _json(status: HTTPStatus, text: str) -> Reply:
    key = "status" if status is HTTPStatus.OK else "error"
    return Reply(status, json.dumps({key: text}), "application/json")


def _page(run: str, prompt: Prompt, hidden: str, problem: str, typed: str) -> str:
    if prompt.answer:
        by = f" by {prompt.answered_by}" if prompt.answered_by else ""
        answer = html.escape(answer_text(prompt.answer, prompt.kind))
        inner = f"<p class=done>Answered with <code>{answer}</code>{html.escape(by)}.</p>"
    else:
        shown = f"<p class=problem role=alert>{html.escape(problem)}</p>" if problem else ""
        inner = f"<form method=post>{hidden}{_field(prompt, typed)}{shown}</form>"
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(prompt.name)}</title><style>{_STYLE}</style>"
        f"<main><h1>{html.escape(prompt.name)}</h1><p class=run>Run <code>{html.escape(run)}</code></p>"
        f"<div>{prompt.html}</div>{inner}</main></html>"
    )


def _field(prompt: Prompt, typed: str) -> str:
    value = html.escape(typed, quote=True)
    if prompt.kind == "bool":
        return "<button name=value value=true>Yes</button> <button name=value value=false>No</button>"
    if prompt.kind == "str":
        field = f"<textarea name=value rows=4 aria-label=Answer autofocus>{value}</textarea>"
    else:
        step = "1" if prompt.kind == "int" else "any"
        field = f"<input name=value type=number step={step} value='{value}' aria-label=Answer required autofocus>"
    return f"{field}<button>Send</button>"


_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
main { max-width: 36rem; margin: 10vh auto; padding: 0 1rem }
h1 { font-size: 1.3rem; margin: 0 } .run { opacity: .7; margin-top: 0 }
input, textarea, button { font: inherit; padding: .4rem .7rem; margin: .3rem .3rem .3rem 0 } textarea { width: 100% }
.problem { color: light-dark(#b3261e, #ff8a80) } .done { color: light-dark(#146c2e, #81c995) }
"""
