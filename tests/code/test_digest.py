from __future__ import annotations

import copy
import gc
import os
import subprocess
import sys
import textwrap
import threading
import types
import weakref
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyte_nb._code.digest import code_digest, code_parts
from tests.cells import run

BASE = textwrap.dedent(
    '''
    LIMIT = 10
    COLUMNS = ["a", "b"]

    class Row:
        """A row."""

        size: int = 1

        def width(self):
            return self.size

    def clean(x, keep=3):
        return x + keep

    def process(x, y=2):
        """Process."""
        total = clean(x)
        if total > LIMIT and (y or x):
            total = "a" "b"
        for column in COLUMNS:
            try:
                total = Row().width() if x else column
            except ValueError:
                return y
        return [total, (lambda v: v + 1)(y)]
    '''
)


def digest_of(source: str, name: str = "process") -> str:
    return code_digest(run(source)[name])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("total = clean(x)", "# a comment\n    total = clean(x)  # another"),
        ('"""Process."""', '"""Says something else."""'),
        ('    """Process."""\n', ""),
        ('    """A row."""\n', ""),
        ('"a" "b"', '"ab"'),
        ('"a" "b"', '(\n        "a"\n        "b"\n    )'),
        ("total > LIMIT and (y or x)", "(total > LIMIT) \\\n        and (\n y\n or\n x\n)"),
        ("return x + keep", "\n\n\n    return (x + keep)"),
        ("[total, (lambda v: v + 1)(y)]", "[\n        total,\n        (lambda v: v + 1)(y),\n    ]"),
        ("LIMIT = 10", "LIMIT = 2 * 5"),
    ],
)
def test_writing_it_differently_changes_nothing(old: str, new: str) -> None:
    assert old in BASE
    assert digest_of(BASE.replace(old, new)) == digest_of(BASE)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("return y", "return x", "process (function)"),
        ("y=2", "y=3", "process (function)"),
        ("def process(x, y=2)", "def process(x: int, y=2)", "process (function)"),
        ("def process(x, y=2)", "async def process(x, y=2)", "process (function)"),
        ("y or x", "y and x", "process (function)"),
        ("total > LIMIT", "total >= LIMIT", "process (function)"),
        ("v + 1", "v + 2", "process (function)"),
        ('"a" "b"', '"a b"', "process (function)"),
        ("except ValueError", "except KeyError", "process (function)"),
        ("return x + keep", "return x - keep", "clean (function)"),
        ("keep=3", "keep=3.0", "clean (function)"),
        ("keep=3", "*, keep=3", "clean (function)"),
        ("LIMIT = 10", "LIMIT = 11", "LIMIT (constant)"),
        ("LIMIT = 10", "LIMIT = 10.0", "LIMIT (constant)"),
        ('["a", "b"]', '["b", "a"]', "COLUMNS (constant)"),
        ('["a", "b"]', '("a", "b")', "COLUMNS (constant)"),
        ("size: int = 1", "size: float = 1", "Row (class)"),
        ("size: int = 1", "size: int = 2", "Row (class)"),
        ("class Row:", "class Row(dict):", "Row (class)"),
        ("return self.size", "return self.size + 1", "Row.width (function)"),
    ],
)
def test_an_edit_changes_the_digest_and_the_part_that_was_edited(old: str, new: str, part: str) -> None:
    assert old in BASE
    before, after = run(BASE)["process"], run(BASE.replace(old, new))["process"]
    assert code_digest(before) != code_digest(after)
    changed = {key for key, value in code_parts(after).items() if code_parts(before).get(key, value) != value}
    assert changed == {part}


def test_the_name_of_a_file_cell_or_module_changes_nothing() -> None:
    space = run(BASE, file="/home/someone/another_notebook.py", __name__="another_notebook")
    assert code_digest(space["process"]) == digest_of(BASE)


CALLS = """
    async def process(x, y=2):
        if x < tools.first(y).second() < 9:
            return tools.Table([x], size=tools.size(await tools.load(x))), tools.LIMIT
        with tools.opened(x) as found, found.part():
            return [tools.change(one) for one in tools.all(found)]
"""


