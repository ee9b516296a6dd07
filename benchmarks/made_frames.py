"""Frames to be passed on; made once, and no part of the code of a task."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pandas as pd


@functools.cache
def made(seed: int, rows: int) -> pd.DataFrame:
    """Ten columns: four of measurements, three of whole numbers, two of texts, one of moments."""
    random = np.random.default_rng(seed)
    columns: dict[str, Any] = {f"x{index}": random.normal(size=rows) for index in range(4)}
    columns |= {f"n{index}": random.integers(0, 1000, rows) for index in range(3)}
    columns["kind"] = np.array(["alpha", "beta", "gamma", "delta"])[random.integers(0, 4, rows)]
    columns["name"] = [f"{seed}-{number}" for number in range(rows)]
    columns["at"] = pd.date_range("2024-01-01", periods=rows, freq="s")
    return pd.DataFrame(columns)
