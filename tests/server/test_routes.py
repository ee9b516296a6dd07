"""The server extension: what it answers, and to whom."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tornado.httpclient import HTTPClientError

import flyte_nb as flyte
from flyte_nb import hitl, remote
from flyte_nb._follow.servers import announce, page_of
from flyte_nb._journal import Home
from flyte_nb._server.extension import ROUTES, address_of

env = flyte.TaskEnvironment("served", depends_on=[hitl.env])
Fetch = Callable[..., Any]


@env.task(report=True)
async def step(x: int) -> int:
    print("step", x)
    await flyte.report.log.aio(f"<p>report {x}</p>", do_flush=True)
    return 10 * x


@env.task
async def main(n: int) -> int:
    return sum([await step(x) for x in range(n)])


@env.task
async def fails() -> None:
    raise ValueError("on purpose")


asked = threading.Event()
events: list[hitl.Event] = []


@env.task
async def asks(kind: str = "int") -> object:
    event = await hitl.new_event.aio("decision", data_type={"int": int, "bool": bool}[kind], prompt="Go **on**?")
    events.append(event)
    asked.set()
    return await event.wait.aio()


@env.task
async def hangs() -> None:
    await asyncio.sleep(600)


@env.task
async def steps_and_hangs() -> None:
    await step(1)
    await asyncio.sleep(600)


def ended(name: str, task: Any = main, *args: Any, **options: Any) -> flyte.Run:
    run = flyte.with_runcontext(name=name, **options).run(task, *args)
    run.wait()
    return run


def asking(name: str, kind: str = "int") -> hitl.Event:
    asked.clear()
    flyte.with_runcontext(name=name).run(asks, kind)
    assert asked.wait(20)
    return events[-1]


def found(response: Any, code: int = 200) -> Any:
    assert response.code == code, response.body
    return json.loads(response.body)


def post(fetch: Fetch, *path: str, body: Any) -> Any:
    return fetch(*path, method="POST", body=json.dumps(body))


# reading ------------------------------------------------------------------------------------------------------------


def test_runs_are_listed_filtered_and_paged(fetch: Fetch) -> None:
    for number in range(5):
        ended(f"good-{number}", main, 1, labels={"team": "blue%"} if number == 3 else None)
    ended("bad", fails)
    listed = found(fetch("api/runs", params={"limit": "2", "offset": "1"}))
    assert listed["total"] == 6
    assert [run["name"] for run in listed["runs"]] == ["good-4", "good-3"]
    assert [run["name"] for run in found(fetch("api/runs", params={"phase": "failed"}))["runs"]] == ["bad"]
    assert found(fetch("api/runs", params={"task": "served.main"}))["total"] == 5
    assert [run["name"] for run in found(fetch("api/runs", params={"text": "blue%"}))["runs"]] == ["good-3"]
    assert found(fetch("api/runs", params={"text": "o_d"}))["total"] == 0
    assert "at most 1,000 signs" in found(fetch("api/runs", params={"text": "a" * 30_000}), 422)["error"]
    assert found(fetch("api/runs/bad"))["can_resume"] is True
    assert [task["name"] for task in found(fetch("api/tasks"))] == ["served.fails", "served.main"]


def test_a_run_is_read_in_the_messages_of_the_cell(fetch: Fetch) -> None:
    run = ended("read", main, 2)
    first, *_ = found(fetch("api/runs/read/tree"))
    assert first["type"] == "reset"
    assert first["header"]["name"] == "read"
    assert [node[3] for node in first["nodes"]] == ["main", "step", "step"]
    action = next(one.name for one in run.details().actions if one.task_name == "served.step")
    messages = {message["type"]: message for message in found(fetch("api/runs/read/actions", action))}
    assert messages["details"]["inputs"] == [{"name": "x", "text": "0", "truncated": False, "frame": None}]
    assert messages["details"]["outputs"][0]["text"] == "0"
    assert messages["logs"]["pieces"][0][2] == "step 0\n"
    assert "<p>report 0</p>" in messages["report"]["pieces"][0]


class Boom:
    """Says so when it is loaded."""

    def __reduce__(self) -> Any:
        return explode, ()


armed = threading.Event()


def explode() -> str:
    if armed.is_set():
        raise AssertionError("the value was loaded")
    return "loaded"


@env.task
async def pickles() -> Any:
    return Boom()


def test_a_pickled_value_is_described_and_never_loaded(fetch: Fetch) -> None:
    armed.clear()
    ended("pickled", pickles)
    armed.set()
    messages = found(fetch("api/runs/pickled/actions/a0"))
    [output] = messages[0]["outputs"]
    assert output["text"].startswith("<")
    assert "the value was loaded" not in output["text"]


def test_a_run_tells_the_address_of_its_page_and_the_page_holds_what_it_needs(
    fetch: Fetch, jp_serverapp: Any, jp_base_url: str, jp_asyncio_loop: Any
) -> None:
    run = ended("a b", main, 1)
    assert run.url == f"{jp_serverapp.connection_url}flyte-nb/runs/a%20b"
    page = fetch("runs", "a b")
    text = page.body.decode()
    assert f"src='{jp_base_url}flyte-nb/static/page.js'" in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self';" in policy
    assert b"addEventListener" in fetch("static/page.js").body
    frame = fetch("static/report.html")
    assert frame.headers["Content-Security-Policy"].startswith("sandbox allow-scripts;")
    assert fetch("static/..%2Fpages.py").code == 404
    assert fetch("static/desk.py").code == 404


def test_a_form_is_at_the_server_and_programs_have_an_address_with_a_secret(fetch: Fetch, jp_serverapp: Any) -> None:
    event = asking("where")
    assert event.form_url == f"{jp_serverapp.connection_url}flyte-nb/form/where/{event.request_id}"
    assert event.api_url.startswith("http://127.0.0.1:")
    assert "flyte-nb" not in event.api_url


@env.task
async def tells_where_it_asks() -> list[str]:
    event = await hitl.new_event.aio("where", data_type=int, timeout_seconds=600)
    return [event.request_id, event.form_url, event.api_url]


def test_a_form_of_a_question_that_a_worker_process_asks_is_at_the_server_too(fetch: Fetch, jp_serverapp: Any) -> None:
    run = flyte.with_runcontext(name="far away", mode="process").run(tells_where_it_asks)
    run.wait()
    request_id, form_url, api_url = run.outputs()[0]
    assert form_url == f"{jp_serverapp.connection_url}flyte-nb/form/far%20away/{request_id}"
    assert api_url.startswith("http://127.0.0.1:")


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"JUPYTERHUB_SERVICE_PREFIX": "/user/ann/"}, "{base}flyte-nb/runs/x"),
        ({"JUPYTERHUB_PUBLIC_URL": "https://hub.example/user/ann/"}, "https://hub.example/user/ann/flyte-nb/runs/x"),
    ],
)
def test_on_a_hub_the_address_is_the_hubs(
    variables: dict[str, str], address: str, jp_serverapp: Any, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    announce(Home(home), address_of(jp_serverapp), time.time())
    assert page_of(Home(home), "runs", "x") == address.format(base=jp_serverapp.base_url)


def test_the_notebook_of_a_run_is_told_as_seen_from_the_servers_root(
    fetch: Fetch, jp_root_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook = jp_root_dir / "deep" / "study.ipynb"
    notebook.parent.mkdir()
    notebook.write_text("{}")
    elsewhere = tmp_path / "elsewhere.ipynb"
    elsewhere.write_text("{}")
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook))
    ended("inside", main, 1)
    monkeypatch.setenv("JPY_SESSION_NAME", str(elsewhere))
    ended("outside", main, 1)
    assert found(fetch("api/runs/inside/notebook")) == {"path": "deep/study.ipynb", "cell": ""}
    assert "not a file below" in found(fetch("api/runs/outside/notebook"), 404)["error"]


def test_old_runs_are_forgotten_on_request(fetch: Fetch) -> None:
    ended("young", main, 1)
    assert "Forgot 0 runs" in found(post(fetch, "api/tidy", body={"older_than_days": 1}))["status"]
    assert found(fetch("api/runs"))["total"] == 1
    found(post(fetch, "api/tidy", body={"older_than_days": 0}), 400)


# acting -------------------------------------------------------------------------------------------------------------


def test_a_run_is_aborted(fetch: Fetch) -> None:
    run = flyte.run(hangs)
    found(post(fetch, "api/runs", run.name, "abort", body={"reason": "Enough."}), 202)
    run.wait()
    assert run.phase == "aborted"
    assert "Enough." in run.details().action_details.abort_info
    assert "nothing to stop" in found(post(fetch, "api/runs", run.name, "abort", body={}), 409)["error"]


def test_what_is_not_there_or_has_ended_cannot_be_aborted(fetch: Fetch) -> None:
    flyte.with_runcontext(name="waits").run(steps_and_hangs)
    while not (ends := [one for one in remote.Action.listall("waits", in_phase="succeeded")]):
        time.sleep(0.01)
    abort = ("api/runs", "waits", "abort")
    assert "has no action 'nothing'" in found(post(fetch, *abort, body={"action": "nothing"}), 404)["error"]
    assert "nothing to stop" in found(post(fetch, *abort, body={"action": ends[0].name}), 409)["error"]
    found(post(fetch, *abort, body={"action": "a0"}), 202)


def test_a_question_is_in_the_inbox_until_it_is_answered_once(fetch: Fetch) -> None:
    asking("asks")
    [waiting] = found(fetch("api/inbox"))
    assert (waiting["run"], waiting["question"]["name"]) == ("asks", "decision")
    answer = ("api/runs/asks/answer",)
    assert "whole number" in found(post(fetch, *answer, body={"prompt": "decision", "value": "much"}), 422)["error"]
    assert found(post(fetch, *answer, body={"prompt": "decision", "value": "4"}))["status"] == "answered with 4"
    assert "already answered" in found(post(fetch, *answer, body={"prompt": "decision", "value": "5"}), 409)["error"]
    found(post(fetch, *answer, body={"prompt": "none", "value": "5"}), 404)
    assert found(fetch("api/inbox")) == []
    assert flyte.Run.get("asks").outputs() == 4


LOST = """
import flyte_nb as flyte
from tests.server.test_routes import asked, asks

