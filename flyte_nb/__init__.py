"""flyte_nb: a workflow environment that lives in a notebook.

>>> import flyte_nb as flyte
>>> env = flyte.TaskEnvironment("etl")
>>> @env.task
... async def main(days: int) -> int: ...
>>> flyte.run(main, days=30).outputs()
"""

from __future__ import annotations

import importlib
import logging
from typing import TYPE_CHECKING, Any

from ._engine.form_address import serve_forms_with
from ._lazy import Finder, names_of
from ._outside import open_outside_with
from ._version import __version__ as __version__
from ._view.showing import show_with
from .types.frames import convert_frames_with

if TYPE_CHECKING:
    from . import durable as durable
    from . import errors as errors
    from . import extras as extras
    from . import hitl as hitl
    from . import io as io
    from . import jsonl as jsonl
    from . import models as models
    from . import remote as remote
    from . import report as report
    from . import types as types
    from ._engine.context import TaskContext as TaskContext
    from ._engine.context import ctx as ctx
    from ._engine.context import custom_context as custom_context
    from ._engine.context import get_custom_context as get_custom_context
    from ._engine.context import group as group
    from ._engine.map import map as map
    from ._engine.trace import trace as trace
    from ._notebook.display import show as show
    from ._runtime.deploying import deploy as deploy
    from ._runtime.initialize import current_domain as current_domain
    from ._runtime.initialize import current_project as current_project
    from ._runtime.initialize import init as init
    from ._runtime.initialize import init_from_config as init_from_config
    from ._start import rerun as rerun
    from ._start import run as run
    from ._start import with_runcontext as with_runcontext
    from ._task.cache import Cache as Cache
    from ._task.cache import CachePolicy as CachePolicy
    from ._task.environment import TaskEnvironment as TaskEnvironment
    from ._task.image import Image as Image
    from ._task.link import Link as Link
    from ._task.pod_template import PodTemplate as PodTemplate
    from ._task.resources import GPU as GPU
    from ._task.resources import Resources as Resources
    from ._task.retries import Backoff as Backoff
    from ._task.retries import RetryStrategy as RetryStrategy
    from ._task.reuse import ReusePolicy as ReusePolicy
    from ._task.secret import Secret as Secret
    from ._task.secret import SecretRequest as SecretRequest
    from ._task.timeout import Timeout as Timeout
    from .models import ActionPhase as ActionPhase
    from .remote import Run as Run

logger: logging.Logger = logging.getLogger("flyte_nb")

show_with(lambda name: importlib.import_module("._notebook.display", __name__).display_result(name))
open_outside_with(lambda: importlib.import_module("._runtime.runtime", __name__).current_runtime().default_store)
convert_frames_with(lambda: importlib.import_module(".io.frames", __name__))

serve_forms_with(lambda *asked: importlib.import_module(".hitl.addresses", __name__).addresses_of(*asked))

_SUBMODULES = ("durable", "errors", "extras", "hitl", "io", "jsonl", "models", "remote", "report", "types")

_HOMES = {
    "ActionPhase": ".models",
    "Backoff": "._task.retries",
    "Cache": "._task.cache",
    "CachePolicy": "._task.cache",
    "GPU": "._task.resources",
    "Image": "._task.image",
    "Link": "._task.link",
    "PodTemplate": "._task.pod_template",
    "Resources": "._task.resources",
    "RetryStrategy": "._task.retries",
    "ReusePolicy": "._task.reuse",
    "Run": ".remote",
    "Secret": "._task.secret",
    "SecretRequest": "._task.secret",
    "TaskContext": "._engine.context",
    "TaskEnvironment": "._task.environment",
    "Timeout": "._task.timeout",
    "ctx": "._engine.context",
    "current_domain": "._runtime.initialize",
    "current_project": "._runtime.initialize",
    "custom_context": "._engine.context",
    "deploy": "._runtime.deploying",
    "get_custom_context": "._engine.context",
    "group": "._engine.context",
    "init": "._runtime.initialize",
    "init_from_config": "._runtime.initialize",
    "map": "._engine.map",
    "rerun": "._start",
    "run": "._start",
    "show": "._notebook.display",
    "trace": "._engine.trace",
    "with_runcontext": "._start",
}

__all__ = sorted([*_HOMES, *_SUBMODULES, "logger", "__version__"])


_BY_AN_ENVIRONMENT = (
    "An environment makes tasks: env = flyte_nb.TaskEnvironment('name'), then @env.task. A task may call others."
)
_INSTEAD = {"task": _BY_AN_ENVIRONMENT, "workflow": _BY_AN_ENVIRONMENT}

__getattr__: Finder = names_of(__name__, _HOMES, _SUBMODULES, _INSTEAD)


def load_ipython_extension(shell: Any) -> None:
    """Give a notebook the magics: ``%load_ext flyte_nb``."""
    importlib.import_module("._notebook.magics", __name__).register(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Take the magics away again."""
    importlib.import_module("._notebook.magics", __name__).unregister(shell)


def __dir__() -> list[str]:
    return [*__all__, *(name for name in globals() if name.startswith("__"))]
