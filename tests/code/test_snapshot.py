from __future__ import annotations

import fnmatch
import linecache
import os
import pickle
import subprocess
import sys
import threading
import types
import zlib
from pathlib import Path

import pytest

from flyte_nb._code.snapshot import Snapshot, load_snapshot, take_snapshot
from flyte_nb.errors import CodeBundleError
from tests.cells import run


def payload_of(snapshot: Snapshot) -> bytes:
    assert snapshot.payload is not None, snapshot.problem
    return snapshot.payload


def test_a_function_of_a_notebook_comes_back_with_what_it_uses() -> None:
    space = run(
        """
        import math
        LIMIT = 10
        class Row:
            size = 4
        def clean(x): return x + LIMIT
        def process(x): return clean(x) + math.sqrt(Row.size)
        """
    )
    snapshot = take_snapshot(space["process"])
    space.clear()
    assert snapshot.problem == ""
    assert load_snapshot(payload_of(snapshot))(1) == 13


CHANGES = {
    "a model is fitted again": (
        "class Model:\n    def fit(self, w): self.w = w; return self\n"
        "model = Model().fit(3)\ndef process(x): return model.w * x",
        "model.fit(5)",
    ),
    "a table that the code adds to is edited": (
        "config = {'rate': 3}\ndef process(x):\n    config.setdefault('verbose', False)\n    return x * config['rate']",
        "config['rate'] = 5",
    ),
    "an attribute of a function is set": (
        "def scale(x): return x * scale.factor\nscale.factor = 3\ndef process(x): return scale(x)",
        "scale.factor = 5",
    ),
    "an attribute that is no field is set": (
        "from dataclasses import dataclass\n@dataclass\nclass Row:\n    x: int\n"
        "row = Row(1)\nrow.rate = 3\ndef process(x): return x * row.rate",
        "row.rate = 5",
    ),
    "a generator of random numbers is used": (
        "import random\ngenerator = random.Random(1)\ndef process(x):\n"
        "    a = random.Random(); a.setstate(generator.getstate()); return a.random()",
        "generator.random()",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_stored_after_a_change_has_the_values_of_now(change: str) -> None:
    source, edit = CHANGES[change]
    space = run(source)
    before = take_snapshot(space["process"]), space["process"](1)
    run(edit, space)
    now = load_snapshot(payload_of(take_snapshot(space["process"])))(1)
    assert now == space["process"](1) != before[1]


def test_a_task_that_is_called_travels_with_the_options_it_has_now() -> None:
    cell = "import flyte_nb as flyte\nenv = flyte.TaskEnvironment('snapshots')\n"
    inner = "@env.task(retries={retries})\nasync def inner(): return 1\n"
    space = run(cell + inner.format(retries=1) + "def process(): return inner")
    assert load_snapshot(payload_of(take_snapshot(space["process"])))().options.retries.count == 1
    run(inner.format(retries=2), space)
    assert load_snapshot(payload_of(take_snapshot(space["process"])))().options.retries.count == 2


def test_another_process_can_go_on_with_it(tmp_path: Path) -> None:
    stored = tmp_path / "code"
    stored.write_bytes(payload_of(take_snapshot(run("STEP = 2\ndef process(x): return x * STEP")["process"])))
    program = "import sys\nfrom flyte_nb._code.snapshot import load_snapshot\n"
    program += "print(load_snapshot(open(sys.argv[1], 'rb').read())(21))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(stored)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "42\n"


def test_a_function_that_remembers_its_answers_is_loaded_by_another_process(tmp_path: Path) -> None:
    stored = tmp_path / "code"
    source = (
        "import functools\n@functools.lru_cache(maxsize=3)\ndef add(x): return x + 1\ndef process(x): return add(x)"
    )
    stored.write_bytes(payload_of(take_snapshot(run(source)["process"])))
    program = "import sys\nfrom flyte_nb._code.snapshot import load_snapshot\n"
    program += "process = load_snapshot(open(sys.argv[1], 'rb').read())\n"
    program += "print(process(1), process.__globals__['add'].cache_info())"
    done = subprocess.run(
        [sys.executable, "-c", program, str(stored)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "2 CacheInfo(hits=0, misses=1, maxsize=3, currsize=1)\n", done.stderr
    assert pickle.loads(pickle.dumps(fnmatch._compile_pattern)) is fnmatch._compile_pattern


def test_what_has_not_changed_is_not_pickled_again() -> None:
    space = run("STEPS = [1]\ndef process(x): return x + STEPS[0]")
    first = take_snapshot(space["process"])
    assert take_snapshot(space["process"]) is first
    space["STEPS"][0] = 5
    changed = take_snapshot(space["process"])
    assert changed is not first
    assert load_snapshot(payload_of(changed))(1) == 6


class Table:
    """Stands for a frame of an installed library: known by its type, with data of its own."""

    def __init__(self) -> None:
        self.cells = [1]


def test_data_the_digest_does_not_see_is_stored_as_it_is_now() -> None:
    table = Table()
    space = run("def process(): return TABLE.cells", TABLE=table)
    assert load_snapshot(payload_of(take_snapshot(space["process"])))() == [1]
    table.cells.append(2)
    assert load_snapshot(payload_of(take_snapshot(space["process"])))() == [1, 2]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def helper(): return client\ndef process(): return OTHER, helper()", "global 'client'"),
        (
            "def make(client):\n  def process(): return OTHER, client\n  return process",
            "closure variable 'client'",
        ),
        ("def process(x=OTHER, y=client): return x", "default of 'y'"),
        ("def process(x=OTHER, *, y=client): return x", "default of 'y'"),
        ("client = {'inner': [client]}\ndef process(): return OTHER, client", "global 'client'"),
    ],
)
def test_what_cannot_be_pickled_is_named_with_its_type_and_advice(source: str, name: str) -> None:
    space = run(source, client=threading.Lock(), OTHER=[1])
    process = space["make"](space["client"]) if "make" in space else space["process"]
    snapshot = take_snapshot(process)
    assert snapshot.payload is None
    assert "'process'" in snapshot.problem
    assert f"the {name}" in snapshot.problem
    assert ("_thread.lock" if "inner" not in source else "builtins.dict") in snapshot.problem
    assert "inside the task" in snapshot.problem


def test_once_the_culprit_is_gone_the_task_can_be_stored() -> None:
    space = run("def process(): return client", client=threading.Lock())
    assert take_snapshot(space["process"]).payload is None
    space["client"] = 5
    assert load_snapshot(payload_of(take_snapshot(space["process"])))() == 5


def test_a_missing_module_is_named() -> None:
    module = types.ModuleType("module_of_a_colleague")
    run("def clean(x): return x", vars(module))
    sys.modules[module.__name__] = module
    try:
        space = run("from module_of_a_colleague import clean\ndef process(x): return clean(x)")
        # A module made by hand would travel by value: this one says that it can be imported.
        payload = zlib.compress(pickle.dumps(space["clean"]))
    finally:
        del sys.modules[module.__name__]
    with pytest.raises(CodeBundleError, match="'module_of_a_colleague', which cannot be imported here"):
        load_snapshot(payload)


@pytest.mark.parametrize("damaged", [b"", b"not compressed", zlib.compress(b"not a pickle")])
def test_damaged_bytes_are_an_error_in_words(damaged: bytes) -> None:
    with pytest.raises(CodeBundleError, match="stored code of the run"):
        load_snapshot(damaged)


def test_a_real_task_comes_back_and_is_called() -> None:
    flyte = pytest.importorskip("flyte_nb")
    space = run(
        "env = flyte.TaskEnvironment('snapshots')\n@env.task\nasync def process(x: int) -> int: return x + 1",
        flyte=flyte,
    )
    first = take_snapshot(space["process"])
    task = load_snapshot(payload_of(first))
    assert task.name == space["process"].name
    assert take_snapshot(space["process"]) is first


def test_the_lines_of_functions_that_are_in_no_file_travel_with_them_and_no_others(tmp_path: Path) -> None:
    cell = "TOKEN = 'of nobody else'\n\ndef process(x):\n    def inner():\n        return 1 / x\n    return inner()\n"
    linecache.cache["<cell 5>"] = (len(cell), None, cell.splitlines(keepends=True), "<cell 5>")
    space = run(cell, file="<cell 5>")
    stored = tmp_path / "code"
    stored.write_bytes(payload_of(take_snapshot(space["process"])))
    program = "import sys, linecache, traceback\nfrom flyte_nb._code.snapshot import load_snapshot\n"
    program += "process = load_snapshot(open(sys.argv[1], 'rb').read())\n"
    program += "try: process(0)\nexcept ZeroDivisionError: print(traceback.format_exc())\n"
    program += "print(linecache.getlines('<cell 5>'))"
    shown = subprocess.run(
        [sys.executable, "-c", program, str(stored)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert 'File "<cell 5>", line 6, in process\n    return inner()\n' in shown
    assert 'File "<cell 5>", line 5, in inner\n    return 1 / x\n' in shown
    assert "nobody else" not in shown
