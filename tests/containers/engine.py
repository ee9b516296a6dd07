"""A container engine for the tests, with images made on this machine from a static busybox: no registry is asked."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path

import pytest
from docker.errors import NotFound

from flyte_nb.backends.containers import addresses
from flyte_nb.backends.containers.addresses import CHOICE
from flyte_nb.backends.containers.engine import Engine, find_engine, forget_engines
from flyte_nb.backends.containers.leftovers import LABEL
from flyte_nb.errors import ContainerEngineError

IMAGE = "localhost/flyte-nb-test:1"
IMAGE_OF_A_USER = "localhost/flyte-nb-test-user:1"
CONF = Path(__file__).with_name("containers.conf")


def prepare(environment: MutableMapping[str, str] = os.environ) -> str:
    """Make images and see one run; why that cannot be, or an empty text.

    Where Podman does not work as it is set up, it is tried with the settings beside this file.
    """
    problem = _problem()
    if problem and "CONTAINERS_CONF" not in environment:
        environment["CONTAINERS_CONF"] = str(CONF)
        forget_engines()
        with_settings = _problem()
        if with_settings:
            del environment["CONTAINERS_CONF"]
            forget_engines()
        else:
            problem = ""
    return problem


def containers_of(owner: str, engine: Engine) -> list[str]:
    """Names of the containers that a process made and that are still there."""
    found = engine.client().containers(all=True, filters={"label": f"{LABEL}={owner}"})
    return [container["Names"][0] for container in found]


def has_image(engine: Engine, reference: str) -> bool:
    """Whether the engine holds an image."""
    try:
        engine.client().inspect_image(reference)
    except NotFound:
        return False
    return True


def make_image(engine: Engine, reference: str, *changes: str) -> None:
    """Import the root file system of a static busybox as an image."""
    client = engine.client()
    said = client.import_image_from_data(root_file_system(), changes=list(changes))
    client.tag(json.loads(said.splitlines()[-1])["status"], *reference.rsplit(":", 1))  # Podman imports no tags


def remove_image(engine: Engine, reference: str) -> None:
    """Remove an image, if the engine holds it."""
    with contextlib.suppress(NotFound):
        engine.client().remove_image(reference, force=True)


def _problem() -> str:
    try:
        engine = find_engine()
        for reference, changes in ((IMAGE, ()), (IMAGE_OF_A_USER, ("USER 1000",))):
            if not has_image(engine, reference):
                make_image(engine, reference, *changes)
        _run_one(engine)
    except (ContainerEngineError, OSError) as error:
        return str(error)
    return ""


def _run_one(engine: Engine) -> None:
    client = engine.client()
    with engine.answering("run a container"):
        host = client.create_host_config(network_mode="none")
        name = client.create_container(IMAGE, ["true"], host_config=host)["Id"]
        try:
            client.start(name)
            client.wait(name)
        finally:
            client.remove_container(name, force=True)


def root_file_system(name: str = "test") -> bytes:
    """A busybox and little else, as a tar archive; another name gives other bytes."""
    busybox = shutil.which("busybox")
    if busybox is None:
        raise OSError("there is no busybox to make an image of; Debian has it in busybox-static")
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder, mode in _folders():
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, mode
            archive.addfile(entry)
        program = archive.gettarinfo(os.path.realpath(busybox), arcname="bin/busybox")
        with open(os.path.realpath(busybox), "rb") as content:
            archive.addfile(program, content)
        for applet in applets:
            if applet != "busybox":
                link = tarfile.TarInfo(f"bin/{applet}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                archive.addfile(link)
        users = "root:x:0:0:root:/:/bin/sh\nworker:x:1000:1000:worker:/tmp:/bin/sh\n"
        for path, text in (("etc/passwd", users), ("etc/hostname", name)):
            entry = tarfile.TarInfo(path)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def _folders() -> Iterator[tuple[str, int]]:
    for folder in ("bin", "etc", "proc", "sys", "dev", "var"):
        yield folder, 0o755
    yield "tmp", 0o1777


def hide_engines(patch: pytest.MonkeyPatch) -> None:
    """Let nothing be found that could run a container."""
    for name in (CHOICE, "DOCKER_HOST", "DOCKER_CONTEXT", "CONTAINER_HOST", "XDG_RUNTIME_DIR"):
        patch.delenv(name, raising=False)
    patch.setenv("PATH", "")
    patch.setenv("DOCKER_CONFIG", "/nowhere")
    patch.setattr(addresses, "DOCKER_SOCKETS", ("/nowhere/docker.sock",))
    patch.setattr(addresses, "PODMAN_SOCKETS", ("/nowhere/podman.sock",))


@contextlib.contextmanager
def without_engine() -> Iterator[None]:
    """Nothing that could run a container is found in the block."""
    with pytest.MonkeyPatch.context() as patch:
        hide_engines(patch)
        yield
