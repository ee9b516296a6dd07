"""Objects that a task reaches by name: which count by what is in them, and which by their type only."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from flyte_nb._code.digest import code_digest, known_code
from tests.cells import defined, run

EDITS = {
    "an array": ("import numpy as np\nx = np.array([1, 2, 3])", "2, 3", "2, 4"),
    "the type of an array": ("import numpy as np\nx = np.zeros(3, 'i4')", "i4", "f4"),
    "the shape of an array": ("import numpy as np\nx = np.zeros((2, 3))", "2, 3", "3, 2"),
    "an array of objects": ("import numpy as np\nx = np.array([{1}, 'a'], object)", "{1}", "{2}"),
    "a masked array": ("import numpy as np\nx = np.ma.masked_array([1, 2], [0, 1])", "0, 1", "1, 0"),
    "a numpy scalar": ("import numpy as np\nx = np.int64(4)", "4)", "5)"),
    "a frame of pandas": ("import pandas as pd\nx = pd.DataFrame({'a': [1, 2]})", "1, 2", "1, 3"),
    "a column's name": ("import pandas as pd\nx = pd.DataFrame({'a': [1, 2]})", "'a'", "'b'"),
    "text in a frame": ("import pandas as pd\nx = pd.DataFrame({'a': ['u', 'v']})", "'v'", "'w'"),
    "categories": ("import pandas as pd\nx = pd.Series(['u', 'v'], dtype='category')", "'v'", "'w'"),
    "the order of categories": (
        "import pandas as pd\nx = pd.Series(pd.Categorical(['u'], categories=['u', 'v'], ordered=True))",
        "'u', 'v'",
        "'v', 'u'",
    ),
    "whether categories have an order": (
        "import pandas as pd\nx = pd.Series(pd.Categorical(['u'], ordered=True))",
        "True",
        "False",
    ),
    "notes on a frame": (
        "import pandas as pd\ndef noted(unit):\n    f = pd.DataFrame({'a': [1]})\n"
        "    f.attrs['unit'] = unit\n    return f\n"
        "x = noted('m')",
        "'m'",
        "'s'",
    ),
    "an index": ("import pandas as pd\nx = pd.Series([1], index=['i'])", "'i'", "'j'"),
    "a frame of polars": ("import polars as pl\nx = pl.DataFrame({'a': ['u', None]})", "None", "'v'"),
    "an Arrow table": ("import pyarrow as pa\nx = pa.table({'a': [1.5]})", "1.5", "2.5"),
    "an Arrow array": ("import pyarrow as pa\nx = pa.array([1, None])", "None", "2"),
    "an attribute": (
        "class Model:\n    def __init__(self, rate): self.rate = rate\nx = Model(0.1)",
        "0.1",
        "0.2",
    ),
    "a slot": (
        "class Model:\n    __slots__ = ('rate',)\n    def __init__(self, rate): self.rate = rate\nx = Model(0.1)",
        "0.1",
        "0.2",
    ),
    "an attribute of an attribute": (
        "import numpy as np\nclass Model:\n    def __init__(self, w): self.w = {'w': np.array(w)}\nx = Model([1, 2])",
        "1, 2",
        "1, 3",
    ),
    "a namespace": ("import types\nx = types.SimpleNamespace(a=1)", "a=1", "a=2"),
    "a deque": ("import collections\nx = collections.deque([1, 2])", "1, 2", "1, 3"),
    "a deque's length": ("import collections\nx = collections.deque([1], maxlen=5)", "5", "6"),
    "a function in a deque": (
        "import collections\ndef h(): return 1\nx = collections.deque([h])",
        "return 1",
        "return 2",
    ),
    "a chain of maps": ("import collections\nx = collections.ChainMap({'a': 1}, {'b': 2})", "2", "3"),
    "a map of the user's": (
        "import collections\nclass Mine(collections.UserDict): pass\nx = Mine(a=1)",
        "a=1",
        "a=2",
    ),
    "a list with an attribute": (
        "class Mine(list):\n    def __init__(self, rate): self.rate = rate\nx = Mine(0.1)",
        "0.1",
        "0.2",
    ),
    "what a map makes of a missing key": (
        "import collections\ndef h(): return 1\nx = collections.defaultdict(h)",
        "return 1",
        "return 2",
    ),
    "an array of Python": ("import array\nx = array.array('i', [1, 2])", "1, 2", "1, 3"),
    "a view of memory": ("x = memoryview(b'ab')", "b'ab'", "b'ac'"),
    "a fraction": ("import fractions\nx = fractions.Fraction(1, 3)", "1, 3", "2, 3"),
    "an address": ("import ipaddress\nx = ipaddress.ip_network('10.0.0.0/8')", "/8", "/9"),
    "what a getter gets": ("import operator\nx = operator.itemgetter(1)", "1", "2"),
    "what a caller calls": ("import operator\nx = operator.methodcaller('strip', 'a')", "'a'", "'b'"),
    "a part of a method": (
        "import functools\nclass x:\n    def g(self, k): return k\n    m = functools.partialmethod(g, 1)",
        "(g, 1)",
        "(g, 2)",
    ),
    "what is registered for a type": (
        "import functools\n@functools.singledispatch\ndef x(v): return 0\n@x.register\ndef _(v: int): return 1",
        "return 1",
        "return 2",
    ),
    "the type that is registered": (
        "import functools\n@functools.singledispatch\ndef x(v): return 0\nx.register(int, repr)",
        "int, ",
        "str, ",
    ),
    "a method that is registered for a type": (
        "import functools\nclass x:\n    @functools.singledispatchmethod\n    def m(self, v): return 0\n"
        "    m.register(int, lambda self, v: 1)",
        "v: 1",
        "v: 2",
    ),
    "an expression of polars": ("import polars as pl\nx = pl.col('a') * 2", "* 2", "* 3"),
    "a plan of polars": ("import polars as pl\nx = pl.DataFrame({'a': [1]}).lazy()", "[1]", "[2]"),
    "the name of a file that polars scans": ("import polars as pl\nx = pl.scan_csv('/tmp/a.csv')", "a.csv", "b.csv"),
    "a type of polars": ("import polars as pl\nx = pl.Datetime('ms')", "'ms'", "'us'"),
    "a schema of polars": ("import polars as pl\nx = pl.Schema({'a': pl.List(pl.Int8)})", "Int8", "Int16"),
    "a schema of Arrow": ("import pyarrow as pa\nx = pa.schema([('a', pa.int8())])", "int8", "int16"),
    "a field of Arrow": ("import pyarrow as pa\nx = pa.field('a', pa.int8())", "'a'", "'b'"),
    "a type of Arrow": ("import pyarrow as pa\nx = pa.list_(pa.int8())", "int8", "int16"),
    "a scalar of Arrow": ("import pyarrow as pa\nx = pa.scalar(1)", "1", "2"),
    "a type of NumPy": ("import numpy as np\nx = np.dtype([('a', 'i4')])", "'a'", "'b'"),
    "a categorical": ("import pandas as pd\nx = pd.Categorical(['u', 'v'])", "'v'", "'w'"),
    "whole numbers that may be missing": ("import pandas as pd\nx = pd.array([1, None, 2], dtype='Int64')", "2]", "3]"),
    "a period": ("import pandas as pd\nx = pd.Period('2026-01', 'M')", "-01", "-02"),
    "an interval": ("import pandas as pd\nx = pd.Interval(0, 5)", "5", "6"),
    "an offset": ("import pandas as pd\nx = pd.offsets.BusinessHour(n=2, start='09:00')", "09:00", "10:00"),
    "a polynomial": ("import numpy as np\nx = np.poly1d([1, 2])", "2]", "3]"),
    "an adapter of a type": ("import pydantic\nx = pydantic.TypeAdapter(list[int])", "int", "str"),
    "an error": ("x = ValueError('a', 1)", "1", "2"),
    "an attribute of an error": (
        "class Odd(Exception):\n    def __init__(self, code): self.code = code\nx = Odd(1)",
        "Odd(1)",
        "Odd(2)",
    ),
    "what a context variable is before it is set": (
        "import contextvars\nx = contextvars.ContextVar('x', default=1)",
        "=1",
        "=2",
    ),
    "the table behind a bound method": ("x = {'eu': 3}.get", "3", "4"),
    "the list behind a bound method": ("x = [1, 2].index", "2", "3"),
    "a default of a struct": ("import msgspec\nclass x(msgspec.Struct):\n    rate: int = 1", "= 1", "= 2"),
    "what a field of a struct is made by": (
        "import msgspec\ndef h(): return [1]\n"
        "class x(msgspec.Struct):\n    rate: list = msgspec.field(default_factory=h)",
        "[1]",
        "[2]",
    ),
    "the order of fields of a struct": (
        "import msgspec\nclass x(msgspec.Struct):\n    a: int\n    b: int",
        "a: int\n    b: int",
        "b: int\n    a: int",
    ),
    "a field of a dataclass that was made": (
        "import dataclasses\nRow = dataclasses.make_dataclass('Row', [('rate', int, 1)])\nx = Row",
        "1)",
        "2)",
    ),
    "the order of a model's validators": (
        "import pydantic\nclass x(pydantic.BaseModel):\n    a: int\n"
        "    @pydantic.field_validator('a')\n    def one(cls, v): return v + 1\n"
        "    @pydantic.field_validator('a')\n    def two(cls, v): return v * 2",
        "def one(cls, v): return v + 1\n    @pydantic.field_validator('a')\n    def two(cls, v): return v * 2",
        "def two(cls, v): return v * 2\n    @pydantic.field_validator('a')\n    def one(cls, v): return v + 1",
    ),
    "what a pattern matches by place": ("class x:\n    __match_args__ = ('a', 'b')", "'a', 'b'", "'b', 'a'"),
    "one that leads back to itself": (
        "class Node:\n    def __init__(self, v): self.v, self.me = v, self\nx = Node(1)",
        "Node(1)",
        "Node(2)",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_of_what_is_in_a_constant_makes_a_task_run_again(what: str) -> None:
    source, old, new = EDITS[what]
    main = defined(source + "\ndef main(): return x")
    assert source.count(old) == 1
    assert code_digest(main) == code_digest(defined(source + "\ndef main(): return x"))
    edited = code_digest(defined(source.replace(old, new) + "\ndef main(): return x"))
    assert code_digest(main) != edited
    assert known_code(main).by_type == ()
    run(source.replace(old, new), main.__globals__)
    assert code_digest(main) == edited


HELD = {
    "a function that an array library repeats": (
        "import numpy as np\nx = np.vectorize(lambda v: v * 3)",
        "* 3",
        "* 4",
        "numpy.vectorize",
    ),
    "a function that a command calls": (
        "import click\ndef h(v): return v * 3\nx = click.Command('h', callback=h)",
        "* 3",
        "* 4",
        "click.core.Command",
    ),
}


@pytest.mark.parametrize("what", HELD)
def test_a_function_of_the_users_in_an_object_of_a_library_counts(what: str) -> None:
    source, old, new, kind = HELD[what]
    main = defined(source + "\ndef main(): return x")
    edited = code_digest(defined(source.replace(old, new) + "\ndef main(): return x"))
    assert code_digest(main) == code_digest(defined(source + "\ndef main(): return x")) != edited
    assert known_code(main).by_type == (f"x ({kind})",)
    run(source.replace(old, new), main.__globals__)
    assert code_digest(main) == edited


def test_a_function_of_c_that_is_made_of_one_of_the_users_is_said_to_count_by_its_type() -> None:
    made = defined("import numpy as np\nx = np.frompyfunc(lambda v: v * 3, 1, 1)\ndef main(): return x")
    found = defined("import numpy as np\nx = np.add\ndef main(): return x")
    assert (known_code(made).by_type, known_code(found).by_type) == (("x (numpy.ufunc)",), ())


PROGRAM = f"""
from flyte_nb._code.digest import code_digest
for source in {[source for source, _, _ in EDITS.values()]!r}:
    space = {{"__name__": "__main__"}}
    exec(source + "\\ndef main(): return x", space)
    print(code_digest(space["main"]), source)
