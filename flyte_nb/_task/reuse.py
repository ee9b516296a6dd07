"""Processes that serve more than one task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from .._public import public
from .duration import seconds
from .messages import got


@public
@dataclass(frozen=True, slots=True)
class ReusePolicy:
    """How worker processes, or containers on a hosted cluster, stay for further tasks.

    Parameters
    ----------
    replicas : int or pair of int
        How many, or the least and the most.
    idle_ttl : int or timedelta
        Seconds without work after which all of them go.
    concurrency : int
        How many async tasks share the cores of one. Here each has a process of its own, and its part of the cores.
    scaledown_ttl : int or timedelta
        Seconds without work after which one of them goes.

    Raises
    ------
    TypeError, ValueError
        For numbers that cannot be.

    Specification: *Build tasks*.
    """

    replicas: int | tuple[int, int] = 2
    idle_ttl: int | timedelta = 30
    concurrency: int = 1
    scaledown_ttl: int | timedelta = 30

    def __post_init__(self) -> None:
        replicas = self.replicas if isinstance(self.replicas, tuple) else (self.replicas, self.replicas)
        if len(replicas) != 2:
            raise ValueError(f"reusable replicas: expected a number or a pair (least, most), got {self.replicas!r}.")
        least, most = (_whole("replicas", number) for number in replicas)
        if least < 0 or most < 1 or least > most:
            raise ValueError(
                f"reusable replicas: expected at least one, and no more at least than at most, got {self.replicas!r}."
            )
        if _whole("concurrency", self.concurrency) < 1:
            raise ValueError(f"reusable concurrency: expected one or more, got {self.concurrency}.")
        seconds(self.idle_ttl, "reusable idle_ttl")
        seconds(self.scaledown_ttl, "reusable scaledown_ttl")

    @property
    def least(self) -> int:
        """How many workers stay."""
        return self.replicas[0] if isinstance(self.replicas, tuple) else self.replicas

    @property
    def most(self) -> int:
        """How many workers there are at most."""
        return self.replicas[1] if isinstance(self.replicas, tuple) else self.replicas

    @property
    def idle_s(self) -> float:
        """Seconds without work after which all go."""
        return seconds(self.idle_ttl, "reusable idle_ttl")

    @property
    def scaledown_s(self) -> float:
        """Seconds without work after which those above the least go."""
        return seconds(self.scaledown_ttl, "reusable scaledown_ttl")

    def describe(self) -> str:
        """One short line."""
        replicas = self.replicas if isinstance(self.replicas, int) else " to ".join(map(str, self.replicas))
        return f"replicas {replicas}, concurrency {self.concurrency}"


def _whole(what: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"reusable {what}: expected a whole number, {got(value)}.")
    return value
