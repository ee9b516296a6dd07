"""A container engine for the tests, with images made on this machine from a static busybox: no registry is asked."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from flyte_nb.backends.containers.engine import CHOICE, Engine, find_engine, forget_engines
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
    return engine.call("ps", "--all", "--filter", f"label={LABEL}={owner}", "--format", "{{.Names}}").split()


def make_image(engine: Engine, reference: str, *changes: str) -> None:
    """Import the root file system of a static busybox as an image."""
    flags = [word for change in changes for word in ("--change", change)]
    engine.call("import", *flags, "-", reference, stdin=root_file_system())


def _problem() -> str:
    try:
        engine = find_engine()
        for reference, changes in ((IMAGE, ()), (IMAGE_OF_A_USER, ("USER 1000",))):
            if engine.attempt("image", "inspect", reference).returncode:
                make_image(engine, reference, *changes)
        engine.call("run", "--rm", "--network=none", IMAGE, "true")
    except (ContainerEngineError, OSError) as error:
        return str(error)
    return ""


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


@contextlib.contextmanager
def without_engine() -> Iterator[None]:
    """Nothing that could run a container is found in the block."""
    before = dict(os.environ)
    os.environ["PATH"] = ""
    os.environ.pop(CHOICE, None)
    forget_engines()
    try:
        yield
    finally:
        os.environ.update(before)
        forget_engines()
