"""A frame by reference, whatever library it is of."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, PrivateAttr, model_serializer

from .._public import public
from ..storage.addresses import last_step, local_path
from ..storage.store import stored_checksum
from ..types.references import ADDRESSES, KEYS
from .unopened import Unopened

if TYPE_CHECKING:
    from ..models.previews import FramePreview

BATCH_ROWS = 65_536


@public
class DataFrame(Unopened, BaseModel):
    """A frame of any library: an address that tasks pass on, while the data stays where it is until it is opened.

    Parameters
    ----------
    uri : str, optional
        Address of the data; None while the frame is only in memory.
    format : str
        "parquet", "csv", or one that somebody registered; may be empty.
    hash : str, optional
        What stands for its content in cache keys.

    Examples
    --------
    >>> @env.task
    ... async def load() -> Annotated[flyte.io.DataFrame, "parquet"]:
    ...     return flyte.io.DataFrame.from_df(pd.DataFrame({"a": [1, 2]}))
    >>> table = await frame.open(pa.Table).all()

    Specification: *DataFrames*.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    uri: str | None = None
    format: str = ""
    hash: str | None = None
    _val: Any = PrivateAttr(default=None)
    _how_opened: ClassVar[str] = (
        "A flyte_nb.io.DataFrame is a reference: `await frame.open(pandas.DataFrame).all()` reads it (`all_sync()`"
        " without await), and a task whose input is a pandas.DataFrame gets it read."
    )

    @classmethod
    def from_df(cls, df: Any, uri: str | None = None) -> Self:
        """Refer to a frame in memory; it is stored when a task takes or returns it.

        Raises
        ------
        TypeError
            If it is no frame.
        """
        from .frames import registry

        if isinstance(df, cls):
            return df
        if not registry.is_frame_type(type(df)):
            raise TypeError(f"DataFrame.from_df takes a frame: {registry.what_are_frames(type(df))}.")
        frame = cls(uri=uri)
        frame._val = df
        return frame

    wrap_df = from_df

    @classmethod
    def from_local_sync(cls, df: Any, format: str | None = None, columns: Any = None) -> Self:
        """As `from_local`, blocking."""
        from .._aio import finished

        return finished(cls.from_local(df, format, columns))

    @classmethod
    async def from_local(cls, df: Any, format: str | None = None, columns: Any = None) -> Self:
        """Store a frame now.

        Parameters
        ----------
        df : frame or path
            A frame in memory, or the path of a file that holds one.
        format : str, optional
            How it is stored, or what the file is in; by default Parquet, or what the name of the file tells.
        columns : mapping of str to type, optional
            Columns that it must have; others are left out.

        Returns
        -------
        DataFrame

        Raises
        ------
        FileNotFoundError, IsADirectoryError, PermissionError
            If there is no such file.
        StorageError
            If it cannot be stored.
        TypeTransformerFailedError
            If it has not those columns, or cannot be stored in that format.

        Examples
        --------
        >>> frame = await DataFrame.from_local("flights.parquet")
        """
        from .file import File
        from .frames.converter import stored_frame
        from .frames.formats import format_of_name
        from .frames.hints import FrameHints

        if isinstance(df, str | os.PathLike):
            file: File[Any] = await File.from_local(df)
            form = format or format_of_name(os.fspath(df)) or "parquet"
            return cls(uri=file.path, format=form, hash=file.cache_key())
        frame = cls.from_df(df)
        dataset = await stored_frame(frame, FrameHints(format or "", columns))
        form = dataset.metadata.structured_dataset_type.format
        return cls(uri=dataset.uri, format=form, hash=stored_checksum(dataset.uri) or None)

    @classmethod
    def from_existing_remote(cls, path: str | os.PathLike[str], format: str | None = None) -> Self:
        """Refer to data that is stored already: a file, or a folder of Parquet files. Nothing is read or copied.

        Parameters
        ----------
        path : str
            Its address: a path, or anything fsspec knows.
        format : str, optional
            What it is in; by default what its name tells, else Parquet.
        """
        from .frames.formats import format_of_name

        address = os.fspath(path)
        local = local_path(address)
        address = os.path.abspath(local) if local is not None else address
        return cls(uri=address, format=format or format_of_name(last_step(address)) or "parquet")

    if not TYPE_CHECKING:  # a checker of types should say that there is none

        def __getitem__(self, key: Any) -> Any:
            raise TypeError(f"{type(self).__name__!r} object is not subscriptable. {self._how_opened}")

    @property
    def val(self) -> Any:
        """The frame in memory that this was made from, None if it is stored."""
        return self._val

    def open(self, dataframe_type: Any) -> OpenedFrame:
        """Say as what the frame is to be read: ``await frame.open(pd.DataFrame).all()``.

        Parameters
        ----------
        dataframe_type : type
            A type of frames, or ``Annotated[pd.DataFrame, OrderedDict(day=int)]`` for some columns of it.

        Raises
        ------
        TypeError
            If it is no type of frames.
        """
        from .frames import registry
        from .frames.hints import FrameHints, hints_from

        hints = FrameHints()
        if get_origin(dataframe_type) is Annotated:
            dataframe_type, *extras = get_args(dataframe_type)
            hints = FrameHints(columns=hints_from(extras).columns)
        if not registry.is_frame_type(dataframe_type):
            raise TypeError(f"DataFrame.open takes the type to read as: {registry.what_are_frames(dataframe_type)}.")
        return OpenedFrame(self, dataframe_type, hints)

    def preview(self, rows: int = 5) -> FramePreview:
        """Columns, first rows and size, read without the rest of the data.

        Raises
        ------
        StorageError
            If it cannot be read.
        ValueError
            If the frame is only in memory, or in a format of which nobody knows.
        """
        from .frames.preview import preview_of

        if self.uri is None or self._val is not None:
            raise ValueError("This frame is only in memory: look at frame.val. Previews are of stored frames.")
        return preview_of(self.uri, self.format, rows)

    @classmethod
    def __flyte_converter__(cls, python_type: Any) -> Any:
        """The converter of this class; what `types` asks for."""
        from .frames.converter import FrameConverter

        return FrameConverter(python_type)

    @model_serializer(mode="wrap")
    def _serialized(self, handler: Any, info: Any) -> Any:
        context = info.context if isinstance(info.context, dict) else {}
        if ADDRESSES in context or KEYS in context:
            if self._val is not None:
                raise ValueError(
                    "a DataFrame inside another value must be stored first: await DataFrame.from_local(frame)"
                )
            if ADDRESSES in context:
                context[ADDRESSES].append(self.uri)
            if KEYS in context and self.hash:
                return self.hash
        return handler(self)

    def __repr__(self) -> str:
        if self._val is not None:
            return f"DataFrame.from_df(<{type(self._val).__module__.partition('.')[0]} frame in memory>)"
        return f"DataFrame({self.uri!r}, format={self.format!r})"

    __str__ = __repr__

    def _repr_html_(self) -> str | None:
        from .frames.preview import preview_of

        if self._val is not None:
            drawn = getattr(self._val, "_repr_html_", None)
            return drawn() if drawn is not None else None
        try:
            return preview_of(self.uri or "", self.format)._repr_html_()
        except Exception:
            return None


