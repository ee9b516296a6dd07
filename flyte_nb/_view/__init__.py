"""Show: what a run looks like, as a pure fold of its events."""

from .projection import ActionView as ActionView
from .projection import AttemptView as AttemptView
from .projection import GroupView as GroupView
from .projection import RunView as RunView
from .projection import TraceView as TraceView
from .projection import project as project

__all__ = ["ActionView", "AttemptView", "GroupView", "RunView", "TraceView", "project"]
