"""Copies of files from one folder of this machine to another one."""

from __future__ import annotations

from collections.abc import Mapping

from ..storage.faults import explained_copy
from ..storage.local_copy import Told, copy_at_once, copy_file, publish, unfinished_beside
from .file_transfer import remove
from .raw_streams import must_be
from .trees import Entry


class NearCopies:
    """Copies files below `root`, whose folders are there.

    Parameters
    ----------
    mode : int
        Who may read and write the copies.
    is_seen : bool
        Whether somebody may look there already, or have files of these names there: then each appears whole.
    expected : mapping of str to str, optional
        Digests by name, to compare; of no other file one is made. By default all are made.
    """

    def __init__(
        self, root: str, *, mode: int, is_seen: bool = False, expected: Mapping[str, str] | None = None
    ) -> None:
        self._root, self._mode, self._is_seen, self._expected = root, mode, is_seen, expected

    def __call__(self, entry: Entry, told: Told | None) -> tuple[int, str] | None:
        """Copy a file: how many of its bytes `told` did not hear of, and its digest.

        With nobody to tell it copies small files only; None, and no copy, of a larger one.
        """
        path = f"{self._root}/{entry.name}"
        place = unfinished_beside(path) if self._is_seen else path
        expected = "" if self._expected is None else self._expected.get(entry.name, "")
        is_digested = self._expected is None or bool(expected)
        try:
            if told is None:
                copied = copy_at_once(entry.address, place, mode=self._mode, digest=is_digested)
                if copied is None:
                    return None
                untold, digest = copied
            else:
                digest = copy_file(entry.address, place, mode=self._mode, digest=is_digested, threads=1, told=told)
                untold = 0
            if expected:
                must_be(expected, digest, entry.address)
            if self._is_seen:
                publish(place, path)
            return untold, digest
        except BaseException:
            if self._is_seen:
                remove(place)
            with explained_copy(entry.address, path, place):
                raise
