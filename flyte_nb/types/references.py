"""Addresses that literals refer to.

A structure is opaque, so the addresses in it are listed beside it. Whatever refers to stored data from inside a
structure (`flyte_nb.io` has such classes) heeds two keys in the context of Pydantic's serializers.
"""

from __future__ import annotations

import json

from .messages import Literal, LiteralMap

ADDRESSES = "flyte_nb.addresses"
"""In the context of a serializer: a list, to which a reference adds its address."""

KEYS = "flyte_nb.keys"
"""In the context of a serializer: a reference is written as what stands for its content in cache keys."""

_METADATA = "references"


def note_references(literal: Literal, addresses: list[str]) -> None:
    """List the addresses of stored data in an opaque literal."""
    literal.metadata[_METADATA] = json.dumps(addresses)


def references_of(serialized: bytes) -> set[str]:
    """Addresses of all stored data in a serialized literal map."""
    found: set[str] = set()
    for literal in LiteralMap.FromString(serialized).literals.values():
        _collect(literal, found)
    return found


def _collect(literal: Literal, found: set[str]) -> None:
    if _METADATA in literal.metadata:
        found.update(json.loads(literal.metadata[_METADATA]))
    kind = literal.WhichOneof("value")
    if kind == "collection":
        for item in literal.collection.literals:
            _collect(item, found)
    elif kind == "map":
        for item in literal.map.literals.values():
            _collect(item, found)
    elif kind == "scalar":
        scalar = literal.scalar
        if scalar.HasField("union"):
            _collect(scalar.union.value, found)
        elif scalar.HasField("blob"):
            found.add(scalar.blob.uri)
        elif scalar.HasField("structured_dataset"):
            found.add(scalar.structured_dataset.uri)
