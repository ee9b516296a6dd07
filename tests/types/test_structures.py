"""Dataclasses, Pydantic models and their like."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, TypedDict, TypeVar
from zoneinfo import ZoneInfo

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import flyte_nb as flyte
from flyte_nb.errors import RuntimeDataValidationError

ThereAndBack = Callable[[Any, Any], tuple[Any, Any]]
T = TypeVar("T")


class Kind(enum.Enum):
    SMALL = "s"
    LARGE = "l"


class Place(NamedTuple):
    x: int
    y: float = 0.5


class Options(TypedDict):
    depth: int
    name: NotRequired[str]


@dataclass
class Leaf:
    number: int
    text: str = "none"
    when: datetime.datetime | None = None
    wait: datetime.timedelta = datetime.timedelta(0)
    price: decimal.Decimal = decimal.Decimal("1.10")
    kind: Kind = Kind.SMALL
    places: list[Place] = field(default_factory=list)
    pairs: list[tuple[int, str]] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    by_number: dict[int, str] = field(default_factory=dict)
    anything: Any = None


class Model(pydantic.BaseModel):
    leaf: Leaf
    leaves: list[Leaf] = []
    choice: int | str = 0


@dataclass
class Branch:
    model: Model
    models: dict[str, Model] = field(default_factory=dict)


leaves = st.builds(
    Leaf,
    number=st.integers(),
    text=st.text(st.characters()),
    when=st.none() | st.datetimes(timezones=st.none() | st.timezones()),
    wait=st.timedeltas(),
    price=st.decimals(allow_nan=False),
    kind=st.sampled_from(Kind),
    places=st.lists(st.builds(Place, st.integers(), st.floats(allow_nan=False)), max_size=2),
    pairs=st.lists(st.tuples(st.integers(), st.text()), max_size=2),
    tags=st.sets(st.text(), max_size=3),
    by_number=st.dictionaries(st.integers(), st.text(), max_size=2),
    anything=st.none() | st.dates() | st.tuples(st.integers(), st.binary()),
)
models = st.builds(Model, leaf=leaves, leaves=st.lists(leaves, max_size=2), choice=st.integers() | st.text())
branches = st.builds(Branch, model=models, models=st.dictionaries(st.text(), models, max_size=2))


@settings(max_examples=60)
@given(branches)
def test_dataclasses_and_models_inside_each_other_come_back(there_and_back: ThereAndBack, value: Branch) -> None:
    for came in there_and_back(Branch, value):
        assert came == value
        assert type(came.model) is Model
        assert type(came.model.leaf) is Leaf
        assert type(came.model.choice) is type(value.model.choice)


def test_a_moment_in_a_structure_keeps_its_zone(there_and_back: ThereAndBack) -> None:
    value = Leaf(1, when=datetime.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")))
    for came in there_and_back(Leaf, value):
        assert came.when.tzinfo is ZoneInfo("Europe/Berlin")
        assert came.when.fold == 1


def test_what_the_task_gets_can_be_changed_without_harm(there_and_back: ThereAndBack) -> None:
    value = Branch(Model(leaf=Leaf(1, tags={"a"})))
    handed_on, _ = there_and_back(Branch, value)
    handed_on.model.leaf.tags.add("b")
    handed_on.model.leaves.append(Leaf(2))
    assert value == Branch(Model(leaf=Leaf(1, tags={"a"})))


@dataclass
class A:
    x: int


@dataclass
class B:
    x: int


class M(pydantic.BaseModel):
    x: int


def test_a_union_of_structures_keeps_the_class(there_and_back: ThereAndBack) -> None:
    for value in (A(1), B(1), M(x=1), {"x": 1}):
        for kind in (A | B | M | dict[str, int], list[A | B | M | dict[str, int]]):
            wrapped = [value] if kind == list[A | B | M | dict[str, int]] else value
            for came in there_and_back(kind, wrapped):
                assert came == wrapped
                assert type(came[0] if isinstance(came, list) else came) is type(value)


@dataclass
class Box(Generic[T]):
    content: T


class ModelBox(pydantic.BaseModel, Generic[T]):
    content: T


def test_generic_structures_check_and_keep_what_is_in_them(there_and_back: ThereAndBack) -> None:
    for came in there_and_back(Box[int], Box(5)):
        assert came == Box(5)
    for came in there_and_back(Box[list[Leaf]], Box([Leaf(1)])):
        assert came == Box([Leaf(1)])
    for came in there_and_back(ModelBox[int], ModelBox[int](content=5)):
        assert came == ModelBox[int](content=5)
    with pytest.raises(RuntimeDataValidationError, match="content"):
        there_and_back(Box[int], Box("five"))


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: list[str] = []


class Owner(pydantic.BaseModel):
    pet: Annotated[Cat | Dog, pydantic.Field(discriminator="kind")]


def test_discriminated_unions_keep_their_class(there_and_back: ThereAndBack) -> None:
    for pet in (Cat(lives=3), Dog(tricks=["sit"])):
        for came in there_and_back(Owner, Owner(pet=pet)):
            assert came.pet == pet
            assert type(came.pet) is type(pet)


class Awkward(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    first: int = pydantic.Field(alias="First", default=1)
    second: int = pydantic.Field(validation_alias="Zweite", serialization_alias="2nd", default=2)
    _cache: dict[str, int] = pydantic.PrivateAttr(default_factory=dict)

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> int:
        return self.first + self.second


def test_aliases_computed_fields_and_strict_frozen_models_come_back(there_and_back: ThereAndBack) -> None:
    value = Awkward(First=10, Zweite=20)
    for came in there_and_back(Awkward, value):
        assert (came.first, came.second, came.total) == (10, 20, 30)
        assert came == value


def test_private_attributes_are_made_anew(there_and_back: ThereAndBack) -> None:
    value = Awkward()
    value._cache["x"] = 1
    for came in there_and_back(Awkward, value):
        assert came._cache == {}


@dataclass(frozen=True, slots=True)
class Frozen:
    x: int
    inner: tuple[A, ...] = ()


def test_frozen_dataclasses_with_slots_come_back(there_and_back: ThereAndBack) -> None:
    for came in there_and_back(Frozen, Frozen(1, (A(2),))):
        assert came == Frozen(1, (A(2),))


@dataclass
class Prepared:
    start: int
    scale: InitVar[int]
    double: int = field(init=False)
    seen: list[int] = field(init=False, default_factory=list)
    inner: A = field(init=False)

    def __post_init__(self, scale: int) -> None:
        self.start += scale
        self.double = 2 * self.start
        self.inner = A(self.start)


@dataclass
class Holder:
    items: list[Prepared]


def test_a_dataclass_comes_back_as_it_was_and_is_not_prepared_again(there_and_back: ThereAndBack) -> None:
    value = Prepared(1, scale=10)
    value.seen.append(7)
    value.double = 100
    for came in there_and_back(Prepared, value):
        assert came == value
        assert type(came.inner) is A
    for came in there_and_back(Holder, Holder([value, value])):
        assert came == Holder([value, value])


def test_a_mapping_given_for_a_dataclass_is_prepared_as_by_its_caller(there_and_back: ThereAndBack) -> None:
    for came in there_and_back(Prepared, {"start": 1, "scale": 10}):
        assert (came.start, came.double, came.inner) == (11, 22, A(11))


@dataclass
class Node:
    value: int
    children: list[Node] = field(default_factory=list)


class ModelNode(pydantic.BaseModel):
    value: int
    next: ModelNode | None = None


def test_recursive_structures_come_back(there_and_back: ThereAndBack) -> None:
    tree = Node(1, [Node(2, [Node(3)]), Node(4)])
    for came in there_and_back(Node, tree):
        assert came == tree
    chain = ModelNode(value=1, next=ModelNode(value=2))
    for came in there_and_back(ModelNode, chain):
        assert came == chain


def test_a_structure_that_contains_itself_is_refused(there_and_back: ThereAndBack) -> None:
    loop = Node(1)
    loop.children.append(loop)
    with pytest.raises(RuntimeDataValidationError, match="Node"):
        there_and_back(Node, loop)


def test_typed_dictionaries_come_back_and_are_checked(
    there_and_back: ThereAndBack, caplog: pytest.LogCaptureFixture
) -> None:
    for value in ({"depth": 1}, {"depth": 1, "name": "x"}):
        for came in there_and_back(Options, value):
            assert came == value
    with pytest.raises(RuntimeDataValidationError, match="depth"):
        there_and_back(Options, {"name": "x"})
    assert not caplog.records


def test_sets_deques_and_default_dictionaries_come_back(there_and_back: ThereAndBack) -> None:
    for kind, value in (
        (set[int], {1, 2}),
        (frozenset[str], frozenset({"a"})),
        (set, {1, "a", None}),
        (collections.deque[int], collections.deque([1, 2])),
        (collections.OrderedDict[str, int], collections.OrderedDict(b=1, a=2)),
        (collections.defaultdict[str, list[int]], collections.defaultdict(list, {"a": [1]})),
    ):
        for came in there_and_back(kind, value):
            assert came == value
            assert type(came) is type(value)


def define_again(kind: Any) -> Any:
    """The class as another run of its cell defines it."""

    @dataclass
    class Cell:
        x: int
        inner: Any = None

    class CellModel(pydantic.BaseModel):
        x: int

    class Shade(enum.Enum):
        DARK = 1

    return {"dataclass": Cell, "model": CellModel, "enum": Shade}[kind]


def test_a_value_of_a_class_that_was_defined_again_still_fits(there_and_back: ThereAndBack) -> None:
    for name, make in (
        ("dataclass", lambda kind: kind(1)),
        ("model", lambda kind: kind(x=1)),
        ("enum", lambda kind: kind.DARK),
    ):
        old, new = define_again(name), define_again(name)
        for kind, value in ((new, make(old)), (list[new], [make(old)]), (new | None, make(old))):
            for came in there_and_back(kind, value):
                came = came[0] if isinstance(came, list) else came
                assert type(came) is new
                assert came == make(new)


def test_a_structure_that_lost_a_field_with_a_default_is_read_by_its_new_definition(
    there_and_back: ThereAndBack,
) -> None:
    def old() -> Any:
        @dataclass
        class Settings:
            x: int
            gone: int = 0

        return Settings(1)

    def new() -> Any:
        @dataclass
        class Settings:
            x: int
            added: int = 5

        return Settings

    declared = new()
    old_value = old()
    type(old_value).__qualname__ = declared.__qualname__
    for came in there_and_back(declared, old_value):
        assert dataclasses.asdict(came) == {"x": 1, "added": 5}


def test_what_is_wrong_inside_a_structure_is_named(there_and_back: ThereAndBack) -> None:
    with pytest.raises(RuntimeDataValidationError, match=r"The result of task 'rooms.takes'.*Leaf.*number"):
        there_and_back(Leaf, Leaf("one"))  # type: ignore[arg-type]
    with pytest.raises(RuntimeDataValidationError, match=r"model\.leaf\.number"):
        there_and_back(Branch, {"model": {"leaf": {"number": "x"}}})
    with pytest.raises(RuntimeDataValidationError, match=r"Expected .*Leaf, got int: 5"):
        there_and_back(Leaf, 5)


def test_a_recursive_class_of_a_notebook_function_works_through_a_run() -> None:
    @dataclass
    class Local:
        value: int
        children: list[Local] = field(default_factory=list)

    env = flyte.TaskEnvironment("structures")

    async def depth(tree):  # type: ignore[no-untyped-def]
        return 1 + max((len(child.children) for child in tree.children), default=0)

    depth.__annotations__ = {"tree": Local, "return": int}

    assert flyte.run(env.task(depth), Local(1, [Local(2, [Local(3)])])).outputs() == (2,)
