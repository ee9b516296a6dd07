"""Container images as values: declared, recorded with the run, never built here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .._public import public
from .messages import got

Platform = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layer:
    """One step in making an image.

    Attributes
    ----------
    kind : str
        ``"pip"``, ``"apt"``, ``"requirements"``, ``"env"``, ``"command"``, ``"file"`` or ``"folder"``.
    values : tuple of str
        Packages, commands, paths, or ``NAME=value``.
    settings : tuple of (str, str)
        What else was said of it.
    """

    kind: str
    values: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()

    def describe(self) -> str:
        """One short line, without the values of variables."""
        shown = [value.partition("=")[0] if self.kind == "env" else value for value in self.values]
        return f"{self.kind} {', '.join(shown)}"


@public
@dataclass(frozen=True, slots=True)
class Image:
    """A container image; a task in the notebook runs in the notebook's own Python whatever it says.

    Made with one of the `from_` methods, and extended with the `with_` methods; each gives a new image.

    Attributes
    ----------
    base : str
        What it starts from.
    name, registry : str or None
    python_version : pair of int or None
    layers : tuple of Layer

    Examples
    --------
    >>> Image.from_debian_base(name="etl").with_pip_packages("pandas").describe()
    'etl: debian + pip pandas'

    Specification: *Build tasks*.
    """

    base: str
    name: str | None = None
    registry: str | None = None
    python_version: tuple[int, int] | None = None
    platform: Platform = ()
    layers: tuple[Layer, ...] = ()

    def __post_init__(self) -> None:
        version = self.python_version
        if version is not None and not (isinstance(version, tuple) and all(isinstance(part, int) for part in version)):
            raise TypeError(f"Image python_version: expected a pair of numbers such as (3, 12), {got(version)}.")

    @classmethod
    def auto(cls) -> Image:
        """Whatever suits: the default."""
        return _AUTO

    @classmethod
    def from_debian_base(
        cls,
        python_version: tuple[int, int] | None = None,
        name: str | None = None,
        registry: str | None = None,
        *,
        flyte_version: str | None = None,
        install_flyte: bool = True,
        registry_secret: str | None = None,
        platform: str | Sequence[str] | None = None,
    ) -> Image:
        """Debian with a Python."""
        return cls("debian", name, registry, python_version, _platform(platform))

    @classmethod
    def from_base(cls, uri: str) -> Image:
        """The image at an address.

        Raises
        ------
        TypeError
            If the address is not text, or empty.
        """
        if not isinstance(uri, str) or not uri.strip():
            raise TypeError(f"Image.from_base: expected the address of an image, got {uri!r}.")
        return cls(uri)

    @classmethod
    def from_dockerfile(
        cls,
        file: str | Path,
        registry: str | None = None,
        name: str | None = None,
        *,
        platform: str | Sequence[str] | None = None,
    ) -> Image:
        """What a Dockerfile makes."""
        return cls(f"dockerfile {file}", name, registry, None, _platform(platform))

    @classmethod
    def from_uv_script(
        cls,
        script: str | Path,
        *,
        name: str | None = None,
        registry: str | None = None,
        registry_secret: str | None = None,
        python_version: tuple[int, int] | None = None,
        index_url: str | None = None,
        extra_index_urls: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_args: str | None = None,
        platform: str | Sequence[str] | None = None,
        secret_mounts: object = None,
    ) -> Image:
        """Python with the packages that the header of a script names."""
        return cls(f"uv script {script}", name, registry, python_version, _platform(platform))

    def with_pip_packages(
        self,
        *packages: str,
        index_url: str | None = None,
        extra_index_urls: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: object = None,
    ) -> Image:
        """Add Python packages."""
        settings = {"index_url": index_url, "extra_args": extra_args, "pre": "yes" if pre else None}
        settings["extra_index_urls"] = " ".join(_several(extra_index_urls)) or None
        return self._with("pip", packages, settings)

    def with_apt_packages(self, *packages: str, secret_mounts: object = None) -> Image:
        """Add packages of the operating system."""
        return self._with("apt", packages)

    def with_requirements(
        self,
        file: str | Path,
        index_url: str | None = None,
        extra_index_urls: str | Sequence[str] | None = None,
        pre: bool = False,
        extra_args: str | None = None,
        secret_mounts: object = None,
    ) -> Image:
        """Add the packages that a requirements file names."""
        settings = {"index_url": index_url, "extra_args": extra_args, "pre": "yes" if pre else None}
        settings["extra_index_urls"] = " ".join(_several(extra_index_urls)) or None
        return self._with("requirements", (file,), settings)

    def with_env_vars(self, env_vars: Mapping[str, str]) -> Image:
        """Set environment variables."""
        return self._with("env", [f"{name}={value}" for name, value in env_vars.items()])

    def with_commands(self, commands: Sequence[str], secret_mounts: object = None) -> Image:
        """Run commands while it is made."""
        return self._with("command", _several(commands))

    def with_source_file(self, src: str | Path | Sequence[str | Path], dst: str = ".") -> Image:
        """Copy a file, or several."""
        files = (src,) if isinstance(src, (str, Path)) else src
        return self._with("file", files, {"dst": dst})

    def with_source_folder(self, src: str | Path, dst: str = ".", copy_contents_only: bool = False) -> Image:
        """Copy a folder."""
        return self._with("folder", (src,), {"dst": dst, "contents": "yes" if copy_contents_only else None})

    def clone(
        self,
        registry: str | None = None,
        registry_secret: str | None = None,
        name: str | None = None,
        base_image: str | None = None,
        python_version: tuple[int, int] | None = None,
        addl_layer: Layer | None = None,
    ) -> Image:
        """The same image with some of it changed."""
        return replace(
            self,
            base=base_image or self.base,
            name=name or self.name,
            registry=registry or self.registry,
            python_version=python_version or self.python_version,
            layers=(*self.layers, addl_layer) if addl_layer is not None else self.layers,
        )

    def describe(self) -> str:
        """One short line."""
        named = "/".join(part for part in (self.registry, self.name) if part)
        base = self.base
        if self.python_version is not None:
            base += f" python {'.'.join(map(str, self.python_version))}"
        steps = " + ".join((base, *(layer.describe() for layer in self.layers)))
        return f"{named}: {steps}" if named else steps

    def _with(self, kind: str, values: Sequence[str | Path], settings: Mapping[str, str | None] | None = None) -> Image:
        said = tuple((name, value) for name, value in (settings or {}).items() if value is not None)
        for value in values:
            if not isinstance(value, (str, Path)):
                raise TypeError(f"Image {kind}: expected text, {got(value)}.")
        return replace(self, layers=(*self.layers, Layer(kind, tuple(map(str, values)), said)))


_AUTO = Image("auto")


def as_image(value: str | Image | None) -> Image:
    """`value` as an image; text is an address, and ``"auto"`` or None whatever suits.

    Raises
    ------
    TypeError
        If it is neither.
    """
    if isinstance(value, Image):
        return value
    if value is None or value == "auto":
        return _AUTO
    if isinstance(value, str):
        return Image.from_base(value)
    raise TypeError(f"image: expected an Image, an address, or 'auto', {got(value)}.")


def _several(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def _platform(value: str | Sequence[str] | None) -> Platform:
    return _several(value)
