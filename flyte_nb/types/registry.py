"""Which converter a type gets. What users registered comes first, pickling last."""

from __future__ import annotations

import collections.abc
import inspect
import types
from collections.abc import Callable
from typing import Annotated, Any, NewType, TypeVar, get_args, get_origin

from .arrays import array_converter
from .choices import choice_converter
from .collections import collection_converter
from .converter import Converter
from .custom import HashedConverter, TransformerConverter
from .frames import frame_converter
from .hashing import HashFunction
from .pickled import FlytePickle, PickledConverter
from .primitives import primitive_converter
from .redefined import NotebookClasses
from .registered import generation, transformer_of
from .structures import structure_converter

_compiled: dict[Any, tuple[Converter, NotebookClasses]] = {}
_compiled_generation = -1


def converter_for(python_type: Any) -> Converter:
    """The converter of `python_type`; the same until a transformer is registered, or a class in it defined again."""
    global _compiled_generation
    if _compiled_generation != generation():
        _compiled.clear()
        _compiled_generation = generation()
    try:
        found = _compiled.get(python_type)
    except TypeError:  # an annotation with something unhashable in it
        return _compile(python_type)
    if found is None or not found[1].are_current():
        found = _compiled[python_type] = _compile(python_type), NotebookClasses([python_type])
    return found[0]


def _compile(python_type: Any) -> Converter:
    if get_origin(python_type) is Annotated:
        inner, *extras = get_args(python_type)
        converter = converter_for(inner).annotated(extras)
        functions = [extra for extra in extras if isinstance(extra, HashFunction)]
        return HashedConverter(converter, functions[-1]) if functions else converter
    if isinstance(python_type, NewType):
        return converter_for(python_type.__supertype__)
    if type(python_type).__name__ == "TypeAliasType":
        return converter_for(python_type.__value__)
    transformer = transformer_of(python_type)
    if transformer is not None:
        return TransformerConverter(python_type, transformer)
    if python_type in (Any, inspect.Parameter.empty, object) or isinstance(python_type, TypeVar):
        return PickledConverter(Any)
    if python_type is FlytePickle:
        return PickledConverter(FlytePickle, silent=True)
    if python_type is types.FunctionType or (get_origin(python_type) or python_type) is collections.abc.Callable:
        return PickledConverter(Any, silent=True)
    return (
        _own_converter(python_type)
        or primitive_converter(python_type)
        or choice_converter(python_type)
        or collection_converter(python_type, converter_for)
        or frame_converter(python_type)
        or array_converter(python_type)
        or structure_converter(python_type)
        or PickledConverter(python_type)
    )


def _own_converter(python_type: Any) -> Converter | None:
    """What a class of `flyte_nb` brings itself, because it lives above this room."""
    make: Callable[[Any], Converter] | None = getattr(
        get_origin(python_type) or python_type, "__flyte_converter__", None
    )
    return make(python_type) if make is not None else None
