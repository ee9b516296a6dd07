"""Routes: each is authenticated and authorised by the Jupyter server, reads on a thread, and answers JSON."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

from .._follow import forms
from ..errors import ActionNotFoundError, JournalError, QuestionNotFoundError, RunNotFoundError, RunStateError
from ..models.phases import ActionPhase
from ..models.records import RunFilter
from .desk import Desk

T = TypeVar("T")
RESOURCE = "flyte_nb"

_STATUS: tuple[tuple[type[Exception], int], ...] = (
    (RunNotFoundError, 404),
    (ActionNotFoundError, 404),
    (QuestionNotFoundError, 404),
    (RunStateError, 409),
    (JournalError, 503),
    (msgspec.DecodeError, 400),
    (ValueError, 422),
)


class DeskHandler(JupyterHandler):
    """What all routes share."""

    auth_resource = RESOURCE

    @property
    def desk(self) -> Desk:
        """Who answers."""
        return self.settings["flyte_nb_desk"]  # type: ignore[no-any-return]

    @property
    def who(self) -> str:
        """Who asks, as the history names them: the person logged in, or the owner of a server without persons."""
        user = self.current_user
        name = getattr(user, "username", "") or getattr(user, "name", "")
        anonymous = getattr(user, "name", "").startswith("Anonymous") or not name
        return getpass.getuser() if anonymous else str(name)

    async def ask(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """The result of a call that reads or waits, made on a thread; a failure becomes the right status."""
        try:
            return await self.desk.asked(function, *args, **kwargs)
        except tuple(kind for kind, _ in _STATUS) as error:
            status = next(status for kind, status in _STATUS if isinstance(error, kind))
            raise _Refused(status, str(error)) from error


class _Refused(web.HTTPError):
    """An error whose text may hold any sign: tornado would format it."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text.replace("%", "%%"))
        self.text = text


class JsonHandler(DeskHandler, APIHandler):
    """A route that answers JSON.

    Attributes
    ----------
    QUERY : dict of str to dict
        What may be asked for in the address of a ``GET``, each with its JSON schema.
    BODY : msgspec.Struct class or None
        What a ``POST`` takes.
    """

    QUERY: ClassVar[dict[str, dict[str, Any]]] = {}
    BODY: ClassVar[type[msgspec.Struct] | None] = None

    def reply(self, value: Any, status: int = 200) -> None:
        """Send a value."""
        self.set_status(status)
        self.finish(msgspec.json.encode(value))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """An error as JSON too."""
        error = (kwargs.get("exc_info") or (None, None))[1]
        text = error.text if isinstance(error, _Refused) else getattr(error, "log_message", None) or self._reason
        self.finish(json.dumps({"error": text}))

    def body(self, kind: type[T]) -> T:
        """The request's body, checked."""
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _Refused(400, f"Expected other JSON: {error}") from error


class RunsHandler(JsonHandler):
    """``GET runs?phase=&task=&source=&text=&offset=&limit=``."""

    QUERY: ClassVar[dict[str, dict[str, Any]]] = {
        "phase": {"type": "array", "items": {"type": "string", "enum": [phase.value for phase in ActionPhase]}},
        "task": {"type": "string"},
        "source": {"type": "string"},
        "text": {"type": "string"},
        "offset": {"type": "integer", "minimum": 0},
        "limit": {"type": "integer", "minimum": 0},
    }

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Runs that fit, the newest first."""
        chosen = await self.ask(self._chosen)
        offset, limit = self._number("offset", 0), self._number("limit", 50)
        self.reply(await self.ask(self.desk.runs, chosen, offset=offset, limit=limit))

    def _chosen(self) -> RunFilter:
        return RunFilter(
            phases=tuple(ActionPhase(phase) for phase in self.get_query_arguments("phase")),
            task=self.get_query_argument("task", ""),
            source=self.get_query_argument("source", ""),
            text=self.get_query_argument("text", ""),
        )

    def _number(self, name: str, default: int) -> int:
        text = self.get_query_argument(name, str(default))
        if not text.isdecimal() or len(text) > 9:
            raise _Refused(422, f"{name} is a number from 0; got {text!r}.")
        return int(text)


class RunHandler(JsonHandler):
    """``GET runs/NAME``, ``DELETE runs/NAME``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """One run."""
        self.reply(await self.ask(self.desk.run, name))

    @web.authenticated
    @authorized
    async def delete(self, name: str) -> None:
        """Forget a run that has ended."""
        await self.ask(self.desk.delete, name)
        self.reply({"status": "deleted"})