@public
class OpenedFrame:
    """A frame with the type that it is to be read as."""

    def __init__(self, frame: DataFrame, dataframe_type: type, hints: Any) -> None:
        self._frame, self._type, self._hints = frame, dataframe_type, hints

    async def all(self) -> Any:
        """The whole frame."""
        from .frames.converter import decoded
        from .frames.tables import converted

        frame = self._frame
        if frame.val is not None:
            return await asyncio.to_thread(converted, frame.val, self._type, self._hints)
        return await decoded(self._dataset(), self._type, self._hints)

    def all_sync(self) -> Any:
        """The whole frame, blocking."""
        from .._aio import finished

        return finished(self.all())

    async def iter(self, batch_rows: int = BATCH_ROWS) -> AsyncIterator[Any]:
        """The frame in pieces of at most `batch_rows` rows: ``async for part in frame.open(pa.Table).iter()``.

        A piece is in memory at a time, and what a page or a row group around it needs.
        """
        from .frames.converter import batches

        if batch_rows < 1:
            raise ValueError(f"batch_rows must be at least 1, got {batch_rows!r}.")
        if self._frame.val is not None:
            raise ValueError("This frame is only in memory: store it first with `await DataFrame.from_local(frame)`.")
        async for piece in batches(self._dataset(), self._type, self._hints, batch_rows):
            yield piece

    def _dataset(self) -> Any:
        from flyteidl2.core.literals_pb2 import StructuredDataset, StructuredDatasetMetadata
        from flyteidl2.core.types_pb2 import StructuredDatasetType

        if not self._frame.uri:
            raise ValueError("This DataFrame refers to nothing: neither an address nor a frame in memory.")
        described = StructuredDatasetType(format=self._frame.format)
        return StructuredDataset(
            uri=self._frame.uri, metadata=StructuredDatasetMetadata(structured_dataset_type=described)
        )

    def __await__(self) -> Iterator[Any]:
        raise TypeError("DataFrame.open(type) is no frame yet: await frame.open(type).all().")
