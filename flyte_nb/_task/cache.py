"""Whether a task's results are kept for later calls, and under which version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, runtime_checkable

from .._public import public
from .duration import Duration, seconds
from .messages import got

if TYPE_CHECKING:
    from .image import Image

CacheBehavior = Literal["auto", "override", "disable"]
_BEHAVIORS = ("auto", "override", "disable")


@dataclass(frozen=True, slots=True)
class VersionParameters:
    """What a `CachePolicy` may look at.

    Attributes
    ----------
    func : callable
        The function of the task.
    image : Image or str, optional
    """

    func: Callable[..., Any]
    image: Image | str | None = None


@runtime_checkable
class CachePolicy(Protocol):
    """Something else that results depend on: a file's version, a model's, a date.

    Specification: *Caching*.
    """

    def get_version(self, salt: str, params: VersionParameters) -> str:
        """Text that changes when earlier results may no longer be used."""


@public
@dataclass(frozen=True, slots=True)
class Cache:
    """How results of a task are kept.

    Parameters
    ----------
    behavior : {"auto", "override", "disable"}
        ``"auto"`` answers from an earlier call with the same code and inputs; ``"override"`` runs and
        replaces what was kept; ``"disable"`` runs and keeps nothing.
    version_override : str, optional
        The version to use instead of one that follows the code.
    serialize : bool
        Whether identical calls at the same time wait for the first of them; else each of them runs.
    ignored_inputs : sequence of str
        Inputs that make no difference to the result.
    salt : str
        Any text; another one starts afresh.
    policies : CachePolicy or sequence of them, optional
        What the version depends on besides the code.
    max_age : Duration, optional
        How old a result may be.

    Attributes
    ----------
    max_age_s : float or None

    Raises
    ------
    TypeError, ValueError
        For a setting that cannot be used.

    Specification: *Caching*.
    """

    behavior: CacheBehavior
    version_override: str | None = None
    serialize: bool = False
    ignored_inputs: tuple[str, ...] | list[str] | str = ()
    salt: str = ""
    policies: CachePolicy | tuple[CachePolicy, ...] | list[CachePolicy] | None = None
    max_age: Duration | None = None
    max_age_s: float | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.behavior not in _BEHAVIORS:
            raise ValueError(f"cache behavior: expected one of {_listed()}, got {self.behavior!r}.")
        if self.version_override is not None and not isinstance(self.version_override, str):
            raise TypeError(f"cache version_override: expected text, {got(self.version_override)}.")
        ignored = (self.ignored_inputs,) if isinstance(self.ignored_inputs, str) else tuple(self.ignored_inputs)
        object.__setattr__(self, "ignored_inputs", ignored)
        object.__setattr__(self, "policies", _policies(self.policies))
        age = seconds(self.max_age, "cache max_age") if self.max_age is not None else None
        object.__setattr__(self, "max_age_s", age)

    @property
    def follows_code(self) -> bool:
        """Whether other code has another version."""
        return self.version_override is None

    def version_for(self, func: Callable[..., Any], code_digest: str) -> str:
        """Version of `func` that its results are kept under.

        Parameters
        ----------
        func : callable
        code_digest : str
            Of the function and all it reaches.

        Raises
        ------
        TypeError
            If a policy gives something that is not text.
        """
        if self.version_override is not None:
            return self.version_override
        policies = cast("tuple[CachePolicy, ...]", self.policies)
        if not policies:
            return code_digest
        digest = blake2b(code_digest.encode(), digest_size=16)
        for policy in policies:
            version = policy.get_version(self.salt, VersionParameters(func))
            if not isinstance(version, str):
                raise TypeError(f"Cache policy {type(policy).__name__}: get_version gives text, {got(version)}.")
            digest.update(b"\0" + version.encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


CacheRequest = CacheBehavior | Cache


class Unsaid(str):
    """A default that is told apart from the same text written by the user."""

    __slots__ = ()


DISABLE_UNLESS_SAID = cast("CacheRequest", Unsaid("disable"))


def as_cache(value: CacheRequest) -> Cache:
    """`value` as settings.

    Raises
    ------
    TypeError, ValueError
        If it is neither a `Cache` nor the name of a behaviour.
    """
    if isinstance(value, Cache):
        return value
    if not isinstance(value, str):
        raise TypeError(f"cache: expected {_listed()} or a Cache, {got(value)}.")
    return Cache(value)


def _policies(value: Any) -> tuple[CachePolicy, ...]:
    if value is None:
        return ()
    policies = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for policy in policies:
        if not isinstance(policy, CachePolicy):
            raise TypeError(f"cache policies: expected objects with get_version(salt, params), {got(policy)}.")
    return policies


def _listed() -> str:
    return ", ".join(map(repr, _BEHAVIORS))
