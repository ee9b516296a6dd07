"""What stands for a value that is stored and that nobody has read yet."""

from __future__ import annotations


class _Unread:
    def __repr__(self) -> str:
        return "UNREAD"


UNREAD = _Unread()
