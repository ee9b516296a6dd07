"""Where a question of a run in this process is answered."""

from __future__ import annotations

from urllib.parse import quote

from .._engine.form_address import FormAddresses
from .._follow.servers import page_of
from .._runtime.runtime import current_runtime
from .form_server import form_server


def addresses_of(run: str, prompt_id: str) -> FormAddresses:
    """Addresses of a question, for whoever asks it from another process."""
    return FormAddresses(page_address(run, prompt_id), form_server().address)


def page_address(run: str, prompt_id: str) -> str:
    """Address of the form: on the server that is there, else on this machine only."""
    path = ("form", run, prompt_id)
    found = page_of(current_runtime().home, *path)
    return found or "/".join([form_server().address, *(quote(part, safe="") for part in path)])
