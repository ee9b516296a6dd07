"""What a function takes and gives: names, types, defaults, and the conversion of all of them."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args, get_origin

from .._misfit import misfits
from ..errors import RestrictedTypeError, RuntimeDataValidationError
from .redefined import as_defined_now
from .registered import restriction_of
from .type_text import shown, type_text

if TYPE_CHECKING:
    from .variables import Variables


class _Refused:
    def __repr__(self) -> str:
        return "REFUSED"


REFUSED = _Refused()


@dataclass(slots=True)
class Prepared:
    """Values made ready to travel.

    Attributes
    ----------
    serialized : bytes
        The literal map, the same bytes for the same values.
    digest : bytes
        16 bytes that tell these values from others.
    values : object
        What to hand on: a dictionary of arguments, or a task's return value. Shares nothing mutable with the
        values it was made from.
    """

    serialized: bytes = field(repr=False)
    digest: bytes
    values: Any = field(repr=False)

    def let_go(self) -> None:
        """Hold neither the bytes nor the values any more; `digest` stays."""
        self.serialized, self.values = b"", None


class Interface:
    """The signature of a task, and conversion of its inputs and outputs.

    Methods ending in `_nowait` refuse (None, or `REFUSED` for reads) when a type's conversion needs an event loop.

    Attributes
    ----------
    inputs : dict of str to (type, default)
        The default is ``inspect.Parameter.empty`` where there is none.
    outputs : dict of str to type
        ``o0``, ``o1``, …
    signature : str
        Both as text; equal for equal interfaces.
    """

    def __init__(
        self, name: str, inputs: dict[str, tuple[Any, Any]], outputs: dict[str, Any], *, several: bool
    ) -> None:
        self.name = name
        self.inputs = inputs
        self.outputs = outputs
        self._several = several
        self._names = tuple(inputs)
        self._defaults = {
            key: default for key, (_, default) in inputs.items() if default is not inspect.Parameter.empty
        }
        self._keyword_only: frozenset[str] = frozenset()
        self._kind = "task"
        self._input_variables: Variables | None = None
        self._output_variables: Variables | None = None
        taken = ", ".join(f"{key}: {type_text(kind)}" for key, (kind, _) in inputs.items())
        given = ", ".join(type_text(kind) for kind in outputs.values())
        self.signature: str = f"({taken}) -> ({given})"

    @property
    def taken(self) -> str:
        """The inputs as text."""
        return self.signature.partition(" -> ")[0]

    @property
    def gives_tuple(self) -> bool:
        """Whether the outputs are the items of a tuple."""
        return self._several

    @classmethod
    def from_function(
        cls,
        func: Callable[..., Any],
        name: str | None = None,
        hints: dict[str, Any] | None = None,
        *,
        kind: str = "task",
    ) -> Interface:
        """The interface of `func`. A generator function gives the list of its items.

        Where `func` was carried here from another process, `hints` are the annotations as `carried_hints` gave them.
        `kind` is what messages call it.

        Raises
        ------
        TypeError
            If it has parameters that cannot be named, or an annotation that cannot be resolved.
        """
        label = name or func.__qualname__
        hints = _hints(func, f"{kind.capitalize()} {label!r}") if hints is None else hints
        inputs: dict[str, tuple[Any, Any]] = {}
        keyword_only = set()
        for parameter in inspect.signature(func).parameters.values():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
                raise TypeError(
                    f"{kind.capitalize()} {label!r}: every input has a name, and {str(parameter)!r} cannot be"
                    " passed by one. Declare the inputs one by one, or take a list or a dict."
                )
            if parameter.kind is parameter.KEYWORD_ONLY:
                keyword_only.add(parameter.name)
            inputs[parameter.name] = (hints.get(parameter.name, Any), parameter.default)
        annotation = hints.get("return", Any)
        if inspect.isgeneratorfunction(func) or inspect.isasyncgenfunction(func):
            annotation = list[get_args(annotation)[0]] if get_args(annotation) else list[Any]  # type: ignore[misc]
        given = get_args(annotation)
        several = get_origin(annotation) is tuple and bool(given) and Ellipsis not in given
        if annotation is type(None):
            outputs = {}
        else:
            outputs = {f"o{index}": one for index, one in enumerate(given if several else (annotation,))}
        interface = cls(label, inputs, outputs, several=several)
        interface._kind = kind
        interface._keyword_only = frozenset(keyword_only)
        return interface

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """Arguments by name, defaults filled in.

        Raises
        ------
        TypeError
            As Python's own call would.
        """
        names = self._names
        count = len(args)
        if count + len(kwargs) > len(names):
            raise self._misfit(args, kwargs)
        arguments = dict(zip(names, args, strict=False))
        if kwargs:
            arguments.update(kwargs)
        if len(arguments) != count + len(kwargs) or (
            self._keyword_only and not self._keyword_only.isdisjoint(names[:count])
        ):
            raise self._misfit(args, kwargs)
        if len(arguments) != len(names):
            arguments = {**self._defaults, **arguments}
        if arguments.keys() != self.inputs.keys():
            raise self._misfit(args, kwargs)
        return arguments

    def misfits(self, by_position: int, by_name: Collection[str]) -> str:
        """What is wrong with a call that gives so many arguments by position and these by name; empty if it fits."""
        required = self.inputs.keys() - self._defaults.keys()
        return misfits(self._names, required, by_position, by_name, self._keyword_only)

    # inputs -------------------------------------------------------------------------------------------------

    def prepare_inputs_nowait(self, arguments: dict[str, Any]) -> Prepared | None:
        """`arguments` made ready, None if that needs an event loop.

        Raises
        ------
        RuntimeDataValidationError
            If a value does not fit its type.
        RestrictedTypeError
            If a type may not be an input.
        """
        variables = self._inputs()
        return Prepared(*variables.prepare(arguments)) if variables.immediate else None

    async def prepare_inputs(self, arguments: dict[str, Any]) -> Prepared:
        """As `prepare_inputs_nowait`, never refusing."""
        variables = self._inputs()
        if variables.immediate:
            return Prepared(*variables.prepare(arguments))
        return Prepared(*await variables.prepare_async(arguments))

    async def read_inputs(self, serialized: bytes) -> dict[str, Any]:
        """New arguments from serialized literals."""
        return await self._inputs().read_async(serialized, self._defaults)

    def read_inputs_nowait(self, serialized: bytes) -> Any:
        """As `read_inputs`; `REFUSED` if that needs an event loop."""
        variables = self._inputs()
        return variables.read(serialized, self._defaults) if variables.immediate else REFUSED

    def digest_of(self, serialized: bytes, ignored_inputs: Iterable[str] = ()) -> bytes:
        """The digest of serialized inputs, some of them left out."""
        return self._inputs().digest_without(serialized, ignored_inputs)

    # outputs ------------------------------------------------------------------------------------------------

    def prepare_outputs_nowait(self, value: Any) -> Prepared | None:
        """What a task returned, made ready; None if that needs an event loop.

        Raises
        ------
        RuntimeDataValidationError
            If it does not fit the return annotation.
        """
        variables = self._outputs()
        if not variables.immediate:
            return None
        serialized, digest, values = variables.prepare(self._by_name(value))
        return Prepared(serialized, digest, self._as_returned(values))

    async def prepare_outputs(self, value: Any) -> Prepared:
        """As `prepare_outputs_nowait`, never refusing."""
        variables = self._outputs()
        by_name = self._by_name(value)
        if variables.immediate:
            serialized, digest, values = variables.prepare(by_name)
        else:
            serialized, digest, values = await variables.prepare_async(by_name)
        return Prepared(serialized, digest, self._as_returned(values))

    def read_outputs_nowait(self, serialized: bytes) -> Any:
        """What a task returned, from serialized literals; `REFUSED` if that needs an event loop."""
        variables = self._outputs()
        return self._as_returned(variables.read(serialized)) if variables.immediate else REFUSED

    async def read_outputs(self, serialized: bytes) -> Any:
        """As `read_outputs_nowait`, never refusing."""
        return self._as_returned(await self._outputs().read_async(serialized))

    def __repr__(self) -> str:
        return f"<Interface {self.name}{self.signature}>"

    def _inputs(self) -> Variables:
        found = self._input_variables
        if found is None or not found.is_current():
            from .variables import Variables

            for key, (kind, _) in self.inputs.items():
                restricted = restriction_of(kind)
                if restricted is not None:
                    raise RestrictedTypeError(
                        f"Input {key!r} of {self._kind} {self.name!r} is a {restricted}, which cannot be the type of"
                        " an input: use a dataclass or a list. Called directly, outside a run, the function takes it."
                    )
            declared = {key: kind for key, (kind, _) in self.inputs.items()}
            found = Variables(declared, self.name, kind=self._kind)
            self._input_variables = found
        return found

    def _outputs(self) -> Variables:
        found = self._output_variables
        if found is None or not found.is_current():
            from .variables import Variables

            found = self._output_variables = Variables(self.outputs, self.name, kind=self._kind, are_results=True)
        return found

    def _by_name(self, value: Any) -> dict[str, Any]:
        outputs = self.outputs
        if self._several:
            if not isinstance(value, tuple) or len(value) != len(outputs):
                raise RuntimeDataValidationError(
                    "return",
                    f"Expected a tuple of {len(outputs)} values, got {type(value).__qualname__}: {shown(value)}.",
                    self.name,
                    called="The result",
                    kind=self._kind,
                )
            return dict(zip(outputs, value, strict=True))
        if not outputs:
            if value is not None:
                raise RuntimeDataValidationError(
                    "return",
                    f"The {self._kind} is declared to return None, and returned {type(value).__qualname__}:"
                    f" {shown(value)}. Annotate what it returns.",
                    self.name,
                    called="The result",
                    kind=self._kind,
                )
            return {}
        return {"o0": value}

    def _as_returned(self, values: dict[str, Any]) -> Any:
        if self._several:
            return tuple(values.values())
        return values.get("o0")

    def _misfit(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> TypeError:
        return TypeError(f"{self.name}(): {self.misfits(len(args), kwargs)}. It takes {self.taken}.")


def carried_hints(func: Callable[..., Any]) -> dict[str, Any] | None:
    """What annotations of `func` mean, if that cannot be found out where it is carried to.

    There, names in textual annotations may be unknown, and so may be what a class of the notebook was defined as since.
    """
    annotations = getattr(func, "__annotations__", {}).values()
    try:
        hints = _hints(func, repr(func.__qualname__))
    except TypeError:
        return None
    current = {name: as_defined_now(kind) for name, kind in hints.items()}
    has_text = any(isinstance(annotation, str) for annotation in annotations)
    return current if has_text or any(current[name] is not kind for name, kind in hints.items()) else None


def _hints(func: Callable[..., Any], label: str) -> dict[str, Any]:
    try:
        return typing.get_type_hints(func, include_extras=True)
    except NameError as error:
        return _hints_with_closure(func, label, error)
    except TypeError as error:
        raise TypeError(f"{label}: an annotation is not a type: {error}") from error


def _hints_with_closure(func: Callable[..., Any], label: str, error: NameError) -> dict[str, Any]:
    """Annotations as text may name things that only the enclosing function knows."""
    known = dict(inspect.getclosurevars(func).nonlocals) if isinstance(func, types.FunctionType) else {}
    try:
        return typing.get_type_hints(func, localns=known, include_extras=True)
    except NameError:
        raise TypeError(
            f"{label}: an annotation names something unknown: {error}. Define it before it is used,"
            " at the top level of the notebook or module."
        ) from error
