"""What the code of an environment requires, from its image and from what it imports."""

from __future__ import annotations

import re
import shlex
import sys
from importlib import metadata
from pathlib import Path

from .._task.environment import TaskEnvironment
from .._task.image import Image, Layer, as_image
from ..errors import DeploymentError
from ..storage.addresses import without_secrets
from .manifest import Requirements

_SCRIPT = re.compile(r"^# /// script\s*$\n(?P<content>(?:^#(?:| .*)$\n)+?)^# ///\s*$", re.MULTILINE)
_OWN = frozenset({"flyte-nb", "flyte"})


def requirements_of(environment: TaskEnvironment, libraries: set[str]) -> Requirements:
    """What an image says; an image that says nothing asks for the versions that are installed here.

    Raises
    ------
    DeploymentError
        If a file that it names cannot be read, or an address carries a password.
    """
    image = as_image(environment.image)
    python = ".".join(map(str, image.python_version)) if image.python_version else ""
    layers = [layer for layer in image.layers if layer.kind in ("pip", "requirements")]
    scripted = _of_script(environment, image)
    if not layers and not scripted:
        return Requirements(packages=tuple(_installed(libraries)), python=python)
    packages = list(scripted)
    for layer in layers:
        packages += layer.values if layer.kind == "pip" else _lines(environment, layer)
    said = [dict(layer.settings) for layer in layers]
    return Requirements(
        packages=tuple(package for package in packages if not _is_ours(package)),
        index_url=_address(next((one["index_url"] for one in reversed(said) if "index_url" in one), "")),
        extra_index_urls=tuple(_address(url) for one in said for url in one.get("extra_index_urls", "").split() if url),
        extra_args=" ".join(shlex.join(shlex.split(one["extra_args"])) for one in said if "extra_args" in one),
        pre=any("pre" in one for one in said),
        python=python,
    )


def env_vars_of(environment: TaskEnvironment) -> dict[str, str]:
    """Environment variables that an image sets."""
    found = {}
    for layer in as_image(environment.image).layers:
        if layer.kind == "env":
            found.update(dict(value.split("=", 1) for value in layer.values))
    return found


def _installed(libraries: set[str]) -> list[str]:
    """The distributions of modules, as they are installed here; what is no release of an index is left out."""
    known = metadata.packages_distributions()
    found = set()
    for top in libraries:
        for name in known.get(top, ()):
            distribution = metadata.distribution(name)
            if not _is_ours(name) and distribution.read_text("direct_url.json") is None:
                found.add(f"{distribution.metadata['Name']}=={distribution.version}")
    return sorted(found, key=str.lower)


def _is_ours(package: str) -> bool:
    name = re.split(r"[\s\[<>=!~;@]", package.strip(), maxsplit=1)[0]
    return name.lower().replace("_", "-") in _OWN


def _lines(environment: TaskEnvironment, layer: Layer) -> list[str]:
    found = []
    for file in layer.values:
        for line in _read(environment, file).splitlines():
            text = line.partition(" #")[0].strip()
            if text and not text.startswith("#"):
                found.append(text)
    return found


def _of_script(environment: TaskEnvironment, image: Image) -> list[str]:
    if not image.base.startswith("uv script "):
        return []
    import tomllib

    script = image.base.removeprefix("uv script ")
    header = _SCRIPT.search(_read(environment, script))
    if header is None:
        return []
    content = "".join(line[2:] if line.startswith("# ") else line[1:] for line in header["content"].splitlines(True))
    return [str(one) for one in tomllib.loads(content).get("dependencies", ())]


def _read(environment: TaskEnvironment, file: str) -> str:
    try:
        return Path(file).expanduser().read_text(encoding="utf-8")
    except OSError as error:
        raise DeploymentError(
            f"Environment {environment.name!r}: its image names {file!r}, which cannot be read:"
            f" {error.strerror or error}."
        ) from error


def _address(url: str) -> str:
    return without_secrets(url) if url else ""


def made_with() -> dict[str, str]:
    """Versions to know when something does not work elsewhere."""
    from .._version import __version__

    return {"flyte_nb": __version__, "python": "{}.{}.{}".format(*sys.version_info[:3])}
