"""Inputs and outputs for a first look: in place of a frame its preview, so that no data is loaded."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ..models.events import StoredLiterals
from ..models.previews import FramePreview
from ..storage import Store, use_store
from .values import inputs_of, interface_of, outputs_of, serialized_of

if TYPE_CHECKING:
    from flyteidl2.core.literals_pb2 import Literal

    from .history import RunHistory

MOST_FRAMES = 3
_DATA = object()


def previewed_inputs(kept: StoredLiterals, task: str | None, history: RunHistory) -> dict[str, Any]:
    """What an action was given, by parameter, with previews of frames."""
    literals = _literals(kept, history.store())
    if not any(map(_holds_frame, literals.values())):
        return inputs_of(kept, task, history)
    if task is None:
        return _previewed(literals, None, history)
    interface = interface_of(task)
    types = {name: kind for name, (kind, _) in interface.inputs.items()} if interface is not None else {}
    return _previewed(literals, types, history)


def previewed_outputs(kept: StoredLiterals, task: str | None, history: RunHistory) -> dict[str, Any]:
    """What an action returned, as ``o0``, ``o1``, …, with previews of frames."""
    literals = _literals(kept, history.store())
    if not any(map(_holds_frame, literals.values())):
        return outputs_of(kept, task, history).named_outputs
    if task is None:
        return _previewed(literals, None, history)
    interface = interface_of(task)
    return _previewed(literals, interface.outputs if interface is not None else {}, history)


def _literals(kept: StoredLiterals, store: Store) -> dict[str, Literal]:
    from ..types.messages import LiteralMap

    return dict(LiteralMap.FromString(serialized_of(kept, store)).literals)


def _previewed(literals: dict[str, Literal], types: dict[str, Any] | None, history: RunHistory) -> dict[str, Any]:
    """By types where they are known; None where nothing may be unpickled."""
    with use_store(history.store()):
        looked_at = {}
        for name, literal in sorted(literals.items(), key=lambda item: (len(item[0]), item[0])):
            kind = _DATA if types is None else types.get(name)
            looked_at[name] = _first_look(literal, history) if _holds_frame(literal) else _value(literal, kind, history)
        return looked_at


def _value(literal: Literal, python_type: Any, history: RunHistory) -> Any:
    from ..types.messages import LiteralMap
    from ..types.registry import converter_for
    from ..types.untyped import data_values, described_values, untyped_values

    serialized = LiteralMap(literals={"value": literal}).SerializeToString()
    if not history.records.loads_values:
        return described_values(serialized)["value"]
    if python_type is _DATA:
        return data_values(serialized)["value"]
    if python_type is not None:
        try:
            return history.records.finish(converter_for(python_type).read_async(literal))
        except Exception:
            pass  # the task was declared otherwise when it ran
    return untyped_values(serialized)["value"]


def _holds_frame(literal: Literal) -> bool:
    kind = literal.WhichOneof("value")
    if kind == "collection":
        return any(map(_holds_frame, literal.collection.literals))
    if kind == "map":
        return any(map(_holds_frame, literal.map.literals.values()))
    if kind == "scalar" and literal.scalar.HasField("union"):
        return _holds_frame(literal.scalar.union.value)
    return kind == "scalar" and bool(literal.scalar.HasField("structured_dataset"))


def _first_look(literal: Literal, history: RunHistory) -> Any:
    kind = literal.WhichOneof("value")
    if kind == "collection":
        return [_first_look(item, history) for item in literal.collection.literals[:MOST_FRAMES]]
    if kind == "map":
        return {key: _first_look(item, history) for key, item in sorted(literal.map.literals.items())[:MOST_FRAMES]}
    if literal.scalar.HasField("union"):
        return _first_look(literal.scalar.union.value, history)
    if literal.scalar.HasField("structured_dataset"):
        dataset = literal.scalar.structured_dataset
        return _preview(dataset.uri, dataset.metadata.structured_dataset_type.format)
    return _value(literal, None, history)


def _preview(uri: str, form: str) -> Any:
    from ..io import DataFrame
    from ..storage.store import stored_checksum

    frame = DataFrame(uri=uri, format=form)
    try:
        return _preview_of_content(uri, form) if stored_checksum(uri) else frame.preview()
    except Exception:
        return frame


@lru_cache(maxsize=256)
def _preview_of_content(uri: str, form: str) -> FramePreview:
    from ..io import DataFrame

    return DataFrame(uri=uri, format=form).preview()
