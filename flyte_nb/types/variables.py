"""Named values of known types as one serialized literal map: the inputs of a task, or its outputs."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b
from typing import Any

from ..errors import BaseRuntimeError, RuntimeDataValidationError
from ..models.result_names import result_names
from .messages import Literal, LiteralMap
from .redefined import NotebookClasses, as_defined_now
from .registered import generation
from .registry import converter_for
from .transformer import TypeTransformerFailedError

DIGEST_BYTES = 16
NO_DEFAULTS: Mapping[str, Any] = {}


class Variables:
    """Conversion of a set of variables.

    Parameters
    ----------
    types : mapping of str to type
    task_name : str
        For messages.
    kind : str
        What they call it: a task, or a traced function.
    are_results : bool
        Whether they are what a task returns.
    """

    def __init__(
        self, types: Mapping[str, Any], task_name: str, *, kind: str = "task", are_results: bool = False
    ) -> None:
        self._generation = generation()
        current = {name: as_defined_now(python_type) for name, python_type in types.items()}
        self._classes = NotebookClasses(current.values())
        self._converters = {name: converter_for(python_type) for name, python_type in current.items()}
        self._items = tuple(self._converters.items())
        self.immediate: bool = all(converter.immediate for converter in self._converters.values())
        self._hashes = any(converter.hashes for converter in self._converters.values())
        self._task_name = task_name
        self._kind = kind
        self._called = _called(types) if are_results else {}

    def is_current(self) -> bool:
        """Whether nothing was registered, and no class defined again, since this was made."""
        return self._generation == generation() and self._classes.are_current()

    def prepare(self, values: Mapping[str, Any]) -> tuple[bytes, bytes, dict[str, Any]]:
        """Serialized literals, their digest, and values that share nothing mutable with `values`.

        Raises
        ------
        RuntimeDataValidationError
            If a value does not fit.
        """
        message = LiteralMap()
        literals = message.literals
        independent = {}
        for name, converter in self._items:
            value, literal = values[name], literals[name]
            try:
                converter.fill(literal, value)
                independent[name] = converter.isolated(value, literal)
            except TypeTransformerFailedError as error:
                text, cause = _what_is_wrong(value, error)
                raise self._unfit(name, text) from cause
        serialized = message.SerializeToString(deterministic=True)
        return serialized, self._digest(message, serialized), independent

    async def prepare_async(self, values: Mapping[str, Any]) -> tuple[bytes, bytes, dict[str, Any]]:
        """As `prepare`, for converters that need an event loop."""
        message = LiteralMap()
        independent = {}
        for name, converter in self._items:
            value, literal = values[name], message.literals[name]
            try:
                await converter.fill_async(literal, value)
                independent[name] = await converter.isolated_async(value, literal)
            except TypeTransformerFailedError as error:
                text, cause = _what_is_wrong(value, error)
                raise self._unfit(name, text) from cause
        serialized = message.SerializeToString(deterministic=True)
        return serialized, self._digest(message, serialized), independent

    def read(self, serialized: bytes, defaults: Mapping[str, Any] = NO_DEFAULTS) -> dict[str, Any]:
        """New values of serialized literals; the default of one that is not there."""
        literals = LiteralMap.FromString(serialized).literals
        values = {}
        for name, converter in self._items:
            if name in defaults and name not in literals:
                values[name] = defaults[name]
                continue
            try:
                values[name] = converter.read(literals[name])
            except TypeTransformerFailedError as error:
                raise self._unfit(name, error) from error
        return values

    async def read_async(self, serialized: bytes, defaults: Mapping[str, Any] = NO_DEFAULTS) -> dict[str, Any]:
        """As `read`, for converters that need an event loop."""
        literals = LiteralMap.FromString(serialized).literals
        values = {}
        for name, converter in self._items:
            if name in defaults and name not in literals:
                values[name] = defaults[name]
                continue
            try:
                values[name] = await converter.read_async(literals[name])
            except TypeTransformerFailedError as error:
                raise self._unfit(name, error) from error
        return values

    def digest_without(self, serialized: bytes, ignored: Iterable[str]) -> bytes:
        """The digest of serialized literals as if `ignored` were not among them."""
        message = LiteralMap.FromString(serialized)
        for name in ignored:
            message.literals.pop(name, None)
        return self._digest(message, message.SerializeToString(deterministic=True))

    def _unfit(self, name: str, error: Exception | str) -> RuntimeDataValidationError:
        return RuntimeDataValidationError(
            name, error, self._task_name, called=self._called.get(name, ""), kind=self._kind
        )

    def _digest(self, message: LiteralMap, serialized: bytes) -> bytes:
        if self._hashes:
            stripped = LiteralMap()
            for name, literal in message.literals.items():
                _put_hashes_for_values(literal, stripped.literals[name])
            serialized = stripped.SerializeToString(deterministic=True)
        return blake2b(serialized, digest_size=DIGEST_BYTES).digest()


def _called(outputs: Iterable[str]) -> dict[str, str]:
    """How messages call outputs that have no name of their own."""
    unnamed = {name: shown for name, shown in result_names(outputs).items() if shown != name}
    return {name: "The result" if shown == "result" else shown.capitalize() for name, shown in unnamed.items()}


def _what_is_wrong(value: Any, error: Exception) -> tuple[str, BaseException | None]:
    """What to say of a value that does not fit, and the cause; for what nobody passes on purpose, what was overlooked.

    That is a coroutine, or the failure of a call, which then is the cause.
    """
    if inspect.iscoroutine(value):
        value.close()
        return f"{error} Was an `await` forgotten?", error.__cause__
    failures = list(_failures_in(value, "", set()))
    if not failures:
        return str(error), error.__cause__
    path, failure = failures[0]
    others = f", and {len(failures) - 1:,} more," if len(failures) > 1 else ""
    instead = (
        "flyte.map(..., return_exceptions=False) raises it at once" if failure.item else "raise it, or leave it out"
    )
    text = (
        f"{f'item {path}' if path else 'it'}{others} is the error of {failure.item or 'a call'}: {failure.code}:"
        f" {_in_short(failure)}. run.first_failure() shows where it was raised; {instead}."
    )
    return text, failure


def _in_short(error: BaseException) -> str:
    """The first line of an error's text, and not much of that."""
    line, _, more = str(error).strip().partition("\n")
    return f"{line[:120]} [...]" if more or len(line) > 120 else line.removesuffix(".")


def _failures_in(value: Any, path: str, seen: set[int]) -> Iterator[tuple[str, BaseRuntimeError]]:
    """Failures of calls among the items of `value`, and where they are."""
    if isinstance(value, BaseRuntimeError):
        yield path, value
    elif isinstance(value, (list, tuple, dict)) and id(value) not in seen:
        seen.add(id(value))
        for key, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _failures_in(item, f"{path}[{key!r}]", seen)


def _put_hashes_for_values(literal: Literal, stripped: Literal) -> None:
    if literal.hash:
        stripped.hash = literal.hash
        return
    kind = literal.WhichOneof("value")
    if kind == "collection":
        stripped.collection.SetInParent()
        for item in literal.collection.literals:
            _put_hashes_for_values(item, stripped.collection.literals.add())
    elif kind == "map":
        stripped.map.SetInParent()
        for key, item in literal.map.literals.items():
            _put_hashes_for_values(item, stripped.map.literals[key])
    elif kind == "scalar" and literal.scalar.HasField("union"):
        stripped.scalar.union.type.CopyFrom(literal.scalar.union.type)
        _put_hashes_for_values(literal.scalar.union.value, stripped.scalar.union.value)
    else:
        stripped.CopyFrom(literal)
