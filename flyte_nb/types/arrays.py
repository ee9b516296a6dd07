"""NumPy: scalars as numbers, arrays as .npy files."""

from __future__ import annotations

import io
from typing import Any, get_origin

from ..storage import current_store
from ..storage.store import checksum_in
from .converter import Converter
from .messages import Literal, LiteralType, SimpleType, TypeStructure
from .transformer import TypeTransformerFailedError
from .type_text import shown, type_text

TAG = "npy"
INLINE_BYTES = 32 * 1024


class ArrayConverter(Converter):
    """numpy.ndarray without Python objects in it, and numpy scalars as arrays without dimensions."""

    hashes = True

    def fill(self, literal: Literal, value: Any) -> None:
        """See `Converter`."""
        import numpy as np

        scalar = self._scalar
        if scalar is None and (not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray)):
            raise TypeTransformerFailedError(f"Expected numpy.ndarray, got {type(value).__qualname__}: {shown(value)}.")
        try:
            array = np.asarray(value) if scalar is None else np.asarray(scalar(value))
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
        except (ValueError, TypeError) as error:
            raise TypeTransformerFailedError(f"Expected {type_text(self.python_type)}: {error}") from None
        data = buffer.getvalue()
        if len(data) <= INLINE_BYTES:
            literal.scalar.binary.value = data
            literal.scalar.binary.tag = TAG
        else:
            blob = current_store().put_nowait(data, suffix=".npy")
            literal.scalar.blob.uri = blob.uri
            literal.scalar.blob.metadata.type.format = TAG
            literal.hash = blob.checksum

    def read(self, literal: Literal) -> Any:
        """See `Converter`."""
        import numpy as np

        if literal.scalar.HasField("blob"):
            uri = literal.scalar.blob.uri
            data = current_store().get_nowait(uri, checksum=checksum_in(uri))
        else:
            data = literal.scalar.binary.value
        array = np.load(io.BytesIO(data), allow_pickle=False)
        return array if self._scalar is None else array[()]

    def isolated(self, value: Any, literal: Literal) -> Any:
        """See `Converter`."""
        return value.copy() if self._scalar is None else self._scalar(value)

    def literal_type(self) -> LiteralType:
        """See `Converter`."""
        return LiteralType(simple=SimpleType.BINARY, structure=TypeStructure(tag=TAG))

    @property
    def _scalar(self) -> Any:
        import numpy as np

        kind = self.python_type
        return kind if isinstance(kind, type) and issubclass(kind, np.generic) else None


def array_converter(python_type: Any) -> Converter | None:
    """The converter of a numpy type, None for others."""
    kind = get_origin(python_type) or python_type
    if not isinstance(kind, type) or kind.__module__.partition(".")[0] != "numpy":
        return None
    import numpy as np

    return ArrayConverter(kind) if kind is np.ndarray or issubclass(kind, np.generic) else None
