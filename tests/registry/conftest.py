"""Code that is deployed as its authors would, and forgotten, so that callers have nothing of it."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from weakref import WeakValueDictionary

import pytest

import flyte_nb as flyte
from flyte_nb._registry.publishing import bundle_of, publish
from flyte_nb._registry.registry import Registry
from flyte_nb._task import registry as declared

TOOLS = '''
import asyncio
import dataclasses
import enum
import os
import sys

import pandas as pd
from pydantic import BaseModel

import flyte_nb as flyte
from flyte_nb.io import Dir, File
from tools_helper import scaled

env = flyte.TaskEnvironment("tools", description="For everybody.", env_vars={"REGION": "eu"})
keyed = flyte.TaskEnvironment("keyed", secrets=flyte.Secret("api-key", as_env_var="KEY"))


class Shade(enum.Enum):
    DARK = 1
    LIGHT = 2


@dataclasses.dataclass
class Point:
    x: float
    y: float = 2.0
    items: list[int] = dataclasses.field(default_factory=list)


class Request(BaseModel):
    point: Point
    label: str = "none"


class Hidden:
    def __init__(self, secret):
        self.secret = secret


class Refused(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


@env.task
async def scale(point: Point, by: int = 3) -> Point:
    """A point, further away."""
    print("scaling")
    return Point(scaled(point.x, by), point.y, [*point.items, by])


@env.task
def label(request: Request) -> str:
    return f"{request.label} {request.point.x}"


@env.task
async def opposite(shade: Shade) -> Shade:
    return Shade.LIGHT if shade is Shade.DARK else Shade.DARK


@env.task
async def doubled(frame: pd.DataFrame) -> pd.DataFrame:
    assert type(frame) is pd.DataFrame
    return frame * 2


@env.task
async def shouted(file: File) -> File:
    async with file.open("rb") as stream:
        text = bytes(await stream.read()).decode()
    with open(f"{os.getpid()}.txt", "w") as out:
        out.write(text.upper())
    found = await File.from_local(out.name)
    os.remove(out.name)
    return found


@env.task
async def either(value: int | str | None = None) -> tuple[str, list[int]]:
    return type(value).__name__, [1, 2]


@env.task
async def hide(secret: str) -> Hidden:
    return Hidden(secret)


@env.task
async def reveal(hidden: Hidden) -> str:
    return hidden.secret


@env.task
async def whatever(value) -> dict:
    return {"got": value, "kind": type(value).__name__}


@env.task
async def refuse() -> int:
    raise Refused("this", "that")


@env.task
async def meets(folder: str, me: str, other: str) -> str:
    open(f"{folder}/{me}", "w").close()
    while not os.path.exists(f"{folder}/{other}"):
        await asyncio.sleep(0.01)
    return "met"


@env.task
async def calls_leaf_in_a_queue(number: int) -> int:
    return await leaf.override(queue="high-priority")(number)


@env.task
async def leaf(number: int) -> int:
    return number + 1


@env.task
async def tree(number: int) -> int:
    parts = await asyncio.gather(*(leaf.override(short_name=f"leaf {n}")(n) for n in range(number)))
    return sum(parts)


@env.task
async def surroundings() -> dict[str, str]:
    context = flyte.ctx()
    return {
        "version": context.version,
        "region": os.environ.get("REGION", ""),
        "level": os.environ.get("LEVEL", ""),
        "path": os.pathsep.join(sys.path),
        "pid": str(os.getpid()),
    }


@env.task(cache="auto")
async def kept(number: int) -> str:
    return f"{number} {os.getpid()}"


@env.task
async def greedy() -> int:
    return len([0] * 60_000_000)


@keyed.task
async def length_of_key() -> int:
    return len(os.environ["KEY"])
'''
HELPER = "def scaled(value, by):\n    return value * by\n"


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def environments_in(folder: Path, name: str) -> list[flyte.TaskEnvironment]:
    """Those that the module of that name in a folder declares; neither it nor its tasks are known afterwards."""
    before = {name: dict(tasks) for name, tasks in declared._living.items()}
    latest = dict(declared._latest)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        module = importlib.import_module(name)
        return [value for value in vars(module).values() if isinstance(value, flyte.TaskEnvironment) and value.tasks]
    finally:
        sys.path.remove(str(folder))
        declared._latest.clear()
        declared._latest.update(latest)
        declared._living.clear()
        declared._living.update((name, WeakValueDictionary(tasks)) for name, tasks in before.items())


def forget(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]


def deploy(registry: Path | str, folder: Path, name: str, version: str | None = None) -> str:
    """Deploy what a module declares; gives the version."""
    try:
        environments = environments_in(folder, name)
        sys.path.insert(0, str(folder))
        try:
            bundle = bundle_of(tuple(environments), version)
        finally:
            sys.path.remove(str(folder))
        publish(bundle, Registry(str(registry)))
        return bundle.version
    finally:
        forget(folder)


@pytest.fixture(scope="session")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the environments of `TOOLS`."""
    folder = tmp_path_factory.mktemp("tools")
    put(folder, "tools.py", TOOLS)
    put(folder, "tools_helper.py", HELPER)
    deploy(folder / "registry", folder, "tools", "v1")
    return folder / "registry"


@pytest.fixture
def in_use(tools: Path, home: Path) -> Iterator[Path]:
    """`tools` as the registry that tasks are looked for in."""
    flyte.init(home=home, registry=tools)
    yield tools
