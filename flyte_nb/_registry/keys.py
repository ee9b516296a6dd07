"""Names as steps of a path: whatever a person calls an environment or a version, it stays one step, and its own."""

from __future__ import annotations

from hashlib import blake2b

LONGEST = 120
_AS_THEY_ARE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def key_of(name: str) -> str:
    """A file name for `name` that is no other name's, also where capitals do not count.

    Letters without capitals, digits, hyphens and underscores stay, and dots that do not come first; every other byte is
    written as ``=`` and two hexadecimal digits.
    """
    written = "".join(map(_written, name.encode("utf-8", "surrogatepass")))
    if not written or written.startswith("."):
        written = f"={ord('.'):02x}{written[1:]}" if written else "="
    if len(written) <= LONGEST:
        return written
    digest = blake2b(name.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{written[: LONGEST - 40]}=-{digest}"


def _written(byte: int) -> str:
    sign = chr(byte)
    return sign if sign in _AS_THEY_ARE or sign == "." else f"={byte:02x}"
