from __future__ import annotations

import os
import subprocess
import sys

HEAVY = ("pydantic", "pandas", "cloudpickle", "keyring", "google.protobuf", "flyteidl2", "fsspec")


def test_declaring_and_calling_a_task_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from flyte_nb._task.environment import TaskEnvironment\n"
        "env = TaskEnvironment('light', secrets='token', image='alpine', cache='auto')\n"
        "@env.task(retries=1, timeout='1h')\n"
        "def step(x: int) -> int:\n"
        "    return x\n"
        "step.override(short_name='s')(1)\n"
        "step.options.describe()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
