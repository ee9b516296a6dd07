"""What a person asks of a run of this process's home from outside its code, through the mailbox."""

from __future__ import annotations

from .._follow import requests
from .._runtime.runtime import current_runtime


def post_abort(run: str, action: str, reason: str) -> int:
    """Ask that a run (an empty `action`) or one of its actions be stopped; returns the request's number."""
    return requests.post_abort(current_runtime(), run, action, reason)


def answer_prompt(run: str, prompt: str, value: str, *, by: str = "") -> str:
    """Answer a question of a run, whichever process drives it; see `flyte_nb._follow.requests.answer_prompt`."""
    return requests.answer_prompt(current_runtime(), run, prompt, value, by=by)