class Bag:
    def __init__(self, *items): self.items = set(items)
bag = Bag('a', 'b', 'c', Bag('d', 'e'), ('f', 1))
def main(): return bag
print(code_digest(main))
"""


def test_other_processes_find_the_same_digest() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(found) == 1


def test_an_item_that_is_changed_in_a_cell_is_noticed() -> None:
    main = defined("import numpy as np\nx = np.zeros(3)\ndef main(): return x")
    before = code_digest(main)
    main.__globals__["x"][1] = 1
    assert code_digest(main) != before
    main.__globals__["x"][1] = 0
    assert code_digest(main) == before


CHANGED_IN_A_CELL = {
    "a deque": ("import collections\nx = collections.deque([1])", "x.append(2)"),
    "a map": ("import collections\nx = collections.UserDict()", "x['a'] = 2"),
    "an array of Python": ("import array\nx = array.array('i', [1])", "x[0] = 2"),
    "what a map makes of a missing key": (
        "import collections\nx = collections.defaultdict(int)",
        "x.default_factory = list",
    ),
    "an attribute of a list": ("class Mine(list): pass\nx = Mine()\nx.rate = 1", "x.rate = 2"),
    "what is registered for a type": (
        "import functools\n@functools.singledispatch\ndef x(v): return 0",
        "x.register(int, lambda v: 1)",
    ),
}


@pytest.mark.parametrize("what", CHANGED_IN_A_CELL)
def test_a_change_in_place_that_a_cell_makes_is_noticed(what: str) -> None:
    source, change = CHANGED_IN_A_CELL[what]
    main = defined(f"{source}\ndef main(): return x")
    before = code_digest(main)
    assert code_digest(main) == before
    run(change, main.__globals__)
    assert code_digest(main) != before


CHANGED_BY_USE = {
    "a list that is appended to": ("collections.UserList()", "x.append(1)"),
    "a map that is updated": ("collections.ChainMap({})", "x.update(a=1)"),
    "a generator of random numbers": ("random.Random(1)", "x.random()"),
    "a counter": ("itertools.count()", "next(x)"),
    "a file in memory": ("io.StringIO()", "x.write('a')"),
    "an event": ("threading.Event()", "x.set()"),
    "a queue": ("queue.Queue()", "x.put(1)"),
    "the environment": ("os.environ", "x['FLYTE_NB_SEEN'] = 'yes'"),
}


@pytest.mark.parametrize("what", CHANGED_BY_USE)
def test_what_is_changed_by_its_use_does_not_make_a_task_run_again(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FLYTE_NB_SEEN", raising=False)
    made, use = CHANGED_BY_USE[what]
    main = defined(
        f"import collections, io, itertools, os, queue, random, threading\nx = {made}\ndef main(v):\n    {use}"
    )
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before


ASKED = """
import collections
class Mine(collections.UserDict):
    def __{method}__(self, *_): raise KeyboardInterrupt
