"""Records as Arrow batches that go together in one table where that loses nothing."""

from __future__ import annotations

from typing import Any

from .extra import pyarrow


class ArrowBatches:
    """Turns batches of records into Arrow batches.

    The schema of a batch is found in its records. A later batch is brought to the schema of the one before it if
    nothing is lost by that (a column that is missing or empty, whole numbers among floating ones), so that
    `pyarrow.Table.from_batches` takes them all.
    """

    def __init__(self) -> None:
        self._arrow = pyarrow()
        self._schema: Any = None

    def batch(self, records: list[Any]) -> Any:
        """The Arrow batch of some records.

        Raises
        ------
        ValueError
            If they have no fields, or a field holds values that have no type in common.
        """
        arrow = self._arrow
        try:
            rows = arrow.array(records)
        except (arrow.ArrowInvalid, arrow.ArrowTypeError, OverflowError) as error:
            raise ValueError(
                f"These {len(records):,} records make no Arrow batch: {error}."
                " Use iter_batches and choose the types yourself."
            ) from error
        if not arrow.types.is_struct(rows.type):
            raise ValueError(f"An Arrow batch is made of records with fields, got values of type {rows.type}.")
        batch = arrow.RecordBatch.from_struct_array(rows)
        if self._schema is not None and batch.schema != self._schema:
            batch = self._conformed(batch) or batch
        self._schema = batch.schema
        return batch

    def _conformed(self, batch: Any) -> Any:
        arrow = self._arrow
        if not set(batch.schema.names) <= set(self._schema.names):
            return None
        columns = []
        for field in self._schema:
            if field.name not in batch.schema.names:
                columns.append(arrow.nulls(batch.num_rows, field.type))
                continue
            column = batch.column(field.name)
            if not self._is_near(column.type, field.type):
                return None
            try:
                columns.append(column.cast(field.type))
            except arrow.ArrowInvalid:  # a fraction among whole numbers
                return None
        return arrow.RecordBatch.from_arrays(columns, schema=self._schema)

    def _is_near(self, found: Any, wanted: Any) -> bool:
        types = self._arrow.types
        if types.is_list(found) and types.is_list(wanted):
            return self._is_near(found.value_type, wanted.value_type)
        numbers = all(types.is_integer(one) or types.is_floating(one) for one in (found, wanted))
        return bool(found == wanted or numbers or types.is_null(found))
