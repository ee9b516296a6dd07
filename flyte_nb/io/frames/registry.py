"""Who encodes and decodes which frames."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

from ..._public import public
from ...types.frames import library_of, register_frame_type
from ...types.html import Renderable, register_renderer
from ...types.registered import Carried, carry_also
from ...types.type_text import type_text
from .handlers import DataFrameDecoder, DataFrameEncoder

DEFAULT_FORMAT = "parquet"

_MODULES = {
    "pandas": "pandas_frames",
    "polars": "polars_frames",
    "polars-lazy": "polars_frames",
    "arrow": "arrow_frames",
    "dask": "dask_frames",
}


@public
class DataFrameTransformerEngine:
    """Encoders and decoders by type, format and kind of address; those of this package are registered here too.

    Specification: *Custom types*.
    """

    _encoders: ClassVar[dict[tuple[type, str, str], DataFrameEncoder[Any]]] = {}
    _decoders: ClassVar[dict[tuple[type, str, str], DataFrameDecoder[Any]]] = {}
    _formats: ClassVar[dict[type, str]] = {}
    _registered: ClassVar[dict[tuple[Any, ...], tuple[Any, bool]]] = {}

    @classmethod
    def register(
        cls,
        handler: DataFrameEncoder[Any] | DataFrameDecoder[Any],
        default_for_type: bool = False,
        override: bool = False,
        default_format_for_type: bool = False,
        default_storage_for_type: bool = False,
    ) -> None:
        """Use an encoder or a decoder, in tasks declared before as well.

        Parameters
        ----------
        handler : DataFrameEncoder or DataFrameDecoder
        default_for_type, default_format_for_type : bool
            Store frames of its type in its format where no format is declared.
        override : bool
            Replace what is registered for that type, format and kind of address.
        default_storage_for_type : bool
            Accepted; frames are stored in the store of the run.

        Raises
        ------
        TypeError
            If it is neither an encoder nor a decoder.
        ValueError
            If one is registered already and is not to be replaced.
        """
        if not isinstance(handler, DataFrameEncoder | DataFrameDecoder):
            raise TypeError(
                "DataFrameTransformerEngine.register takes an instance of a DataFrameEncoder or a DataFrameDecoder,"
                f" got {handler!r}. Did you forget to call the class?"
            )
        load_own(handler.python_type)
        cls._add(handler, override=override)
        is_default = default_for_type or default_format_for_type
        cls._registered[(isinstance(handler, DataFrameEncoder), *_key(handler))] = (handler, is_default)
        if is_default and handler.supported_format:
            cls._formats[handler.python_type] = handler.supported_format
        register_frame_type(handler.python_type)

    @classmethod
    def register_renderer(cls, python_type: type, renderer: Renderable) -> None:
        """Show frames of a type in reports by ``renderer.to_html(frame)``."""
        register_renderer(python_type, renderer)

    @classmethod
    def _add(cls, handler: DataFrameEncoder[Any] | DataFrameDecoder[Any], *, override: bool = False) -> None:
        known: Any = cls._encoders if isinstance(handler, DataFrameEncoder) else cls._decoders
        key = _key(handler)
        if key in known and not override:
            raise ValueError(
                f"{known[key]!r} is registered already; {handler!r} would replace it. Register it with override=True"
                " if that is wanted."
            )
        known[key] = handler


def _key(handler: Any) -> tuple[type, str, str]:
    return handler.python_type, handler.protocol or "", handler.supported_format


def _carried() -> Carried:
    things = list(DataFrameTransformerEngine._registered.values())
    return Carried(_take, things, [f"{handler!r}" for handler, _ in things])


def _take(handlers: list[tuple[Any, bool]]) -> None:
    for handler, is_default in handlers:
        DataFrameTransformerEngine.register(handler, default_for_type=is_default, override=True)


carry_also(_carried)


def encoder_for(python_type: type, uri: str, form: str) -> DataFrameEncoder[Any] | None:
    """The encoder of frames of a type, or of the nearest of its bases, in a format, to be stored near `uri`."""
    found: DataFrameEncoder[Any] | None = _nearest(DataFrameTransformerEngine._encoders, python_type, uri, form)
    return found


def decoder_for(python_type: type, uri: str, form: str) -> DataFrameDecoder[Any] | None:
    """The decoder of what is at `uri`, as frames of a type or the nearest of its bases."""
    found: DataFrameDecoder[Any] | None = _nearest(DataFrameTransformerEngine._decoders, python_type, uri, form)
    return found


def decoders_of(uri: str, form: str) -> list[DataFrameDecoder[Any]]:
    """Decoders of a format, whatever type they give."""
    return [
        decoder
        for (_, protocol, its_form), decoder in DataFrameTransformerEngine._decoders.items()
        if its_form in ("", form) and protocol in ("", protocol_of(uri))
    ]


def default_format(python_type: type) -> str:
    """The format in which frames of a type are stored where none is declared."""
    load_own(python_type)
    for kind in python_type.__mro__:
        if kind in DataFrameTransformerEngine._formats:
            return DataFrameTransformerEngine._formats[kind]
    if encoder_for(python_type, "", DEFAULT_FORMAT) is None:
        for (kind, _, form), _encoder in DataFrameTransformerEngine._encoders.items():
            if form and issubclass(python_type, kind):
                return form
    return DEFAULT_FORMAT


def formats_of(python_type: type) -> list[str]:
    """The formats in which frames of a type can be stored; for messages."""
    return sorted(
        {form for kind, _, form in DataFrameTransformerEngine._encoders if form and issubclass(python_type, kind)}
    )


def is_frame_type(python_type: Any) -> bool:
    """Whether frames of that type can be stored or read."""
    if not isinstance(python_type, type):
        return False
    load_own(python_type)
    known = {kind for kind, _, _ in [*DataFrameTransformerEngine._encoders, *DataFrameTransformerEngine._decoders]}
    return not known.isdisjoint(python_type.__mro__)


def what_are_frames(python_type: Any) -> str:
    """For a message: which types are frames, as `python_type` is none."""
    return (
        f"{type_text(python_type)} is no type of frames: expected pandas.DataFrame, polars.DataFrame, polars.LazyFrame,"
        " pyarrow.Table, dask.dataframe.DataFrame, or a type with an encoder or a decoder (flyte_nb.io.extend)"
    )


def protocol_of(uri: str) -> str:
    """The kind of an address."""
    return uri.partition("://")[0] if "://" in uri else "file"


def _nearest(known: dict[tuple[type, str, str], Any], python_type: type, uri: str, form: str) -> Any:
    load_own(python_type)
    for kind in python_type.__mro__:
        for its_form in (form, ""):
            for protocol in (protocol_of(uri), ""):
                if (kind, protocol, its_form) in known:
                    return known[kind, protocol, its_form]
    return None


def load_own(python_type: type) -> None:
    """Register what this package brings for a library, when its first frame is met."""
    library = library_of(python_type)
    if library is not None:
        importlib.import_module(f".{_MODULES[library]}", __package__)
