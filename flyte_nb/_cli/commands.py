"""What the commands have in common: how they end, the files they write, JSON instead of text."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from .exits import ExitCode, WrongUse, ending_of


class Commands(click.Group):
    """A group whose commands end with one line and an `ExitCode` when they cannot do what they were asked."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().main(*args, **kwargs)
        except (click.ClickException, RuntimeError):
            if not kwargs.get("standalone_mode", True):
                raise
            sys.exit(ExitCode.OK)  # only a completion lets errors out: there is nothing to complete

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (click.exceptions.Exit, click.ClickException, BrokenPipeError):
            raise
        except (RuntimeError, ValueError, OSError) as error:
            raise ending_of(error) from error
        except KeyboardInterrupt:
            click.echo("Interrupted.", err=True)
            raise click.exceptions.Exit(ExitCode.INTERRUPTED) from None


def output_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``-o json`` to a command; it gets `as_json`."""
    return click.option(
        "-o",
        "--output",
        "as_json",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        callback=lambda context, parameter, value: value == "json",
        help="As text, or as one JSON value.",
    )(command)


def program() -> str:
    """How this program is called from here: by its name where a shell finds it, else by its path."""
    own = Path(sys.executable).with_name("flyte-nb")
    found = shutil.which("flyte-nb")
    if not own.is_file() or (found is not None and os.path.samefile(found, own)):
        return "flyte-nb"
    shown = own.relative_to(Path.cwd()) if own.is_relative_to(Path.cwd()) else own
    return shlex.quote(str(shown))


def counted(number: int, word: str) -> str:
    """A number of things: ``1 run``, ``2,000 runs``."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def write_file(path: Path, text: str) -> None:
    """Write what was asked for into the file that a person named.

    Raises
    ------
    WrongUse
        If it cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise WrongUse(f"{path} cannot be written: {error.strerror}.") from None


def print_json(value: Any) -> None:
    """A value as JSON; what JSON does not know becomes its text."""
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def print_json_line(value: Any) -> None:
    """A value as JSON on one line."""
    click.echo(json.dumps(_plain(value), ensure_ascii=False))


def _plain(value: Any) -> Any:
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(value, fallback=repr, inf_nan_mode="strings")
