"""The pod that a task would have on a cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .._public import public


@public
@dataclass(frozen=True, slots=True)
class PodTemplate:
    """Shape of the pod on a hosted cluster; kept with the run, without effect in a notebook.

    Specification: *Build tasks*.

    Parameters
    ----------
    pod_spec : object, optional
        A Kubernetes pod specification.
    primary_container_name : str
        The container that runs the task.
    labels, annotations : dict of str to str, optional
    """

    pod_spec: Any = None
    primary_container_name: str = "primary"
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    def describe(self) -> str:
        """One short line."""
        words = [f"container {self.primary_container_name}"]
        for name, values in (("labels", self.labels), ("annotations", self.annotations)):
            if values:
                words.append(f"{name} {', '.join(sorted(values))}")
        return "; ".join(words)
