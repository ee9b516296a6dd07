"""The interface of a deployed task, made from its description."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..errors import RemoteTaskUsageError, RuntimeDataValidationError
from ..types.interface import Interface, Prepared
from .manifest import DescribedTask
from .stand_ins import StandIn

if TYPE_CHECKING:
    from ..types.variables import Variables


class _LeftOut:
    """The default of an input that its own code fills in."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class DeployedInterface(Interface):
    """Takes arguments by name alone. What may be left out, and is, does not travel: the deployed code knows it."""

    def __init__(self, name: str, described: DescribedTask) -> None:
        inputs = {
            key: (StandIn(one.type), inspect.Parameter.empty if one.required else _LeftOut(one.default))
            for key, one in described.inputs.items()
        }
        outputs = {f"o{index}": StandIn(one) for index, one in enumerate(described.outputs)}
        super().__init__(name, inputs, outputs, several=described.several)
        self._keyword_only = frozenset(inputs)
        self._defaults = {}
        self._subsets: dict[tuple[str, ...], Variables] = {}

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
        """See `Interface`.

        Raises
        ------
        RemoteTaskUsageError
            If they do not fit, or are not given by name.
        """
        if args:
            problem = f"a deployed task takes its inputs by name, and {len(args)} came without"
        elif unknown := [key for key in kwargs if key not in self.inputs]:
            problem = f"there is no input {unknown[0]!r}"
        elif missing := [key for key in self._required() if key not in kwargs]:
            problem = f"input {missing[0]!r} is missing"
        else:
            return {key: kwargs[key] for key in self.inputs if key in kwargs}
        raise RemoteTaskUsageError(f"Task {self.name!r}: {problem}. Call it as {self._call()}.")

    def prepare_inputs_nowait(self, arguments: dict[str, Any]) -> Prepared | None:
        """See `Interface`."""
        variables = self._variables_for(tuple(arguments))
        if not variables.immediate:
            return None
        with self._explained():
            return Prepared(*variables.prepare(arguments))

    async def prepare_inputs(self, arguments: dict[str, Any]) -> Prepared:
        """See `Interface`."""
        variables = self._variables_for(tuple(arguments))
        with self._explained():
            if variables.immediate:
                return Prepared(*variables.prepare(arguments))
            return Prepared(*await variables.prepare_async(arguments))

    async def read_inputs(self, serialized: bytes) -> dict[str, Any]:
        """See `Interface`."""
        return await self._variables_for(self._names_in(serialized)).read_async(serialized)

    def read_inputs_nowait(self, serialized: bytes) -> Any:
        """See `Interface`."""
        from ..types.interface import REFUSED

        variables = self._variables_for(self._names_in(serialized))
        return variables.read(serialized) if variables.immediate else REFUSED

    def _names_in(self, serialized: bytes) -> tuple[str, ...]:
        from ..types.messages import LiteralMap

        there = LiteralMap.FromString(serialized).literals
        return tuple(key for key in self.inputs if key in there)

    def _variables_for(self, names: tuple[str, ...]) -> Variables:
        found = self._subsets.get(names)
        if found is None or not found.is_current():
            from ..types.variables import Variables

            found = self._subsets[names] = Variables({key: self.inputs[key][0] for key in names}, self.name)
        return found

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except RuntimeDataValidationError as error:
            raise RemoteTaskUsageError(f"{error} Call it as {self._call()}.") from error

    def _required(self) -> list[str]:
        return [key for key, (_, default) in self.inputs.items() if default is inspect.Parameter.empty]

    def _call(self) -> str:
        taken = []
        for key, (kind, default) in self.inputs.items():
            end = "" if default is inspect.Parameter.empty else f" = {default!r}"
            taken.append(f"{key}: {kind!r}{end}")
        return f"{self.name.rpartition('.')[2]}({', '.join(taken)})"
