"""``File["csv"]`` and ``File[pandas.DataFrame]``: a class with a word about what is in it."""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, get_args, get_origin

T = TypeVar("T")


class ParametrisedAlias(types.GenericAlias):
    """A class of references with its parameter; calling it makes a reference of that format."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A reference of that format."""
        form = format_of(self)
        if form:
            kwargs.setdefault("format", form)
        origin: Any = self.__origin__
        return origin(*args, **kwargs)

    def __getattribute__(self, name: str) -> Any:
        # an alias answers for its class; Pydantic would find the schema of the class there, without the parameter
        return {} if name == "__dict__" else super().__getattribute__(name)


if TYPE_CHECKING:

    class Parametrised(Generic[T]):
        """What takes a parameter in brackets."""

else:

    class Parametrised:
        """What takes a parameter in brackets."""

        def __class_getitem__(cls, parameter: Any) -> Any:
            if isinstance(parameter, tuple) and len(parameter) == 1:
                (parameter,) = parameter  # so does `typing` when it evaluates annotations
            if isinstance(parameter, tuple):
                raise TypeError(f"{cls.__name__} takes one parameter, a format or a type, got {len(parameter)}.")
            if isinstance(parameter, (int, float, bytes, list, dict, set)):
                raise TypeError(
                    f"{cls.__name__} takes a format, such as {cls.__name__}['csv'], or a type; got {parameter!r:.80}."
                )
            if isinstance(parameter, str):  # a bare text would be taken for the name of a type
                if not parameter:
                    raise TypeError(f"The format of a {cls.__name__} cannot be empty.")
                parameter = Literal[parameter]
            return ParametrisedAlias(cls, (parameter,))


def format_of(python_type: Any) -> str:
    """The format in ``File["csv"]``, an empty text for other parameters or none."""
    arguments = get_args(python_type)
    if len(arguments) == 1 and get_origin(arguments[0]) is Literal:
        return str(get_args(arguments[0])[0])
    return ""


def class_of(python_type: Any) -> Any:
    """The class without its parameter."""
    return get_origin(python_type) or python_type
