"""Runs and actions as readers of the journal see them, from any process, while they happen or long after.

Specification: *Remote tasks*.
"""

from .._follow.values import ActionInputs as ActionInputs
from .._follow.values import ActionOutputs as ActionOutputs
from .action import Action as Action
from .details import ActionDetails as ActionDetails
from .details import RunDetails as RunDetails
from .run import Run as Run
from .secret import Secret as Secret
from .task import Task as Task

__all__ = ["Action", "ActionDetails", "ActionInputs", "ActionOutputs", "Run", "RunDetails", "Secret", "Task"]
