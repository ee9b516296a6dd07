"""Where people and programs answer a question; filled by `flyte_nb`, which knows the room of such pages."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class FormAddresses(NamedTuple):
    """Addresses of a question, empty where nobody serves: `page` is its form, `programs` the root of JSON addresses."""

    page: str = ""
    programs: str = ""


_addresses: Callable[[str, str], FormAddresses] | None = None


def serve_forms_with(function: Callable[[str, str], FormAddresses]) -> None:
    """Have addresses given by `function`, which gets the run and the question, and starts what must be started."""
    global _addresses
    _addresses = function


def form_addresses(run: str, prompt_id: str) -> FormAddresses:
    """The addresses of a question."""
    return _addresses(run, prompt_id) if _addresses is not None else FormAddresses()
