"""Existing code, unchanged: after `install`, ``import flyte`` gives flyte_nb.

What is found under which name: ``flyte`` is flyte_nb; ``flyte.durable``, ``errors``, ``extras``, ``io``, ``models``,
``remote``, ``report``, ``storage`` and ``types`` are the modules of that name in flyte_nb; ``flyteplugins.hitl`` is
flyte_nb.hitl, ``flyteplugins.jsonl`` is flyte_nb.jsonl, ``flyteplugins.polars`` is flyte_nb.io. They are the same
objects and no copies. Other plug-ins are looked for where they are installed.

What is not found: apps, and what belongs to a hosted cluster. Asking for a name that flyte_nb does not have is an
AttributeError, for a module a ModuleNotFoundError.

What means something else: runs stay on this machine, and an endpoint is not contacted. Images, service accounts and
labels are recorded with the run. `run` returns at once, and a script waits for its runs before it ends.

Specification: every page, as it is written.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

from .errors import InitializationError

__all__ = ["install", "is_installed", "uninstall"]

_OURS = "flyte_nb"
_THEIRS = "flyte"
_PLUGINS = "flyteplugins"
_GUIDE = f"help({__name__!r})"
_SUBPACKAGES = ("durable", "errors", "extras", "io", "models", "remote", "report", "storage", "types")
_PLUGIN_HOMES = {"hitl": "hitl", "jsonl": "jsonl", "polars": "io"}  # frames of polars are known anyway


def install() -> None:
    """Let ``import flyte``, ``flyteplugins.hitl``, ``flyteplugins.jsonl`` and ``flyteplugins.polars`` give flyte_nb.

    Once is enough, before the first of these imports; a second call changes nothing.

    Raises
    ------
    InitializationError
        If the other SDK is imported already.

    Examples
    --------
    >>> import flyte_nb.compat
    >>> flyte_nb.compat.install()
    >>> import flyte
    >>> flyte.TaskEnvironment is flyte_nb.TaskEnvironment
    True
    """
    if is_installed():
        return
    theirs = sorted(name for name in sys.modules if _home_of(name) is not None or name.startswith(f"{_THEIRS}."))
    if theirs:
        raise InitializationError(
            f"{theirs[0]!r} is imported already, from {_place_of(sys.modules[theirs[0]])}: two kinds of tasks would be"
            " mixed. Restart Python, or the kernel, and call flyte_nb.compat.install() before anything imports it."
        )
    sys.meta_path.insert(0, _FINDER)


def uninstall() -> None:
    """Take `install` back, for tests. What code has imported stays as it is."""
    if not is_installed():
        return
    sys.meta_path.remove(_FINDER)
    for name in [name for name in sys.modules if name == _PLUGINS or _home_of(name) is not None]:
        del sys.modules[name]
    _FINDER.forget()


def is_installed() -> bool:
    """Whether ``import flyte`` gives flyte_nb."""
    return _FINDER in sys.meta_path


class _Finder:
    """Answers for the names of the other SDK, and loads them."""

    def __init__(self) -> None:
        self._explained: dict[str, Callable[[str], Any] | None] = {}

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if name == _PLUGINS:
            return self._plugins()
        home = _home_of(name)
        if home is not None:
            return ModuleSpec(name, self, origin=home, is_package=True)  # type: ignore[arg-type]
        if name.startswith((f"{_THEIRS}.", *(f"{_PLUGINS}.{plugin}." for plugin in _PLUGIN_HOMES))):
            raise ModuleNotFoundError(f"flyte_nb has no module {name!r}; {_GUIDE} says what it has.", name=name)
        return None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """See `importlib.abc.Loader`."""
        if spec.name == _PLUGINS:
            return ModuleType(_PLUGINS, "Plug-ins: those of flyte_nb, and others that are installed.")
        module = importlib.import_module(str(spec.origin))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`; our module was executed when it was imported under its own name."""
        spec = module.__spec__
        if spec is None or spec.name == _PLUGINS:
            return
        module.__spec__ = spec.loader_state
        self._explain(module, spec.name)

    def forget(self) -> None:
        """Let modules answer for missing names as they did."""
        for name, before in self._explained.items():
            module = sys.modules[name]
            if before is None:
                del module.__getattr__
            else:
                module.__getattr__ = before  # type: ignore[method-assign]
        self._explained.clear()

    def _explain(self, module: ModuleType, theirs: str) -> None:
        if module.__name__ in self._explained:
            return
        before: Callable[[str], Any] | None = vars(module).get("__getattr__")
        self._explained[module.__name__] = before

        def missing(name: str) -> Any:
            if before is not None:
                try:
                    return before(name)
                except AttributeError:
                    pass
            raise AttributeError(f"flyte_nb has no {theirs}.{name}; {_GUIDE} says what it has.", name=name, obj=module)

        module.__getattr__ = missing  # type: ignore[method-assign]

    def _plugins(self) -> ModuleSpec:
        spec = ModuleSpec(_PLUGINS, self, is_package=True)  # type: ignore[arg-type]
        found = PathFinder.find_spec(_PLUGINS)
        spec.submodule_search_locations = list((found and found.submodule_search_locations) or [])
        return spec


_FINDER = _Finder()


def _home_of(name: str) -> str | None:
    """The name of our module for one of theirs, None if there is none."""
    first, *rest = name.split(".")
    if first == _PLUGINS and len(rest) == 1 and rest[0] in _PLUGIN_HOMES:
        return f"{_OURS}.{_PLUGIN_HOMES[rest[0]]}"
    if first != _THEIRS:
        return None
    if not rest:
        return _OURS
    if rest[0] not in _SUBPACKAGES or any(step.startswith("_") for step in rest):
        return None
    home = ".".join([_OURS, *rest])
    return home if len(rest) == 1 or _exists(home) else None


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _place_of(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or "an unknown place"
