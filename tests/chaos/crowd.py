"""One of several processes that use a home at the same time: `python -m tests.chaos.crowd HOME WHO RUNS`.

Says that it is ready, waits for a line, starts all its runs at once, and prints their outputs as JSON.
"""

from __future__ import annotations

import json
import sys

import flyte_nb as flyte

from .workflows import env


@env.task(cache=flyte.Cache("auto", serialize=True))
async def shared(x: int) -> int:
    return 10 * x


@env.task
def on_thread(x: int) -> str:
    return "y" * 20_000 + str(x)


@env.task
async def member(number: int) -> list[int]:
    values = [await shared(x) for x in range(number, number + 5)]
    return [*values, len(await on_thread.aio(number))]


def expected(number: int) -> list[int]:
    """What `member` gives."""
    return [*(10 * x for x in range(number, number + 5)), 20_000 + len(str(number))]


def main() -> None:
    home, who, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    flyte.init(home=home)
    print("ready", flush=True)
    sys.stdin.readline()
    started = [flyte.with_runcontext(name=f"{who}-{number}").run(member, number) for number in range(runs)]
    print(json.dumps([run.outputs()[0] for run in started]), flush=True)


if __name__ == "__main__":
    main()
