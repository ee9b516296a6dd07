"""pyarrow.Table."""

from __future__ import annotations

import pyarrow

from .tables import register_library


class ArrowLibrary:
    """Tables as they are. They cannot be changed."""

    python_type = pyarrow.Table

    def to_table(self, value: pyarrow.Table) -> pyarrow.Table:
        """See `Library`."""
        return value

    def from_table(self, table: pyarrow.Table) -> pyarrow.Table:
        """See `Library`."""
        return table

    def schema(self, value: pyarrow.Table) -> pyarrow.Schema:
        """See `Library`."""
        return value.schema

    def size_bytes(self, value: pyarrow.Table) -> int:
        """See `Library`."""
        return int(value.nbytes)


register_library(ArrowLibrary())
