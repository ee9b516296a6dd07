"""Under `compat.install()` the names of the other SDK give ours."""

from __future__ import annotations

import logging
import pickle
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cloudpickle
import pytest

import flyte_nb
from flyte_nb import compat
from flyte_nb.errors import InitializationError


@pytest.fixture
def installed() -> Iterator[None]:
    compat.install()
    yield
    compat.uninstall()


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    "name", ["durable", "errors", "extras", "io", "models", "remote", "report", "storage", "types", "io.extend"]
)
def test_a_subpackage_is_ours_itself(name: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"import flyte.{name}\nimport flyte_nb.{name}\nsame = flyte.{name} is flyte_nb.{name}", namespace)
    assert namespace["same"] is True
    assert sys.modules[f"flyte.{name}"] is sys.modules[f"flyte_nb.{name}"]


@pytest.mark.usefixtures("installed")
def test_every_way_to_import_gives_the_same_objects() -> None:
    namespace: dict[str, object] = {}
    exec(
        "import flyte, flyte.io\n"
        "from flyte import TaskEnvironment, logger\n"
        "from flyte.io import File\n"
        "import flyteplugins.hitl as hitl\n"
        "from flyteplugins.jsonl import JsonlDir\n"
        "import flyteplugins.polars\n",
        namespace,
    )
    import flyte_nb.hitl
    import flyte_nb.io
    import flyte_nb.jsonl

    assert namespace["flyte"] is flyte_nb
    assert namespace["TaskEnvironment"] is flyte_nb.TaskEnvironment
    assert namespace["File"] is flyte_nb.io.File
    assert namespace["hitl"] is flyte_nb.hitl
    assert namespace["JsonlDir"] is flyte_nb.jsonl.JsonlDir
    assert flyte_nb.__name__ == flyte_nb.__spec__.name == "flyte_nb"
    assert flyte_nb.io.__spec__.name == "flyte_nb.io"


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("import flyte; flyte.AppEnvironment", "flyte.AppEnvironment"),
        ("import flyte.io; flyte.io.Nothing", "flyte.io.Nothing"),
        ("import flyte.errors; flyte.errors.NoSuchError", "flyte.errors.NoSuchError"),
    ],
)
def test_a_name_that_we_do_not_have_is_said_so(program: str, name: str) -> None:
    with pytest.raises(
        AttributeError, match=rf"^flyte_nb has no {name}; help\('flyte_nb\.compat'\) says what it has\.$"
    ):
        exec(program, {})


def test_help_says_what_is_found_under_which_name() -> None:
    text = pydoc.plain(pydoc.render_doc("flyte_nb.compat"))
    subpackages = [name for name in compat._SUBPACKAGES if not re.search(rf"\b{name}\b", text)]
    plugins = [plugin for plugin in compat._PLUGIN_HOMES if f"flyteplugins.{plugin}" not in text]
    assert (subpackages, plugins) == ([], [])
    assert "What is not found: apps" in text


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["flyte.app", "flyte._internal", "flyte.io.nothing", "flyteplugins.jsonl.writers"])
def test_a_module_that_we_do_not_have_is_said_so(name: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=f"^flyte_nb has no module '{name}'"):
        exec(f"import {name}", {})


@pytest.mark.usefixtures("installed")
def test_other_plugins_are_looked_for_where_they_are_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "flyteplugins" / "other").mkdir(parents=True)
    (tmp_path / "flyteplugins" / "other" / "__init__.py").write_text("import flyte\nname = flyte.__name__\n")
    monkeypatch.syspath_prepend(tmp_path)
    namespace: dict[str, str] = {}
    exec("import flyteplugins.other as other\nname = other.name", namespace)
    assert namespace["name"] == "flyte_nb"
    del sys.modules["flyteplugins.other"]
    compat.uninstall()
    compat.install()
    with pytest.raises(ModuleNotFoundError, match=r"No module named 'flyteplugins\.nowhere'"):
        exec("import flyteplugins.nowhere", {})


@pytest.mark.usefixtures("installed")
def test_classes_and_modules_can_be_pickled_and_are_ours_when_read() -> None:
    namespace: dict[str, object] = {}
    exec("import flyte.io\nfrom flyte.io import File\nmodule = flyte.io", namespace)
    assert pickle.loads(pickle.dumps(namespace["File"])) is namespace["File"]
    assert cloudpickle.loads(cloudpickle.dumps(namespace["module"])) is sys.modules["flyte_nb.io"]


def test_uninstall_leaves_nothing_behind() -> None:
    compat.install()
    compat.install()
    exec("import flyte.io, flyteplugins.hitl", {})
    compat.uninstall()
    compat.uninstall()
    assert not compat.is_installed()
    assert not [name for name in sys.modules if name.partition(".")[0] in ("flyte", "flyteplugins")]
    with pytest.raises(AttributeError, match=r"^module 'flyte_nb' has no attribute 'AppEnvironment'"):
        _ = flyte_nb.AppEnvironment


@pytest.mark.parametrize("imported", ["flyte", "flyte.io", "flyteplugins.hitl"])
def test_it_refuses_when_the_other_sdk_is_imported_already(
    imported: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path.joinpath(*imported.split("."))
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    exec(f"import {imported}", {})
    try:
        with pytest.raises(InitializationError, match="is imported already, from .*Restart Python"):
            compat.install()
        assert not compat.is_installed()
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] in ("flyte", "flyteplugins")]:
            del sys.modules[name]


def test_without_install_nothing_is_called_flyte() -> None:
    program = "import flyte_nb, flyte_nb.compat, importlib.util as u; print(flyte_nb.compat.is_installed())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_endpoint_is_accepted_and_the_note_says_that_nobody_asks_it(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "flyte_nb"):
        flyte_nb.init(endpoint="https://cluster.example.com", org="o", project="p", domain="d", home=home)
    assert caplog.messages == [
        "Runs stay on this machine: endpoint='https://cluster.example.com' is recorded and not contacted."
    ]
    assert flyte_nb.current_project() == "p"
    caplog.clear()
    with caplog.at_level(logging.WARNING, "flyte_nb"):
        flyte_nb.init_from_config(home=home)
    assert caplog.messages == []
