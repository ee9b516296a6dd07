"""Lists and dictionaries of anything, and unions."""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any, Union, get_args, get_origin

from .converter import Converter
from .messages import Literal, LiteralType, UnionType
from .transformer import TypeTransformerFailedError
from .type_text import shown, type_text

_KEYS = "keys"

ConverterOf = Callable[[Any], Converter]


class ListConverter(Converter):
    """list[T]."""

    def __init__(self, python_type: Any, item: Converter) -> None:
        super().__init__(python_type)
        self._item = item
        self.immediate: bool = item.immediate
        self.hashes: bool = item.hashes

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return isinstance(value, list) and all(map(self._item.accepts, value))

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        _check(value, list, self.python_type)
        literal.collection.SetInParent()
        add, fill = literal.collection.literals.add, self._item.fill
        for index, item in enumerate(value):
            try:
                fill(add(), item)
            except TypeTransformerFailedError as error:
                raise _at(f"[{index}]", error) from None

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        _check(value, list, self.python_type)
        literal.collection.SetInParent()
        for index, item in enumerate(value):
            try:
                await self._item.fill_async(literal.collection.literals.add(), item)
            except TypeTransformerFailedError as error:
                raise _at(f"[{index}]", error) from None

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        read = self._item.read
        return [read(item) for item in literal.collection.literals]

    async def read_async(self, literal: Literal) -> Any:
        """See `Converter`."""
        return [await self._item.read_async(item) for item in literal.collection.literals]

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        isolated = self._item.isolated
        return [isolated(one, kept) for one, kept in zip(value, literal.collection.literals, strict=True)]

    async def isolated_async(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        pairs = zip(value, literal.collection.literals, strict=True)
        return [await self._item.isolated_async(one, kept) for one, kept in pairs]

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(collection_type=self._item.literal_type())


class DictConverter(Converter):
    """dict[str, T]. A protobuf map has no order, so an order that is not alphabetical is kept beside it."""

    def __init__(self, python_type: Any, item: Converter) -> None:
        super().__init__(python_type)
        self._item = item
        self.immediate: bool = item.immediate
        self.hashes: bool = item.hashes

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return isinstance(value, dict) and all(
            isinstance(key, str) and self._item.accepts(item) for key, item in value.items()
        )

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        self._begin(literal, value)
        entries, fill = literal.map.literals, self._item.fill
        for key, item in value.items():
            try:
                fill(entries[_entry(key)], item)
            except TypeTransformerFailedError as error:
                raise _at(f"[{key!r}]", error) from None

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        self._begin(literal, value)
        for key, item in value.items():
            try:
                await self._item.fill_async(literal.map.literals[_entry(key)], item)
            except TypeTransformerFailedError as error:
                raise _at(f"[{key!r}]", error) from None

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        entries, read = literal.map.literals, self._item.read
        return {key: read(entries[_entry(key)]) for key in _keys(literal)}

    async def read_async(self, literal: Literal) -> Any:
        """See `Converter`."""
        return {key: await self._item.read_async(literal.map.literals[_entry(key)]) for key in _keys(literal)}

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        entries, isolated = literal.map.literals, self._item.isolated
        return {key: isolated(item, entries[_entry(key)]) for key, item in value.items()}

    async def isolated_async(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        entries = literal.map.literals
        return {key: await self._item.isolated_async(item, entries[_entry(key)]) for key, item in value.items()}

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(map_value_type=self._item.literal_type())

    def _begin(self, literal: Literal, value: Any) -> None:
        _check(value, dict, self.python_type)
        literal.map.SetInParent()
        keys = list(value)
        if not all(isinstance(key, str) for key in keys):
            odd = next(key for key in keys if not isinstance(key, str))
            raise TypeTransformerFailedError(f"Expected keys of type str, got {type(odd).__qualname__}: {odd!r}.")
        if any(first > second for first, second in pairwise(keys)) or not all(map(_is_encodable, keys)):
            literal.metadata[_KEYS] = json.dumps(keys)


class UnionConverter(Converter):
    """One of several types; which one is kept with the value."""

    def __init__(self, python_type: Any, variants: list[Converter]) -> None:
        super().__init__(python_type)
        self._variants = variants
        self._tags = [type_text(variant.python_type) for variant in variants]
        self.immediate: bool = all(variant.immediate for variant in variants)
        self.hashes: bool = any(variant.hashes for variant in variants)

    def accepts(self, value: Any) -> bool:
        """See `Converter`."""
        return any(variant.accepts(value) for variant in self._variants)

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        problems = []
        for index in self._candidates(value):
            try:
                self._variants[index].fill(self._chosen(literal, index), value)
                return
            except TypeTransformerFailedError as error:
                problems.append(error)
        raise self._none_fits(value, problems)

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        problems = []
        for index in self._candidates(value):
            try:
                await self._variants[index].fill_async(self._chosen(literal, index), value)
                return
            except TypeTransformerFailedError as error:
                problems.append(error)
        raise self._none_fits(value, problems)

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        return self._variant_of(literal).read(literal.scalar.union.value)

    async def read_async(self, literal: Literal) -> Any:
        """See `Converter`."""
        return await self._variant_of(literal).read_async(literal.scalar.union.value)

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        return self._variant_of(literal).isolated(value, literal.scalar.union.value)

    async def isolated_async(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        return await self._variant_of(literal).isolated_async(value, literal.scalar.union.value)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        variants = []
        for variant, tag in zip(self._variants, self._tags, strict=True):
            described = variant.literal_type()
            described.structure.tag = tag
            variants.append(described)
        return LiteralType(union_type=UnionType(variants=variants))

    def _candidates(self, value: Any) -> list[int]:
        """Positions of the variants to try: of the very type first, then those that accept, then the rest."""
        kind = type(value)
        variants = self._variants

        def rank(index: int) -> int:
            variant = variants[index]
            if variant.python_type is kind:
                return 0
            return 1 if variant.accepts(value) else 2

        return sorted(range(len(variants)), key=rank)

    def _chosen(self, literal: Literal, index: int) -> Literal:
        literal.Clear()
        literal.scalar.union.type.structure.tag = self._tags[index]
        literal.scalar.union.value.SetInParent()
        return literal.scalar.union.value

    def _variant_of(self, literal: Literal) -> Converter:
        if not literal.scalar.HasField("union"):
            raise TypeTransformerFailedError(f"Expected the literal of {type_text(self.python_type)}.")
        tag = literal.scalar.union.type.structure.tag
        try:
            return self._variants[self._tags.index(tag)]
        except ValueError:
            raise TypeTransformerFailedError(f"Expected one of {', '.join(self._tags)}, got a {tag}.") from None

    def _none_fits(self, value: Any, problems: list[TypeTransformerFailedError]) -> TypeTransformerFailedError:
        details = " ".join(str(problem) for problem in problems[:3])
        return TypeTransformerFailedError(f"{shown(value)} is none of {', '.join(self._tags)}. {details}")


def collection_converter(python_type: Any, converter_of: ConverterOf) -> Converter | None:
    """The converter of ``list[T]``, ``dict[str, T]`` or a union, None for others."""
    origin, arguments = get_origin(python_type), get_args(python_type)
    if origin is list and arguments:
        return ListConverter(python_type, converter_of(arguments[0]))
    if origin is dict and len(arguments) == 2 and arguments[0] is str:
        return DictConverter(python_type, converter_of(arguments[1]))
    if origin is Union or origin is types.UnionType:
        return UnionConverter(python_type, [converter_of(argument) for argument in arguments])
    return None


def _is_encodable(key: str) -> bool:
    if key.isascii():
        return True
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entry(key: str) -> str:
    """The key in the protobuf map, which refuses lone surrogates; the key itself is then kept beside it."""
    return key if _is_encodable(key) else "\0" + json.dumps(key)


def _keys(literal: Literal) -> list[str]:
    kept = literal.metadata.get(_KEYS)
    return json.loads(kept) if kept else sorted(literal.map.literals)


def _check(value: Any, expected: type, python_type: Any) -> None:
    if not isinstance(value, expected):
        convertible = expected is list and isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict))
        hint = " Make it a list: list(...)." if convertible else ""
        raise TypeTransformerFailedError(
            f"Expected {type_text(python_type)}, got {type(value).__qualname__}: {shown(value)}.{hint}"
        )


def _at(step: str, error: TypeTransformerFailedError) -> TypeTransformerFailedError:
    text = str(error)
    return TypeTransformerFailedError(f"{step}{text}" if text.startswith("[") else f"{step}: {text}")
