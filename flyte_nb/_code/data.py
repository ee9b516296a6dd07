"""Arrays, frames and what describes them by their content. Nothing is imported: what is not imported has no values."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

from blake3 import blake3

from .bytecode import pack

Encode = Callable[[Any, str], bytes]
_ATOMS = frozenset({type(None), bool, int, float, complex, str, bytes})
"""What every `Encode` tells in the same way."""


class _Reads:
    """What was read in a block, by identity; of no use after it, also to whoever has a copy of its context."""

    def __init__(self) -> None:
        self.found: dict[int, tuple[Any, bytes]] = {}
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
        self.found.clear()


_read: ContextVar[_Reads | None] = ContextVar("flyte_nb_read", default=None)


@contextmanager
def each_read_once() -> Iterator[None]:
    """Inside the block, large data that several digests need is read for the first of them."""
    if _open_reads() is not None:
        yield
        return
    reads = _Reads()
    token = _read.set(reads)
    try:
        yield
    finally:
        _read.reset(token)
        reads.close()


def _open_reads() -> dict[int, tuple[Any, bytes]] | None:
    reads = _read.get()
    return reads.found if reads is not None and reads.is_open else None


def encode_data(value: Any, name: str, encode: Encode) -> bytes | None:
    """Bytes for an array or a frame, part of one, or a type, a schema or an expression for one; None for other values.

    They are the same for the same content.

    Parameters
    ----------
    encode : callable
        For Python objects in it.

    Raises
    ------
    TypeError
        If it holds Python functions, whose content is not told.
    """
    kind = _kind_of(value)
    if kind is None:
        return None
    known = _open_reads()
    if known is not None and id(value) in known:
        return known[id(value)][1]
    holds_objects = False

    def noting(item: Any, name: str) -> bytes:
        nonlocal holds_objects
        holds_objects = holds_objects or not (type(item) in _ATOMS or (type(item) is dict and not item))
        return encode(item, name)

    found = kind.encode(value, name, noting)
    if known is not None and not holds_objects:
        known[id(value)] = value, found
    return found


def is_changed_by(value: Any, method: str) -> bool:
    """Whether `value` is data that a method of that name changes in place; most of them give something new."""
    known = _kind_of(value)
    return known is not None and method in known.changed_by


class _Kind(NamedTuple):
    """Data of a library: how it is encoded, and by which methods with names of mutators it is changed in place."""

    module_name: str
    name: str
    encode: Callable[[Any, str, Encode], bytes]
    changed_by: frozenset[str] = frozenset()


def _kind_of(value: Any) -> _Kind | None:
    for known in _KNOWN:
        module = sys.modules.get(known.module_name)
        kind = getattr(module, known.name, None) if module is not None else None
        if isinstance(kind, type) and isinstance(value, kind):
            return known
    return None


def _array(value: Any, name: str, encode: Encode) -> bytes:
    numpy = sys.modules["numpy"]
    if isinstance(value, numpy.ma.MaskedArray):
        return pack("masked", _array(value.filled(), name, encode), _array(value.mask, name, encode))
    array = numpy.asarray(value)
    about = repr((type(value).__qualname__, array.dtype.descr, array.shape)).encode()
    if array.dtype.hasobject:
        return pack("array", about, *[encode(item, name) for item in array.ravel().tolist()])
    return pack("array", about, _digest(numpy.ascontiguousarray(array).reshape(-1).view("u1")))


def _polynomial(value: Any, name: str, encode: Encode) -> bytes:
    return pack("polynomial", _array(value.coeffs, name, encode), encode(value.variable, name))


def _pandas(value: Any, name: str, encode: Encode) -> bytes:
    pandas = sys.modules["pandas"]
    if isinstance(value, pandas.DataFrame):
        columns = [_pandas_column(value.iloc[:, place], name, encode) for place in range(value.shape[1])]
        return pack(
            "frame",
            encode(value.attrs, name),
            _pandas(value.columns, name, encode),
            _pandas(value.index, name, encode),
            *columns,
        )
    if isinstance(value, pandas.RangeIndex):
        return pack("range", repr((value.start, value.stop, value.step, value.names)).encode())
    if isinstance(value, pandas.MultiIndex):
        levels = [_pandas(value.get_level_values(place), name, encode) for place in range(value.nlevels)]
        return pack("levels", *levels)
    if isinstance(value, pandas.Index):
        return pack("index", _pandas_column(value.to_series(), name, encode))
    return pack(
        "series", encode(value.attrs, name), _pandas_column(value, name, encode), _pandas(value.index, name, encode)
    )


def _pandas_array(value: Any, name: str, encode: Encode) -> bytes:
    return pack("values", _pandas(sys.modules["pandas"].Series(value), name, encode))


def _pandas_time(value: Any, name: str, encode: Encode) -> bytes:
    if isinstance(value, sys.modules["pandas"].Period):
        return pack("period", repr(value).encode())
    return pack("interval", encode((value.left, value.right, value.closed), name))


def _pandas_offset(value: Any, name: str, encode: Encode) -> bytes:
    kind = type(value).__qualname__
    return pack("offset", kind.encode(), encode((value.n, value.normalize, value.kwds), name))


def _pandas_column(column: Any, name: str, encode: Encode) -> bytes:
    about = pack("about", encode(column.name, name), str(column.dtype).encode())
    if column.dtype == object:
        return pack("objects", about, *[encode(item, name) for item in column.tolist()])
    pandas, numpy = sys.modules["pandas"], sys.modules["numpy"]
    if isinstance(column.dtype, pandas.CategoricalDtype):
        categories = _pandas_column(column.cat.categories.to_series(), name, encode)
        codes = _array(column.cat.codes.to_numpy(), name, encode)
        return pack("categories", about, repr(column.cat.ordered).encode(), categories, codes)
    if isinstance(column.dtype, numpy.dtype):
        return pack("column", about, _array(column.to_numpy(), name, encode))
    hashes = pandas.util.hash_pandas_object(column, index=False, categorize=False)
    return pack("hashed", about, _array(hashes.to_numpy(), name, encode))


def _polars(value: Any, name: str, encode: Encode) -> bytes:
    polars = sys.modules["polars"]
    frame = value.to_frame() if isinstance(value, polars.Series) else value
    sink = io.BytesIO()
    frame.rechunk().write_ipc(sink, compression="uncompressed")
    return pack("polars", type(value).__qualname__.encode(), repr(frame.schema).encode(), _digest(sink.getbuffer()))


def _arrow(value: Any, name: str, encode: Encode) -> bytes:
    import pyarrow
    import pyarrow.ipc

    if isinstance(value, pyarrow.RecordBatch):
        table = pyarrow.Table.from_batches([value])
    elif isinstance(value, pyarrow.Table):
        table = value
    else:
        table = pyarrow.table({"": value})
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return pack("arrow", type(value).__qualname__.encode(), _digest(memoryview(sink.getvalue())))


def _polars_plan(value: Any, name: str, encode: Encode) -> bytes:
    """An expression, or a lazy frame: of a scan the plan, which names the files; what is in them is not looked at."""
    polars = sys.modules["polars"]
    plan = value.meta.serialize() if isinstance(value, polars.Expr) else value.serialize()
    if any(start in plan for start in _PICKLES):
        raise TypeError("There are Python functions in it, pickled.")
    return pack("plan", type(value).__qualname__.encode(), _digest(plan))


def _polars_type(value: Any, name: str, encode: Encode) -> bytes:
    return pack("type", type(value).__qualname__.encode(), encode(vars(value), name))


def _numpy_type(value: Any, name: str, encode: Encode) -> bytes:
    return pack("type", repr(value).encode(), encode(value.metadata, name))


def _arrow_type(value: Any, name: str, encode: Encode) -> bytes:
    pyarrow = sys.modules["pyarrow"]
    if isinstance(value, pyarrow.DataType):
        value = pyarrow.field("", value)
    schema = pyarrow.schema([value]) if isinstance(value, pyarrow.Field) else value
    return pack("schema", type(value).__qualname__.encode(), schema.serialize().to_pybytes())


def _arrow_scalar(value: Any, name: str, encode: Encode) -> bytes:
    pyarrow = sys.modules["pyarrow"]
    return pack("scalar", _arrow(pyarrow.repeat(value, 1), name, encode))


def _digest(data: Any) -> bytes:
    return blake3(data, max_threads=blake3.AUTO).digest()


_PICKLES = tuple(b"\x80" + protocol + b"\x95" for protocol in (b"\x04", b"\x05"))
"""How pickles begin."""
_KNOWN = (
    _Kind("numpy", "ndarray", _array, frozenset({"sort"})),
    _Kind("numpy", "generic", _array),
    _Kind("numpy", "dtype", _numpy_type),
    _Kind("numpy", "poly1d", _polynomial),
    _Kind("pandas", "DataFrame", _pandas, frozenset({"insert", "pop", "update"})),
    _Kind("pandas", "Series", _pandas, frozenset({"pop", "update"})),
    _Kind("pandas", "Index", _pandas),
    _Kind("pandas.api.extensions", "ExtensionArray", _pandas_array),
    _Kind("pandas", "Period", _pandas_time),
    _Kind("pandas", "Interval", _pandas_time),
    _Kind("pandas.tseries.offsets", "BaseOffset", _pandas_offset),
    _Kind("polars", "DataFrame", _polars, frozenset({"extend"})),
    _Kind("polars", "Series", _polars, frozenset({"append", "extend"})),
    _Kind("polars", "Expr", _polars_plan),
    _Kind("polars", "LazyFrame", _polars_plan),
    _Kind("polars", "DataType", _polars_type),
    _Kind("pyarrow", "Table", _arrow),
    _Kind("pyarrow", "RecordBatch", _arrow),
    _Kind("pyarrow", "ChunkedArray", _arrow),
    _Kind("pyarrow", "Array", _arrow),
    _Kind("pyarrow", "Schema", _arrow_type),
    _Kind("pyarrow", "Field", _arrow_type),
    _Kind("pyarrow", "DataType", _arrow_type),
    _Kind("pyarrow", "Scalar", _arrow_scalar),
)