def test_whether_the_same_cell_imports_what_it_calls_changes_nothing() -> None:
    together = run("    import json as tools\n" + CALLS)["process"]
    apart = run("import json as tools")
    run(CALLS, apart)
    assert together.__code__.co_code != apart["process"].__code__.co_code
    assert code_digest(together) == code_digest(apart["process"])


def test_a_class_counts_as_before_when_one_of_its_objects_was_copied() -> None:
    space = run("import dataclasses\n@dataclasses.dataclass\nclass Row:\n    x: int = 1\ndef process(): return Row()")
    before = code_parts(space["process"])
    copy.copy(space["Row"]())
    assert code_parts(space["process"]) == before


def test_a_digest_is_32_hex_digits() -> None:
    digest = digest_of(BASE)
    assert len(digest) == 32
    assert int(digest, 16)


def test_the_parts_are_named_after_what_was_reached() -> None:
    assert set(code_parts(run(BASE)["process"])) == {
        "process (function)",
        "clean (function)",
        "LIMIT (constant)",
        "COLUMNS (constant)",
        "Row (class)",
        "Row.width (function)",
    }


STATEMENTS = st.recursive(
    st.sampled_from(["x = f({e})", "x = {e}", "x.append({e})", "del x", "pass", "x += {e}", "yield {e}", "return {e}"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda body: ("if {e}:", body)),
        st.lists(inner, min_size=1, max_size=3).map(lambda body: ("while {e}:", body)),
        st.lists(inner, min_size=1, max_size=3).map(lambda body: ("for x in {e}:", body)),
        st.lists(inner, min_size=1, max_size=3).map(lambda body: ("with {e} as x:", body)),
        st.tuples(inner, inner).map(lambda two: ("try:", [two[0]], "except E:", [two[1]])),
        st.tuples(inner, inner).map(lambda two: ("if {e}:", [two[0]], "else:", [two[1]])),
        st.tuples(inner, inner).map(lambda two: ("try:", [two[0]], "finally:", [two[1]])),
    ),
    max_leaves=8,
)
EXPRESSIONS = st.recursive(
    st.sampled_from(["x", "y", "1", "None", "f(y)", "x.a.b(y)", "not x", "lambda v: v", "'s'"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "+", "is", "<"]), inner).map(
            lambda three: f"(({three[0]}) {three[1]} ({three[2]}))"
        ),
        st.tuples(inner, inner, inner).map(lambda three: "(({}) if ({}) else ({}))".format(*three)),
        st.tuples(inner, inner).map(lambda two: "[({}) for x in ({}) if x]".format(*two)),
        inner.map(lambda one: f"f(({one}), k=[({one})])"),
    ),
    max_leaves=5,
)


def written(statement: Any, expressions: Iterator[str], indent: str) -> list[str]:
    """One statement as lines; every expression in parentheses, so that it may be broken anywhere."""
    if isinstance(statement, str):
        return [indent + (statement.replace("{e}", f"({next(expressions)})"))]
    lines = []
    for head, body in zip(statement[::2], statement[1::2], strict=True):
        lines.append(indent + head.replace("{e}", f"({next(expressions)})"))
        for inner in body:
            lines.extend(written(inner, expressions, indent + "  "))
    return lines


def broken(line: str, random: Any) -> str:
    """The same line over several, with comments, wherever a bracket is open."""
    found, depth = [], 0
    for character in line:
        depth += (character in "([") - (character in ")]")
        found.append(character)
        if depth and character in "([ " and random.random() < 0.5:
            found.append(" # why\n" * random.randint(1, 2))
    return "".join(found)


