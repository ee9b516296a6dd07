"""What a person asks of a run from outside its code, through the mailbox."""

from __future__ import annotations

import json

from .._runtime.runtime import current_runtime


def post_abort(run: str, action: str, reason: str) -> int:
    """Ask that a run (an empty `action`) or one of its actions be stopped; returns the request's number."""
    return current_runtime().mailbox.post(run, "abort", action=action, body=json.dumps({"reason": reason}))
