"""What users registered: transformers, and types they do not want as inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, get_origin

from ..errors import CodeBundleError
from .transformer import TypeTransformer

_transformers: dict[Any, TypeTransformer[Any]] = {}
_restricted: dict[Any, str] = {tuple: "tuple"}
_generation = 0


class Carried(NamedTuple):
    """What was registered with one registry, for another process.

    Attributes
    ----------
    take : function
        Registers `things` there; found by its name.
    things : list
    named : list of str
        What each of them is called, for messages.
    """

    take: Callable[[Any], None]
    things: list[Any]
    named: list[str]


_registries: list[Callable[[], Carried]] = []


def carry_also(carried: Callable[[], Carried]) -> None:
    """Have worker processes know what was registered with another registry too."""
    _registries.append(carried)


def register_transformer(python_type: Any, transformer: TypeTransformer[Any]) -> None:
    """Use `transformer` for `python_type` from now on."""
    global _generation
    _transformers[python_type] = transformer
    _generation += 1


def restrict(python_type: Any, name: str) -> None:
    """Refuse `python_type` as the type of a task's input."""
    global _generation
    _restricted[python_type] = name
    _generation += 1


def note_registration() -> None:
    """Have converters compiled anew."""
    global _generation
    _generation += 1


def carry_registrations() -> bytes:
    """What was registered, as a pickle for `take_registrations` in another process; empty if it is nothing.

    Raises
    ------
    CodeBundleError
        If something of it cannot be pickled.
    """
    import cloudpickle

    found = [carried for registry in _registries if (carried := registry()).things]
    for carried in found:
        for thing, name in zip(carried.things, carried.named, strict=True):
            try:
                cloudpickle.dumps(thing)
            except Exception as error:
                raise CodeBundleError(
                    f"{name}, cannot be pickled and so not reach worker processes ({type(error).__name__}: {error})."
                    " Create what cannot be pickled in its methods."
                ) from error
    return cloudpickle.dumps([carried[:2] for carried in found]) if found else b""


def take_registrations(pickled: bytes) -> None:
    """Register what another process has registered."""
    from .._code.pickling import unpickled

    for take, things in unpickled(pickled):
        take(things)
    note_registration()


def _transformers_and_restrictions() -> Carried:
    transformers = list(_transformers.items())
    restricted = [(kind, name) for kind, name in _restricted.items() if kind is not tuple]
    named = [f"The transformer of {kind!r}, a {type(transformer).__qualname__}" for kind, transformer in transformers]
    return Carried(_take, transformers + restricted, named + [f"The type {name}" for _, name in restricted])


def _take(things: list[tuple[Any, Any]]) -> None:
    for kind, thing in things:
        if isinstance(thing, str):
            _restricted[kind] = thing
        else:
            _transformers[kind] = thing


carry_also(_transformers_and_restrictions)


def generation() -> int:
    """A number that grows with every registration."""
    return _generation


def transformer_of(python_type: Any) -> TypeTransformer[Any] | None:
    """The transformer registered for a type, its origin or the nearest of its bases."""
    if not _transformers:
        return None
    for candidate in (python_type, get_origin(python_type)):
        try:
            if candidate is not None and candidate in _transformers:
                return _transformers[candidate]
        except TypeError:
            continue
    for base in getattr(python_type, "__mro__", ())[1:-1]:
        if base in _transformers:
            return _transformers[base]
    return None


def restriction_of(python_type: Any) -> str | None:
    """The name of a restricted type, None for others."""
    while get_origin(python_type) is Annotated:
        python_type = python_type.__origin__
    try:
        return _restricted.get(python_type) or _restricted.get(get_origin(python_type))
    except TypeError:
        return None
