"""What changed in the code of a task, in words."""

from __future__ import annotations

from collections.abc import Mapping


def code_change(short_name: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Says that the code of a task changed, and which parts of it, where those of both are known.

    Parameters
    ----------
    short_name : str
        The task's.
    before, now : mapping of str to str
        Parts of its code with their digests, as `TaskSeen` has them.
    """
    changed = sorted(name for name in now.keys() | before.keys() if now.get(name) != before.get(name))
    if not before or not changed:
        return f"The code of {short_name} changed."
    return f"The code of {short_name} changed: {', '.join(changed)}."
