"""Ask a person while a task runs.

Specification: *Human-in-the-loop*.
"""

from .event import Event as Event
from .event import env as env
from .event import new_event as new_event

__all__ = ["Event", "env", "new_event"]
