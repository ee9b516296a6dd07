"""Questions as tasks ask them."""

from __future__ import annotations

from typing import Any

from .._aio import BlockingCall, with_aio
from .._engine.blocking import wait_blocking, wait_unless_stopped
from .._engine.caller import Question
from .._engine.refusals import check_is_going_on
from .._engine.scope import Scope, current_scope
from .._follow.forms import response_path
from .._public import public
from .._task.environment import TaskEnvironment
from .._view.prompts import DATA_TYPES
from ..errors import NotInTaskContextError
from ..models.text import checked_text
from .addresses import page_address
from .form_server import form_server

LONGEST_S = 10 * 366 * 86_400

env: TaskEnvironment = TaskEnvironment("hitl")
"""What environments that ask questions depend on; code written for hosted clusters names it."""


@public
class Event:
    """A question that waits for a person.

    Attributes
    ----------
    name : str
    request_id : str
        Identity of the question.
    form_url : str
        Address of a small form: on the Jupyter server that is there, or on `flyte-nb ui`, behind its login; else on
        this machine only and with a secret in it.
    endpoint, api_url : str
        Where programs on this machine answer: ``POST {api_url}`` with JSON ``request_id``, ``response_path``,
        ``value``, ``data_type``. It holds a secret, because programs have no login.

    Specification: *Human-in-the-loop*.
    """

    def __init__(self, scope: Scope, opened: Question) -> None:
        self._scope = scope
        self._opened = opened
        self.name: str = opened.asked.name
        self.request_id: str = opened.asked.prompt_id
        self.run_name: str = scope.action.run.name

    @property
    def endpoint(self) -> str:
        """Root of the addresses."""
        return getattr(self._opened, "programs", "") or form_server().address

    @property
    def form_url(self) -> str:
        """Address of the form."""
        return getattr(self._opened, "page", "") or page_address(self.run_name, self.request_id)

    @property
    def api_url(self) -> str:
        """Address that takes answers as JSON."""
        return f"{self.endpoint}/submit/json"

    @property
    def response_path(self) -> str:
        """A word that programs give back with their answer."""
        return response_path(self.run_name, self.request_id)

    def _wait(self) -> Any:
        """Wait for the answer; the action is PAUSED meanwhile.

        Returns
        -------
        int, float, str or bool
            The answer.

        Raises
        ------
        TimeoutError
            If nobody answers in time.
        """
        return wait_unless_stopped(self._await(), self._scope.action.run.loop)

    async def _await(self) -> Any:
        return await self._scope.action.run.wait_for_answer(self._scope.action, self._opened)

    wait: BlockingCall[..., Any] = BlockingCall(_wait, _await)

    def __repr__(self) -> str:
        return f"<Event {self.name!r} of run {self.run_name}>"


async def _new_event_async(
    name: str,
    data_type: type,
    scope: str = "run",
    prompt: str = "Please provide a value",
    timeout_seconds: float = 3600,
    poll_interval_seconds: float = 5,
) -> Event:
    found = _checked(name, data_type, scope, prompt, timeout_seconds)
    return await _ask(found, name, data_type, prompt, timeout_seconds)


@with_aio(twin=_new_event_async)
def new_event(
    name: str,
    data_type: type,
    scope: str = "run",
    prompt: str = "Please provide a value",
    timeout_seconds: float = 3600,
    poll_interval_seconds: float = 5,
) -> Event:
    """Ask a person.

    Parameters
    ----------
    name : str
        Short, for logs and lists.
    data_type : {int, float, str, bool}
        Type of the answer.
    scope : {"run"}
    prompt : str
        The question: text or Markdown.
    timeout_seconds : float
        How long to wait before `Event.wait` raises `TimeoutError`.
    poll_interval_seconds : float
        Known from hosted clusters; answers arrive at once here.

    Returns
    -------
    Event

    Raises
    ------
    NotInTaskContextError
        Outside a task that a run called.
    ValueError, TypeError
        For a type, scope or time that cannot be.

    Examples
    --------
    >>> event = await hitl.new_event.aio("release", data_type=bool, prompt="Release **v2**?")
    >>> if await event.wait.aio(): ...

    Specification: *Human-in-the-loop*.
    """
    found = _checked(name, data_type, scope, prompt, timeout_seconds)
    return wait_blocking(_ask(found, name, data_type, prompt, timeout_seconds), found.action.run.loop)


async def _ask(scope: Scope, name: str, data_type: type, prompt: str, timeout_s: float) -> Event:
    check_is_going_on(scope, f"Event {name!r}")
    action = scope.action
    opened = await action.run.ask(action, name, data_type.__name__, prompt, timeout_s)
    return Event(scope, opened)


def _checked(name: str, data_type: type, scope: str, prompt: str, timeout_s: float) -> Scope:
    found = current_scope()
    if found is None:
        raise NotInTaskContextError(
            "Questions belong to tasks. Call hitl.new_event from a task that runs with flyte.run(...)."
        )
    if data_type not in DATA_TYPES.values():
        raise TypeError(f"data_type is int, float, str or bool; got {data_type!r}.")
    if scope != "run":
        raise ValueError(f"scope is 'run'; got {scope!r}.")
    if not isinstance(name, str) or not name:
        raise TypeError(f"An event has a name, a non-empty str; got {name!r}.")
    checked_text(name, "The name of the event")
    if not isinstance(prompt, str):
        raise TypeError(f"A prompt is what the person reads, a str; got {prompt!r}.")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, (int, float)):
        raise TypeError(f"timeout_seconds is a number of seconds; got {timeout_s!r}.")
    if not 0 < timeout_s <= LONGEST_S:
        raise ValueError(f"timeout_seconds is above 0 and at most {LONGEST_S:,} (ten years); got {timeout_s!r}.")
    return found
