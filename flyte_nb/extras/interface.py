"""The interface of a container task: declared by dictionaries, not by a signature."""

from __future__ import annotations

import inspect
import keyword

from ..types.interface import Interface
from .recipe import ContainerRecipe


class ContainerInterface(Interface):
    """Inputs and outputs of a container task; its inputs are files, so their names may hold dots."""

    def __init__(self, recipe: ContainerRecipe) -> None:
        outputs = {f"o{index}": kind for index, kind in enumerate(recipe.outputs.values())}
        inputs = {name: (kind, inspect.Parameter.empty) for name, kind in recipe.inputs.items()}
        super().__init__(recipe.name, inputs, outputs, several=len(outputs) > 1)

    def signature_of_call(self) -> inspect.Signature:
        """What Python and the notebook show; names that are no identifiers go by ``**inputs``."""
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        named = [name for name in self.inputs if name.isidentifier() and not keyword.iskeyword(name)]
        parameters = [inspect.Parameter(name, kind, annotation=self.inputs[name][0]) for name in named]
        if len(named) < len(self.inputs):
            parameters.append(inspect.Parameter("inputs", inspect.Parameter.VAR_KEYWORD))
        return inspect.Signature(parameters)
