"""Whose code is it: the user's, the standard library's, or an installed distribution's."""

from __future__ import annotations

import sys
import sysconfig
import types
from functools import lru_cache
from typing import Any

_OWN = __name__.partition(".")[0]
_NAMES_OF_IPYTHON = frozenset({"open", "exit", "quit", "get_ipython"})
_LIBRARY_FOLDERS = ("site-packages", "dist-packages")


def is_user_module(name: object) -> bool:
    """Whether a module of that name was written by the user, so that its content counts."""
    if not isinstance(name, str) or name == "__main__":
        return True
    top = name.partition(".")[0]
    if top == _OWN:
        return False
    module = sys.modules.get(name)
    file = file_of(module) if module is not None else ""
    if file:
        return is_user_file(file)
    return top not in sys.stdlib_module_names and top not in sys.builtin_module_names


def is_users(kind: type) -> bool:
    """Whether a class was written by the user, or made for the user by Python, which then gives it its own module."""
    module = kind.__module__
    return is_user_module(module) or (module == "types" and vars(types).get(kind.__name__) is not kind)


def is_own(name: object) -> bool:
    """Whether a module of that name is this package's."""
    return isinstance(name, str) and name.partition(".")[0] == _OWN


def is_standard_or_own(name: object) -> bool:
    """Whether a module of that name comes with Python or with this package."""
    top = name.partition(".")[0] if isinstance(name, str) else ""
    return is_own(name) or (top in sys.stdlib_module_names and not is_user_module(name))


def is_carried(module_name: str) -> bool:
    """Whether cloudpickle was told to carry what is in that module, or in a package around it, along by value."""
    cloudpickle = sys.modules.get("cloudpickle")
    if cloudpickle is None:
        return False
    carried = cloudpickle.list_registry_pickle_by_value()
    parts = module_name.split(".")
    return any(".".join(parts[:end]) in carried for end in range(1, len(parts) + 1))


def is_of_ipython(name: str, value: Any) -> bool:
    """Whether IPython put `value` under that name into a notebook itself, where a script has a builtin or nothing."""
    if name not in _NAMES_OF_IPYTHON:
        return False
    space = getattr(getattr(value, "__func__", value), "__globals__", None)
    module = space.get("__name__") if isinstance(space, dict) else type(value).__module__
    return str(module).partition(".")[0] in ("IPython", "ipykernel")


def library_name(module: object, qualname: str) -> str:
    """What identifies a thing of a library: its qualified name and the version of its distribution."""
    name = module if isinstance(module, str) else "?"
    top = name.partition(".")[0]
    if top == _OWN or top in sys.stdlib_module_names or is_user_module(module):
        return f"{name}:{qualname}"
    return f"{name}:{qualname} {version_of(top)}"


def file_of(module: types.ModuleType) -> str:
    """The file of a module, or of the notebook that it was loaded from; empty where there is none."""
    file = vars(module).get("__file__") or getattr(vars(module).get("__loader__"), "path", None)
    return file if isinstance(file, str) else ""


@lru_cache(maxsize=4096)
def is_user_file(file: str) -> bool:
    """Whether a module of that file was written by the user."""
    parts = file.replace("\\", "/").split("/")
    if any(folder in parts for folder in _LIBRARY_FOLDERS):
        return False
    standard = sysconfig.get_paths()
    return not any(file.startswith(standard[key].rstrip("/\\") + "/") for key in ("stdlib", "platstdlib"))


@lru_cache(maxsize=1024)
def version_of(top: str) -> str:
    """The version of the distribution that a module at the top level comes from, with its name where that differs."""
    from importlib import metadata

    try:
        return metadata.version(top)
    except Exception:
        pass
    try:
        names = _distributions().get(top, [])
        return " ".join(f"{name} {metadata.version(name)}" for name in sorted(set(names)))
    except Exception:
        return ""


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    from importlib import metadata

    return {top: list(names) for top, names in metadata.packages_distributions().items()}
