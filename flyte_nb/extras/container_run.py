"""A call of a container task, from its values to its values."""

from __future__ import annotations

import contextlib
import logging
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._engine.scope import current_scope
from .._task.options import TaskOptions
from .._task.secret import resolve_secret
from ..backends.containers.container import Container, State
from ..backends.containers.control import Control
from ..backends.containers.engine import Engine, find_engine
from ..backends.containers.following import Following
from ..backends.containers.guard import guarded
from ..backends.containers.images import image_for
from ..backends.containers.leftovers import ended_at_exit, own_folder, sweep_once
from ..backends.containers.output import ContainerOutput
from ..errors import ContainerEngineError, ContainerExitError, OOMError
from .input_folder import InputFolder
from .limits import Limits
from .output_folder import read_outputs, too_much_written, unpack
from .recipe import ContainerRecipe
from .templates import filled

logger: logging.Logger = logging.getLogger("flyte_nb")

WEIGH_EVERY_S = 2.0
KILLED = 128 + 9
NO_PROGRAM = 127
_SIGNS_OF_NO_PROGRAM = ("exec:", "executable")


@dataclass(frozen=True)
class ContainerRun:
    """Runs a container for given values; to be called on a thread of its own.

    Attributes
    ----------
    recipe : ContainerRecipe
    options : TaskOptions
    shown : bool
        Whether what the container prints also appears in the cell.
    """

    recipe: ContainerRecipe
    options: TaskOptions
    shown: bool

    def __call__(self, values: Mapping[str, Any], control: Control) -> Any:
        """What the container made of `values`.

        Raises
        ------
        Stopped
            If somebody wanted that.
        BaseRuntimeError
            For whatever went wrong.
        """
        recipe, options = self.recipe, self._options()
        output = ContainerOutput(shown=self.shown)
        with ended_at_exit(control), own_folder() as folder:
            engine = find_engine()
            sweep_once(engine)
            image = image_for(engine, recipe.image, recipe.name, output, control)
            limits = Limits.of(options.resources, engine)
            ingoing, outgoing = folder / "inputs", folder / "outputs"
            ingoing.mkdir()
            outgoing.mkdir()
            inputs = InputFolder(recipe, values, ingoing, copies=not image.runs_as_root)
            control.check()
            with self._created(engine, inputs, limits, control, folder) as container:
                self._run(container, limits, output, control)
                _take_out(container, outgoing, recipe, limits, control)
            control.check()
            return read_outputs(outgoing, recipe, options.max_inline_io_bytes)

    @contextlib.contextmanager
    def _created(
        self, engine: Engine, inputs: InputFolder, limits: Limits, control: Control, folder: Path
    ) -> Iterator[Container]:
        recipe = self.recipe
        container = Container(engine)
        control.holds_container = True
        with guarded(engine, container.name, folder) as guard:
            try:
                container.create(
                    recipe.image,
                    filled(recipe.command, inputs.text_of),
                    filled(recipe.arguments, inputs.text_of),
                    mounts=inputs.mounts,
                    host={"network_mode": recipe.network, **limits.host},
                    labels=_labels(recipe),
                    environment=self._environment(),
                )
                container.make_folder(recipe.output_data_dir)
                yield container
            finally:
                guard.is_needed = not container.remove()
                control.holds_container = False

    def _run(self, container: Container, limits: Limits, output: ContainerOutput, control: Control) -> None:
        """Run it to its end.

        Raises
        ------
        OOMError, DiskLimitError
            If it took more than it may.
        ContainerExitError
            If it did not end well.
        """

        def weigh() -> None:
            if container.written_bytes() > limits.disk_bytes:
                raise too_much_written(self.recipe.name, limits.disk_bytes)

        try:
            following = Following(container, output.write, control)
        except ContainerEngineError as error:
            raise self._no_start(error) from error
        try:
            state = following.wait(WEIGH_EVERY_S, weigh)
        except BaseException:
            following.stop()
            raise
        self._check_end(container.engine, state, limits, output.tail.lines())

    def _no_start(self, error: ContainerEngineError) -> ContainerEngineError | ContainerExitError:
        message = f"Container task {self.recipe.name!r} could not be started: {error}"
        if not any(sign in str(error) for sign in _SIGNS_OF_NO_PROGRAM):
            return ContainerEngineError(message)
        return ContainerExitError(f"{message} Is its program in the image {self.recipe.image!r}?", exit_code=NO_PROGRAM)

    def _check_end(self, engine: Engine, state: State, limits: Limits, lines: list[str]) -> None:
        name, exit_code = self.recipe.name, state.exit_code
        if exit_code == 0:
            return
        end = "\n".join([" Its last lines:", *lines]) if lines else " It printed nothing."
        if limits.memory_bytes is not None and (state.out_of_memory or exit_code == KILLED):
            sure = "was killed" if state.out_of_memory else f"was killed, probably (so far as {engine.name} tells)"
            raise OOMError(
                f"Container task {name!r} {sure} for using more than the {limits.memory_bytes:,} bytes of memory it"
                f" may. Give it more: override(resources=Resources(memory=...)).{end}"
            )
        killed = f" (signal {exit_code - 128})" if 128 < exit_code < 160 else ""
        raise ContainerExitError(
            f"Container task {name!r} ended with exit code {exit_code}{killed}.{end}", exit_code=exit_code
        )

    def _options(self) -> TaskOptions:
        """Those of the call, which an override may have changed; a worker process knows only the task's own."""
        scope = current_scope()
        plan = getattr(scope.action, "plan", None) if scope is not None else None
        return plan.task.options if plan is not None else self.options

    def _environment(self) -> dict[str, str]:
        scope = current_scope()
        if scope is not None and scope.action.environment is not None:
            return dict(scope.action.environment)
        secrets = {secret.environment_variable: resolve_secret(secret) for secret in self.options.secrets}
        return {**(self.options.env_vars or {}), **secrets}


class _Archive:
    """A stream that is read from pieces."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def read(self, size: int = -1) -> bytes:
        """The next bytes, however many they are."""
        return next(self._pieces, b"")


def _take_out(container: Container, folder: Path, recipe: ContainerRecipe, limits: Limits, control: Control) -> None:
    if not recipe.outputs:
        return
    try:
        with container.archive_of(recipe.output_data_dir, control) as pieces:
            unpack(_Archive(pieces), folder, recipe, limits.disk_bytes)
    except (tarfile.TarError, OSError) as error:
        raise ContainerEngineError(
            f"The outputs of container task {recipe.name!r} cannot be taken out of it: {error}."
        ) from error


def _labels(recipe: ContainerRecipe) -> dict[str, str]:
    scope = current_scope()
    labels = {"flyte_nb.task": recipe.name}
    if scope is not None:
        labels |= {"flyte_nb.run": scope.action.run.name, "flyte_nb.action": scope.action.name}
    return labels
