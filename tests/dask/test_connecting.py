"""A back-end finds its cluster, or says before long why not, wherever the cluster lives."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.backends.dask import DaskBackend
from flyte_nb.backends.dask import cluster as connection

env = flyte.TaskEnvironment("connecting", queue="there")


@env.task
async def square(x: int) -> int:
    return x * x


def test_a_cluster_on_the_notebooks_own_event_loop_is_used_without_holding_that_loop_up(home: Path) -> None:
    async def notebook() -> int:
        from distributed import Client

        async with Client(
            asynchronous=True, n_workers=1, threads_per_worker=1, dashboard_address=None, silence_logs=50
        ) as client:
            flyte.init(home=home, queues={"there": DaskBackend(client)})
            needy = flyte.run(square.override(resources=flyte.Resources(gpu=1)), 7)
            await needy.wait.aio()
            with pytest.raises(errors.RuntimeUserError, match="gpu=1, and none of the 1 Dask workers can ever do it"):
                needy.outputs()
            run = flyte.run(square, 7)
            await run.wait.aio()
            return int(run.outputs()[0])

    assert asyncio.run(notebook()) == 49


def test_something_that_listens_and_never_answers_is_said_to_be_no_scheduler(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "ANSWER_WITHIN_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        flyte.init(home=home, queues={"there": DaskBackend(address)})

        with pytest.raises(errors.ClusterError, match=f"listens at {address} and has not answered"):
            flyte.run(square, 7)
