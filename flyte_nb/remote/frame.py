"""The actions of a run as a data frame."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, Literal

from .._view.projection import ActionView, RunView

if TYPE_CHECKING:
    import pandas
    import polars

Library = Literal["pandas", "polars"]


def frame_of(view: RunView, library: Library) -> pandas.DataFrame | polars.DataFrame:
    """One row an action, in the order in which they were called."""
    if library not in ("pandas", "polars"):
        raise ValueError(f"A run becomes a frame of 'pandas' or 'polars'; got {library!r}.")
    import pyarrow as pa

    time = pa.timestamp("us", tz="UTC")
    schema = pa.schema(
        [
            ("action", pa.string()),
            ("parent", pa.string()),
            ("task", pa.string()),
            ("name", pa.string()),
            ("group", pa.string()),
            ("phase", pa.string()),
            ("queued", time),
            ("started", time),
            ("ended", time),
            ("duration_s", pa.float64()),
            ("attempts", pa.int32()),
            ("reused", pa.string()),
            ("placement", pa.string()),
            ("error", pa.string()),
            ("message", pa.string()),
        ]
    )
    table = pa.Table.from_pylist([_row(view, action) for action in view.actions.values()], schema=schema)
    if library == "pandas":
        frame: pandas.DataFrame = table.to_pandas()
        return frame
    import polars

    return polars.DataFrame(table)


def _row(view: RunView, action: ActionView) -> dict[str, Any]:
    start, end = action.started_at, action.ended_at
    group = view.groups.get(action.group)
    return {
        "action": action.name,
        "parent": action.parent or None,
        "task": action.task,
        "name": action.short_name,
        "group": group.name if group is not None else None,
        "phase": str(action.phase),
        "queued": _time(action.queued_at),
        "started": _time(start),
        "ended": _time(end),
        "duration_s": view.runtime_of(action),
        "attempts": len(action.attempts),
        "reused": action.reused or None,
        "placement": action.placement or None,
        "error": action.error.code if action.error is not None else None,
        "message": action.error.message if action.error is not None else None,
    }


def _time(at: float | None) -> datetime.datetime | None:
    return None if at is None else datetime.datetime.fromtimestamp(at, datetime.UTC)
