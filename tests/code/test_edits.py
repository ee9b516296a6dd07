"""Edits that people make in a notebook: which of them make a task run again."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_nb._code.digest import code_digest, known_code
from tests.cells import defined


def digest(source: str) -> str:
    return code_digest(defined(source))


EDITS = {
    "a helper behind lru_cache": (
        """
        import functools
        @functools.lru_cache
        def helper(x): return x + 1
        def main(x): return helper(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "a cached property": (
        """
        import functools
        class Model:
            @functools.cached_property
            def size(self): return 1
        def main(): return Model().size
        """,
        ("return 1", "return 2"),
    ),
    "a property": (
        """
        class Model:
            @property
            def size(self): return 1
        def main(): return Model().size
        """,
        ("return 1", "return 2"),
    ),
    "a class method": (
        """
        class Model:
            @classmethod
            def make(cls): return 1
        def main(): return Model.make()
        """,
        ("return 1", "return 2"),
    ),
    "a method of a global object's class": (
        """
        class Model:
            def predict(self, x): return x + 1
        model = Model()
        def main(x): return model.predict(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "a method of a base class": (
        """
        class Base:
            def predict(self, x): return x + 1
        class Model(Base): ...
        def main(x): return Model().predict(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "a function in a table of functions": (
        """
        def up(x): return x + 1
        table = {"up": up}
        def main(x): return table["up"](x)
        """,
        ("x + 1", "x + 2"),
    ),
    "the value of an enumeration's member": (
        """
        import enum
        class Mode(enum.Enum):
            FAST = 1
        mode = Mode.FAST
        def main(): return mode.value
        """,
        ("FAST = 1", "FAST = 2"),
    ),
    "a field's default in a dataclass with slots": (
        """
        from dataclasses import dataclass
        @dataclass(slots=True)
        class Config:
            rate: float = 0.1
        config = Config()
        def main(): return config.rate
        """,
        ("0.1", "0.2"),
    ),
    "a field's default factory": (
        """
        from dataclasses import dataclass, field
        @dataclass
        class Config:
            rates: list = field(default_factory=lambda: [1])
        def main(): return Config().rates
        """,
        ("[1]", "[2]"),
    ),
    "a Pydantic validator": (
        """
        import pydantic
        class Config(pydantic.BaseModel):
            rate: float = 0.1
            @pydantic.field_validator("rate")
            @classmethod
            def check(cls, value): return value + 1
        def main(): return Config().rate
        """,
        ("value + 1", "value + 2"),
    ),
    "a Pydantic private attribute": (
        """
        import pydantic
        class Config(pydantic.BaseModel):
            _rate: float = pydantic.PrivateAttr(0.1)
        def main(): return Config()._rate
        """,
        ("0.1", "0.2"),
    ),
    "a numpy number": (
        """
        import numpy as np
        rate = np.float64(0.1)
        def main(): return rate
        """,
        ("0.1", "0.2"),
    ),
    "a time zone": (
        """
        import zoneinfo
        zone = zoneinfo.ZoneInfo("Europe/Berlin")
        def main(): return zone
        """,
        ("Berlin", "Paris"),
    ),
    "an offset from UTC": (
        """
        import datetime
        zone = datetime.timezone(datetime.timedelta(hours=1))
        def main(): return zone
        """,
        ("hours=1", "hours=2"),
    ),
    "an argument of partial": (
        """
        import functools
        def power(x, n): return x ** n
        square = functools.partial(power, n=2)
        def main(x): return square(x)
        """,
        ("n=2", "n=3"),
    ),
    "a default dictionary": (
        """
        import collections
        rates = collections.defaultdict(int, {"a": 1})
        def main(): return rates["a"]
        """,
        ('"a": 1', '"a": 2'),
    ),
    "a named tuple": (
        """
        import collections
        Point = collections.namedtuple("Point", "x y")
        start = Point(1, 2)
        def main(): return start
        """,
        ("(1, 2)", "(1, 3)"),
    ),
    "a keyword-only default": ("def main(*, x=1): return x", ("x=1", "x=2")),
    "a nested function": (
        """
        def main(x):
            def inner(y):
                return y + 1
            return inner(x)
        """,
        ("y + 1", "y + 2"),
    ),
    "a traced function": (
        """
        import flyte_nb as flyte
        @flyte.trace
        async def step(x): return x + 1
        async def main(x): return await step(x)
        """,
        ("x + 1", "x + 2"),
    ),
    "an order of operands": ("def main(x, y): return x - y", ("x - y", "y - x")),
    "a branch": ("def main(x):\n    if x: return 1\n    return 2", ("if x", "if not x")),
    "a caught exception": (
        "def main(x):\n    try: return x()\n    except KeyError: return 2",
        ("KeyError", "ValueError"),
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_an_edit_of_what_a_task_reaches_makes_it_run_again(what: str) -> None:
    source, (old, new) = EDITS[what]
    assert source.count(old) == 1
    assert digest(source) == digest(source)
    assert digest(source) != digest(source.replace(old, new))


MEMOIZED = """
        def memoized(f):
            rates = {}
            def wrapper(x):
                rates[x] = f(x)
                return rates[x]
            return wrapper
        @memoized
        def helper(x): return x
        rates = {"eu": 3}
        def main(x): return helper(x) * rates["eu"]
        """


def test_a_constant_counts_although_code_changes_a_variable_of_the_same_name_elsewhere() -> None:
    source = MEMOIZED
    main = defined(source)
    main(1)
    assert code_digest(main) == digest(source)
    main.__globals__["rates"]["eu"] = 5
    assert code_digest(main) == digest(source.replace('"eu": 3', '"eu": 5')) != digest(source)


def test_an_object_that_code_changes_is_state_by_whatever_name_it_is_known(modules: Path) -> None:
    (modules / "rates_noted.py").write_text("settings = {}\nconstants = {'eu': 3}\ndef note(x): settings.update(x=x)\n")
    main = defined(
        """
        import rates_noted
        from rates_noted import note, settings as seen
        settings = {"eu": 3}
        def main(x):
            note(x)
            return len(seen) * settings["eu"] * rates_noted.constants["eu"]
        """
    )
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before
    main.__globals__["settings"]["eu"] = 5
    assert code_digest(main) != before


def test_an_attribute_of_a_function_counts_unless_the_code_sets_it() -> None:
    source = """
        def scale(x): return x * scale.factor
        scale.factor, scale.calls = 3, 0
        def main(x):
            scale.calls += 1
            return scale(x)
        """
    main = defined(source)
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before == digest(source)
    main.__globals__["scale"].factor = 5
    assert code_digest(main) == digest(source.replace("3, 0", "5, 0")) != before
    main.__globals__["scale"].table = [1]
    assert code_digest(main) != digest(source.replace("3, 0", "5, 0"))


ACCUMULATORS = {
    "append": ("results = []", "results.append(x)"),
    "item": ("results = {}", "results[x] = 1"),
    "item of an expression": ("results = {}", "results[(x, str(x))] = x + 1"),
    "counted up": ("results = {0: 0, 1: 0}", "results[x] += 1"),
    "counted by get": ("results = {}", "results[x] = results.get(x, 0) + 1"),
    "item deleted": ("results = {0: 1, 1: 1}", "del results[x]"),
    "slice": ("results = [1]", "results[:] = [x]"),
    "list in a dictionary": ("results = {0: [], 1: []}", "results[x].append(x)"),
    "list by setdefault": ("results = {}", "results.setdefault(x, []).append(x)"),
    "rebound": ("results = 0", "global results; results += 1"),
    "default dictionary": (
        "import collections; results = collections.defaultdict(list)",
        "results[x].append(x)",
    ),
    "counter": ("import collections; results = collections.Counter()", "results[x] += 1"),
    "deque": ("import collections; results = collections.deque()", "results.append(x)"),
}


@pytest.mark.parametrize("how", ACCUMULATORS)
def test_what_a_task_collects_does_not_make_it_run_again(how: str) -> None:
    first, statement = ACCUMULATORS[how]
    main = defined(f"{first}\ndef main(x):\n    {statement}")
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before


@pytest.mark.parametrize(
    "statement",
    ["calls.append(x)", "calls[0] += 1", "nonlocal total; total += x"],
)
def test_what_a_closure_collects_does_not_make_it_run_again(statement: str) -> None:
    source = f"""
    def make():
        calls, total = [0], 0
        def main(x):
            {statement}
            return calls, total
        return main
    main = make()
    """
    main = defined(source)
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before


def test_a_helper_defined_later_is_noticed() -> None:
    main = defined("def main(x): return helper(x)")
    before = code_digest(main)
    main.__globals__["helper"] = defined("def helper(x): return x", "helper")
    assert code_digest(main) != before


def test_a_function_put_into_a_table_is_noticed() -> None:
    main = defined("table = {'f': len}\ndef main(x): return table['f'](x)")
    before = code_digest(main)
    main.__globals__["table"]["f"] = defined("def f(x): return x", "f")
    assert code_digest(main) != before


def test_a_changed_field_of_a_global_object_is_noticed() -> None:
    main = defined(
        """
        from dataclasses import dataclass
        @dataclass
        class Config:
            rate: float
        config = Config(0.1)
        def main(): return config.rate
        """
    )
    before = code_digest(main)
    main.__globals__["config"].rate = 0.2
    assert code_digest(main) != before


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules can be imported, and are forgotten after the test."""
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def forget(*names: str) -> None:
    import importlib

    for name in names:
        sys.modules.pop(name, None)
    importlib.invalidate_caches()


@pytest.mark.parametrize(
    "source",
    [
        "import mine.deep\ndef main(x): return mine.deep.helper(x)",
        "from mine import deep\ndef main(x): return deep.helper(x)",
        "from mine.deep import helper\ndef main(x): return helper(x)",
        "def main(x):\n    from mine.deep import helper\n    return helper(x)",
        "def main(x):\n    import mine.deep\n    return mine.deep.helper(x)",
    ],
)
def test_a_function_of_a_users_module_counts_however_it_is_imported(modules: Path, source: str) -> None:
    found = []
    for number in (1, 22):
        (modules / "mine").mkdir(exist_ok=True)
        (modules / "mine/__init__.py").write_text("")
        (modules / "mine/deep.py").write_text(f"def helper(x): return x + {number}\n")
        forget("mine", "mine.deep")
        found.append(digest(source))
    assert found[0] != found[1]


def test_a_module_imported_by_the_call_itself_does_not_change_the_digest(modules: Path) -> None:
    (modules / "late_one.py").write_text("def helper(x): return x + 1\n")
    main = defined("def main(x):\n    import late_one\n    return late_one.helper(x)")
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before
    assert digest("def main(x):\n    import late_one\n    return late_one.helper(x)") == before


class Package:
    """A package `mine` of the user's, in files that can be edited."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mine"
        self.folder.mkdir()
        self.write(**{"__init__": ""})

    def write(self, **modules: str) -> None:
        for name, source in modules.items():
            (self.folder / f"{name}.py").write_text(textwrap.dedent(source))

    def edit(self, module: str, old: str, new: str) -> None:
        file = self.folder / f"{module}.py"
        before = file.read_text()
        assert before.count(old) == 1
        file.write_text(before.replace(old, new))

    def forget(self) -> None:
        forget(*[name for name in sys.modules if name.partition(".")[0] == "mine"])


@pytest.fixture
def package(modules: Path) -> Package:
    return Package(modules)


IN_BODY = {
    "a function": ("from mine.deep import helper", "x + 1", "x + 2", "deep"),
    "a function by its module's name": ("import mine.deep; helper = mine.deep.helper", "x + 1", "x + 2", "deep"),
    "a function by another name of the module": ("import mine.deep as d; helper = d.helper", "x + 1", "x + 2", "deep"),
    "a function of a submodule": ("from mine import deep; helper = deep.helper", "x + 1", "x + 2", "deep"),
    "a function that the package hands on": ("from mine import helper", "x + 1", "x + 2", "deep"),
    "a function that a star hands on": ("from mine.star import helper", "x + 1", "x + 2", "deep"),
    "a function behind a try": ("from mine.tried import helper", "x + 1", "x + 2", "deep"),
    "a function of the same package": ("from mine.near import helper", "x + 1", "x + 2", "deep"),
    "a function that is imported in a body again": ("from mine.late import helper", "x + 1", "x + 2", "deep"),
    "a constant": ("from mine.deep import rate as helper", "RATE = 0.1", "RATE = 0.2", "deep"),
    "a constant alone": ("from mine.deep import RATE as helper", "RATE = 0.1", "RATE = 0.2", "deep"),
    "a default": ("from mine.deep import kept as helper", "keep=3", "keep=4", "deep"),
    "a decorator": ("from mine.deep import cached as helper", "maxsize=1", "maxsize=2", "deep"),
    "a method": ("from mine.deep import Model as helper", "return 5", "return 6", "deep"),
    "a field's type": ("from mine.deep import Model as helper", "size: int", "size: float", "deep"),
    "a base class": ("from mine.deep import Model as helper", "return 7", "return 8", "deep"),
    "a registration": ("from mine.deep import TABLE as helper", '"up": 1', '"up": 2', "deep"),
    "what a list is made of": ("from mine.deep import MADE as helper", "[9] * 3", "[9] * 4", "deep"),
    "one that is called like a builtin": ("from mine.deep import sums as helper", "x - 1", "x - 2", "deep"),
}
DEEP = """
import functools
RATE = 0.1
TABLE = {}
TABLE.update({"up": 1})
MADE = [9] * 3
def helper(x): return x + 1
def rate(x): return RATE
def kept(x, keep=3): return keep
@functools.lru_cache(maxsize=1)
def cached(x): return x
class Base:
    def area(self): return 7
class Model(Base):
    size: int = 0
    def width(self): return 5
def sum(x): return x - 1
def sums(x): return sum(x)
def unused(x): return 100
"""


def written(package: Package) -> None:
    package.write(
        __init__="from .deep import helper\n",
        deep=DEEP,
        star="from .deep import *\n",
        tried="try:\n    from .deep import helper\nexcept ImportError:\n    helper = None\n",
        near="from . import deep\ndef helper(x): return deep.helper(x)\n",
        late="def helper(x):\n    from .deep import helper\n    return helper(x)\n",
    )


def importing(statement: str) -> str:
    return f"def main(x):\n    {statement}\n    return helper"


@pytest.mark.parametrize("what", IN_BODY)
def test_an_edit_of_what_is_imported_in_a_body_makes_a_task_run_again(package: Package, what: str) -> None:
    statement, old, new, module = IN_BODY[what]
    written(package)
    before = digest(importing(statement))
    assert "mine" not in sys.modules
    defined(importing(statement))(1)
    assert digest(importing(statement)) == before, "the import itself makes no difference"
    package.edit(module, old, new)
    in_this_kernel = digest(importing(statement))
    package.forget()
    anew = digest(importing(statement))
    assert anew != before
    assert in_this_kernel != anew, "what runs in this kernel is still the old code"


@pytest.mark.parametrize("what", IN_BODY)
def test_an_edit_of_what_is_not_reached_by_an_import_in_a_body_does_not_count(package: Package, what: str) -> None:
    statement = IN_BODY[what][0]
    written(package)
    before = digest(importing(statement))
    package.edit("deep", "return 100", "return 101")
    package.edit("deep", "def rate(x)", "# a comment\ndef rate( x )")
    assert digest(importing(statement)) == before


REGISTER = """
TABLE = {}
def register(f):
    TABLE[f.__name__] = f
    return f
@register
def f(x): return x + 1
"""
FILLED = {
    "a table that a decorator fills": (REGISTER, "x + 1", "x + 2"),
    "what a registered function uses": (REGISTER.replace("x + 1", "g(x)") + "def g(x): return x + 1", "x + 1", "x + 2"),
    "the decorator that fills a table": (REGISTER, "[f.__name__] = f", "[f.__name__] = len"),
    "a function that a decorator of another name registers": (
        REGISTER.replace("@register", "add = register\n@add"),
        "x + 1",
        "x + 2",
    ),
    "a table that a call of a helper fills": (
        "TABLE = {}\ndef add(name): TABLE[name] = name\nadd('one')",
        "'one'",
        "'two'",
    ),
    "a table by its alias": ("TABLE = {}\nother = TABLE\nother['f'] = 1", "= 1", "= 2"),
    "a list that a loop fills": ("TABLE = []\nfor n in ('a', 'b'): TABLE.append(n)", "'b'", "'c'"),
    "a list that a condition fills": ("TABLE = []\nif True:\n    TABLE.append(1)", "(1)", "(2)"),
    "a list that a context fills": (
        "import contextlib\nTABLE = []\nwith contextlib.suppress(OSError):\n    TABLE.append(1)",
        "(1)",
        "(2)",
    ),
    "a list that a try fills": ("TABLE = []\ntry:\n    TABLE.append(1)\nfinally: pass", "(1)", "(2)"),
    "a list that a comprehension fills": ("TABLE = []\n[TABLE.append(n) for n in 'ab']", "'ab'", "'ac'"),
    "a table that a base class fills": (
        "TABLE = {}\nclass Base:\n    def __init_subclass__(cls): TABLE[cls.__name__] = cls\n"
        "class One(Base):\n    def f(self): return 1",
        "return 1",
        "return 2",
    ),
    "a table in a class": (
        "class TABLE:\n    all = []\n    @classmethod\n    def add(cls, f): cls.all.append(f)\n"
        "@TABLE.add\ndef f(x): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "an object that a decorator fills": (
        "class Table:\n    def __init__(self): self.all = []\n    def add(self, f): self.all.append(f)\n"
        "TABLE = Table()\n@TABLE.add\ndef f(x): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "a variant of a function": (
        "import functools\n@functools.singledispatch\ndef TABLE(x): return x\n"
        "@TABLE.register\ndef _(x: int): return x + 1",
        "x + 1",
        "x + 2",
    ),
    "a constant that a function sets": (
        "TABLE = 0\ndef configure():\n    global TABLE\n    TABLE = 5\nconfigure()",
        "= 5",
        "= 6",
    ),
}


@pytest.mark.parametrize("what", FILLED)
def test_an_edit_of_what_fills_something_when_a_module_is_imported_in_a_body_makes_a_task_run_again(
    package: Package, what: str
) -> None:
    source, old, new = FILLED[what]
    package.write(deep=source)
    before = digest(importing("from mine.deep import TABLE as helper"))
    package.edit("deep", old, new)
    assert digest(importing("from mine.deep import TABLE as helper")) != before


@pytest.mark.parametrize("what", FILLED)
def test_what_is_filled_when_a_module_is_imported_in_a_body_has_one_digest_before_and_after(
    package: Package, what: str
) -> None:
    package.write(deep=FILLED[what][0])
    main = defined(importing("from mine.deep import TABLE as helper"))
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before
    assert digest(importing("from mine.deep import TABLE as helper")) == before


@pytest.mark.parametrize("what", FILLED)
def test_what_was_filled_before_an_edit_is_not_taken_for_what_the_edited_source_fills(
    package: Package, what: str
) -> None:
    source, old, new = FILLED[what]
    package.write(deep=source)
    main = defined(importing("from mine.deep import TABLE as helper"))
    code_digest(main)
    main(1)
    package.edit("deep", old, new)
    in_this_kernel = code_digest(main)
    package.forget()
    assert digest(importing("from mine.deep import TABLE as helper")) != in_this_kernel


@pytest.mark.parametrize("what", FILLED)
def test_what_fills_nothing_that_is_reached_does_not_count(package: Package, what: str) -> None:
    apart = "\nAPART = {}\ndef keep(one):\n    APART[one] = one\n    return one\n@keep\ndef apart(): return 100\n"
    package.write(deep=FILLED[what][0] + apart)
    before = digest(importing("from mine.deep import TABLE as helper"))
    package.edit("deep", "return 100", "return 101")
    assert digest(importing("from mine.deep import TABLE as helper")) == before


def test_a_decorator_that_fills_a_table_does_not_make_a_constant_of_that_name_elsewhere_state(package: Package) -> None:
    package.write(deep=REGISTER)
    source = "TABLE = {'a': 1}\n" + importing("from mine.deep import TABLE as helper") + ", TABLE"
    assert digest(source) != digest(source.replace("'a': 1", "'a': 2"))


ON_DEMAND = {
    "from a module that it imports": (
        "def __getattr__(name):\n    import mine.hidden\n    return vars(mine.hidden)[name]\n"
    ),
    "from a module by its name": (
        "import importlib\ndef __getattr__(name):\n"
        "    return getattr(importlib.import_module('.hidden', __name__), name)\n"
    ),
    "from a table of modules": (
        "import importlib\n_WHERE = {'helper': 'mine.hidden'}\ndef __getattr__(name):\n"
        "    return getattr(importlib.import_module(_WHERE[name]), name)\n"
    ),
}


@pytest.mark.parametrize("how", ON_DEMAND)
@pytest.mark.parametrize("statement", ["from mine import helper", "import mine; helper = mine.helper"])
def test_what_a_package_gives_on_demand_counts_and_has_one_digest_before_and_after(
    package: Package, how: str, statement: str
) -> None:
    package.write(__init__=ON_DEMAND[how], hidden="def helper(x): return x + 1\n")
    main = defined(importing(statement))
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before
    assert digest(importing(statement)) == before
    package.edit("hidden", "x + 1", "x + 2")
    in_this_kernel = code_digest(main)
    package.forget()
    anew = digest(importing(statement))
    assert anew != before
    assert in_this_kernel != anew, "what runs in this kernel is still the old code"


def test_what_a_module_gives_on_demand_counts_by_what_its_function_imports(package: Package) -> None:
    package.write(
        hidden="def helper(x): return x + 1\n",
        lazy="def __getattr__(name):\n    import mine.hidden\n    return getattr(mine.hidden, name)\n",
    )
    main = defined(importing("from mine.lazy import helper"))
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before
    package.edit("hidden", "x + 1", "x + 2")
    in_this_kernel = code_digest(main)
    package.forget()
    anew = digest(importing("from mine.lazy import helper"))
    assert anew != before
    assert in_this_kernel != anew, "what runs in this kernel is still the old code"


@pytest.mark.parametrize("loaded_before", [True, False])
def test_what_a_cell_sets_in_a_module_that_is_imported_in_a_body_is_noticed(
    package: Package, loaded_before: bool
) -> None:
    written(package)
    source = importing("from mine.deep import rate as helper")
    main = defined(source)
    if loaded_before:
        main(1)
    before = code_digest(main)
    main(1)
    sys.modules["mine.deep"].RATE = 0.5  # type: ignore[attr-defined]
    assert code_digest(main) != before
    sys.modules["mine.deep"].RATE = 0.1  # type: ignore[attr-defined]
    assert code_digest(main) == before


def test_a_function_that_is_put_in_the_place_of_one_that_a_package_hands_on_is_noticed(package: Package) -> None:
    written(package)
    main = defined(importing("from mine import helper"))
    before = code_digest(main)
    main(1)
    sys.modules["mine"].helper = defined("def helper(x): return 0", "helper")  # type: ignore[attr-defined]
    assert code_digest(main) != before


def test_what_a_module_that_is_imported_in_a_body_collects_is_state(package: Package) -> None:
    package.write(deep="SEEN = []\nMOST = 0\ndef helper(x):\n    global MOST\n    MOST = x\n    SEEN.append(x)\n")
    main = defined("def main(x):\n    from mine.deep import helper\n    return helper(x)")
    before = code_digest(main)
    main(1)
    assert code_digest(main) == before


def test_what_is_found_out_when_a_module_is_imported_counts_by_its_source_and_is_named(package: Package) -> None:
    package.write(
        deep="import os, re\nRATE = os.environ['RATE']\nWORD = re.compile('a')\ndef helper(x): return RATE, WORD\n"
    )
    main = defined("def main(x):\n    from mine.deep import helper\n    return helper(x)")
    assert known_code(main).by_source == ("mine.deep.RATE",)


def test_a_module_that_was_not_there_is_noticed(package: Package) -> None:
    main = defined("def main(x):\n    from mine.deep import helper\n    return helper(x)")
    before = code_digest(main)
    assert code_digest(main) == before
    package.write(deep="def helper(x): return x\n")
    forget()
    assert code_digest(main) != before


def test_a_module_whose_source_cannot_be_read_is_one_when_it_can(package: Package) -> None:
    package.write(deep="def helper(x: return x\n")
    main = defined("def main(x):\n    from mine.deep import helper\n    return helper(x)")
    before = code_digest(main)
    package.write(deep="def helper(x): return x\n")
    assert code_digest(main) != before


def test_a_namespace_inside_a_namespace_is_looked_into_without_importing_it(modules: Path) -> None:
    found = set()
    for number in (1, 22):
        (modules / "wide/wider").mkdir(parents=True, exist_ok=True)
        (modules / "wide/wider/deep.py").write_text(f"def helper(x): return x + {number}\n")
        forget()
        found.add(digest("def main(x):\n    from wide.wider.deep import helper\n    return helper(x)"))
    assert len(found) == 2
    assert "wide" not in sys.modules


def test_constants_of_one_name_in_two_modules_both_count(modules: Path) -> None:
    found = set()
    for number in (1, 22):
        (modules / "limits.py").write_text(f"LIMIT = {number}\ndef limit(): return LIMIT\n")
        forget("limits")
        found.add(digest("import limits\nLIMIT = 5\ndef main(): return limits.limit() + LIMIT"))
        found.add(digest("import limits\nLIMIT = 6\ndef main(): return limits.limit() + LIMIT"))
    assert len(found) == 4


@pytest.mark.parametrize(
    "setup",
    [
        "odd = []; odd.append(odd)",
        "odd = {}; odd['self'] = odd",
        "odd = 10 ** 5000",
        "odd = object()",
        "from unittest.mock import call as odd",
        "import threading; odd = threading.Lock()",
        "odd = type('Odd', (), {'__getattr__': lambda self, name: self})()",
        "odd = type('Odd', (), {'__class__': property(lambda self: 1 / 0)})()",
        "odd = type('Odd', (), {'__eq__': lambda self, other: 1 / 0, '__hash__': None})()",
        "odd = type('Odd', (), {'__repr__': lambda self: 1 / 0})()",
        "odd = [object(), lambda: object()]",
        "odd = {object(): object()}",
        "odd = (x for x in 'ab')",
        "import numpy; odd = numpy.zeros(3)",
        "import polars; odd = polars.DataFrame({'a': [1]})",
    ],
)
def test_odd_objects_never_raise_and_leave_no_address(setup: str) -> None:
    source = f"{setup}\ndef main(x: type(odd) = None): return odd"
    keep = [defined(source), [object() for _ in range(100)]]
    again = defined(source)
    assert code_digest(keep[0]) == code_digest(again)


def test_a_container_that_holds_itself_has_a_digest() -> None:
    main = defined("odd = []\nodd.append(odd)\nodd.append(odd)\ndef main():\n    return odd")
    assert code_digest(main) == code_digest(main)