@settings(max_examples=150)
@given(
    st.lists(STATEMENTS, min_size=1, max_size=3),
    st.lists(EXPRESSIONS, min_size=1, max_size=5),
    st.randoms(use_true_random=True),
)
def test_layout_never_matters(statements: list[Any], expressions: list[str], random: Any) -> None:
    left = cycle(expressions)
    lines = ["def process(x, y):"]
    for statement in statements:
        lines.extend(written(statement, left, "  "))
    spread = []
    for line in lines:
        spread.extend(["", "# a comment"] * random.randint(0, 2))
        spread.append(broken(line, random))
    assert digest_of("\n".join(spread)) == digest_of("\n".join(lines))


def test_a_helper_of_a_helper_counts() -> None:
    source = "def c(): return {}\ndef b(): return c()\ndef a(): return b()"
    assert digest_of(source.format(1), "a") != digest_of(source.format(2), "a")


def test_functions_that_call_each_other_have_a_digest() -> None:
    source = "def a(n): return b(n)\ndef b(n): return a(n) + {}"
    assert digest_of(source.format(1), "a") == digest_of(source.format(1), "a")
    assert digest_of(source.format(1), "a") != digest_of(source.format(2), "a")


def test_a_name_that_is_not_reached_does_not_count() -> None:
    assert digest_of(BASE + "\nOTHER = 1") == digest_of(BASE + "\nOTHER = 2")


def test_what_a_closure_holds_counts() -> None:
    source = "def make(n, f):\n  def process(): return n, f(n)\n  return process\n"
    first = digest_of(source + "process = make(1, lambda v: v)")
    assert first == digest_of(source + "process = make(1, (lambda v:\n v))")
    assert first != digest_of(source + "process = make(2, lambda v: v)")
    assert first != digest_of(source + "process = make(1, lambda v: v * 2)")


def test_a_function_given_as_a_default_counts() -> None:
    source = "def clean(x): return x {} 1\ndef process(x, how=clean, *, also=(clean,)): return how(x)"
    assert digest_of(source.format("+")) != digest_of(source.format("-"))


def test_what_a_decorator_wraps_counts() -> None:
    source = "import functools\n@functools.{}\ndef process(x): return x + {}"
    assert digest_of(source.format("cache", 1)) != digest_of(source.format("cache", 2))
    context = "import contextlib\n@contextlib.contextmanager\ndef process(x): yield {}"
    assert digest_of(context.format(1)) != digest_of(context.format(2))


def test_a_task_counts_by_its_name_and_its_function() -> None:
    kind = type("Task", (), {"__module__": "flyte_nb._task.task"})

    def digest(name: str, source: str) -> str:
        space = run(source + "\ndef process(x): return other(x)")
        task = kind()
        task.name, task.func = name, space["other"]
        space["other"] = task
        return code_digest(space["process"])

    first = digest("env.other", "def other(x): return x")
    assert first == digest("env.other", "def other(x):\n  # same\n  return x")
    assert first != digest("env.other", "def other(x): return -x")
    assert first != digest("env.renamed", "def other(x): return x")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("True", "1"),
        ("0.0", "-0.0"),
        ("b'a'", "'a'"),
        ("{1, 2}", "{1, 3}"),
        ("{'a': [1, {2}]}", "{'a': [1, {3}]}"),
        ("datetime.date(2024, 1, 1)", "datetime.date(2024, 1, 2)"),
        ("datetime.timedelta(1)", "datetime.timedelta(2)"),
        ("datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)", "datetime.datetime(2024, 1, 1)"),
        ("decimal.Decimal('1.0')", "decimal.Decimal('1.00')"),
        ("uuid.UUID(int=1)", "uuid.UUID(int=2)"),
        ("pathlib.Path('a')", "pathlib.Path('b')"),
        ("re.compile('a')", "re.compile('a', re.I)"),
        ("Colour.RED", "Colour.BLUE"),
        ("Point(1, [2])", "Point(1, [3])"),
        ("functools.partial(int, base=2)", "functools.partial(int, base=3)"),
        ("[lambda v: v]", "[lambda v: -v]"),
        ("list[int]", "list[str]"),
        ("int | None", "str | None"),
        ("json.dumps", "json.loads"),
        ("math.sin", "math.cos"),
    ],
)
def test_a_constant_counts_by_its_value(one: str, other: str) -> None:
    source = textwrap.dedent(
        """
        import datetime, decimal, enum, functools, json, math, pathlib, re, uuid
        from dataclasses import dataclass
        class Colour(enum.Enum):
            RED = 1
            BLUE = 2
        @dataclass
        class Point:
            x: int
            y: list
        SETTING = {}
        def process(): return SETTING
        """
    )
    assert digest_of(source.replace("{}", one)) == digest_of(source.replace("{}", one))
    assert digest_of(source.replace("{}", one)) != digest_of(source.replace("{}", other))


