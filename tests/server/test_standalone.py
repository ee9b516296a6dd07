"""`flyte-nb ui`: the same routes without JupyterLab, on this machine only."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

import flyte_nb as flyte

env = flyte.TaskEnvironment("alone")


@env.task
async def add(x: int) -> int:
    return x + 1


class Ui:
    """The server as a process, and the address that it printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        self.address, self.token = re.fullmatch(r"(.*)/flyte-nb/\?token=(\S+)", line.strip()).groups()  # type: ignore[union-attr]

    def status(self, path: str, **headers: str) -> int:
        request = urllib.request.Request(self.address + path, headers=headers)
        try:
            with urllib.request.urlopen(request) as response:
                self.text = response.read().decode()
                return int(response.status) if "/login" not in response.url else 302
        except urllib.error.HTTPError as error:
            return error.code


@pytest.fixture
def ui(home: Path, tmp_path: Path) -> Iterator[Ui]:
    config = tmp_path / "config"
    config.mkdir()
    (config / "jupyter_server_config.py").write_text("c.ServerApp.ip = '0.0.0.0'\nc.IdentityProvider.token = ''\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "flyte_nb._cli", "--home", str(home), "ui"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "JUPYTER_CONFIG_DIR": str(config)},
    )
    yield Ui(process)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    assert process.stdout is not None
    process.stdout.close()


def test_it_serves_runs_to_who_has_the_token_and_nothing_else_to_anybody(ui: Ui) -> None:
    run = flyte.with_runcontext(name="served-alone").run(add, 1)
    run.wait()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", ui.address), "a configuration of Jupyter was read"
    assert run.url == f"{ui.address}/flyte-nb/runs/served-alone"
    assert ui.status("/flyte-nb/") == 302
    assert ui.status("/flyte-nb/api/runs") == 403
    allowed = {"Authorization": f"token {ui.token}"}
    assert ui.status("/flyte-nb/", **allowed) == 200
    assert ui.status("/flyte-nb/api/runs", **allowed) == 200
    assert [line["name"] for line in json.loads(ui.text)["runs"]] == ["served-alone"]
    assert ui.status("/flyte-nb/api/runs", **allowed, Host="evil.example") == 403
    for path in ("/api/contents", "/api/kernels", "/api/terminals", "/files/journal.sqlite", "/lab"):
        assert ui.status(path, **allowed) == 404, path


def test_without_a_server_a_run_has_no_address(ui: Ui) -> None:
    run = flyte.run(add, 1)
    run.wait()
    assert run.url is not None
    ui.process.kill()
    ui.process.wait(20)
    assert run.url is None
    ui.process.returncode = 0
