"""An output of a cell that can be filled anew, and that says so in its metadata.

JupyterLab knows the outputs of a notebook by the ids that it has heard since the page was loaded. What is kept in the
metadata lets its extension find those of a notebook that was loaded from its file.
"""

from __future__ import annotations

import uuid
from typing import Any

MARK = "flyte_nb"
NOTHING = {"text/html": "", "text/plain": ""}


class Place:
    """One output; it is there once it was filled.

    Parameters
    ----------
    is_live : bool
        Whether a widget stands there, and not the static picture.
    """

    def __init__(self, *, is_live: bool) -> None:
        self._id = uuid.uuid4().hex
        self._is_live = is_live
        self._handle: Any = None

    @property
    def is_there(self) -> bool:
        """Whether it was filled."""
        return self._handle is not None

    def fill(self, bundle: dict[str, Any], mark: dict[str, Any] | None) -> None:
        """Show a bundle there; `mark` is what a page is told of it that may have to fill it, None if it is final."""
        metadata = {MARK: {**mark, "place": self._id, "is_live": self._is_live}} if mark is not None else {}
        if self._handle is not None:
            self._handle.update(bundle, raw=True, metadata=metadata)
            return
        from IPython.display import display

        self._handle = display(bundle, raw=True, display_id=self._id, metadata=metadata)  # type: ignore[no-untyped-call]