def test_a_pydantic_model_counts_by_its_fields_and_an_instance_by_its_values() -> None:
    pytest.importorskip("pydantic")
    source = textwrap.dedent(
        """
        from pydantic import BaseModel, Field
        class Settings(BaseModel):
            size: int = Field(default=1, gt=0)
        SETTINGS = Settings(size=5)
        def process(): return SETTINGS
        """
    )
    first = digest_of(source)
    assert first == digest_of(source)
    assert first != digest_of(source.replace("size=5", "size=6"))
    assert first != digest_of(source.replace("default=1", "default=2"))
    assert first != digest_of(source.replace("gt=0", "gt=1"))


def test_fields_of_a_class_in_the_signature_count_also_when_annotations_are_text() -> None:
    source = "class Row:\n  size: {}\ndef process(row: 'list[Row]') -> None: ..."
    assert digest_of(source.format("int")) != digest_of(source.format("float"))


def test_a_dataclass_counts_by_its_fields_defaults_and_options() -> None:
    source = (
        "from dataclasses import dataclass, field\n@dataclass(frozen=True)\nclass Row:\n  size: int = 1\n"
        "  names: list = field(default_factory=list)\ndef process(): return Row()"
    )
    first = digest_of(source)
    assert first == digest_of(source)
    for edit in (("= 1", "= 2"), ("frozen=True", "order=True"), ("factory=list", "factory=set")):
        assert first != digest_of(source.replace(*edit))


def test_an_object_counts_by_its_type_only() -> None:
    source = "import threading, logging\nTHING = {}\ndef process(): return THING"
    assert digest_of(source.format("threading.Lock()")) == digest_of(source.format("threading.Lock()"))
    assert digest_of(source.format("threading.Lock()")) != digest_of(source.format("threading.Event()"))


def test_the_class_of_an_object_counts_when_it_is_the_users() -> None:
    source = "class Model:\n  def predict(self): return {}\nMODEL = Model()\ndef process(): return MODEL.predict()"
    assert digest_of(source.format(1)) == digest_of(source.format(1))
    assert digest_of(source.format(1)) != digest_of(source.format(2))


def test_a_rebound_global_is_noticed() -> None:
    space = run(BASE)
    seen = {code_digest(space["process"])}
    space["LIMIT"] = 11
    seen.add(code_digest(space["process"]))
    run("def clean(x): return -x", space)
    seen.add(code_digest(space["process"]))
    space["len"] = 1
    assert len(seen) == 3
    assert code_digest(space["process"]) in seen


def test_a_builtin_that_gets_hidden_is_noticed() -> None:
    space = run("def process(x): return len(x)")
    before = code_digest(space["process"])
    run("def len(x): return 5", space)
    assert code_digest(space["process"]) != before


def test_a_constant_changed_in_place_is_noticed_and_so_is_the_way_back() -> None:
    space = run(BASE + "\nDEEP = {'a': [1, (lambda: 1)]}\ndef deep(): return DEEP")
    process, deep = space["process"], space["deep"]
    before = code_digest(process), code_digest(deep)
    space["COLUMNS"].append("c")
    space["DEEP"]["a"].append(2)
    assert code_digest(process) != before[0]
    assert code_digest(deep) != before[1]
    space["COLUMNS"].pop()
    space["DEEP"]["a"].pop()
    assert (code_digest(process), code_digest(deep)) == before


