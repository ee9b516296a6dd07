"""Are the stored values whole that a journal refers to?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .._journal import Home, JournalReader
from ..errors import JournalError, StorageError
from ..io.whole import VERIFIED_UP_TO, damaged_reference
from ..models.events import Stored, StoredLiterals, stored_in
from ..storage import Store
from ..types.references import references_of


@dataclass
class ValuesFound:
    """What an examination of stored values found.

    Attributes
    ----------
    whole : int
        Values of which all that is kept here is whole.
    elsewhere : int
        Values that lie, or refer to something that lies, outside the stores that were looked at.
    damaged : list of str
        Each with its run and action.
    """

    whole: int = 0
    elsewhere: int = 0
    damaged: list[str] = field(default_factory=list)


def examine_values(home: Home, stores: list[Store], report: Callable[[int], None] = lambda number: None) -> ValuesFound:
    """Compare what the journal refers to in `stores` with its checksums, up to 64 MiB each.

    Larger objects, and those of a bucket other than values themselves, are only looked for.

    Parameters
    ----------
    report : callable
        Gets the number of values so far.
    """
    found = ValuesFound()
    if not home.journal_path.exists():
        return found
    seen: dict[tuple[bytes | None, str], str | None] = {}
    reader = JournalReader(home.journal_path)
    try:
        for run in reader.runs(limit=-1):
            for action, kept in _values_of(reader, run.name):
                key = (kept.inline, kept.uri)
                if key not in seen:
                    seen[key] = _damage(kept, stores)
                    report(len(seen))
                    found.whole += seen[key] == ""
                    found.elsewhere += seen[key] is None
                if seen[key]:
                    found.damaged.append(f"a value of action {action} of run {run.name}: {seen[key]}")
    finally:
        reader.close()
    return found


def _values_of(reader: JournalReader, run: str) -> Iterator[tuple[str, Stored]]:
    """Values of a run, each with its action; as far as the journal can be read, which is told elsewhere."""
    try:
        for _, event in reader.events(run):
            for kept in stored_in(event):
                if kept.inline is None or isinstance(kept, StoredLiterals):
                    yield getattr(event, "action", "a0"), kept
    except JournalError:
        return


def _damage(kept: Stored, stores: list[Store]) -> str | None:
    """What is wrong with a value; empty if nothing is, None if it is not kept in `stores`."""
    serialized = kept.inline
    if serialized is None:
        store = next((one for one in stores if one.owns(kept.uri)), None)
        if store is None:
            return None
        try:
            if kept.size_bytes > VERIFIED_UP_TO:
                return "" if store.has(kept.uri) else f"{kept.uri} is missing"
            serialized = store.get_nowait(kept.uri, checksum=kept.checksum)
        except StorageError as error:
            return str(error)
    if not isinstance(kept, StoredLiterals):
        return ""
    for store in stores:
        try:
            found = damaged_reference(serialized, store)
        except StorageError as error:
            return str(error)
        if found is not None:
            return " ".join(found)
    references = references_of(serialized)
    return "" if all(any(store.owns(uri) for store in stores) for uri in references) else None
