"""What `File` and `Dir` share: an address, a name, a format, a hash, and how they travel inside other values."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_serializer, model_validator
from pydantic_core import core_schema

from ..storage.addresses import checked_path, last_step, without_secrets
from ..storage.digests import digest_in
from ..types.references import ADDRESSES, KEYS
from .parameters import Parametrised, T, class_of, format_of
from .unopened import Unopened

_BY_TEMPFILE = re.compile(r"tmp[a-z0-9_]{8}")


class Reference(Unopened, Parametrised[T], BaseModel):
    """Stored data by its address.

    Attributes
    ----------
    path : str
        Address of the data.
    name : str
        What the data is called; the last step of the address if it is not given.
    format : str
        What the data is, for instance "csv"; may be empty.
    hash : str or None
        What tells this content from another in cache keys; None if nobody knows, then the address does.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    path: str
    name: str | None = None
    format: str = ""
    hash: str | None = None

    _noun: ClassVar[str] = "data"

    def cache_key(self) -> str | None:
        """What stands for this data in names and cache keys, None if only its address can.

        Content and name count. A name that `tempfile` made says nothing and does not.
        """
        digest = digest_in(self.hash)
        if not digest:
            return self.hash or None
        name = _BY_TEMPFILE.sub("tmp", self.name or "", count=1) if (self.name or "").startswith("tmp") else self.name
        text = f"{digest}/{name}".encode("utf-8", "surrogatepass")
        return hashlib.sha256(text).hexdigest()[:40]

    @classmethod
    def __flyte_converter__(cls, python_type: Any) -> Any:
        """The converter of this class, or of it with a parameter; what `types` asks for."""
        from .converter import ReferenceConverter

        return ReferenceConverter(python_type)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        schema = handler(cls)
        form = format_of(source) if class_of(source) is cls else ""
        if not form:
            return schema

        def in_format(value: Any) -> Any:
            if value.format not in ("", form):
                raise ValueError(f"expected a {cls.__name__} of format {form!r}, got one of format {value.format!r}")
            return value if value.format else value.model_copy(update={"format": form})

        return core_schema.no_info_after_validator_function(in_format, schema)

    @model_validator(mode="before")
    @classmethod
    def _explain_what_is_none(cls, value: Any) -> Any:
        if isinstance(value, (str, bytes, os.PathLike)):
            raise ValueError(what_to_do_instead(cls, value))
        if isinstance(value, Reference) and not isinstance(value, cls):
            if issubclass(cls, type(value)):
                return {name: getattr(value, name) for name in type(value).model_fields}
            raise ValueError(what_to_do_instead(cls, value))
        return value

    @model_validator(mode="after")
    def _complete(self) -> Any:
        checked_path(self.path)
        without_secrets(self.path)
        if self.name is None:
            self.name = last_step(self.path) or None
        return self

    @model_serializer(mode="wrap")
    def _serialized(self, handler: Any, info: Any) -> Any:
        context = info.context if isinstance(info.context, dict) else {}
        if ADDRESSES in context:
            context[ADDRESSES].append(self.path)
        key = self.cache_key() if KEYS in context else None
        return handler(self) if key is None else key

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.path))

    def __str__(self) -> str:
        return self.path


def what_to_do_instead(kind: Any, value: Any) -> str:
    """For a message: what was expected, what came, and how to make the one from the other."""
    kind = class_of(kind)
    name = kind.__name__
    if isinstance(value, Reference):
        hint = (
            "take a file out of it with `await directory.get_file(name)`"
            if kind._noun == "file"
            else "put files into a folder and make a directory of it with `await Dir.from_local(folder)`"
        )
        return f"expected {name}, got {type(value).__name__} {value.path!r}: {hint}"
    return (
        f"expected {name}, got {type(value).__name__}: {value!r}. Bring local data into the store with"
        f" `await {name}.from_local(path)` ({name}.from_local_sync(path) without await), or refer to data that is"
        f" stored already with {name}.from_existing_remote(address)"
    )
