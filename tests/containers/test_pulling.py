"""Images that are not here are pulled, from a registry of the tests' own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import flyte_nb as flyte
from flyte_nb.backends.containers.engine import Engine, find_engine, forget_engines
from flyte_nb.backends.containers.images import Progress
from flyte_nb.errors import ImagePullBackOffError
from flyte_nb.extras import ContainerTask
from flyte_nb.models import ActionPhase
from tests.containers.engine import has_image, remove_image
from tests.containers.registry import Registry

pytestmark = pytest.mark.usefixtures("engine")

env = flyte.TaskEnvironment("of_pulling")


@pytest.fixture
def registry(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    opened = Registry()
    settings = tmp_path / "registries.conf"
    settings.write_text(f'[[registry]]\nlocation = "{opened.address}"\ninsecure = true\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(settings))
    forget_engines()  # a service of Podman reads its settings once
    yield opened
    opened.close()
    remove_image(find_engine(), opened.image)
    forget_engines()


def pulled(registry: Registry, name: str = "pulled", **settings: Any) -> ContainerTask:
    command = ["/bin/sh", "-c", "echo 7 > /var/outputs/n"]
    return ContainerTask(name, settings.pop("image", registry.image), command, outputs={"n": int}, network="none")


def log_of(run: Any) -> str:
    action = next(iter(flyte.remote.Action.listall(for_run_name=run.name)))
    return "\n".join(action.get_logs())


def test_an_image_is_pulled_on_first_use_and_the_log_says_so(registry: Registry) -> None:
    first = flyte.run(pulled(registry))
    assert first.outputs() == 7
    assert f"Pulling image {registry.image} ..." in log_of(first)
    assert len(log_of(first).splitlines()) > 1, "what the engine says of its progress"

    second = flyte.run(pulled(registry))
    assert second.outputs() == 7
    assert log_of(second) == ""
    assert registry.layers_sent == 1


def test_actions_that_need_the_same_image_pull_it_once(registry: Registry) -> None:
    @env.task
    async def main() -> int:
        return sum(await asyncio.gather(*(pulled(registry)() for _ in range(3))))

    assert flyte.run(main).outputs() == 21
    assert registry.layers_sent == 1


def test_an_abort_ends_a_pull(registry: Registry) -> None:
    registry.may_send.clear()
    run = flyte.run(pulled(registry))
    assert registry.asked.wait(20)
    run.abort("enough")
    run.wait()
    assert run.phase is ActionPhase.ABORTED
    for thread in threading.enumerate():
        if thread.name == "flyte_nb-container":
            thread.join(30)
            assert not thread.is_alive(), "it waits for the registry still"
    registry.may_send.set()
    assert not has_image(find_engine(), registry.image)


def test_a_tag_that_the_registry_does_not_have_is_said(registry: Registry) -> None:
    run = flyte.run(pulled(registry, image=f"{registry.address}/busybox:2"))
    with pytest.raises(ImagePullBackOffError, match="busybox:2' is not here, and .* cannot pull it: .*"):
        run.outputs()


def test_each_state_of_a_layer_is_told_once_and_how_much_has_come_at_every_tenth() -> None:
    told: list[str] = []
    progress = Progress(told.append)

    for part in range(101):
        for layer in ("one", "two"):
            counted = {"current": part * 1_000_000, "total": 100_000_000}
            progress.take({"id": layer, "status": "Downloading", "progressDetail": counted})
    progress.take({"id": "one", "status": "Pull complete", "progressDetail": {}})
    progress.take({"status": "Downloaded newer image"})

    assert told[:2] == ["one: Downloading\n", "two: Downloading\n"]
    assert told[2:-2] == [f"{20 * tenth:.1f} of 200.0 MB\n" for tenth in range(1, 11)]
    assert told[-2:] == ["one: Pull complete\n", "Downloaded newer image\n"]