def test_a_changed_closure_cell_default_code_or_method_is_noticed() -> None:
    space = run(
        "def make():\n  n = 1\n  def process(x=1): return n, Row().size()\n"
        "  def up():\n    nonlocal n\n    n += 1\n  return process, up\n"
        "class Row:\n  def size(self): return 1\nprocess, up = make()\ndef other(x=1): return 0, n"
    )
    process = space["process"]
    seen = [code_digest(process)]
    space["up"]()
    seen.append(code_digest(process))
    process.__defaults__ = (2,)
    seen.append(code_digest(process))
    space["Row"].size = lambda self: 2
    seen.append(code_digest(process))
    assert len(set(seen)) == 4
    plain = space["other"]
    before = code_digest(plain)
    plain.__code__ = (lambda x=1: (1, 2)).__code__
    assert code_digest(plain) != before


def test_a_digest_keeps_no_function_alive() -> None:
    space = run(BASE)
    code_digest(space["process"])
    gone = weakref.ref(space["process"]), weakref.ref(space["clean"])
    space.clear()
    gc.collect()
    assert [reference() for reference in gone] == [None, None]


def test_an_attribute_of_a_users_module_counts_only_when_the_code_uses_it() -> None:
    module = types.ModuleType("helpers_of_a_test")
    sys.modules["helpers_of_a_test"] = module
    try:
        run("def clean(x): return x + STEP\nSTEP = 1\ndef other(): return 1", vars(module))
        space = run("import helpers_of_a_test as helpers\ndef process(x): return helpers.clean(x)")
        process = space["process"]
        before = code_digest(process)
        assert {"helpers.clean (function)", "STEP (constant)"} <= set(code_parts(process))
        run("def other(): return 2", vars(module))
        assert code_digest(process) == before
        module.STEP = 2  # type: ignore[attr-defined]
        stepped = code_digest(process)
        assert stepped != before
        run("def clean(x): return -x + STEP", vars(module))
        assert code_digest(process) not in (before, stepped)
    finally:
        del sys.modules["helpers_of_a_test"]


def test_a_library_counts_by_name_and_version_and_is_not_looked_into() -> None:
    parts = code_parts(run("import hypothesis, json\ndef process(x): return json.dumps(hypothesis.given)")["process"])
    assert set(parts) == {"process (function)", "hypothesis (library)", "json (library)"}


class _Hostile:
    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


def test_odd_objects_have_a_digest() -> None:
    endless: list[Any] = []
    endless.append(endless)
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    for odd in (
        _Hostile(),
        endless,
        deep,
        {"a": _Hostile()},
        threading.Lock(),
        (i for i in ()),
        sys,
        10**5000,
    ):
        space = run("def process(): return ODD")
        space["ODD"] = odd
        assert code_digest(space["process"]) == code_digest(space["process"])
    assert code_digest(len) != code_digest(max)
    assert code_digest(None) == code_digest(None)


def test_a_long_chain_of_helpers_has_a_digest() -> None:
    lines = ["def f0(): return 1"] + [f"def f{n}(): return f{n - 1}()" for n in range(1, 3000)]
    assert len(digest_of("\n".join(lines), "f2999")) == 32


def test_processes_with_different_hash_seeds_agree() -> None:
    program = textwrap.dedent(
        """
        from flyte_nb._code.digest import code_digest
        from dataclasses import dataclass
        import enum, re, threading
        NAMES = {"a", "b", "c", "d", ("e", frozenset("xyz"))}
        LOCK = threading.Lock()
        class Colour(enum.Enum):
            RED = {"x", "y", "z"}
        @dataclass
        class Row:
            size: int = 1
            def set(self): self.a = self.b = self.c = self.d = 1
        def process(x: Row, y=frozenset("pqrs")):
            class Inner:
                def set(self): self.a = self.b = self.c = self.d = 1
            return x in {"k", "l", "m", "n"}, NAMES, Colour.RED, LOCK, Inner, re.compile("a")
        print(code_digest(process))
        """
    )
    found = set()
    for seed in ("1", "2", "3"):
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        found.add(done.stdout)
    assert len(found) == 1
