"""An engine that is reached through a socket, in the ways that a terminal knows; no command of it is needed."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker.context import ContextAPI

import flyte_nb as flyte
from flyte_nb.backends.containers import addresses
from flyte_nb.backends.containers.addresses import CHOICE
from flyte_nb.backends.containers.engine import Engine, find_engine, forget_engines
from flyte_nb.backends.containers.leftovers import owner_text
from flyte_nb.errors import ContainerEngineError, ContainerExitError, DiskLimitError, OOMError, TaskTimeoutError
from flyte_nb.extras import ContainerTask
from flyte_nb.io import Dir, File
from tests.containers.engine import IMAGE, containers_of, has_image, hide_engines, make_image


@pytest.fixture(scope="module")
def socket(any_engine: Engine) -> Iterator[str]:
    """The path of a socket where an engine serves; Podman's, also where the other tests use Docker."""
    if shutil.which("podman") is None:
        pytest.skip("only Podman serves at a socket without being set up")
    with tempfile.TemporaryDirectory(prefix="flyte_nb-engine-") as folder:  # a socket's path may not be long
        path = f"{folder}/engine.sock"
        command = ["podman", "system", "service", "--time=0", f"unix://{path}"]
        service = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
        try:
            while not _listens(path):
                assert service.poll() is None, "it does not serve"
            yield path
        finally:
            service.terminate()
            service.wait()


def _listens(path: str) -> bool:
    try:
        addresses.knock(f"unix://{path}")
    except ContainerEngineError:
        return False
    return True


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a command nor a socket of an engine can be found."""
    hide_engines(monkeypatch)


@pytest.fixture
def elsewhere(nowhere: None, socket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The engine at the socket; the test fails if a container survives it."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{socket}")
    engine = find_engine()
    if not has_image(engine, IMAGE):
        make_image(engine, IMAGE)
    yield engine
    forget_engines()
    assert containers_of(owner_text(), engine) == []


def named_in_the_environment(socket: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv(CHOICE, f"unix://{socket}")
    patch.setenv("DOCKER_HOST", "unix:///nowhere/else.sock")


def docker_host(socket: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("DOCKER_HOST", f"unix://{socket}")


def the_current_context_of_docker(socket: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "config.json").write_text(json.dumps({"currentContext": "there"}))
    patch.setenv("DOCKER_CONFIG", str(folder))
    ContextAPI.create_context("there", host=f"unix://{socket}")


def docker_context(socket: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    (folder / "config.json").write_text("{}")
    patch.setenv("DOCKER_CONFIG", str(folder))
    patch.setenv("DOCKER_CONTEXT", "there")
    ContextAPI.create_context("there", host=f"unix://{socket}")


def a_socket_where_docker_has_it(socket: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(addresses, "DOCKER_SOCKETS", (socket,))


def container_host(socket: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("CONTAINER_HOST", f"unix://{socket}")


def the_users_own_podman(socket: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    runtime_folder = Path(socket).parent
    (runtime_folder / "podman").mkdir(exist_ok=True)
    (runtime_folder / "podman/podman.sock").symlink_to(socket)
    patch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))


WAYS = (
    named_in_the_environment, docker_host, the_current_context_of_docker, docker_context, a_socket_where_docker_has_it,
    container_host, the_users_own_podman,
)  # fmt: skip


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize("way", WAYS)
def test_an_engine_is_found_and_needs_no_command(
    way: Any, socket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOCKER_HOST")
    forget_engines()
    way(socket, tmp_path, monkeypatch)

    assert result("echo 42 > /var/outputs/x", {"x": int}) == 42


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


@pytest.mark.parametrize("name", [CHOICE, "DOCKER_HOST", "CONTAINER_HOST"])
@pytest.mark.usefixtures("nowhere")
def test_an_address_that_somebody_wrote_down_is_the_only_one_that_is_tried(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "unix:///run/someones/engine.sock")

    with pytest.raises(ContainerEngineError) as caught:
        find_engine()

    assert f"({name}, unix:///run/someones/engine.sock: there is no such socket)" in str(caught.value)


@pytest.mark.usefixtures("nowhere")
def test_a_context_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_CONTEXT", "no-such")

    with pytest.raises(ContainerEngineError, match="DOCKER_CONTEXT is 'no-such', and there is no such context"):
        find_engine()
