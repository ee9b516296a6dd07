"""The events of an earlier try, for whoever goes on with it.

Of thousands of finished actions a resume asks for a few: those whose parent runs again. So every record is verified
and its head is read, and the rest of what tells of actions is read when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ..models.events import ActionEnded, ActionQueued, AnyEvent
from ..models.phases import ActionPhase
from . import codec
from .codec import Row

_QUEUED = codec.tag_of(ActionQueued)
_ENDED = codec.tag_of(ActionEnded)
_queued_decoder = msgspec.msgpack.Decoder(ActionQueued)
_ended_decoder = msgspec.msgpack.Decoder(ActionEnded)
_REUSABLE = {ActionPhase.SUCCEEDED.value, ActionPhase.RECOVERED.value}


class EarlierRun:
    """What a run has recorded so far.

    Parameters
    ----------
    pages : iterable of list of rows
        Number, body and checksum of all its events, in order.
    run : str
        Its name.

    Attributes
    ----------
    run : str
    others : list of events
        All but the beginnings and ends of actions, in order.

    Raises
    ------
    JournalCorruptionError
        If a record is damaged.
    """

    def __init__(self, pages: Iterable[list[Row]], run: str) -> None:
        self.others: list[AnyEvent] = []
        self.run = run
        self._roots: dict[str, Row] = {}
        self._succeeded_roots: dict[str, Row] = {}
        self._queued: dict[str, Row] = {}
        self._succeeded: dict[str, Row] = {}
        for page in pages:
            self._sort(page)

    def __len__(self) -> int:
        """How many actions below the root succeeded."""
        return len(self._succeeded)

    def queued(self, action: str) -> ActionQueued | None:
        """How an action began."""
        row = self._queued.get(action) or self._roots.get(action)
        if row is None:
            return None
        return codec.decode_verified(row, self.run, _queued_decoder)

    def succeeded(self, action: str) -> ActionEnded | None:
        """How an action ended, if it succeeded the last time it ran."""
        row = self._succeeded.get(action) or self._succeeded_roots.get(action)
        if row is None:
            return None
        return codec.decode_verified(row, self.run, _ended_decoder)

    def _sort(self, page: list[Row]) -> None:
        queued, succeeded = self._queued, self._succeeded
        for row, head in zip(page, codec.event_heads(page, self.run), strict=True):
            kind = head.kind
            if kind == _ENDED:
                if head.fourth in _REUSABLE:
                    (succeeded if head.third in queued else self._succeeded_roots)[head.third] = row
            elif kind != _QUEUED:
                self.others.append(codec.decode_row(row, self.run))
            elif head.fourth:
                queued[head.third] = row
                succeeded.pop(head.third, None)
            else:
                self._roots[head.third] = row
                self._succeeded_roots.pop(head.third, None)
