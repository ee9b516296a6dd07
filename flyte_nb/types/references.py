"""Addresses that literals refer to."""

from __future__ import annotations

from .messages import Literal, LiteralMap


def references_of(serialized: bytes) -> set[str]:
    """Addresses of all stored data in a serialized literal map."""
    found: set[str] = set()
    for literal in LiteralMap.FromString(serialized).literals.values():
        _collect(literal, found)
    return found


def _collect(literal: Literal, found: set[str]) -> None:
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
