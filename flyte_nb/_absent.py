"""What an object says of an attribute that it has not: what was probably meant."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from ._misfit import nearest
from ._public import public


@public
class NamesWhatIsMeant:
    """Base of a public class whose attributes people know by other names, or misspell.

    Attributes
    ----------
    _meant_by : mapping of str to str
        Names from elsewhere, and what they are called here.
    """

    _meant_by: ClassVar[Mapping[str, str]] = MappingProxyType({})

    if not TYPE_CHECKING:  # a checker of types would take every name for one that there is

        def __getattr__(self, name: str) -> Any:
            kind = type(self)
            if hasattr(kind, name):  # a property, whose own error it is
                return object.__getattribute__(self, name)
            text = f"{kind.__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                known = [one for one in dir(kind) if not one.startswith("_")]
                meant = self._meant_by.get(name) or nearest(name, known)
                text += f" (did you mean {meant!r}?)" if meant else ""
            raise AttributeError(text, name=name)
