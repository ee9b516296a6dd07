"""Addresses shown beside an action."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from .messages import got


@runtime_checkable
class Link(Protocol):
    """An address that follows from an action: a dashboard, an experiment, a log.

    Attributes
    ----------
    name : str
        The text to click on.

    Examples
    --------
    >>> @dataclass
    ... class Dashboard(Link):
    ...     base: str
    ...     name: str = "Dashboard"
    ...
    ...     def get_link(self, run_name, action_name, **kwargs):
    ...         return f"{self.base}/{run_name}/{action_name}"

    Specification: *Links*.
    """

    name: str

    def get_link(
        self,
        run_name: str,
        project: str,
        domain: str,
        context: dict[str, str],
        parent_action_name: str,
        action_name: str,
        pod_name: str,
        **kwargs: Any,
    ) -> str:
        """The address, starting with http:// or https://."""
        ...


def as_links(value: Link | tuple[Link, ...] | list[Link]) -> tuple[Link, ...]:
    """`value` as links; a single one may stand alone.

    Raises
    ------
    TypeError
        If one of them has no `get_link`, or is a class.
    """
    links: tuple[Any, ...] = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for link in links:
        if isinstance(link, type):
            raise TypeError(f"links: expected objects, got the class {link.__name__}. Write {link.__name__}(...).")
        if not callable(getattr(link, "get_link", None)):
            raise TypeError(f"links: expected objects with get_link(...), {got(link)}.")
    return links
