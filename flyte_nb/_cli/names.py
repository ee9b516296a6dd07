"""Names of what is in a home, which a shell completes. Completing looks, and makes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from .._follow.archive import Archive

AT_MOST = 200


class _Name(click.ParamType):  # type: ignore[type-arg]
    def shell_complete(
        self, context: click.Context, parameter: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """The names that begin like what was typed."""
        archive = _archive(context)
        if archive is None:
            return []
        known = self.known(archive, str(context.params.get("run") or ""))
        fitting = [CompletionItem(name, help=told) for name, told in known if name.startswith(incomplete)]
        return fitting[:AT_MOST]

    def known(self, archive: Archive, run: str) -> Iterable[tuple[str, str]]:
        """Names, and what a shell may say beside them."""
        raise NotImplementedError


class RunName(_Name):
    """The name of a run."""

    name = "run"

    def known(self, archive: Archive, run: str) -> Iterable[tuple[str, str]]:
        """The newest runs."""
        return ((record.name, f"{record.task} {record.phase}") for record in archive.reader.runs(limit=AT_MOST))


class ActionName(_Name):
    """The name of an action of the run that was named before it, or of a task that has one action there."""

    name = "action"

    def known(self, archive: Archive, run: str) -> Iterable[tuple[str, str]]:
        """Its actions as they were called."""
        from .._follow.history import RunHistory

        actions = RunHistory(run, archive).view().actions.values()
        return ((action.name, f"{action.task} {action.phase}") for action in actions)


class QuestionName(_Name):
    """The name of a question of the run that was named before it; its identity where a shell would split the name."""

    name = "question"

    def known(self, archive: Archive, run: str) -> Iterable[tuple[str, str]]:
        """What nobody has answered."""
        from ..models.events import PromptAsked

        events = list(archive.reader.questions(run))
        answered = {event.prompt_id for event in events if not isinstance(event, PromptAsked)}
        for event in events:
            if isinstance(event, PromptAsked) and event.prompt_id not in answered:
                is_word = len(event.name.split()) == 1
                yield (event.name if is_word else event.prompt_id), f"{event.name}: {event.prompt}"


def _archive(context: click.Context) -> Archive | None:
    """The home that a command line speaks of, if there is one: a completion calls no command, the main one included."""
    from .._follow.archive import Archive
    from .._journal import Home, default_home

    named = context.find_root().params.get("home")
    path = Path(named).expanduser() if named is not None else default_home()
    return Archive(Home(path)) if path.is_dir() else None


RUN = RunName()
ACTION = ActionName()
QUESTION = QuestionName()
