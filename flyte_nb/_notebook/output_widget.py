"""Is what a cell displays now caught by an `ipywidgets.Output`?"""

from __future__ import annotations

import sys
from typing import Any


def is_within_output_widget() -> bool:
    """Whether the caller is in the ``with`` block of an `ipywidgets.Output`.

    Nothing of ipywidgets is imported to find out: where it has not been, nobody has made one.
    """
    output = getattr(sys.modules.get("ipywidgets.widgets.widget_output"), "Output", None)
    if output is None:
        return False
    made: dict[str, Any] = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", {})
    return any(isinstance(widget, output) and widget.msg_id for widget in tuple(made.values()))
