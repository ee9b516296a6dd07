"""Accelerators of this machine, without a library for them."""

from __future__ import annotations

import os
from pathlib import Path


def visible_devices() -> list[str]:
    """Names for ``CUDA_VISIBLE_DEVICES``: those it names already, else one per device that the driver shows."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() not in ("", "-1")]
    try:
        return [str(index) for index, _ in enumerate(sorted(Path("/proc/driver/nvidia/gpus").iterdir()))]
    except OSError:
        return []
