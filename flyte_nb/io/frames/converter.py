"""Frames as literals: the address of what was stored, with its format."""

from __future__ import annotations

import os
from typing import Any

from flyteidl2.core.literals_pb2 import Literal, StructuredDataset, StructuredDatasetMetadata
from flyteidl2.core.types_pb2 import LiteralType

from ...storage.store import stored_checksum
from ...types.converter import Converter
from ...types.transformer import TypeTransformerFailedError
from ...types.type_text import public_text, shown, type_text
from ..dataframe import DataFrame
from . import registry
from .formats import TABLE_FORMATS, format_of_name
from .hints import FrameHints, hints_from
from .tables import library_for, read_table


class FrameConverter(Converter):
    """Frames of one type, or `DataFrame` for references; a frame of any other type is taken too, and converted."""

    immediate = False
    hashes = True

    def __init__(self, python_type: Any, hints: FrameHints | None = None) -> None:
        super().__init__(python_type)
        self._hints = hints or FrameHints()

    def annotated(self, extras: list[Any]) -> Converter:
        """See `Converter`."""
        return FrameConverter(self.python_type, hints_from(extras))

    async def fill_async(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        if not isinstance(value, DataFrame) and not registry.is_frame_type(type(value)):
            raise TypeTransformerFailedError(
                f"Expected {public_text(self.python_type)}, got {type(value).__qualname__}:"
                f" {shown(value)}.{_how_to_get_a_frame(value)}"
            )
        frame = value if isinstance(value, DataFrame) else DataFrame.from_df(value)
        dataset = await stored_frame(frame, self._hints)
        literal.scalar.structured_dataset.CopyFrom(dataset)
        literal.hash = (frame.hash if dataset.uri == frame.uri else None) or stored_checksum(dataset.uri)

    async def read_async(self, literal: Literal) -> Any:
        """See `Converter`."""
        if not literal.scalar.HasField("structured_dataset"):
            raise TypeTransformerFailedError(f"Expected the literal of a {type_text(self.python_type)}.")
        dataset = literal.scalar.structured_dataset
        if self.python_type is DataFrame:
            form = dataset.metadata.structured_dataset_type.format
            return DataFrame(uri=dataset.uri, format=form, hash=literal.hash or None)
        return await decoded(dataset, self.python_type, self._hints)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        kind = self.python_type
        form = self._hints.form or (registry.DEFAULT_FORMAT if kind is DataFrame else registry.default_format(kind))
        return LiteralType(structured_dataset_type=self._hints.described(form))


def frame_converter(python_type: Any) -> Converter | None:
    """The converter of a type that frames have, None for others."""
    return FrameConverter(python_type) if registry.is_frame_type(python_type) else None


def _how_to_get_a_frame(value: Any) -> str:
    if isinstance(value, (str, os.PathLike)):
        return (
            " Of the path of a file, flyte_nb.io.DataFrame.from_existing_remote(path) is a frame, and so is what its"
            " library reads."
        )
    return " Make a frame of it: pandas.DataFrame(...)." if isinstance(value, (list, dict)) else ""


def untyped_frame(uri: str, form: str) -> Any:
    """The frame at an address as pandas, for readers who know no type; a reference where the format is not ours."""
    form = form or format_of_name(uri) or registry.DEFAULT_FORMAT
    if form not in TABLE_FORMATS:
        return DataFrame(uri=uri, format=form)
    from .pandas_frames import as_pandas

    return as_pandas(read_table(uri, TABLE_FORMATS[form]))


async def stored_frame(frame: DataFrame, hints: FrameHints) -> StructuredDataset:
    """Where a frame is stored; it is stored now if it is not, or not in the declared format.

    Raises
    ------
    TypeTransformerFailedError
        If it has not the declared columns, or nobody can store it in that format.
    """
    if frame.val is None:
        form = frame.format or registry.DEFAULT_FORMAT
        if hints.form in ("", form):
            _check_stored(frame.uri or "", form, hints)
            described = hints.described(form)
            return StructuredDataset(
                uri=frame.uri, metadata=StructuredDatasetMetadata(structured_dataset_type=described)
            )
        import pyarrow

        frame = DataFrame.from_df(await frame.open(pyarrow.Table).all())
    kind = type(frame.val)
    form = hints.form or frame.format or registry.default_format(kind)
    encoder = registry.encoder_for(kind, frame.uri or "", form)
    if encoder is None:
        known = ", ".join(registry.formats_of(kind)) or "none: it can only be read"
        raise TypeTransformerFailedError(
            f"A {type_text(kind)} cannot be stored in the format {form!r}. Formats for it: {known}. Register an encoder"
            " with DataFrameTransformerEngine (flyte_nb.io.extend), or declare another format."
        )
    library = library_for(kind)
    if library is not None and hints.columns:
        hints.check(library.schema(frame.val), "The frame")
    dataset = await encoder.encode(frame, hints.described(form))
    described = dataset.metadata.structured_dataset_type
    described.format = described.format or form
    return dataset


async def decoded(dataset: StructuredDataset, python_type: type, hints: FrameHints) -> Any:
    """What is stored, as a frame of a type: by its own decoder, or by another one and through Arrow.

    Raises
    ------
    TypeTransformerFailedError
        If it has not the declared columns, or nobody can read that format.
    """
    form, metadata = _prepared(dataset, hints)
    decoder = registry.decoder_for(python_type, dataset.uri, form)
    if decoder is not None:
        return await decoder.decode(dataset, metadata)
    wanted = library_for(python_type)
    for other in registry.decoders_of(dataset.uri, form):
        library = library_for(other.python_type)
        if library is not None and wanted is not None:
            return wanted.from_table(library.to_table(await other.decode(dataset, metadata)))
    raise _nobody_reads(dataset.uri, form, python_type)


def batches(dataset: StructuredDataset, python_type: type, hints: FrameHints, batch_rows: int) -> Any:
    """What is stored, as frames of a type, one after the other."""
    form, metadata = _prepared(dataset, hints)
    decoder = registry.decoder_for(python_type, dataset.uri, form)
    if decoder is None:
        raise _nobody_reads(dataset.uri, form, python_type)
    return decoder.batches(dataset, metadata, batch_rows)


def _prepared(dataset: StructuredDataset, hints: FrameHints) -> tuple[str, StructuredDatasetMetadata]:
    form = dataset.metadata.structured_dataset_type.format or registry.DEFAULT_FORMAT
    _check_stored(dataset.uri, form, hints)
    return form, StructuredDatasetMetadata(structured_dataset_type=hints.described(form))


def _check_stored(uri: str, form: str, hints: FrameHints) -> None:
    if not hints.columns or form not in TABLE_FORMATS:
        return
    schema = TABLE_FORMATS[form].schema(uri)
    if form == "csv":  # its cells are read as what is declared, or refused there
        hints = FrameHints(columns=dict.fromkeys(hints.columns, Any))
    hints.check(schema, f"The frame at {uri}")


def _nobody_reads(uri: str, form: str, python_type: type) -> TypeTransformerFailedError:
    return TypeTransformerFailedError(
        f"{uri} is in the format {form!r}, which nobody reads as {type_text(python_type)}. Register a decoder with"
        " DataFrameTransformerEngine (flyte_nb.io.extend), or open it as another type."
    )
