"""Everything about a task that can be said when declaring it, and said anew with `override`."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..models.text import checked_text, checked_texts
from .cache import as_cache
from .image import Image
from .link import as_links
from .messages import got
from .pod_template import PodTemplate
from .resources import Resources
from .retries import NO_RETRIES, as_retries
from .reuse import ReusePolicy
from .secret import Secret, as_secrets
from .timeout import as_timeout

if TYPE_CHECKING:
    from .cache import Cache
    from .link import Link
    from .retries import RetryStrategy
    from .timeout import Timeout

DEFAULT_MAX_INLINE_IO_BYTES = 10 * 2**20
LONGEST_DESCRIPTION = 300


@dataclass(frozen=True, slots=True)
class TaskOptions:
    """Settings of one task, those of its environment included.

    Attributes
    ----------
    cache : Cache or None
        None where neither the task nor its environment says anything: the runtime's default counts.
    timeout : Timeout or None
        None without any limit.
    """

    short_name: str | None = None
    resources: Resources | None = None
    cache: Cache | None = None
    retries: RetryStrategy = NO_RETRIES
    timeout: Timeout | None = None
    reusable: ReusePolicy | None = None
    env_vars: dict[str, str] | None = None
    secrets: tuple[Secret, ...] = ()
    service_account: str | None = None
    max_inline_io_bytes: int = DEFAULT_MAX_INLINE_IO_BYTES
    pod_template: PodTemplate | str | None = None
    queue: str | None = None
    interruptible: bool = False
    links: tuple[Link, ...] = ()
    plugin_config: Any = None
    report: bool = False
    docs: Any = None
    triggers: tuple[Any, ...] = ()
    entrypoint: bool = False
    image: Image = field(default_factory=Image.auto)
    _described: dict[str, str] | None = field(default=None, init=False, repr=False, compare=False)

    def describe(self) -> dict[str, str]:
        """What is recorded with an action and is not recorded elsewhere: only what differs from the default.

        Values of secrets and of environment variables are never part of it. The same dictionary every time;
        do not change it.
        """
        if self._described is None:
            described = {name: text[:LONGEST_DESCRIPTION] for name, text in self._words().items() if text}
            object.__setattr__(self, "_described", described)
            return described
        return self._described

    def replaced(self, changes: dict[str, Any]) -> TaskOptions:
        """These options with some of them changed; the values are taken as they are."""
        copy = object.__new__(TaskOptions)
        for put, value in zip(_puts, _all_of(self), strict=True):  # twice as fast as dataclasses.replace
            put(copy, value)
        for name, value in changes.items():
            _put[name](copy, value)
        _put["_described"](copy, None)
        return copy

    def _words(self) -> dict[str, str]:
        template = self.pod_template
        return {
            "image": "" if self.image == Image.auto() else self.image.describe(),
            "pod_template": template.describe() if isinstance(template, PodTemplate) else template or "",
            "reusable": self.reusable.describe() if self.reusable is not None else "",
            "service_account": self.service_account or "",
            "interruptible": "yes" if self.interruptible else "",
            "queue": self.queue or "",
            "env_vars": ", ".join(sorted(self.env_vars or ())),
            "secrets": ", ".join(secret.label for secret in self.secrets),
            "plugin_config": type(self.plugin_config).__name__ if self.plugin_config is not None else "",
            "triggers": ", ".join(str(getattr(trigger, "name", trigger)) for trigger in self.triggers),
            "entrypoint": "yes" if self.entrypoint else "",
            "docs": _summary(self.docs),
        }


_put = {slot.name: getattr(TaskOptions, slot.name).__set__ for slot in dataclasses.fields(TaskOptions)}
_puts = tuple(_put.values())
_all_of = operator.attrgetter(*_put)


def read_options(given: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """The options among `given` that were said, as `TaskOptions` holds them; None says nothing."""
    return {name: _READERS[name](value) for name, value in given if value is not None}


def as_env_vars(value: Mapping[str, str]) -> dict[str, str]:
    """`value` as environment variables.

    Raises
    ------
    TypeError
        If it is no mapping of text to text.
    ValueError
        If a name is none that an environment can hold.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"env_vars: expected a dict of text by name, got {type(value).__name__}.")
    for name, text in value.items():
        if not isinstance(name, str) or not isinstance(text, str):
            raise TypeError(
                f"env_vars: {name!r} has a value of type {type(text).__name__}; names and values are text."
                f" Write {{{str(name)!r}: str(...)}}."
            )
        if not name or "=" in name or "\0" in name:
            raise ValueError(f"env_vars: {name!r} cannot be the name of an environment variable.")
    return checked_texts(value, "env_vars")


def _text(name: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise TypeError(f"{name}: expected text, {got(value)}.")
        if not value.strip():
            raise ValueError(f"{name}: expected text that is not empty. Leave it out to say nothing.")
        return checked_text(value, name)

    return read


def _flag(name: str) -> Callable[[Any], bool]:
    def read(value: Any) -> bool:
        if not isinstance(value, bool):
            raise TypeError(f"{name}: expected True or False, {got(value)}.")
        return value

    return read


def _of_kind(name: str, kind: type | tuple[type, ...], example: str) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if not isinstance(value, kind):
            raise TypeError(f"{name}: expected {example}, {got(value)}.")
        return value

    return read


def _byte_count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"max_inline_io_bytes: expected a whole number, {got(value)}.")
    if value < 0:
        raise ValueError(f"max_inline_io_bytes: expected zero or more, got {value}.")
    return value


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _as_it_is(value: Any) -> Any:
    return value


def _summary(docs: Any) -> str:
    text = docs if isinstance(docs, str) else getattr(docs, "description", None) or ""
    return str(text).strip().partition("\n")[0]


_READERS: dict[str, Callable[[Any], Any]] = {
    "short_name": _text("short_name"),
    "resources": _of_kind("resources", Resources, "Resources(...)"),
    "cache": as_cache,
    "retries": as_retries,
    "timeout": as_timeout,
    "reusable": _of_kind("reusable", ReusePolicy, "ReusePolicy(...)"),
    "env_vars": as_env_vars,
    "secrets": as_secrets,
    "service_account": _text("service_account"),
    "max_inline_io_bytes": _byte_count,
    "pod_template": _of_kind("pod_template", (PodTemplate, str), "PodTemplate(...) or the name of one"),
    "queue": _text("queue"),
    "interruptible": _flag("interruptible"),
    "links": as_links,
    "plugin_config": _as_it_is,
    "report": _flag("report"),
    "docs": _as_it_is,
    "triggers": _as_tuple,
    "entrypoint": _flag("entrypoint"),
}
