"""An engine that is reached through a socket, in the ways that a terminal knows."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.backends.containers.engine import CHOICE, Engine, find_engine, forget_engines
from flyte_nb.backends.containers.leftovers import owner_text
from flyte_nb.errors import ContainerExitError, DiskLimitError, OOMError, TaskTimeoutError
from flyte_nb.extras import ContainerTask
from flyte_nb.io import Dir, File
from tests.containers.engine import IMAGE, containers_of, make_image, without_engine

PATIENCE_S = 60
WAYS = ("DOCKER_HOST", "a context of docker", "podman --remote")


@pytest.fixture(scope="module")
def socket(any_engine: Engine) -> Iterator[str]:
    """The address of an engine that serves at a socket of its own; Podman, also where the other tests use Docker."""
    podman = Engine(("podman",), is_podman=True)
    if shutil.which("podman") is None:
        pytest.skip("only Podman serves at a socket without being set up")
    if podman.attempt("image", "inspect", IMAGE).returncode:
        make_image(podman, IMAGE)
    if podman.attempt("run", "--rm", "--network=none", IMAGE, "true").returncode:
        pytest.skip("Podman runs no container here")
    with tempfile.TemporaryDirectory(prefix="flyte_nb-engine-") as folder:  # a socket's path may not be long
        address = f"unix://{folder}/engine.sock"
        command = ["podman", "system", "service", "--time=0", address]
        service = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)  # where its monitors leave notes
        try:
            give_up_at = time.monotonic() + PATIENCE_S
            while not Path(folder, "engine.sock").exists():
                assert service.poll() is None and time.monotonic() < give_up_at, "it does not serve"
                time.sleep(0.01)
            yield address
        finally:
            service.terminate()
            service.wait()


@pytest.fixture(params=WAYS)
def elsewhere(request: Any, socket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine at the socket; the test fails if a container survives it."""
    if request.param == "podman --remote":
        monkeypatch.setenv(CHOICE, f"podman --remote --url {socket}")
    else:
        if shutil.which("docker") is None:
            pytest.skip("docker's command is not here")
        monkeypatch.setenv(CHOICE, "docker")
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        if request.param == "DOCKER_HOST":
            monkeypatch.setenv("DOCKER_HOST", socket)
        else:
            for words in (["create", "there", f"--docker=host={socket}"], ["use", "there"]):
                subprocess.run(["docker", "context", *words], check=True, capture_output=True)
    forget_engines()
    yield find_engine()
    left = containers_of(owner_text(), find_engine())
    forget_engines()
    assert left == []


def result(script: str, outputs: dict[str, Any], inputs: dict[str, Any] | None = None, **options: Any) -> Any:
    values = inputs or {}
    task = ContainerTask(
        "elsewhere", IMAGE, ["/bin/sh", "-c", script], network="none", outputs=outputs,
        inputs={name: type(value) for name, value in values.items()}, **options,
    )  # fmt: skip
    return flyte.run(task, **values).outputs()[0]


@pytest.mark.usefixtures("elsewhere")
def test_inputs_go_there_and_outputs_come_back(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("from a file\n")

    found = result(
        'cd /var/outputs; mkdir all; cat /var/inputs/data > all/data; echo "$SAID" > all/said',
        {"all": Dir},
        {"data": File.from_local_sync(tmp_path / "in")},
        env_vars={"SAID": "two words"},
    )

    folder = Path(found.download_sync())
    assert (folder / "data").read_text() == "from a file\n"
    assert (folder / "said").read_text() == "two words\n"


@pytest.mark.usefixtures("elsewhere")
def test_what_goes_wrong_there_is_said_as_it_is_here() -> None:
    with pytest.raises(ContainerExitError, match=r"ended with exit code 3.*\ngone wrong") as caught:
        result("echo gone wrong >&2; exit 3", {})
    assert caught.value.exit_code == 3

    with pytest.raises(ContainerExitError, match=r"/bin/no-such-program.*Is its program in the image"):
        flyte.run(ContainerTask("elsewhere", IMAGE, ["/bin/no-such-program"], network="none")).outputs()


@pytest.mark.usefixtures("elsewhere")
def test_limits_hold_there() -> None:
    with pytest.raises(OOMError):
        result("head -c 200000000 /dev/zero | tail", {}, resources=flyte.Resources(memory="50Mi"))
    with pytest.raises(DiskLimitError):
        result(
            "while :; do head -c 10000000 /dev/zero >> /var/outputs/x; sleep 0.1; done",
            {"x": File},
            resources=flyte.Resources(disk="20Mi"),
        )
    with pytest.raises(TaskTimeoutError):
        result("trap '' TERM; while :; do sleep 0.1; done", {}, timeout=1)


def test_an_engine_whose_command_is_missing_is_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/someones/engine.sock")

    with without_engine(), pytest.raises(flyte.errors.ContainerEngineError) as caught:
        result("true", {})

    assert "an engine seems to be at unix:///run/someones/engine.sock: only its command is missing" in str(caught.value)
