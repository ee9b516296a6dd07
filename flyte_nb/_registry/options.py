"""Settings of a task as JSON: those that mean something where a deployed task is called."""

from __future__ import annotations

from typing import Any

from .._task.cache import Cache
from .._task.options import DEFAULT_MAX_INLINE_IO_BYTES, TaskOptions, read_options
from .._task.resources import GPU, Resources
from .._task.retries import Backoff, RetryStrategy
from .._task.secret import Secret
from .._task.timeout import Timeout
from ..errors import RemoteTaskUsageError, StorageError

OVERRIDABLE = (
    "short_name",
    "resources",
    "retries",
    "timeout",
    "env_vars",
    "secrets",
    "max_inline_io_bytes",
    "cache",
    "queue",
)


def options_as_json(options: TaskOptions) -> dict[str, Any]:
    """What differs from the defaults. Of secrets the names are written, values are nowhere in options."""
    found: dict[str, Any] = {}
    if options.short_name:
        found["short_name"] = options.short_name
    if options.resources is not None:
        found["resources"] = _resources(options.resources)
    if options.cache is not None:
        found["cache"] = _cache(options.cache)
    if options.retries.count:
        found["retries"] = _retries(options.retries)
    if options.timeout is not None:
        seconds = {
            name: getattr(options.timeout, f"{name}_s") for name in ("max_runtime", "max_queued_time", "deadline")
        }
        found["timeout"] = {name: limit for name, limit in seconds.items() if limit is not None}
    if options.env_vars:
        found["env_vars"] = dict(options.env_vars)
    if options.secrets:
        found["secrets"] = [_secret(secret) for secret in options.secrets]
    if options.max_inline_io_bytes != DEFAULT_MAX_INLINE_IO_BYTES:
        found["max_inline_io_bytes"] = options.max_inline_io_bytes
    if options.queue:
        found["queue"] = options.queue
    if options.report:
        found["report"] = True
    return found


def options_from_json(written: dict[str, Any]) -> TaskOptions:
    """The options that `options_as_json` wrote.

    Raises
    ------
    StorageError
        If they are no options.
    """
    try:
        changes = {name: _READERS[name](value) for name, value in written.items()}
        return TaskOptions().replaced(changes)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StorageError(f"its options are damaged ({type(error).__name__}: {error})") from error


def checked_changes(name: str, changes: dict[str, Any]) -> dict[str, Any]:
    """What `override` of a deployed task was given, as options.

    Raises
    ------
    RemoteTaskUsageError
        For an option that cannot be overridden there, or a value that does not fit.
    """
    for option in changes:
        if option not in OVERRIDABLE:
            raise RemoteTaskUsageError(
                f"Task {name!r}: a deployed task's {option!r} cannot be overridden. These can:"
                f" {', '.join(OVERRIDABLE)}."
            )
    try:
        return read_options(changes.items())
    except (TypeError, ValueError) as error:
        raise RemoteTaskUsageError(f"Task {name!r}: {error}") from error


def _resources(resources: Resources) -> dict[str, Any]:
    gpu = resources.gpu
    found = {
        "cpu": _listed(resources.cpu),
        "memory": _listed(resources.memory),
        "gpu": {"device": gpu.device, "quantity": gpu.quantity} if isinstance(gpu, GPU) else gpu,
        "disk": resources.disk,
        "shm": resources.shm,
    }
    return {name: value for name, value in found.items() if value is not None}


def _resources_from(written: dict[str, Any]) -> Resources:
    gpu = written.get("gpu")
    amounts: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in written.items() if name != "gpu"
    }
    return Resources(**amounts, gpu=GPU(**gpu) if isinstance(gpu, dict) else gpu)


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _cache(cache: Cache) -> dict[str, Any]:
    if cache.policies:
        return {"behavior": "disable"}  # only its own code could ask them what a result depends on
    found = {
        "behavior": cache.behavior,
        "version_override": cache.version_override,
        "serialize": cache.serialize or None,
        "ignored_inputs": list(cache.ignored_inputs) or None,
        "salt": cache.salt or None,
        "max_age": cache.max_age_s,
    }
    return {name: value for name, value in found.items() if value is not None}


def _retries(retries: RetryStrategy) -> dict[str, Any]:
    backoff = retries.backoff
    if backoff is None:
        return {"count": retries.count}
    written = {"base": backoff.base_s, "factor": backoff.factor, "cap": backoff.cap_s}
    return {"count": retries.count, "backoff": written}


def _retries_from(written: dict[str, Any]) -> RetryStrategy:
    backoff = written.get("backoff")
    return RetryStrategy(written["count"], Backoff(**backoff) if backoff else None)


def _secret(secret: Secret) -> dict[str, str]:
    found = {
        "key": secret.key,
        "group": secret.group,
        "mount": str(secret.mount) if secret.mount is not None else None,
        "as_env_var": secret.as_env_var,
    }
    return {name: value for name, value in found.items() if value is not None}


_READERS: dict[str, Any] = {
    "short_name": str,
    "resources": _resources_from,
    "cache": lambda written: Cache(**written),
    "retries": _retries_from,
    "timeout": lambda written: Timeout(**written),
    "env_vars": lambda written: {str(name): str(value) for name, value in written.items()},
    "secrets": lambda written: tuple(Secret(**one) for one in written),
    "max_inline_io_bytes": int,
    "queue": str,
    "report": bool,
}