x = Mine()
def main(): return x
"""


@pytest.mark.parametrize("method", ["reduce", "getstate", "iter", "getattr"])
def test_code_of_the_user_is_not_run_to_tell_what_is_in_an_object(method: str) -> None:
    assert known_code(defined(ASKED.format(method=method))).by_type == ("x (__main__.Mine)",)


def test_an_expression_with_python_functions_in_it_counts_by_its_type_and_is_named() -> None:
    main = defined("import polars as pl\nx = pl.col('a').map_batches(lambda s: s)\ndef main(): return x")
    assert known_code(main).by_type == ("x (polars.expr.expr.Expr)",)


def test_a_lock_of_a_class_is_named_too() -> None:
    main = defined("import threading\nclass A:\n    lock = threading.Lock()\ndef main(): return A.lock")
    assert known_code(main).by_type == ("A.lock (_thread.lock)",)


def test_an_attribute_that_is_changed_in_a_cell_is_noticed() -> None:
    main = defined("class Model: pass\nx = Model()\nx.inner = Model()\nx.inner.rate = 1\ndef main(): return x")
    before = code_digest(main)
    main.__globals__["x"].inner.rate = 2
    assert code_digest(main) != before


OWN_CHANGES = {
    "an attribute set": "def note(self, v): self.last = v",
    "a list appended to": "def note(self, v): self.seen.append(v)",
    "an item set": "def note(self, v): self.table[v] = v",
    "a counter": "def note(self, v): self.count += 1",
    "a remembered property": (
        "def note(self, v): self.twice\n    @functools.cached_property\n    def twice(self): return 2 * self.rate"
    ),
}


@pytest.mark.parametrize("how", OWN_CHANGES)
def test_what_an_object_changes_of_itself_does_not_make_a_task_run_again(how: str) -> None:
    source = f"""
