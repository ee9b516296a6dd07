"""Classes of a notebook whose cell was run again."""

from __future__ import annotations

import sys
import types
from typing import Any

NOTEBOOK = "__main__"


def is_of_the_notebook(kind: Any) -> bool:
    """Whether something is a class that a cell, or a script, defines at its top level."""
    is_class = isinstance(kind, type) and not isinstance(kind, types.GenericAlias)
    return is_class and kind.__module__ == NOTEBOOK and kind.__qualname__ == kind.__name__


def defined_now(kind: type) -> type:
    """What the name of a class of the notebook means now; any other class is itself."""
    if not is_of_the_notebook(kind):
        return kind
    found = getattr(sys.modules.get(NOTEBOOK), kind.__name__, kind)
    return found if is_of_the_notebook(found) and found.__name__ == kind.__name__ else kind
