"""`flyte-nb ui`: the same routes without JupyterLab, on this machine only."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

import flyte_nb as flyte
from tests.listening import listened_on
from tests.ui import Ui

env = flyte.TaskEnvironment("alone")


@env.task
async def add(x: int) -> int:
    return x + 1


@pytest.fixture
def ui(home: Path, tmp_path: Path, start_ui: Callable[..., Ui]) -> Ui:
    config = tmp_path / "config"
    config.mkdir()
    for name in ("jupyter", "jupyter_server", "flyte_nb_ui"):  # the last after the name of the server
        wishes = "c.ServerApp.ip = '0.0.0.0'\nc.IdentityProvider.token = ''\nc.ServerApp.base_url = '/read/'\n"
        (config / f"{name}_config.py").write_text(wishes)
    return start_ui(home, JUPYTER_CONFIG_DIR=str(config))


def fetched(ui: Ui, path: str, **headers: str) -> tuple[int, str]:
    """The status of a page, 302 where it leads to the login, and its text."""
    try:
        with urllib.request.urlopen(urllib.request.Request(ui.address + path, headers=headers)) as response:
            return (int(response.status) if "/login" not in response.url else 302), response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_it_serves_runs_to_who_has_the_token_and_nothing_else_to_anybody(ui: Ui) -> None:
    run = flyte.with_runcontext(name="served-alone").run(add, 1)
    run.wait()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", ui.address), "a configuration of Jupyter was read"
    assert run.url == f"{ui.address}/flyte-nb/runs/served-alone"
    assert fetched(ui, "/flyte-nb/")[0] == 302
    assert fetched(ui, "/flyte-nb/api/runs")[0] == 403
    assert fetched(ui, "/flyte-nb/", **ui.headers)[0] == 200
    status, runs = fetched(ui, "/flyte-nb/api/runs", **ui.headers)
    assert status == 200 and [line["name"] for line in json.loads(runs)["runs"]] == ["served-alone"]
    assert fetched(ui, "/flyte-nb/api/runs", **ui.headers, Host="evil.example")[0] == 403
    for path in ("/api/contents", "/api/kernels", "/api/terminals", "/files/journal.sqlite", "/lab"):
        assert fetched(ui, path, **ui.headers)[0] == 404, path


def test_it_listens_on_this_machine_only(ui: Ui) -> None:
    assert listened_on(ui.process.pid) == {"127.0.0.1"}


def test_without_a_server_a_run_has_no_address(ui: Ui) -> None:
    run = flyte.run(add, 1)
    run.wait()
    assert run.url is not None
    ui.process.kill()
    ui.process.wait(20)
    assert run.url is None