import functools
class Tracker:
    def __init__(self, rate): self.rate, self.last, self.seen, self.table, self.count = rate, None, [], {{}}, 0
    {OWN_CHANGES[how]}
tracker = Tracker(0.1)
def main(x):
    tracker.note(x)
"""
    main = defined(source)
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before
    assert code_digest(defined(source.replace("0.1", "0.2"))) != before


NO_CHANGES = {
    "sort of polars": ("import polars as pl\nx = pl.DataFrame({'a': [2, 1]})", "x.sort('a')"),
    "add of pandas": ("import pandas as pd\nx = pd.DataFrame({'a': [2, 1]})", "x.add(1)"),
    "append of an index": ("import pandas as pd\nx = pd.Index([2, 1])", "x.append(x)"),
    "add of an object": (
        "class Sum:\n    def __init__(self, *v): self.v = v\n    def add(self, y): return self.v\nx = Sum(2, 1)",
        "x.add(1)",
    ),
}


@pytest.mark.parametrize("how", NO_CHANGES)
def test_a_method_that_changes_nothing_makes_no_state_of_a_constant(how: str) -> None:
    first, expression = NO_CHANGES[how]
    source = f"{first}\ndef main(): return {expression}"
    assert code_digest(defined(source)) != code_digest(defined(source.replace("2, 1", "2, 3")))


def test_what_counts_by_its_type_only_is_said_by_name() -> None:
    source = """
    import logging, sqlite3, threading
    class Service:
        def __init__(self): self.lock = threading.Lock()
    connection = sqlite3.connect(":memory:")
    service = Service()
    log = logging.getLogger("quiet")
    def main(x, lock=threading.Lock()):
        log.info("looks")
        return connection, service
    """
    assert known_code(defined(source)).by_type == (
        "connection (sqlite3.Connection)",
        "main (_thread.lock)",
        "service.lock (_thread.lock)",
    )


def test_an_object_that_holds_too_much_counts_by_its_type_and_is_named() -> None:
    main = defined("class Big:\n    def __init__(self): self.all = [*range(30_000)]\nx = Big()\ndef main(): return x")
    assert known_code(main).by_type == ("x (__main__.Big)",)


def test_objects_that_all_know_each_other_come_to_an_end() -> None:
    main = defined(
        """
        class Node: pass
        nodes = [Node() for _ in range(40)]
        for node in nodes:
            node.others = list(nodes)
        x = nodes[0]
        def main(): return x
        """
    )
    assert code_digest(main) == code_digest(main)
    assert known_code(main).by_type == ("x (__main__.Node)",)


def test_an_array_that_cannot_be_looked_into_does_no_harm() -> None:
    main = defined("import numpy as np\nx = np.empty(1, object)\ndef main(): return x")
    main.__globals__["x"][0] = main.__globals__["x"]
    assert code_digest(main) == code_digest(main)
    assert isinstance(main.__globals__["x"], np.ndarray)


COUNTED = """
from dataclasses import dataclass

