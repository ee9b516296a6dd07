"""What is said of arguments that do not fit a call: the misspelt, the missing, the superfluous, all at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any


def misfits(
    names: Sequence[str],
    required: Collection[str],
    by_position: int,
    by_name: Collection[str],
    keyword_only: Collection[str] = (),
) -> str:
    """A text about every argument that does not fit; empty if all do.

    Parameters
    ----------
    names : sequence of str
        Parameters in their order.
    required : collection of str
        Those without a default.
    by_position : int
        How many arguments were given by position.
    by_name : collection of str
        Names of the others.
    keyword_only : collection of str
        Parameters that can be given by name only.
    """
    positional = [name for name in names if name not in keyword_only]
    filled = positional[:by_position]
    free = [name for name in names if name not in filled and name not in by_name]
    unknown = [name for name in by_name if name not in names]
    meant = {nearest(name, free) for name in unknown}
    said = [f"unknown argument {with_nearest(name, free)}" for name in unknown]
    if by_position > len(positional):
        said.append(f"{by_position} given by position, at most {len(positional)} expected")
    said += [f"{name!r} is given twice, by position and by name" for name in filled if name in by_name]
    said += [f"{name!r} is missing" for name in free if name in required and name not in meant]
    return "; ".join(said)


def misfits_of(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
    """As `misfits`, of the call of a function, with its name and what it takes."""
    import inspect

    parameters = list(inspect.signature(function).parameters.values())
    given = len(args)
    if parameters and parameters[0].name in ("self", "cls"):
        parameters, given = parameters[1:], given - 1
    kinds = {parameter.kind for parameter in parameters}
    named = [one for one in parameters if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    names = [one.name for one in named]
    keyword_only = {one.name for one in named if one.kind is one.KEYWORD_ONLY}
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        given = min(given, len(names) - len(keyword_only))
    by_name = [key for key in kwargs if key in names] if inspect.Parameter.VAR_KEYWORD in kinds else list(kwargs)
    text = misfits(names, {one.name for one in named if one.default is one.empty}, given, by_name, keyword_only)
    taken = ", ".join(one.name if one in named else str(one.replace(annotation=one.empty)) for one in parameters)
    return f"{called(function)}: {text}. It takes ({taken})." if text else ""


def called(function: Callable[..., Any]) -> str:
    """How users call a function: `Run.abort()`."""
    function = getattr(function, "func", function)  # of a partial
    parts = getattr(function, "__qualname__", "call").rpartition("<locals>.")[2].split(".")
    return ".".join(part.lstrip("_") for part in parts if part not in ("__init__", "__call__")) + "()"


def refuse_unknown(function: Callable[..., Any], given: Iterable[str], also_known: Iterable[str] = ()) -> None:
    """For a function that takes some names besides its parameters.

    Raises
    ------
    TypeError
        If a name is none of them.
    """
    import inspect

    parameters = inspect.signature(function).parameters.values()
    known = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    others = list(also_known)
    unknown = [name for name in given if name not in known and name not in others]
    if unknown:
        listed = ", ".join(with_nearest(name, [*known, *others]) for name in unknown)
        raise TypeError(f"{called(function)}: unknown argument {listed}. It takes {', '.join(known)}.")


def with_nearest(name: str, known: Iterable[str]) -> str:
    """A name that nobody knows, and the one that was probably meant."""
    return repr(name) + did_you_mean(name, known)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """What is put behind a name that nobody knows; empty if it is like none of `known`."""
    meant = nearest(name, known)
    return f" (did you mean {meant!r}?)" if meant else ""


def nearest(name: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """The name among `known` that `name` is probably a misspelling of: the most like it, and at least so much."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(name, list(known), 1, likeness)), None)
