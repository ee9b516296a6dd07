"""A process that computes what another one waits for, in `test_identical_calls`.

Usage: serialized_program.py HOME

It says "computing" when it holds the right to compute, and never ends.
"""

from __future__ import annotations

import asyncio
import sys

import flyte_nb as flyte

env = flyte.TaskEnvironment("identical")


@env.task(cache=flyte.Cache("auto", version_override="1", serialize=True))
async def work(x: int) -> int:
    """Comes to no end."""
    print("computing", flush=True)
    await asyncio.sleep(3600)
    return x


flyte.init(home=sys.argv[1])
flyte.run(work, 1).wait()
