"""Look at deployed code as its callers' workers will: in a process that has nothing but the files that are deployed."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import msgspec

from .._task.task import Task
from ..errors import DeploymentError, ModuleLoadError
from ..types.type_text import shown
from .descriptions import described
from .interpreter import this_interpreter
from .loading import import_code, task_in_code
from .manifest import DeployedInput, DescribedTask
from .options import options_as_json
from .source import Source

WITHIN_S = 300
_LAST_CHARACTERS = 4_000


def describe(source: Source, tasks: list[str], *, compat: bool) -> dict[str, DescribedTask]:
    """The tasks of `source` with these names, by them.

    Raises
    ------
    DeploymentError
        If the code cannot be imported alone, or the signature of a task cannot be told to others.
    """
    with tempfile.TemporaryDirectory(prefix="flyte_nb-") as scratch:
        folder, answer = Path(scratch, "code"), Path(scratch, "answer.json")
        for path, content in source.files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        question = json.dumps(
            {"folder": str(folder), "modules": source.modules, "tasks": tasks, "compat": compat, "answer": str(answer)}
        )
        command = this_interpreter().command("from flyte_nb._registry.describing import main; main()")
        try:
            done = subprocess.run(
                command, input=question, capture_output=True, text=True, timeout=WITHIN_S, check=False, cwd=scratch
            )
        except subprocess.TimeoutExpired:
            raise DeploymentError(
                f"Importing {', '.join(source.modules)} did not end within {WITHIN_S} s. A module that is deployed"
                ' declares tasks and starts nothing: move what it does below `if __name__ == "__main__":`.'
            ) from None
        try:
            answered = msgspec.json.decode(answer.read_bytes())
        except (OSError, msgspec.DecodeError):
            raise DeploymentError(
                f"Importing {', '.join(source.modules)} ended the process (exit code {done.returncode}):"
                f" {done.stderr[-_LAST_CHARACTERS:].strip() or 'it had printed nothing'}"
            ) from None
    if "problem" in answered:
        raise DeploymentError(str(answered["problem"]))
    return msgspec.convert(answered["tasks"], dict[str, DescribedTask])


def main() -> None:
    """What runs in that process: reads the question, writes the answer."""
    question = json.load(sys.stdin)
    answer: dict[str, Any] = {}
    try:
        import_code(question["folder"], question["modules"], compat=question["compat"])
        found = {name: described_task(task_in_code(name)) for name in question["tasks"]}
        answer["tasks"] = msgspec.to_builtins(found)
    except ModuleLoadError as error:
        cause = error.__cause__
        shown_at = "".join(traceback.format_exception(cause)[-4:]).strip() if cause is not None else ""
        answer["problem"] = f"{error}\n{shown_at}" if shown_at else str(error)
    except Exception as error:
        answer["problem"] = f"{type(error).__name__}: {error}"
    Path(question["answer"]).write_bytes(msgspec.json.encode(answer))


def described_task(task: Task[Any, Any]) -> DescribedTask:
    """What callers need to know of a task."""
    interface = task.interface
    inputs = {}
    for name, (kind, default) in interface.inputs.items():
        required = default is inspect.Parameter.empty
        inputs[name] = DeployedInput(
            type=described(kind), required=required, default="" if required else shown(default)
        )
    outputs = tuple(described(kind) for kind in interface.outputs.values())
    return DescribedTask(
        name=task.name,
        inputs=inputs,
        outputs=outputs,
        several=interface.gives_tuple,
        options={name: value for name, value in options_as_json(task.options).items() if name != "queue"},
        is_async=task.is_async,
        documentation=inspect.getdoc(task.func) or "",
    )
