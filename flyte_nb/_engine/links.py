"""Links of an action: made by the user's code, so they may fail, and kept only when they are web addresses."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from ..models.events import LinkAdded
from ..models.text import writable
from .action import Action

MAX_ADDRESS_CHARACTERS = 8_000


def record_links(action: Action) -> None:
    """Ask every link of the task for its address; a failure is recorded and harms nothing."""
    run = action.run
    for link in action.plan.links:
        name, address, problem = "link", "", ""
        try:
            name = str(getattr(link, "name", "") or type(link).__name__)
            address = link.get_link(
                run_name=run.name,
                project=run.options.project,
                domain=run.options.domain,
                context=dict(action.custom_context),
                parent_action_name=action.parent.name if action.parent is not None else "",
                action_name=action.name,
                pod_name=f"{run.name}-{action.name}",
            )
            problem = problem_with(address)
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        run.log.append(LinkAdded(time.time(), action.name, name, "" if problem else address, problem))


def problem_with(address: object) -> str:
    """Why an address is not kept; empty if it is."""
    if not isinstance(address, str):
        return f"get_link returned {type(address).__name__}, expected a str."
    if len(address) > MAX_ADDRESS_CHARACTERS:
        return f"The address has {len(address)} characters; at most {MAX_ADDRESS_CHARACTERS} are kept."
    if address != writable(address):
        return f"The address holds a lone surrogate, half of a character: {address[:200]!r}."
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return f"Only http and https addresses are shown, this one starts with {address[:40]!r}."
    return ""
