"""A notebook that is struck: cells in a real kernel, and the page that runs them.

The kernel is started, its cells are run one after the other, and the page ends as its kernel has ended, so that a
round sees in it what it sees in a script. After a death a new kernel runs the same cells, or, of a notebook whose run
keeps its code, only those that define nothing.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
from collections import Counter
from pathlib import Path

from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from . import ledger
from .lives import FAILED, home_of
from .strikes import strike_at_write_points

ROOT = Path(__file__).parents[2]
LOOK_EVERY_S = 0.2
LEAVES_WITHIN_S = 60.0

BEGINS = """
import asyncio
import flyte_nb as flyte
from flyte_nb import hitl
from tests.chaos import lives, notebook
from tests.chaos.strikes import effect
from tests.chaos.workflows import act
notebook.settle_in()
"""

DEFINES = (
    """
env = flyte.TaskEnvironment("notebook", depends_on=[hitl.env])
apart = flyte.TaskEnvironment("notebook_apart", resources=flyte.Resources(memory="4Gi"))
SCALE = 3

def scaled(x):
    return SCALE * x

@flyte.trace
async def looked_up(x: int) -> int:
    effect(f"looked_up:{x}")
    return scaled(x)

@env.task
async def small(x: int) -> int:
    act()
    return x * x

@env.task(cache=flyte.Cache("auto", serialize=True))
async def costly(x: int) -> int:
    act()
    return 100 * scaled(x)

@env.task
def on_thread(x: int) -> str:
    act()
    return "y" * 40_000 + str(sum(flyte.map(small, range(x, x + 3))))

@apart.task(retries=10)
def in_worker(x: int) -> int:
    act()
    return scaled(x)
""",
    """
@env.task(report=True)
async def branch(x: int) -> int:
    act()
    flyte.report.log(f"<p>{x}</p>", do_flush=True)
    with flyte.group(f"part {x}"):
        numbers = await asyncio.gather(*(small(10 * x + n) for n in range(5)), costly(x % 2), looked_up(x))
        return sum(numbers) + len(await on_thread.aio(x)) + await in_worker.aio(x)

@env.task
async def main(width: int) -> int:
    act()
    total = sum(await asyncio.gather(*(branch(x) for x in range(width))))
    event = await hitl.new_event.aio("go on", data_type=int, prompt="How many?", timeout_seconds=10**7)
    return total + await event.wait.aio() + sum(flyte.map(small, range(1000, 1000 + width)))
""",
)

SHOWS = """
run = lives.gone_on_with() or flyte.with_runcontext(name=lives.RUN).run(main, *ARGUMENTS)
run
"""

WAITS = ("run.wait()", "notebook.note_output(await run.outputs.aio())")


def cells(arguments: tuple[int, ...], *, defines: bool) -> tuple[str, ...]:
    """The notebook, with the arguments of its main task; `defines` is whether its tasks are defined."""
    return (BEGINS, *(DEFINES if defines else ()), SHOWS.replace("ARGUMENTS", repr(arguments)), *WAITS)


# in the kernel -------------------------------------------------------------------------------------------------------

_reached: Counter[str] = Counter()


def settle_in() -> None:
    """Let faults find this kernel."""
    global _reached
    folder = ledger.chaos_folder()
    (folder / "driver").write_text(str(os.getpid()))
    _reached = strike_at_write_points(folder)


def note_output(outputs: tuple[object, ...]) -> None:
    """Keep what the run has given."""
    folder = ledger.chaos_folder()
    (folder / "output").write_text(json.dumps(outputs[0]))
    (folder / "reached").write_text(json.dumps(_reached))


def note_error() -> None:
    """Keep what the last cell has raised."""
    error = sys.last_value
    (ledger.chaos_folder() / "error").write_text(f"{type(error).__module__}.{type(error).__name__}: {error}")


# the page ------------------------------------------------------------------------------------------------------------


def drive(folder: Path, arguments: tuple[int, ...], *, keeps_code: bool) -> None:
    """Run the cells in a new kernel, to the end of the last one or of the kernel."""
    (folder / "error").unlink(missing_ok=True)
    os.environ["JUPYTER_RUNTIME_DIR"] = str(folder / "jupyter")
    manager = KernelManager(kernel_name="python3", shutdown_wait_time=2 * LEAVES_WITHIN_S)  # half of it without force
    manager.start_kernel(env=_environment(folder), cwd=str(folder))
    kernel = manager.provisioner.process  # type: ignore[union-attr]
    client = manager.client()
    client.start_channels()
    was_begun = (folder / "ledger").exists()
    try:
        client.wait_for_ready(timeout=60)
        failed = not all(
            _runs(cell, manager, client) for cell in cells(arguments, defines=not (keeps_code and was_begun))
        )
        if failed:
            _runs("notebook.note_error()", manager, client)
    except _KernelIsGone:
        failed = False
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
    print(f"The kernel has ended with {kernel.returncode}.", flush=True)
    if kernel.returncode == -signal.SIGKILL:
        os.kill(os.getpid(), signal.SIGKILL)
    raise SystemExit(FAILED if failed else kernel.returncode)


class _KernelIsGone(Exception):
    pass


def _environment(folder: Path) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        **os.environ,
        "FLYTE_NB_HOME": str(home_of(folder)),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join(paths),
    }


def _runs(cell: str, manager: KernelManager, client: BlockingKernelClient) -> bool:
    """Run a cell to its end; False if it has failed."""
    request = client.execute(cell, allow_stdin=False)
    while True:
        try:
            reply = client.get_shell_msg(timeout=LOOK_EVERY_S)
        except queue.Empty:
            if not manager.is_alive():
                raise _KernelIsGone from None
            continue
        if reply["parent_header"].get("msg_id") == request:
            if reply["content"]["status"] == "error":
                print("\n".join(reply["content"]["traceback"]), flush=True)
            return bool(reply["content"]["status"] == "ok")
