"""Live updates over WebSockets."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

import flyte_nb as flyte
from flyte_nb.remote import Run

env = flyte.TaskEnvironment("live")
gate = threading.Event()


@env.task
async def step() -> None:
    await asyncio.to_thread(gate.wait, 30)


@env.task
async def main() -> None:
    await step()


async def until(socket: Any, wanted: Any) -> Any:
    while True:
        message = json.loads(await asyncio.wait_for(socket.read_message(), 20))
        if wanted(message):
            return message


def test_a_run_is_followed_and_a_lost_message_is_made_up_for(jp_ws_fetch: Any, jp_asyncio_loop: Any) -> None:
    gate.clear()
    run = flyte.with_runcontext(name="followed").run(main)

    async def follow() -> None:
        socket = await jp_ws_fetch("flyte-nb", "api", "runs", "followed", "live")
        await socket.write_message('{"type": "hello", "open": []}')
        first = await until(socket, lambda message: message["type"] == "reset")
        assert first["header"]["name"] == "followed"
        gate.set()
        await until(socket, lambda message: (message.get("header") or {}).get("phase") == 3)
        await socket.write_message('{"type": "hello", "open": []}')
        again = await until(socket, lambda message: message["type"] == "reset")
        assert again["seq"] > first["seq"]
        assert [node[3] for node in again["nodes"]] == ["main", "step"]
        await socket.write_message("no JSON")
        await until(socket, lambda message: message["type"] == "notice")
        socket.close()

    jp_asyncio_loop.run_until_complete(follow())
    run.wait()


@pytest.mark.parametrize(("is_damaged", "code"), [(False, 4404), (True, 1011)])
def test_a_page_of_a_run_is_told_why_it_cannot_be_shown_and_whether_to_ask_again(
    is_damaged: bool, code: int, jp_ws_fetch: Any, jp_asyncio_loop: Any, home: Path
) -> None:
    if is_damaged:
        for file in home.glob("journal.sqlite*"):
            file.unlink()
        (home / "journal.sqlite").write_bytes(b"no database" * 1000)

    async def look() -> tuple[str, int]:
        socket = await jp_ws_fetch("flyte-nb", "api", "runs", "gone", "live")
        told = await until(socket, lambda message: message["type"] == "notice")
        assert await asyncio.wait_for(socket.read_message(), 20) is None
        return told["text"], socket.close_code

    text, closed_with = jp_asyncio_loop.run_until_complete(look())
    assert ("file is not a database" if is_damaged else "'gone'") in text
    assert closed_with == code


def test_the_list_is_sent_when_it_has_changed_and_nobody_looks_afterwards(
    jp_ws_fetch: Any, jp_serverapp: Any, jp_asyncio_loop: Any
) -> None:
    async def follow() -> None:
        socket = await jp_ws_fetch("flyte-nb", "api", "live")
        await socket.write_message('{"type": "list", "chosen": {"text": "new"}}')
        assert (await until(socket, lambda message: message["type"] == "runs"))["total"] == 0
        gate.set()
        await flyte.with_runcontext(name="new-one").run.aio(main)
        listed = await until(socket, lambda message: message["type"] == "runs" and message["total"] == 1)
        assert listed["runs"][0]["name"] == "new-one"
        socket.close()
        watcher = jp_serverapp.web_app.settings["flyte_nb_watcher"]
        while watcher._task is not None:
            await asyncio.sleep(0)

    jp_asyncio_loop.run_until_complete(asyncio.wait_for(follow(), 60))


def test_a_task_that_is_new_can_soon_be_chosen_also_when_nothing_else_happens(
    jp_ws_fetch: Any, jp_asyncio_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flyte_nb._server.desk.FACETS_EVERY_S", 1.0)
    gate.set()

    async def look() -> Any:
        socket = await jp_ws_fetch("flyte-nb", "api", "live")
        await socket.write_message('{"type": "list"}')
        await until(socket, lambda message: message["type"] == "facets" and message["tasks"] == [])
        await flyte.run.aio(main)
        return await until(socket, lambda message: message["type"] == "facets")

    told = jp_asyncio_loop.run_until_complete(look())
    assert told["tasks"] == ["live.main"]


def test_a_journal_that_cannot_be_read_is_told_once_and_no_more_when_it_can(
    jp_ws_fetch: Any, jp_asyncio_loop: Any, home: Path
) -> None:
    journal = home / "journal.sqlite"
    for file in home.glob("journal.sqlite*"):
        file.unlink()
    journal.write_bytes(b"no database" * 1000)

    async def look() -> list[str]:
        socket = await jp_ws_fetch("flyte-nb", "api", "live")
        await socket.write_message('{"type": "list"}')
        told = [await until(socket, lambda message: message["type"] == "trouble")]
        await socket.write_message('{"type": "list"}')
        await socket.write_message("no JSON")
        await until(socket, lambda message: message["type"] == "notice")
        journal.unlink()
        told.append(json.loads(await asyncio.wait_for(socket.read_message(), 20)))
        await until(socket, lambda message: message["type"] == "runs")
        return [message["text"] for message in told]

    before, after = jp_asyncio_loop.run_until_complete(look())
    assert "file is not a database. Run `flyte-nb doctor`" in before
    assert after == ""


@pytest.mark.parametrize(
    "wanted",
    [
        {"offset": 2**63},
        {"limit": -1},
        {"utc_offset_s": 2**70},
        {"every_ms": 2**70},
        {"chosen": {"text": "a" * 30_000}},
    ],
    ids=lambda wanted: next(iter(wanted)),
)
def test_what_no_list_can_be_is_told_and_the_page_stays_connected(
    wanted: dict[str, Any], jp_ws_fetch: Any, jp_asyncio_loop: Any
) -> None:
    async def look() -> Any:
        await flyte.run.aio(step)
        socket = await jp_ws_fetch("flyte-nb", "api", "live")
        await socket.write_message(json.dumps({"type": "list", **wanted}))
        told = await until(socket, lambda message: message["type"] == "notice")
        await socket.write_message('{"type": "list"}')
        await until(socket, lambda message: message["type"] == "runs" and message["total"] == 1)
        return told

    gate.set()
    assert "Expected" in (told := jp_asyncio_loop.run_until_complete(look())["text"]) or "at most" in told


def test_the_list_is_told_also_while_all_threads_of_the_server_are_busy(jp_ws_fetch: Any, jp_asyncio_loop: Any) -> None:
    enough = threading.Event()

    async def look() -> None:
        socket = await jp_ws_fetch("flyte-nb", "api", "live")
        busy = [jp_asyncio_loop.run_in_executor(None, enough.wait) for _ in range(64)]
        try:
            await socket.write_message('{"type": "list"}')
            await until(socket, lambda message: message["type"] == "runs")
        finally:
            enough.set()
            await asyncio.gather(*busy)

    jp_asyncio_loop.run_until_complete(look())


def test_a_stranger_does_not_connect(jp_ws_fetch: Any, jp_serverapp: Any, jp_asyncio_loop: Any) -> None:
    jp_serverapp.identity_provider.token = "another"
    for path in (("api", "live"), ("api", "runs", "x", "live")):
        with pytest.raises(HTTPClientError) as refused:
            jp_asyncio_loop.run_until_complete(jp_ws_fetch("flyte-nb", *path))
        assert refused.value.code == 403


@pytest.mark.parametrize(
    "act",
    [
        {"type": "abort"},
        {"type": "answer", "prompt": "sure", "value": "yes"},
        {"type": "resume"},
        {"type": "rerun"},
    ],
    ids=lambda act: act["type"],
)
def test_who_may_only_look_follows_a_run_and_does_nothing_to_it(
    act: dict[str, str], jp_ws_fetch: Any, jp_serverapp: Any, jp_asyncio_loop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        type(jp_serverapp.authorizer), "is_authorized", lambda self, handler, user, action, resource: action == "read"
    )
    gate.clear()
    run = flyte.with_runcontext(name="looked-at").run(main)

    async def look() -> Any:
        socket = await jp_ws_fetch("flyte-nb", "api", "runs", "looked-at", "live")
        await socket.write_message('{"type": "hello", "open": []}')
        await until(socket, lambda message: message["type"] == "reset")
        await socket.write_message(json.dumps(act))
        refused = await until(socket, lambda message: message["type"] == "notice")
        socket.close()
        return refused

    refused = jp_asyncio_loop.run_until_complete(look())
    assert (refused["level"], refused["text"]) == ("error", "You may only look here.")
    gate.set()
    run.wait()
    assert str(run.phase) == "succeeded"
    assert [one.name for one in Run.listall()] == ["looked-at"]


def test_a_page_is_told_that_the_home_is_on_a_network_file_system(
    jp_ws_fetch: Any, jp_asyncio_loop: Any, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"40 22 0:35 / {home} rw,relatime shared:9 - nfs4 server:/export rw\n")
    monkeypatch.setattr("flyte_nb._journal.network._MOUNTS", mounts)  # nobody may mount one for a test

    async def look() -> Any:
        socket = await jp_ws_fetch("flyte-nb", "api", "live")
        await socket.write_message('{"type": "list"}')
        return await until(socket, lambda message: message["type"] == "notice")

    told = jp_asyncio_loop.run_until_complete(look())
    assert told["level"] == "warning" and f"{home} is on a network file system (nfs4)" in told["text"]
