"""``flyte-nb completion``: what a shell needs to complete commands, files, tasks and runs."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion of SHELL; for bash: eval "$(flyte-nb completion bash)"."""
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(context.find_root().command, {}, "flyte-nb", "_FLYTE_NB_COMPLETE").source())
