"""Environments of Python packages, made when they are first needed and kept.

What is installed here is seen from each of them, after what is installed in it: so only what an environment requires is
installed, and this package need not be. An environment counts once it is marked as ready, last of all.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import sys
import time
from hashlib import blake2b
from importlib import metadata
from pathlib import Path

import msgspec

from ..._registry.interpreter import Interpreter, library_path, this_interpreter
from ..._registry.manifest import Requirements
from ...errors import DeploymentError
from .commands import Work
from .locks import hold, locked

_READY = "flyte_nb-ready.json"
_PROBE = "import flyte_nb.backends.processes.worker_main"


def interpreter_for(required: Requirements, folder: Path, who: str, work: Work) -> Interpreter:
    """A Python that has what is required: this one if it has, else that of an environment below `folder`.

    Parameters
    ----------
    who : str
        The task, for messages.

    Raises
    ------
    DeploymentError
        If it cannot be made.
    GivenUp
        If nobody waits for it any more.
    """
    _check_python(required, who)
    if is_satisfied_here(required):
        return this_interpreter()
    target = folder / _key(required)
    python = target / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    hold(target)
    if (target / _READY).is_file():
        return Interpreter(str(python))
    told = False

    def wait(seconds: float) -> None:
        nonlocal told
        if not told:
            work.tell(f"Another process makes the environment of {who}; waiting for it.")
            told = True
        work.wait(seconds)

    with locked(folder / f"{target.name}.lock", wait):
        if not (target / _READY).is_file():
            _make(required, target, python, who, work)
    return Interpreter(str(python))


def is_satisfied_here(required: Requirements) -> bool:
    """Whether every required package is installed here, in a version that will do."""
    return not required.extra_args and all(map(_is_installed, required.packages))


def _is_installed(line: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return False  # an option, a path: whoever installs it knows
    if requirement.marker is not None and not requirement.marker.evaluate():
        return True
    if requirement.url or requirement.extras:
        return False
    try:
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def _check_python(required: Requirements, who: str) -> None:
    here = "{}.{}".format(*sys.version_info[:2])
    if required.python and required.python != here:
        raise DeploymentError(
            f"{who} was deployed for Python {required.python}, and this is {here}. Call it from Python"
            f" {required.python}, or deploy it without python_version."
        )


def _key(required: Requirements) -> str:
    """Equal for requirements that give the same environment here."""
    content = [msgspec.to_builtins(required), list(sys.version_info[:3]), sys.platform, sys.prefix]
    return blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=12).hexdigest()


def _make(required: Requirements, target: Path, python: Path, who: str, work: Work) -> None:
    started = time.monotonic()
    work.tell(f"Making the environment of {who}, which is kept: {', '.join(required.packages)}")
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        _install(required, target, python, who, work)
        code, said = work.run(Interpreter(str(python)).command(_PROBE))
        if code:
            raise DeploymentError(
                f"The requirements of {who} ({', '.join(required.packages)}) do not go together with flyte_nb, which"
                f" runs its tasks: {said}"
            )
        marker = target / f".{_READY}"
        marker.write_text(json.dumps({"packages": required.packages, "libraries": library_path()}))
        marker.rename(target / _READY)
    except BaseException:
        shutil.rmtree(target, ignore_errors=True)
        raise
    work.tell(f"The environment of {who} is ready ({time.monotonic() - started:.1f} s).")


def _install(required: Requirements, target: Path, python: Path, who: str, work: Work) -> None:
    uv = _uv()
    has_pip = importlib.util.find_spec("pip") is not None
    if uv:
        create = [*uv, "venv", "--quiet", "--python", sys.executable, str(target)]
        install = [*uv, "pip", "install", "--python", str(python)]
    else:
        create = [sys.executable, "-m", "venv", *(["--without-pip"] if has_pip else []), str(target)]
        pip = [sys.executable, "-m", "pip", "--python", str(python)] if has_pip else [str(python), "-m", "pip"]
        install = [*pip, "--disable-pip-version-check", "install", "--progress-bar", "off", "--no-input"]
    _run(create, f"An environment for {who} cannot be made", work)
    listed = target / "requirements.txt"
    listed.write_text("".join(f"{line}\n" for line in required.packages))
    _run(
        [*install, *_sources(required, uses_uv=bool(uv)), "-r", str(listed)],
        f"The requirements of {who} cannot be installed ({', '.join(required.packages)})",
        work,
    )


def _sources(required: Requirements, *, uses_uv: bool) -> list[str]:
    found = ["--index-url", required.index_url] if required.index_url else []
    for url in required.extra_index_urls:
        found += ["--extra-index-url", url]
    if required.pre:
        found.append("--prerelease=allow" if uses_uv else "--pre")
    return [*found, *shlex.split(required.extra_args)]


def _run(command: list[str], problem: str, work: Work) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "PYTHONHOME")}
    try:
        code, said = work.run(command, environment)
    except OSError as error:
        raise DeploymentError(f"{problem}: {command[0]} cannot be started: {error.strerror or error}.") from error
    if code:
        raise DeploymentError(
            f"{problem}. Mend the image of its environment and deploy it again. What was said:\n{said}"
        )


def _uv() -> list[str]:
    found = shutil.which("uv")
    if found:
        return [found]
    return [sys.executable, "-m", "uv"] if importlib.util.find_spec("uv") is not None else []
