"""Questions as pages show them."""

from __future__ import annotations

import html

from .projection import ActionView
from .wire import Prompt

MAX_PROMPT = 20_000


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
                expires_at_ms=round(asked.expires_at * 1000) if not action.phase.is_terminal else 0,
                answer=answered.value if answered is not None else "",
                answered_by=answered.answered_by if answered is not None else "",
                answered_at_ms=round(answered.at * 1000) if answered is not None else -1,
            )
        )
    return shown


def prompt_html(text: str) -> str:
    """A prompt, text or Markdown, as HTML in which nothing of the user's is markup."""
    text = text[:MAX_PROMPT]
    try:
        import mistune
    except ImportError:
        return "".join(f"<p>{html.escape(part)}</p>" for part in text.split("\n\n"))
    rendered = mistune.create_markdown(escape=True)(text)
    return str(rendered)
