"""Live updates: one socket for a run, one for the list of runs. Nothing is watched while nobody is connected."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import msgspec
from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.websocket import WebSocketMixin
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from .._follow.page import Page
from .._view.wire import Notice
from ..errors import BaseRuntimeError, RunNotFoundError
from .desk import Desk
from .handlers import RESOURCE, DeskHandler
from .listing import Inbox, ListNews, Trouble, Wanted

LOOK_EVERY_S = 0.25
LOOK_FOR_LOST_EVERY = 8
NO_SUCH_RUN = (4404, "There is no such run.")
CANNOT_BE_READ = (1011, "The run cannot be read now.")
_ACTS = frozenset({"abort", "resume", "rerun", "answer"})


class Socket(WebSocketMixin, WebSocketHandler, DeskHandler):
    """What both sockets share: who may connect, and messages sent from any thread."""

    may_write = False

    def set_default_headers(self) -> None:
        """None: a socket has no page."""

    @ws_authenticated
    async def get(self, *args: str) -> None:
        """Connect, if the person may read."""
        user = self.current_user
        if not await ensure_async(self.authorizer.is_authorized(self, user, "read", RESOURCE)):
            self.set_status(403)
            self.finish()
            return
        self.may_write = await ensure_async(self.authorizer.is_authorized(self, user, "write", RESOURCE))
        await super().get(*args)

    def send(self, message: Any) -> None:
        """Send a message, from any thread; to who is gone, nothing."""
        self.loop.call_soon_threadsafe(self._send, msgspec.json.encode(message).decode())

    def _send(self, text: str) -> None:
        try:
            self.write_message(text)
        except WebSocketClosedError:
            pass

    def begin(self) -> None:
        """Take the socket up."""
        self.loop = asyncio.get_running_loop()


class RunSocket(Socket):
    """``runs/NAME/live``: the messages between a page and the picture of a run."""

    page: Page | None = None

    async def open(self, name: str) -> None:
        """Connect the page."""
        super().open()
        self.begin()
        self._name = name
        self._turn = asyncio.Lock()
        try:
            self.page = await self.desk.asked(self.desk.open_page, name, self.send, by=self.who)
        except BaseRuntimeError as error:
            self._send(msgspec.json.encode(Notice("error", str(error))).decode())  # now: it would come after the end
            self.close(*(NO_SUCH_RUN if isinstance(error, RunNotFoundError) else CANNOT_BE_READ))
            return
        if self.close_code is not None:
            self.on_close()

    async def on_message(self, text: str | bytes) -> None:
        """Take a message of the page."""
        async with self._turn:
            if self.page is None:
                return
            try:
                content = json.loads(text)
            except (ValueError, RecursionError):
                content = None
            if isinstance(content, dict) and content.get("type") in _ACTS and not self.may_write:
                self.send(Notice("error", "You may only look here."))
                return
            await self.desk.asked(self.page.take, content)

    def on_close(self) -> None:
        """The page is gone."""
        page, self.page = self.page, None
        if page is not None:
            self.desk.close_page(self._name, page)


class ListSocket(Socket):
    """``live``: the list of runs and the inbox, sent when they have changed."""

    async def open(self) -> None:
        """Connect the page; it is sent something as soon as it says what it wants."""
        super().open()
        self.begin()
        self.wanted: Wanted | None = None
        self.is_stale = False
        self._sent: dict[str, bytes] = {}
        self._updated_at = 0.0
        watcher_of(self.desk, self.settings).join(self)

    async def on_message(self, text: str | bytes) -> None:
        """Take what the page wants to see."""
        try:
            self.wanted = msgspec.json.decode(text, type=Wanted)
        except msgspec.DecodeError as error:
            self.send(Notice("error", str(error)))
            return
        await self.update()

    @property
    def is_due(self) -> bool:
        """Whether there may be news, and the page wants to hear of them by now."""
        wanted = self.wanted
        return self.is_stale and wanted is not None and (time.monotonic() - self._updated_at) * 1000 >= wanted.every_ms

    async def update(self) -> None:
        """Send what is new."""
        if self.wanted is None:
            return
        self.is_stale = False
        self._updated_at = time.monotonic()
        try:
            news = await self.desk.asked(self.desk.news, self.wanted)
        except BaseRuntimeError as error:
            self.tell_trouble(error)
            return
        except Exception:  # of this page alone: the others go on
            self.log.exception("The list of runs cannot be told to a page.")
            self.close(1011, "The list cannot be told.")
            return
        list_now: list[ListNews] = [news.facets, news.running, news.inbox, news.chosen]
        messages = [Trouble(""), *self.desk.warnings, *list_now]
        for message in messages:
            self._send_news(message)

    def tell_trouble(self, error: BaseRuntimeError) -> None:
        """Say, once, what keeps the list from being read."""
        self._send_news(Trouble(str(error)))

    def on_close(self) -> None:
        """The page is gone."""
        watcher_of(self.desk, self.settings).leave(self)

    def _send_news(self, message: ListNews) -> None:
        kind, text = type(message).__name__, msgspec.json.encode(message)
        if self._sent.get(kind) != text:
            self._sent[kind] = text
            if isinstance(message, Inbox):
                text = msgspec.json.encode(msgspec.structs.replace(message, at_ms=round(time.time() * 1_000)))
            self._send(text.decode())


class Watcher:
    """Looks whether anything was written, while somebody is connected."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._sockets: set[ListSocket] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, socket: ListSocket) -> None:
        """Keep a socket up to date."""
        self._sockets.add(socket)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._watch())

    def leave(self, socket: ListSocket) -> None:
        """It is gone; after the last one nothing is looked at any more."""
        self._sockets.discard(socket)
        if not self._sockets and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _watch(self) -> None:
        version: object = None
        rounds = 0
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            rounds += 1
            try:
                before, version = version, await self._desk.asked(self._desk.changes)
            except BaseRuntimeError as error:
                version = None  # what is read next is news
                for socket in self._sockets:
                    socket.tell_trouble(error)
                continue
            may_have_lost = self._desk.may_lose_runs and rounds % LOOK_FOR_LOST_EVERY == 0
            may_have_news = version != before or self._desk.owes_facets or may_have_lost
            for socket in list(self._sockets):
                socket.is_stale = socket.is_stale or may_have_news
                if socket.is_due:
                    await socket.update()


def watcher_of(desk: Desk, settings: dict[str, Any]) -> Watcher:
    """The watcher of a server, made on first use."""
    found = settings.get("flyte_nb_watcher")
    if found is None:
        found = settings["flyte_nb_watcher"] = Watcher(desk)
    return found
