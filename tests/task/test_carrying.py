"""Tasks and environments as pickles."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import pytest

from flyte_nb._task.environment import TaskEnvironment
from flyte_nb._task.registry import find_task
from flyte_nb.errors import ModuleLoadError

SOURCE = """
from flyte_nb._task.environment import TaskEnvironment

env = TaskEnvironment("carried_module", queue="slow")

@env.task
def double(x: int) -> int:
    return 2 * x
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    (tmp_path / "carried_module.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("carried_module")
    del sys.modules["carried_module"]


def test_a_task_of_a_module_goes_by_reference(module: ModuleType) -> None:
    assert pickle.loads(pickle.dumps(module.double)) is module.double
    assert cloudpickle.loads(cloudpickle.dumps(module.double)) is module.double


def test_an_override_goes_as_its_task_and_the_changed_options(module: ModuleType) -> None:
    changed = module.double.override(short_name="changed", retries=2)
    back = pickle.loads(pickle.dumps(changed))
    assert back is not changed
    assert (back.short_name, back.options) == ("changed", changed.options)
    assert back.func is module.double.func
    assert back.interface is module.double.interface


def test_a_task_that_was_replaced_in_its_module_goes_by_value(module: ModuleType) -> None:
    earlier = module.double
    module.double = module.env.task(function_named("double"))
    back = cloudpickle.loads(cloudpickle.dumps(earlier))
    assert back is not earlier
    assert back is not module.double
    assert back(4) == 8


def test_a_task_of_a_module_that_is_carried_along_goes_by_value(module: ModuleType) -> None:
    cloudpickle.register_pickle_by_value(module)
    try:
        back = cloudpickle.loads(cloudpickle.dumps(module.double))
    finally:
        cloudpickle.unregister_pickle_by_value(module)
    assert back is not module.double
    assert back(4) == 8


def test_a_local_task_goes_by_value_with_its_options_and_environment() -> None:
    env = TaskEnvironment("local", env_vars={"A": "1"})
    factor = 3

    @env.task(short_name="times", retries=2)
    def times(x: int) -> int:
        """Some more."""
        return factor * x

    back = cloudpickle.loads(cloudpickle.dumps(times))
    assert back is not times
    assert (back(5), back.name, back.short_name, back.__doc__) == (15, "local.times", "times", "Some more.")
    assert back.options == times.options
    assert back.environment.name == "local"
    assert back.environment.tasks == {"local.times": back}
    assert list(back.interface.inputs) == ["x"]


def test_a_carried_task_counts_as_older_than_every_declaration_and_replaces_none() -> None:
    env = TaskEnvironment("older")

    @env.task
    def step() -> None: ...

    assert cloudpickle.loads(cloudpickle.dumps(step)).generation == 0
    assert find_task("older.step") is step


def test_a_task_does_not_bring_along_the_others_of_its_environment() -> None:
    env = TaskEnvironment("luggage")
    handle = open(__file__)  # noqa: SIM115 - something that cannot be pickled

    @env.task
    def heavy() -> str:
        return handle.name

    @env.task
    def light() -> int:
        return 1

    back = cloudpickle.loads(cloudpickle.dumps(light))
    handle.close()
    assert list(back.environment.tasks) == ["luggage.light"]


def test_an_environment_survives_pickling_with_its_dependencies() -> None:
    env = TaskEnvironment("pickled", depends_on=[TaskEnvironment("below")], secrets="token", cache="auto")
    back = pickle.loads(pickle.dumps(env))
    assert (back.name, back.secrets, back.cache) == ("pickled", "token", "auto")
    assert [other.name for other in back.depends_on] == ["below"]


def test_a_task_of_a_script_reaches_another_process_with_what_it_calls(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    carried = tmp_path / "carried.pkl"
    script.write_text(
        "import sys, cloudpickle\n"
        "from flyte_nb._task.environment import TaskEnvironment\n"
        "env = TaskEnvironment('script')\n"
        "@env.task\n"
        "def inner(x: int) -> int:\n"
        "    return x + 1\n"
        "@env.task\n"
        "def outer(x: int) -> int:\n"
        "    return inner(x) * 10\n"
        "open(sys.argv[1], 'wb').write(cloudpickle.dumps(outer.override(short_name='o')))\n"
    )
    subprocess.run([sys.executable, str(script), str(carried)], check=True, env=_environment())
    back = pickle.loads(carried.read_bytes())
    assert back(2) == 30
    assert (back.name, back.short_name) == ("script.outer", "o")


def test_a_reference_to_a_module_that_is_gone_names_it(module: ModuleType, tmp_path: Path) -> None:
    data = pickle.dumps(module.double)
    held = sys.modules.pop("carried_module")
    (tmp_path / "carried_module.py").unlink()
    importlib.invalidate_caches()
    sys.path_importer_cache.clear()
    try:
        with pytest.raises(ModuleLoadError, match="'double' is in module 'carried_module'"):
            pickle.loads(data)
    finally:
        sys.modules["carried_module"] = held


def test_a_reference_to_a_task_that_is_gone_names_it(module: ModuleType) -> None:
    data = pickle.dumps(module.double)
    module.double = 3
    with pytest.raises(ModuleLoadError, match="holds no task 'double' here; it has int"):
        pickle.loads(data)


def function_named(name: str) -> Any:
    def function(x: int) -> int:
        return -x

    function.__name__ = name
    return function


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
