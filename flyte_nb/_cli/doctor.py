"""The part of ``flyte-nb doctor`` that looks at stored values."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from .commands import counted

if TYPE_CHECKING:
    from .._journal import Home

_SHOWN_EVERY = 500


def check_values(home: Home, storage: str | None) -> bool:
    """Print what is found of stored values; whether all that were looked at are whole."""
    from .._runtime.stored_values import examine_values
    from ..storage.local import LocalStore
    from ..storage.opening import open_store

    stores = [LocalStore(home.store_path), *([open_store(storage)] if storage else [])]
    found = examine_values(home, stores, _progress)
    elsewhere = f"; {found.elsewhere:,} elsewhere not looked at (--storage ADDRESS)" if found.elsewhere else ""
    click.echo(f"Stored values: {found.whole:,} whole, {len(found.damaged):,} damaged{elsewhere}.")
    for damage in found.damaged:
        click.echo(f"damaged: {damage}")
    if found.damaged:
        click.echo(
            "`flyte-nb rerun RUN` computes a value anew. What a call would reuse is checked first, and computed anew."
        )
    return not found.damaged


def _progress(number: int) -> None:
    if number % _SHOWN_EVERY == 0 and sys.stderr.isatty():
        click.echo(f"{counted(number, 'value')} …", err=True)
