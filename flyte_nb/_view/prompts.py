"""Questions as pages show them, and answers as people type them."""

from __future__ import annotations

import html
import math
import shlex
from typing import Any

from ..models.phases import ActionPhase
from .projection import ActionView
from .wire import Prompt

MAX_PROMPT = 20_000
DATA_TYPES: dict[str, type] = {"int": int, "float": float, "str": str, "bool": bool}

_TRUE = frozenset({"true", "yes", "y", "1"})
_FALSE = frozenset({"false", "no", "n", "0"})


def prompts_of(action: ActionView) -> list[Prompt]:
    """The questions of an action, open and answered."""
    shown = []
    for asked in action.prompts.values():
        answered = action.answers.get(asked.prompt_id)
        shown.append(
            Prompt(
                action=action.name,
                prompt=asked.prompt_id,
                name=asked.name,
                kind=asked.data_type,
                html=prompt_html(asked.prompt),
                expires_at_ms=round(asked.expires_at * 1000),
                answer=answered.value if answered is not None else "",
                answered_by=answered.answered_by if answered is not None else "",
                answered_at_ms=round(answered.at * 1000) if answered is not None else -1,
                standing=_standing(action),
            )
        )
    return shown


def _standing(action: ActionView) -> str:
    if not action.phase.is_terminal:
        return "open"
    return "over" if action.phase in (ActionPhase.SUCCEEDED, ActionPhase.RECOVERED) else "stopped"


def prompt_html(text: str) -> str:
    """A prompt, text or Markdown, as HTML in which nothing of the user's is markup."""
    text = text[:MAX_PROMPT]
    try:
        import mistune
    except ImportError:
        return "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n"))
    rendered = mistune.create_markdown(escape=True)(text)
    return str(rendered)


def parse_answer(text: str, data_type: str) -> Any:
    """The value that `text` means.

    Raises
    ------
    ValueError
        If it means none of that type; the message is for the person who typed it.
    """
    stripped = text.strip()
    if data_type == "str":
        return text
    if not stripped:
        raise ValueError(f"Please enter {wanted(data_type)}.")
    if data_type == "bool":
        if stripped.lower() in _TRUE | _FALSE:
            return stripped.lower() in _TRUE
        raise ValueError(f"Expected {wanted(data_type)} (true and false will do), got {text!r}.")
    try:
        value = DATA_TYPES[data_type](stripped)
    except ValueError:
        raise ValueError(f"Expected {wanted(data_type)}, got {text!r}.") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"Expected a finite number, got {text!r}.")
    return value


def answer_text(value: str, data_type: str) -> str:
    """An answer, which is kept as JSON, as people say it."""
    return {"true": "Yes", "false": "No"}[value] if data_type == "bool" else value


def wanted(data_type: str) -> str:
    """What a person has to type, in words."""
    return {"int": "a whole number", "float": "a number", "bool": "yes or no", "str": "a text"}[data_type]


def answer_command(run: str, name: str) -> str:
    """How the question of that name is answered in a terminal; what to put in place of VALUE, `wanted` says."""
    return f"{shlex.join(['flyte-nb', 'answer', run, name])} VALUE"
