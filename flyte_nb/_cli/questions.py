"""Questions of a run that this program drives, told as they are asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .._runtime.runtime import current_runtime
from .._view.prompts import answer_command, wanted
from ..models.events import PromptAsked

LOOK_EVERY_S = 0.2
MOST_OF_A_PROMPT = 200


@contextmanager
def questions_told(run: str, say: Callable[[str], None]) -> Iterator[None]:
    """A block in which each question of `run` that waits for an answer is said once, in a line with how to answer it.

    Parameters
    ----------
    run : str
    say : callable
        Takes the line; called on a thread.
    """
    is_over = threading.Event()

    def look() -> None:
        told: set[str] = set()
        while not is_over.wait(LOOK_EVERY_S):
            for asked in _waiting(run):
                if asked.prompt_id not in told:
                    told.add(asked.prompt_id)
                    say(_line(run, asked))

    thread = threading.Thread(target=look, name="flyte_nb-questions", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _waiting(run: str) -> list[PromptAsked]:
    live = current_runtime().controller.runs.get(run)
    opened = list(live.prompts.values()) if live is not None else []
    return [prompt.asked for prompt in opened if not prompt.answer.done()]


def _line(run: str, asked: PromptAsked) -> str:
    prompt = " ".join(asked.prompt.split())
    shown = prompt if len(prompt) <= MOST_OF_A_PROMPT else f"{prompt[:MOST_OF_A_PROMPT]}…"
    return f"asks {asked.name} ({wanted(asked.data_type)}): {shown}  Answer: {answer_command(run, asked.name)}"