@dataclass
class Stats:
    calls: int
    limit: int

x = Stats({calls}, {limit})

def main():
    x.calls += 1
    return x.limit
"""


def test_a_field_of_a_dataclass_that_the_code_sets_is_state_and_the_reason_names_it() -> None:
    main = defined(COUNTED.format(calls=0, limit=3))
    assert code_digest(main) == code_digest(defined(COUNTED.format(calls=7, limit=3)))
    assert code_digest(main) != code_digest(defined(COUNTED.format(calls=0, limit=4)))
    assert known_code(main).by_type == ("x.calls (builtins.int)",)


SETTERS = {
    "a method of its own": ("def note(self, v): self.rate = v", "tracker.note(x)"),
    "a method that counts up": ("def note(self, v): self.rate += v", "tracker.note(x)"),
    "a class method's object": (
        "@classmethod\n    def new(cls): return cls(1)\n    def note(self, v): self.rate = v",
        "tracker.new().note(x)",
    ),
    "a property": (
        "@property\n    def now(self): return self.rate\n    @now.setter\n    def now(self, v): self.rate = v",
        "tracker.now = x",
    ),
    "a wrapped method": (
        "@functools.lru_cache\n    def note(self, v): self.rate = v",
        "tracker.note(x)",
    ),
    "a function inside a method": (
        "def note(self, v):\n        def inner(): self.rate = v\n        inner()",
        "tracker.note(x)",
    ),
    "an item": ("def note(self, v): self.rate[v] = v", "tracker.note(x)"),
    "a list appended to": ("def note(self, v): self.rate.append(v)", "tracker.note(x)"),
    "the task": ("note = None", "tracker.rate = x"),
    "a helper that says its class": ("note = None", "helper(tracker, x)"),
    "a helper that says its class as text": ("note = None", "helper_as_text(tracker, x)"),
    "whoever made it": ("note = None", "fresh = Tracker(1); fresh.rate = x"),
}


@pytest.mark.parametrize("who", SETTERS)
def test_an_attribute_that_code_sets_on_objects_of_one_class_counts_on_objects_of_another(who: str) -> None:
    method, statement = SETTERS[who]
    source = f"""
