"""Where the notebook about containers finds an engine, and an image that no registry has to give."""

from __future__ import annotations

import os

from tests.containers.engine import IMAGE, prepare

if not prepare():
    os.environ.setdefault("FLYTE_NB_NOTEBOOK_IMAGE", IMAGE)
