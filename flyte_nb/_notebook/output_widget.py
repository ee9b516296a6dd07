"""Is what a cell displays now caught by an `ipywidgets.Output`?"""

from __future__ import annotations

import sys
from typing import Any


def is_within_output_widget(request: str) -> bool:
    """Whether an `ipywidgets.Output` catches what the code of `request`, a message's identity, displays now.

    Nothing of ipywidgets is imported to find out: where it has not been, nobody has made one.
    """
    output = getattr(sys.modules.get("ipywidgets.widgets.widget_output"), "Output", None)
    if output is None:
        return False
    made: dict[str, Any] = getattr(sys.modules.get("ipywidgets.widgets.widget"), "_instances", {})
    return any(isinstance(widget, output) and widget.msg_id == request for widget in tuple(made.values()))
