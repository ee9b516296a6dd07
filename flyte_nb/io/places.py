"""Where new data goes: an address in the store of the run, or outside a run in the store of the notebook.

This module imports nothing heavy, so that the engine can register itself here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from ..storage import current_store

_CONTENT_PLACE = re.compile(r"/(?:files|dirs)/([0-9a-f]{2})/\1[0-9a-f]{38}/")


def _nobody() -> str:
    return ""


_scope: Callable[[], str] = _nobody


def _to_nobody(text: str) -> None:
    pass


_tell: Callable[[str], None] = _to_nobody


def scope_with(scope: Callable[[], str], tell: Callable[[str], None]) -> None:
    """Let the engine say who is running, and show how far it is.

    Parameters
    ----------
    scope : callable
        Gives ``run/action`` inside a task, an empty text outside one.
    tell : callable
        Takes, inside a task, a few words for its row; empty ones take them away.
    """
    global _scope, _tell
    _scope, _tell = scope, tell


def tell_progress(text: str) -> None:
    """Show a few words in the row of the task that is running, if one is."""
    _tell(text)


def in_task() -> bool:
    """Whether a task is running."""
    return bool(_scope())


def new_place(name: str) -> str:
    """Address of a new object that nothing else will ever have."""
    return current_store().path_for(f"{_folder()}/new/{secrets.token_hex(10)}/{name}")


def named_place(name: str) -> str:
    """Address that the same action gets again for the same name, in every attempt."""
    return current_store().path_for(f"{_folder()}/named/{name}")


def _folder() -> str:
    """What the running action has for itself; content, which others may share, is not kept there."""
    scope = _scope()
    return f"runs/{scope}" if scope else "outside"


def content_place(kind: str, digest: str, name: str) -> str:
    """Address of content with that digest; `kind` is ``files`` or ``dirs``."""
    return current_store().path_for(f"{kind}/{digest[:2]}/{digest}/{name}")


def unfinished_place() -> str:
    """Address of what is being made, before it is renamed to the address that its content gives it."""
    return current_store().path_for(f"unfinished/{secrets.token_hex(10)}")


def is_content_place(path: str) -> bool:
    """Whether an address names its content, so that nothing else may be written there."""
    return _CONTENT_PLACE.search(path) is not None


def checked_name(name: str, what: str) -> str:
    """`name`, if it is one: neither empty nor a way out of the folder it will be put in.

    Raises
    ------
    ValueError
        If it is not.
    """
    if not isinstance(name, str):
        raise TypeError(f"Expected the name of a {what} as text, got {type(name).__qualname__}: {name!r}.")
    steps = name.removesuffix("/").replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or "://" in name or any(step in ("", ".", "..") for step in steps):
        raise ValueError(
            f"{name!r} cannot be the name of a new {what}: expected a name such as 'data.csv' or 'part/data.csv',"
            f" relative and without '..'. To use data at an address of your own, call from_existing_remote(address)."
        )
    if "\0" in name:
        raise ValueError(f"{name!r} cannot be the name of a new {what}: it contains a null character.")
    return name.removesuffix("/")
