"""Where the built renderer is; its source is in ``labextension/``."""

from __future__ import annotations

from pathlib import Path

RENDERER = Path(__file__).parent / "static" / "widget.js"
