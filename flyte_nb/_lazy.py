"""Public names that are imported when somebody asks for them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeAlias

Finder: TypeAlias = Callable[[str], Any]
"""What a module calls `__getattr__`."""


def names_of(
    package: str,
    homes: Mapping[str, str],
    submodules: Collection[str] = (),
    instead: Mapping[str, str] = MappingProxyType({}),
) -> Finder:
    """The ``__getattr__`` of a package.

    Parameters
    ----------
    package : str
    homes : mapping of str to str
        Names, and the modules that have them, relative to the package.
    submodules : collection of str
        Modules of the package that are names of it.
    instead : mapping of str to str
        Names that people look for here in vain, and what to tell them.
    """

    def find(name: str) -> Any:
        if name in homes:
            value = getattr(import_module(homes[name], package), name)
        elif name in submodules:
            value = import_module(f".{name}", package)
        else:
            from ._public import hand_over

            try:
                raise AttributeError(_no_such_name(package, name, [*homes, *submodules], instead))
            except AttributeError as error:
                hand_over(error)
                raise
        setattr(sys.modules[package], name, value)
        return value

    return find


def _no_such_name(package: str, name: str, known: Collection[str], instead: Mapping[str, str]) -> str:
    text = f"module {package!r} has no attribute {name!r}"
    if name.startswith("_"):
        return text  # asked for by tools, often
    if name in instead:
        return f"{text}. {instead[name]}"
    from ._misfit import nearest

    meant = nearest(name, known)
    return f"{text}. Did you mean {meant!r}?" if meant else f"{text}. It has {', '.join(sorted(known))}."