class NotebookHandler(JsonHandler):
    """``GET runs/NAME/notebook``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """Where the notebook of a run is, seen from the server's root, and which of its cells started the run."""
        path, cell = await self.ask(self.desk.origin, name)
        root = Path(self.settings.get("server_root_dir") or "/").expanduser().resolve()
        if not path or not Path(path).is_file() or not Path(path).resolve().is_relative_to(root):
            reason = f"is not a file below {root}" if path else "was not recorded"
            raise _Refused(404, f"The notebook of run {name!r} {reason}.")
        self.reply({"path": Path(path).resolve().relative_to(root).as_posix(), "cell": cell})


class TreeHandler(JsonHandler):
    """``GET runs/NAME/tree?open=ID&open=ID``."""

    QUERY: ClassVar[dict[str, dict[str, Any]]] = {"open": {"type": "array", "items": {"type": "string"}}}

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """The messages that a page gets first."""
        self.reply(await self.ask(self.desk.tree, name, self.get_query_arguments("open")))


class PictureHandler(JsonHandler):
    """``GET runs/NAME/picture``."""

    @web.authenticated
    @authorized
    async def get(self, name: str) -> None:
        """A run that goes on no more as a picture, to be kept in a notebook."""
        self.reply(await self.ask(self.desk.saved_picture, name))


class ActionHandler(JsonHandler):
    """``GET runs/NAME/actions/ACTION``."""

    @web.authenticated
    @authorized
    async def get(self, name: str, action: str) -> None:
        """The messages about one action: details, log, report."""
        self.reply(await self.ask(self.desk.action, name, action))


class AbortRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Stop an action; an empty one is the run."""

    action: str = ""
    reason: str = "Aborted on the page."


class AbortHandler(JsonHandler):
    """``POST runs/NAME/abort``."""

    BODY = AbortRequest

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Ask that a run, or one of its actions, be stopped."""
        wanted = self.body(AbortRequest)
        await self.ask(self.desk.abort, name, wanted.action, wanted.reason)
        self.reply({"status": "asked to stop"}, 202)


class ResumeHandler(JsonHandler):
    """``POST runs/NAME/resume``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Go on with a run, in a process of its own."""
        await self.ask(self.desk.resume, name)
        self.reply({"status": "resumed"}, 202)


class RerunHandler(JsonHandler):
    """``POST runs/NAME/rerun``."""

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Run it again as a run of its own."""
        self.reply({"name": await self.ask(self.desk.rerun, name)}, 202)


class AnswerRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Answer a question, by its name or number; `value` is what was typed."""

    prompt: str
    value: str


class AnswerHandler(JsonHandler):
    """``POST runs/NAME/answer``."""

    BODY = AnswerRequest

    @web.authenticated
    @authorized
    async def post(self, name: str) -> None:
        """Answer a question."""
        answer = self.body(AnswerRequest)
        self.reply({"status": await self.ask(self.desk.answer, name, answer.prompt, answer.value, by=self.who)})


class InboxHandler(JsonHandler):
    """``GET inbox``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Questions that wait for a person."""
        self.reply(await self.ask(self.desk.inbox))


class TasksHandler(JsonHandler):
    """``GET tasks``."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tasks that runs started with."""
        self.reply(await self.ask(self.desk.tasks))


class TidyRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Forget runs that are older than so many days."""

    older_than_days: Annotated[int, msgspec.Meta(ge=1, le=36_500)]


class TidyHandler(JsonHandler):
    """``POST tidy``."""

    BODY = TidyRequest

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Forget old runs."""
        wanted = self.body(TidyRequest)
        self.reply({"status": await self.ask(self.desk.tidy, wanted.older_than_days)})


class JsonAnswerHandler(JsonHandler):
    """``POST submit/json``: answers of programs."""

    BODY = forms.JsonAnswer

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Take an answer with `request_id`, `response_path`, `value`, `data_type`."""
        reply = await self.ask(forms.take_json, self.desk.archive, self.request.body, by=self.who)
        self.set_status(reply.status)
        self.finish(reply.text)


class FormHandler(DeskHandler):
    """``GET`` and ``POST form/RUN/QUESTION``: a question as a page of its own."""

    @web.authenticated
    @authorized
    async def get(self, run: str, prompt: str) -> None:
        """The page."""
        self._send(await self.ask(forms.form_page, self.desk.archive, run, prompt, hidden=self._xsrf_field()))

    @web.authenticated
    @authorized
    async def post(self, run: str, prompt: str) -> None:
        """Take what the form sent."""
        value, hidden = self.get_body_argument("value", "", strip=False), self._xsrf_field()
        archive = self.desk.archive
        self._send(await self.ask(forms.take_form, archive, run, prompt, value, by=self.who, hidden=hidden))

    def _xsrf_field(self) -> str:
        return self.xsrf_form_html() if self.settings.get("xsrf_cookies") else ""

    def _send(self, reply: forms.Reply) -> None:
        self.set_status(reply.status)
        for name, value in forms.HEADERS.items():
            self.set_header(name, value)
        self.set_header("Content-Type", reply.kind)
        self.finish(reply.text)
