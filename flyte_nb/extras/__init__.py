"""Tasks that are not Python functions.

Specification: *Container tasks*.
"""

from __future__ import annotations

from .container_task import ContainerTask as ContainerTask

__all__ = ["ContainerTask"]