flyte.with_runcontext(name="lost").run(asks)
asked.wait(60)
print("asked", flush=True)
input()
"""


def kill_while_it_asks(home: Path) -> None:
    """Leave a run behind whose process was killed while it asked a question."""
    variables = {**os.environ, "FLYTE_NB_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[2])}
    kernel = subprocess.Popen(
        [sys.executable, "-c", LOST], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    )
    assert kernel.stdin is not None and kernel.stdout is not None
    assert kernel.stdout.readline() == "asked\n"
    kernel.kill()
    kernel.wait()
    kernel.stdin.close()
    kernel.stdout.close()


def test_a_question_of_an_interrupted_run_waits_until_it_is_answered_for_the_resume(fetch: Fetch, home: Path) -> None:
    kill_while_it_asks(home)
    [waiting] = found(fetch("api/inbox"))
    assert (waiting["run"], waiting["question"]["standing"]) == ("lost", "stopped")
    said = found(post(fetch, "api/runs/lost/answer", body={"prompt": "decision", "value": "4"}))["status"]
    assert said == "kept: run 'lost' has ended (aborted) and takes the answer when it is resumed"
    assert found(fetch("api/inbox")) == []
    assert flyte.Run.get("lost").resume().outputs() == 4


def test_programs_answer_with_json(fetch: Fetch) -> None:
    event = asking("programs", "bool")
    body = {"request_id": event.request_id, "response_path": event.response_path, "data_type": "bool"}
    submit = ("submit/json",)
    found(post(fetch, *submit, body={**body, "value": 3}), 422)
    found(post(fetch, *submit, body={**body, "value": True, "data_type": "int"}), 422)
    found(post(fetch, *submit, body={**body, "value": True, "response_path": "../../etc/passwd"}), 404)
    found(post(fetch, *submit, body={**body, "value": True, "request_id": "nobody"}), 404)
    found(post(fetch, *submit, body={"value": True}), 400)
    assert found(post(fetch, *submit, body={**body, "value": True}))["status"] == "answered with true"
    found(post(fetch, *submit, body={**body, "value": False}), 409)


def test_a_form_is_a_page_of_its_own(fetch: Fetch) -> None:
    event = asking("formed")
    page = fetch("form/formed", event.request_id)
    text = page.body.decode()
    assert "type=number" in text
    assert "<strong>on</strong>" in text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert 'name="_xsrf"' in text
    assert fetch("form/formed/nothing").code == 404
    fetch("form/formed", event.request_id, method="POST", body="value=7")
    assert flyte.Run.get("formed").outputs() == 7


def test_a_run_that_has_ended_is_deleted_by_a_process_of_its_own(fetch: Fetch) -> None:
    ended("old", main, 1)
    running = flyte.run(hangs)
    assert "abort it first" in found(fetch("api/runs", running.name, method="DELETE"), 409)["error"]
    found(fetch("api/runs/old", method="DELETE"))
    found(fetch("api/runs/old"), 404)


@env.task
async def uses_what_is_beside_its_notebook() -> int:
    import beside_the_notebook  # type: ignore[import-not-found, unused-ignore]

    number: int = beside_the_notebook.NUMBER
    return number


@pytest.mark.parametrize("how", ["resume", "rerun"])
def test_a_run_goes_on_in_the_folder_of_its_notebook(
    how: str, fetch: Fetch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep)
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "study.ipynb"))
    ended("beside", uses_what_is_beside_its_notebook)
    assert flyte.Run.get("beside").phase == "failed"
    (tmp_path / "beside_the_notebook.py").write_text("NUMBER = 7")
    name = found(fetch("api/runs/beside", how, method="POST", body=""), 202).get("name", "beside")
    run = flyte.Run.get(name)
    run.wait()
    assert run.outputs() == 7


def test_a_run_again_that_begins_late_is_told_to_be_on_its_way(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    ended("slow-start", main, 1)
    monkeypatch.setattr("flyte_nb._server.processes.BEGUN_WITHIN_S", 0.0)
    said = found(fetch("api/runs/slow-start/rerun", method="POST", body=""), 409)["error"]
    assert "is being started again, which takes long" in said
    while found(fetch("api/runs"))["total"] < 2:
        time.sleep(0.05)


def test_a_failed_run_is_resumed_without_a_kernel(fetch: Fetch) -> None:
    ended("again", fails)
    found(fetch("api/runs/again/resume", method="POST", body=""), 202)
    run = flyte.Run.get("again")
    run.wait()
    assert run.details().resumes == 1
    ended("fine", main, 1)
    assert "cannot be resumed" in found(fetch("api/runs/fine/resume", method="POST", body=""), 409)["error"]


# who may --------------------------------------------------------------------------------------------------------------


def own_methods(handler: type) -> list[str]:
    return [
        method
        for method in ("get", "post", "delete", "put", "patch")
        if any(method in vars(kind) for kind in handler.__mro__ if kind.__module__.startswith("flyte_nb"))
    ]


ALL = [(re.sub(r"\(.*?\)", "x", path), method.upper()) for path, handler in ROUTES for method in own_methods(handler)]


Stranger = Callable[..., Any]


@pytest.fixture
def stranger(http_server_client: Any, jp_serverapp: Any, jp_base_url: str, jp_asyncio_loop: Any) -> Stranger:
    """Fetches a page of the extension with the headers it is given and no others."""

    async def ask(path: str, **options: Any) -> Any:
        try:
            return await http_server_client.fetch(
                f"{jp_base_url}flyte-nb/{path}", follow_redirects=False, allow_nonstandard_methods=True, **options
            )
        except HTTPClientError as error:
            return error.response

    return lambda path, **options: jp_asyncio_loop.run_until_complete(ask(path, **options))


def test_nothing_is_answered_without_a_token(stranger: Stranger) -> None:
    own = {"Cookie": "_xsrf=0123", "X-XSRFToken": "0123"}  # what keeps other sites off is in a stranger's own hands
    for path, method in ALL:
        refused = stranger(path, method=method, headers=own)
        assert refused.code in (302, 403), (path, method)
        if refused.code == 302:
            assert "/login" in refused.headers["Location"]


def test_a_page_of_another_site_cannot_use_the_cookie(stranger: Stranger, jp_serverapp: Any) -> None:
    logged_in = stranger(f"api/runs?token={jp_serverapp.identity_provider.token}")
    cookie = "; ".join(cookie.partition(";")[0] for cookie in logged_in.headers.get_list("Set-Cookie"))
    assert stranger("api/runs", headers={"Cookie": cookie}).code == 200
    for path, method in ALL:
        if method != "GET":
            refused = stranger(path, method=method, headers={"Cookie": cookie})
            assert refused.code == 403, (path, method)
            assert b"_xsrf" in refused.body, (path, method)


def test_who_may_not_write_may_not_write(fetch: Fetch, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ended("kept", main, 1)
    monkeypatch.setattr(
        type(jp_serverapp.authorizer), "is_authorized", lambda self, handler, user, action, resource: action == "read"
    )
    assert fetch("api/runs").code == 200
    for path, method in ALL:
        if method != "GET":
            assert fetch(path, method=method, allow_nonstandard_methods=True).code == 403


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "%00", "%3Cscript%3E", "a%25sb"])
def test_odd_names_are_not_found(name: str, fetch: Fetch) -> None:
    for path in (f"api/runs/{name}", f"api/runs/{name}/tree", f"form/{name}/x"):
        response = fetch(path)
        assert response.code == 404
        assert b"<script>" not in response.body


def test_the_picture_of_an_interrupted_run_is_given_and_is_not_final(fetch: Fetch, home: Path) -> None:
    kill_while_it_asks(home)
    picture = found(fetch("api", "runs", "lost", "picture"))
    assert "interrupted" in picture["html"]
    assert not picture["is_final"]


def test_a_notebook_is_given_the_picture_of_a_run_that_has_ended_and_of_no_other(fetch: Fetch) -> None:
    ended("kept", main, 2)
    picture = found(fetch("api", "runs", "kept", "picture"))
    assert picture["created_at"] == found(fetch("api", "runs", "kept"))["created_at"]
    assert picture["is_final"]
    assert "succeeded" in picture["html"]
    assert "<script" not in picture["html"]
    live = flyte.run(hangs)
    refused = found(fetch("api", "runs", live.name, "picture"), 409)
    assert refused["error"] == f"Run {live.name!r} goes on; its picture is kept when it has ended."
    live.abort()
    live.wait()