import functools
class Tracker:
    def __init__(self, rate): self.rate = rate
    {method}
class Model:
    def __init__(self, rate): self.rate = rate
def helper(one: Tracker, v): one.rate = v
def helper_as_text(one: "Tracker", v): one.rate = v
tracker, model = Tracker([5]), Model(0.1)
def main(x):
    {statement}
    return model.rate
"""
    main = defined(source)
    assert code_digest(main) == code_digest(defined(source.replace("[5]", "[6]")))
    assert code_digest(main) != code_digest(defined(source.replace("0.1", "0.2")))
    assert not [name for name in known_code(main).by_type if name.startswith("model")]


def test_what_a_method_sets_is_state_on_objects_of_subclasses_too() -> None:
    main = defined(
        """
        class Base:
            def note(self, v): self.last = v
        class Tracker(Base):
            last = None
        tracker = Tracker()
        def main(x): tracker.note(x)
        """
    )
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before


@pytest.mark.parametrize(
    "statement",
    [
        "for one in everyone: one.rate = x",
        "everyone[0].rate = x",
        "noted(model, x)",
        "first(everyone).rate = x",
        "one = model\n    one = first(everyone)\n    one.rate = x",
    ],
)
def test_what_is_set_on_an_object_of_a_class_that_cannot_be_told_is_state_on_all_and_the_reason_names_it(
    statement: str,
) -> None:
    source = f"""
class Model:
    def __init__(self, rate): self.rate = rate
model = Model(0.1)
everyone = [model]
def first(all): return all[0]
def noted(one, v): one.rate = v
def main(x):
    {statement}
    return model.rate
"""
    main = defined(source)
    assert code_digest(main) == code_digest(defined(source.replace("0.1", "0.2")))
    assert "model.rate (builtins.float)" in known_code(main).by_type
