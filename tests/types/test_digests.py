"""Equal values have equal digests, today and in another process; different values have different ones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Digest = Callable[[Any, Any], bytes]

PROGRAM = """
import asyncio, collections, dataclasses, datetime, decimal, enum, tempfile, typing
import numpy, pandas, polars, pydantic
from flyte_nb.storage import open_store, use_store
from flyte_nb.types.interface import Interface

class Plain:
    def __init__(self, a, b):
        self.a, self.b, self.tags = a, b, {"x", "y", "z", 1, None, ("p", frozenset("qrs"))}

class Kind(enum.Enum):
    SMALL = 1

@dataclasses.dataclass
class Data:
    tags: set[str]
    kind: Kind
    anything: typing.Any = None

class Model(pydantic.BaseModel):
    data: Data
    names: frozenset[str]

def helper(x):
    return x + 1

text = "".join(["long", "text"])
data = Data(set("abcdef"), Kind.SMALL, {"k": set("xyz")})
values = [
    (typing.Any, Plain([text, "".join(["long", "text"])], {1: datetime.date(2024, 1, 1)})),
    (typing.Any, [Plain(1, 2), Kind.SMALL, helper, Plain]),
    (Plain, Plain(1, collections.defaultdict(set, {"a": set("abc")}))),
    (typing.Any, helper),
    (set[str], set("abcdef")),
    (set, {frozenset("abc"), frozenset("def"), 1}),
    (Data, data),
    (Model, Model(data=data, names=frozenset("abc"))),
    (dict[str, int], {"b": 1, "a": 2}),
    (list[Kind | Data | None], [Kind.SMALL, data, None]),
    (numpy.ndarray, numpy.arange(10_000)),
    (pandas.DataFrame, pandas.DataFrame({"a": [1], "b": ["x"]})),
    (polars.DataFrame, polars.DataFrame({"a": [1], "b": ["x"]})),
    (list, [set("abcdef"), Kind.SMALL, decimal.Decimal("1.0")]),
]

async def main():
    for kind, value in values:
        def takes(x): ...
        takes.__annotations__ = {"x": kind}
        prepared = await Interface.from_function(takes).prepare_inputs({"x": value})
        again = await Interface.from_function(takes).prepare_inputs(prepared.values)
        assert again.digest == prepared.digest, kind
        print(prepared.digest.hex())

with tempfile.TemporaryDirectory() as folder, use_store(open_store(folder)):
    asyncio.run(main())
"""


def test_another_process_with_another_hash_seed_finds_the_same_digests() -> None:
    found = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(set(found[0])) == len(found[0])


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@settings(max_examples=150)
@given(values, values)
def test_different_values_have_different_digests(digest: Digest, one: Any, other: Any) -> None:
    for kind, wrap in ((Any, lambda value: value), (list, lambda value: [value])):
        assert (digest(kind, wrap(one)) == digest(kind, wrap(other))) == same(one, other)


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        (int | str, 1, "1"),
        (int | None, 0, None),
        (Literal[1, "1"], 1, "1"),
        (list[int], [], [0]),
        (dict[str, int], {"a": 1}, {"b": 1}),
        (list[str], ["a", "bc"], ["ab", "c"]),
        (bool | int, True, 1),
        (set[int | str], {1}, {"1"}),
    ],
)
def test_neighbours_have_different_digests(digest: Digest, kind: Any, one: Any, other: Any) -> None:
    assert digest(kind, one) != digest(kind, other)


class Pair:
    def __init__(self, a: Any, b: Any) -> None:
        self.a = a
        self.b = b


def test_it_does_not_matter_whether_two_equal_texts_are_one_object(digest: Digest) -> None:
    text, equal = "".join(["long", "text"]), "".join(["long", "text"])
    assert text is not equal
    assert digest(Any, [text, text]) == digest(Any, [text, equal])
    assert digest(Any, Pair(text, text)) == digest(Any, Pair(text, equal)) != digest(Any, Pair(text, "other"))


def test_an_object_that_refers_to_itself_has_a_digest(digest: Digest) -> None:
    def loop(content: int) -> Pair:
        pair = Pair(content, None)
        pair.b = pair
        return pair

    assert digest(Any, loop(1)) == digest(Any, loop(1)) != digest(Any, loop(2))


def test_an_object_whose_parts_are_shared_over_and_over_has_a_digest(digest: Digest) -> None:
    value: list[Any] = [1]
    for _ in range(60):
        value = [value, value]
    assert len(digest(Any, value)) == 16


def test_a_function_is_told_apart_by_its_code(digest: Digest) -> None:
    def make(step: int) -> Callable[[int], int]:
        return lambda x: x + step

    assert digest(Any, make(1)) == digest(Any, make(1)) != digest(Any, make(2))
