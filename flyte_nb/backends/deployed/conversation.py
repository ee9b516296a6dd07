"""The kernel's end of an attempt of deployed code: nothing that comes from there is unpickled here."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from ..._engine.action import Action
from ..._engine.failure import received
from ..._registry.options import options_as_json, options_from_json
from ..._registry.registry import Registry
from ..._registry.task import DeployedTask
from ..._task.task import Task
from ...errors import RemoteTaskNotFoundError
from ...models.events import ErrorRecord
from ..workers import messages as say
from ..workers.conversation import Conversation, Link
from ..workers.surroundings import setup_of


class DeployedConversation(Conversation):
    """One attempt of deployed code.

    Parameters
    ----------
    folder : Path
        Where the code is.
    """

    def __init__(self, action: Action, link: Link, *, folder: Path) -> None:
        super().__init__(action, link)
        task = action.plan.task
        assert isinstance(task, DeployedTask)
        self._task: DeployedTask = task
        self._folder = folder

    def setup(self) -> say.Setup:
        """See `Conversation`."""
        return setup_of(self._run, self._task.deployment)

    def code(self) -> say.Code | say.Source:
        """See `Conversation`."""
        manifest = self._task.deployment.manifest
        return say.Source(
            self._action.plan.code.key,
            str(self._folder),
            list(manifest.modules),
            self._task.deployment.task(self._task.name).name,
            manifest.compat,
        )

    def secrets(self) -> list[dict[str, str]]:
        """See `Conversation`."""
        found: list[dict[str, str]] = options_as_json(self._task.options).get("secrets", [])
        return found

    def error_of(self, record: ErrorRecord) -> Exception:
        """See `Conversation`: the error as it can be told without the classes of the deployed code."""
        return received(replace(record, pickled=None))

    async def task_of(self, call: say.Call) -> Task[Any, Any] | None:
        """See `Conversation`: a task of the same deployment, or one that the code refers to by name and version."""
        key = (f"{self._task.deployment.digest} {call.task}", "", call.options)
        found = self._run.called_by_name.get(key)
        if found is not None:
            return found
        task = None if " " in call.task else await self._sibling(call.task)
        if task is None:
            if not call.code:
                return None
            wanted = json.loads(call.code)
            task = await self._found(str(wanted["name"]), str(wanted["version"]))
        if call.options:
            overridden = json.loads(call.options)
            overridden.pop("queue", None)  # its author's queues are not its caller's
            task = task.with_options(options_from_json(overridden))
        self._run.called_by_name[key] = task
        return task

    async def _sibling(self, name: str) -> Task[Any, Any] | None:
        """What the code calls `name`: of its own environment, or of one that was deployed as the same version."""
        deployment = self._task.deployment
        for deployed, described in deployment.manifest.tasks.items():
            if described.name == name:
                return DeployedTask(deployed, deployment)
        try:
            return await self._found(name, deployment.version)
        except RemoteTaskNotFoundError:
            return None

    async def _found(self, name: str, version: str) -> DeployedTask:
        address = self._task.deployment.registry
        deployment = await asyncio.to_thread(lambda: Registry(address).find(name, version))
        return DeployedTask(name, deployment)
