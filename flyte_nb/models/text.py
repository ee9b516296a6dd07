"""Text that can be written down. A Python `str` may hold lone surrogates, which are no characters and have no UTF-8.

What a person reads is kept with such surrogates as escapes. What a program reads must come back as it was: there they
are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

_encoder = msgspec.msgpack.Encoder()
_AS_THEY_ARE = (bytes, bytearray, memoryview)


def writable(text: str) -> str:
    r"""`text` with every lone surrogate as an escape such as ``\ud800``."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def packed(record: Any) -> bytes:
    """`record` as MessagePack, its texts made writable."""
    try:
        return _encoder.encode(record)
    except UnicodeEncodeError:
        return _encoder.encode(_all_writable(msgspec.to_builtins(record, builtin_types=_AS_THEY_ARE)))


def checked_text(text: str, what: str) -> str:
    """`text`, if it can be written down as it is; `what` names it.

    Raises
    ------
    ValueError
    """
    if text.isascii() or text == writable(text):
        return text
    raise ValueError(
        f"{what} holds a lone surrogate, half of a character, which cannot be stored: {text!r:.120}. Where it comes"
        " from bytes, decode them with errors='replace' or errors='backslashreplace'."
    )


def optional_text(text: str | None, what: str) -> str:
    """`text`, if it is one that can be written down, or empty for None; `what` names it.

    Raises
    ------
    TypeError, ValueError
    """
    if text is None:
        return ""
    if not isinstance(text, str):
        raise TypeError(f"{what}: expected text, got {type(text).__name__}: {text!r:.120}.")
    return checked_text(text, what)


def checked_texts(texts: Mapping[str, str], what: str) -> dict[str, str]:
    """`texts`, if every name and value can be written down; errors as `checked_text`."""
    for name, text in texts.items():
        checked_text(name, f"{what}: the name {name!r:.60}")
        checked_text(text, f"{what}[{name!r}]")
    return dict(texts)


def _all_writable(value: Any) -> Any:
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {_all_writable(key): _all_writable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_all_writable(item) for item in value]
    return value
