"""Where Podman is installed and does not serve, this process has it serve, for itself and no longer than it lives."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

import flyte_nb as flyte
from flyte_nb.backends.containers import container, podman_service
from flyte_nb.backends.containers.addresses import CHOICE
from flyte_nb.backends.containers.engine import Engine, find_engine, forget_engines
from flyte_nb.backends.containers.leftovers import LABEL, owner_text
from flyte_nb.errors import ContainerEngineError
from flyte_nb.extras import ContainerTask
from flyte_nb.models import ActionPhase
from tests.containers.engine import IMAGE, containers_of, without_engine
from tests.containers.waiting import wait_for

OWNER_PROGRAM = """
import sys, time
from flyte_nb.backends.containers import podman_service
from flyte_nb.backends.containers.engine import find_engine

podman_service.IDLE_S = 5
engine = find_engine()
print(engine.address, flush=True)
if sys.argv[1] == "stays":
    time.sleep(600)
"""


@pytest.fixture
def only_podmans_command(any_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Podman is found by its command and in no other way."""
    podman = shutil.which("podman")
    if podman is None:
        pytest.skip("Podman is not installed")
    path = os.environ["PATH"]
    with without_engine():
        os.environ["PATH"] = path
        forget_engines()
        yield
        forget_engines()


def folder_of(address: str) -> Path:
    return Path(address.removeprefix("unix://")).parent


def processes_of(address: str) -> list[psutil.Process]:
    """The service itself."""
    return [process for process in psutil.process_iter(["cmdline"]) if address in (process.info["cmdline"] or [])]


@pytest.mark.usefixtures("only_podmans_command")
def test_all_threads_share_one_service_in_a_folder_of_their_users_own() -> None:
    with ThreadPoolExecutor(4) as pool:
        engines = set(pool.map(lambda _: find_engine(), range(4)))

    [engine] = engines
    assert engine.name == "Podman"
    folder = folder_of(engine.address)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    listening = [one for one in psutil.net_connections("inet") if one.status == psutil.CONN_LISTEN]
    serving = {process.pid for process in processes_of(engine.address)}
    assert serving and not serving & {one.pid for one in listening}


@pytest.mark.usefixtures("only_podmans_command")
def test_a_service_that_has_ended_is_replaced() -> None:
    first = find_engine()
    for process in processes_of(first.address):
        process.terminate()
    wait_for(lambda: not first.is_there)

    second = find_engine()

    assert second.address != first.address
    assert second.client().ping()
    assert not folder_of(first.address).exists()


@pytest.mark.usefixtures("only_podmans_command")
@pytest.mark.parametrize("how", ["ends", "is killed"])
def test_a_service_ends_soon_after_its_process(how: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER_PROGRAM, "stays" if how == "is killed" else "ends"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), CHOICE: "podman"},
    )
    with process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address.startswith("unix://")
        if how == "is killed":
            assert folder_of(address).exists()
            process.kill()
        process.wait()

    wait_for(lambda: not folder_of(address).exists())
    assert processes_of(address) == []


@pytest.mark.usefixtures("only_podmans_command")
def test_a_container_that_a_frozen_engine_does_not_remove_is_removed_once_it_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(container, "END_WITHIN_S", 1)
    service = find_engine()
    run = flyte.run(ContainerTask("lasting", IMAGE, ["sleep", "600"], network="none"))
    wait_for(lambda: service.client().containers(filters={"label": f"{LABEL}={owner_text()}"}))
    frozen = processes_of(service.address)
    assert frozen
    for process in frozen:
        process.suspend()
    try:
        run.abort()
        run.wait()
        assert run.phase is ActionPhase.ABORTED
        assert "could not be removed" in caplog.text and "did not answer in time" in caplog.text
    finally:
        for process in frozen:
            process.resume()

    wait_for(lambda: containers_of(owner_text(), service) == [])


@pytest.mark.usefixtures("only_podmans_command")
def test_a_podman_that_cannot_serve_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "podman").write_text("#!/bin/sh\necho 'Error: no room for anything' >&2\nexit 125\n")
    (tmp_path / "podman").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    with pytest.raises(ContainerEngineError, match="`podman system service` does not serve: Error: no room for"):
        podman_service.PodmanService()
