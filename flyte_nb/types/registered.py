"""What users registered: transformers, and types they do not want as inputs."""

from __future__ import annotations

from typing import Annotated, Any, get_origin

from ..errors import CodeBundleError
from .transformer import TypeTransformer

_transformers: dict[Any, TypeTransformer[Any]] = {}
_restricted: dict[Any, str] = {tuple: "tuple"}
_generation = 0


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
        If a transformer cannot be pickled.
    """
    import cloudpickle

    restricted = {kind: name for kind, name in _restricted.items() if kind is not tuple}
    if not _transformers and not restricted:
        return b""
    for kind, transformer in _transformers.items():
        try:
            cloudpickle.dumps(transformer)
        except Exception as error:
            raise CodeBundleError(
                f"The transformer of {kind!r}, a {type(transformer).__qualname__}, cannot be pickled and so not reach"
                f" worker processes ({type(error).__name__}: {error}). Create what cannot be pickled in its methods."
            ) from error
    return cloudpickle.dumps((_transformers, restricted))  # type: ignore[no-any-return]


def take_registrations(registered: tuple[dict[Any, TypeTransformer[Any]], dict[Any, str]]) -> None:
    """Register what another process has registered."""
    global _generation
    transformers, restricted = registered
    _transformers.update(transformers)
    _restricted.update(restricted)
    _generation += 1


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
