"""Loading a pickle runs code: only what the run's own store holds is loaded."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path
from typing import Any

import pytest

from flyte_nb.storage import open_store, use_store
from flyte_nb.types import messages
from flyte_nb.types.engine import TypeEngine
from flyte_nb.types.transformer import TypeTransformerFailedError

went_off: list[int] = []


def go_off() -> str:
    went_off.append(1)
    return "loaded"


class Bomb:
    """Leaves a mark when it is loaded."""

    def __reduce__(self) -> Any:
        return go_off, ()


def test_a_pickle_outside_the_runs_own_store_is_never_loaded_and_the_error_names_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside.pickle"
    outside.write_bytes(pickle.dumps(Bomb()))
    literal = messages.Literal()
    literal.scalar.blob.uri = str(outside)
    literal.scalar.blob.metadata.type.format = "pickle"
    with (
        use_store(open_store(str(tmp_path / "store"))),
        pytest.raises(TypeTransformerFailedError, match=r"outside\.pickle is a pickle outside the run's own store"),
    ):
        asyncio.run(TypeEngine.to_python_value(literal, Bomb))
    assert not went_off


def test_one_in_the_runs_own_store_is_loaded(tmp_path: Path) -> None:
    store = open_store(str(tmp_path / "store"))
    with use_store(store):
        literal = messages.Literal()
        literal.scalar.blob.uri = store.put_nowait(pickle.dumps(Bomb()), suffix=".pickle").uri
        literal.scalar.blob.metadata.type.format = "pickle"
        asyncio.run(TypeEngine.to_python_value(literal, Bomb))
    assert went_off == [1]
    went_off.clear()
