"""Whose code is it: the user's, or a library's?"""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from types import ModuleType

_OWN = __name__.partition(".")[0]


def is_users(module: str | None) -> bool:
    """Whether a module is neither of the standard library nor installed, nor this package."""
    if not module or module == "__main__":
        return True
    top = module.partition(".")[0]
    if top == _OWN or top in sys.stdlib_module_names:
        return False
    found = sys.modules.get(module)
    if found is None:
        return True
    file = getattr(found, "__file__", None)
    return file is not None and not _is_installed(file)


def library_version(module: str) -> str:
    """Name of the module's top package with its version, as far as it tells."""
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names:
        return "stdlib"
    found: ModuleType | None = sys.modules.get(top)
    version = getattr(found, "__version__", None)
    return f"{top} {version}" if isinstance(version, str) else top


@functools.lru_cache(maxsize=4096)
def _is_installed(file: str) -> bool:
    path = os.path.abspath(file)
    parts = path.split(os.sep)
    if "site-packages" in parts or "dist-packages" in parts:
        return True
    return any(path.startswith(folder + os.sep) for folder in _library_folders())


@functools.cache
def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib") if name in paths})
