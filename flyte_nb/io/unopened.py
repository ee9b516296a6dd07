"""What a reference says when it is used as the data that it refers to: how it is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel

from .._misfit import nearest


class Unopened:
    """Base of a class of references, before pydantic's.

    Attributes
    ----------
    _how_opened : str
        The sentence that says how its data is read.
    """

    _how_opened: ClassVar[str] = ""

    if not TYPE_CHECKING:  # a checker of types would take every name for one that there is

        def __getattr__(self, name: str) -> Any:
            try:
                return super().__getattr__(name)
            except AttributeError:
                if name.startswith("_"):
                    raise
            kind = type(self)
            own = {*kind.model_fields, *dir(kind)} - set(dir(BaseModel))
            meant = nearest(name, sorted(own))
            hint = f" (did you mean {meant!r}?)" if meant else f". {self._how_opened}"
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}{hint}", name=name)
