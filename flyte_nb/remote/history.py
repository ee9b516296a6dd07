"""The events of one run, as this process reads them."""

from __future__ import annotations

from .._follow import history
from .._runtime.runtime import Runtime, current_runtime


class RunHistory(history.RunHistory):
    """Reader of a run of this process's home.

    Parameters
    ----------
    name : str

    Raises
    ------
    RunNotFoundError
        When it is read and there is no such run.
    """

    def __init__(self, name: str) -> None:
        self.runtime: Runtime = current_runtime()
        super().__init__(name, self.runtime)
