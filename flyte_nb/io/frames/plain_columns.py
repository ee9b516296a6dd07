"""Column types that Parquet gives back exactly as they were, whoever writes and reads it."""

from __future__ import annotations

import pyarrow
import pyarrow.types as kinds


def has_plain_columns(schema: pyarrow.Schema) -> bool:
    """Whether all columns are plain and have names that differ, and there are some."""
    return 0 < len(schema) == len(set(schema.names)) and all(schema.names) and all(map(_is_plain, schema))


def _is_plain(field: pyarrow.Field) -> bool:
    kind = field.type
    if not field.nullable:
        return False
    if kinds.is_struct(kind):
        return kind.num_fields > 0 and all(_is_plain(kind.field(index)) for index in range(kind.num_fields))
    if kinds.is_list(kind) or kinds.is_large_list(kind):
        return _is_plain(kind.value_field)
    if kinds.is_timestamp(kind) or kinds.is_duration(kind):
        return bool(kind.unit != "s")
    return bool(
        kinds.is_integer(kind)
        or kinds.is_float32(kind)
        or kinds.is_float64(kind)
        or kinds.is_boolean(kind)
        or kinds.is_string(kind)
        or kinds.is_large_string(kind)
        or kinds.is_binary(kind)
        or kinds.is_large_binary(kind)
        or kinds.is_date32(kind)
        or kinds.is_decimal128(kind)
    )
