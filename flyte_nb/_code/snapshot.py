"""A task as bytes, so that a run can be resumed by a process that never saw the notebook."""

from __future__ import annotations

import copyreg
import dataclasses
import functools
import sys
import types
import weakref
import zlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ..errors import CodeBundleError
from ..storage import Store
from ..storage.store import StoredBlob
from .digest import KnownCode, known_code
from .ownership import is_carried
from .reach import MISSING, Reach, reach_of

if TYPE_CHECKING:
    from .beside import Beside

T = TypeVar("T")
LARGE_BYTES = 2**20
_KEPT = 32
_KEPT_BYTES = 64 * 2**20
_kept: OrderedDict[tuple[int, str], tuple[weakref.ref[Any], KnownCode, Snapshot]] = OrderedDict()
_lock = Lock()


def _by_name(_: Any) -> str:
    return "MISSING"


def _remembering(function: Callable[..., Any], maxsize: int | None, typed: bool) -> Any:
    return functools.lru_cache(maxsize, typed)(function)


def _reduced_cache(cached: Any) -> str | tuple[Any, ...]:
    """A function behind `functools.cache`: by name where another process can import it, else with its function."""
    if not (_travels_by_value(cached) or is_carried(cached.__module__)):
        return str(cached.__qualname__)
    parameters = cached.cache_parameters()
    return _remembering, (cached.__wrapped__, parameters["maxsize"], parameters["typed"])


copyreg.pickle(type(functools.lru_cache(_by_name)), _reduced_cache)

# A dataclass says with this one object which fields have no default. A class that travels by value would bring a copy.
copyreg.pickle(type(dataclasses.MISSING), _by_name)


class Snapshot(NamedTuple):
    """The code of a run, or why there is none.

    Attributes
    ----------
    payload : bytes or None
        What `load_snapshot` reads.
    problem : str
        One sentence that names what could not be stored, and what to do; empty when all is well.
    stored : StoredBlob or None
        Where the payload is instead, if it is large.
    """

    payload: bytes | None
    problem: str = ""
    stored: StoredBlob | None = None


def take_snapshot(task: Any, store: Store | None = None) -> Snapshot:
    """What another process needs to go on with a run of `task`.

    Functions of a notebook or script travel by value, importable modules by reference. A task that has not
    changed since its last run costs a look-up.

    Parameters
    ----------
    store : Store, optional
        Where a large payload is put.

    Raises
    ------
    StorageError
        If it cannot be put there.
    """
    known = known_code(getattr(task, "func", task))
    key = (id(task), store.root if store is not None else "")
    with _lock:
        kept = _kept.get(key)
        if kept is not None and kept[0]() is task and kept[1] is known and _is_there(kept[2], store):
            _kept.move_to_end(key)
            return kept[2]
    snapshot = _pickled(task)
    if store is not None and snapshot.payload is not None and len(snapshot.payload) > LARGE_BYTES:
        snapshot = Snapshot(None, "", store.put_nowait(snapshot.payload, suffix=".code"))
    # What has no part in the digest may hold other data at the next run.
    if not snapshot.problem and known.is_whole and known.can_look:
        _keep(key, known, task, snapshot)
    return snapshot


def load_snapshot(payload: bytes, *, is_borrowed: bool = False) -> Any:
    """The task that `take_snapshot` stored.

    Parameters
    ----------
    is_borrowed : bool
        Whether the code stays that of the process it was stored by, which may change its classes and store it again.

    Raises
    ------
    CodeBundleError
        The bytes are damaged, or something they refer to is not here; the message names it.
    """
    from .pickling import unpickled, unpickled_code

    return _read(payload, unpickled if is_borrowed else unpickled_code)


def load_beside(payload: bytes, notebook: dict[str, Any]) -> Beside:
    """As `load_snapshot`, for a process where `notebook` is what cells have defined: that wins over what was stored.

    Raises
    ------
    CodeBundleError
        As `load_snapshot`.
    """
    from .beside import unpickled_into

    return _read(payload, lambda data: unpickled_into(data, notebook))


def _read(payload: bytes, read: Callable[[bytes], T]) -> T:
    try:
        data = payload if payload.startswith(_A_PICKLE) else zlib.decompress(payload)
        return read(data)
    except zlib.error as error:
        raise CodeBundleError(
            f"The stored code of the run is damaged: expected compressed data, found {len(payload)} bytes "
            f"that cannot be unpacked ({error}). Start the run again from its notebook or script."
        ) from error
    except ModuleNotFoundError as error:
        raise CodeBundleError(
            f"The stored code of the run needs the module {error.name!r}, which cannot be imported here. "
            "Install it, or start from the folder that holds it."
        ) from error
    except Exception as error:
        raise CodeBundleError(
            f"The stored code of the run cannot be loaded here: {type(error).__name__}: {error}. It may have "
            "been stored with other versions of Python, of the modules it uses, or of classes that are defined here."
        ) from error


def _is_there(snapshot: Snapshot, store: Store | None) -> bool:
    return snapshot.stored is None or (store is not None and store.has(snapshot.stored.uri))


def _keep(key: tuple[int, str], known: KnownCode, task: Any, snapshot: Snapshot) -> None:
    try:
        reference = weakref.ref(task)
    except TypeError:
        return
    with _lock:
        _kept[key] = (reference, known, snapshot)
        held = sum(len(one.payload or b"") for _, _, one in _kept.values())
        while len(_kept) > _KEPT or (held > _KEPT_BYTES and len(_kept) > 1):
            _, (_, _, oldest) = _kept.popitem(last=False)
            held -= len(oldest.payload or b"")


def _pickled(task: Any) -> Snapshot:
    from .pickling import pickled

    try:
        payload = pickled(task)
        return Snapshot(payload if len(payload) > LARGE_BYTES else zlib.compress(payload, 1))
    except Exception as error:
        name = getattr(task, "name", None) or getattr(task, "__name__", type(task).__name__)
        return Snapshot(None, f"Task {name!r} cannot be stored for another process: {_culprit(reach_of(task), error)}")


def _culprit(reach: Reach, error: Exception) -> str:
    """The first thing that cannot be pickled by itself, data before functions, which may only use it."""
    found = sorted(_candidates(reach), key=lambda candidate: isinstance(candidate[2], _CODE))
    for what, user, value in found:
        failure = _failure(value)
        if failure is not None:
            kind = type(value)
            return (
                f"the {what}, of type {kind.__module__}.{kind.__qualname__} and used by {user!r}, cannot be "
                f"pickled ({failure}). Create it inside the task."
            )
    return f"{type(error).__name__}: {error}. Create what cannot be pickled inside the task."


_A_PICKLE = b"\x80"
_CODE = (types.FunctionType, type)


def _candidates(reach: Reach) -> Iterator[tuple[str, str, Any]]:
    """What travels by value: how to call it, the function that uses it, and the thing."""
    for binding in reach.bindings:
        if _travels_by_value(binding.holder) and binding.value is not MISSING and binding.place in ("globals", "cells"):
            where = "global" if binding.place == "globals" else "closure variable"
            yield f"{where} {binding.name!r}", _name(binding.holder), binding.value
    for function in reach.functions:
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        values = function.__defaults__ or ()
        defaults = dict(zip(names[len(names) - len(values) :], values, strict=False))
        for name, value in (defaults | (function.__kwdefaults__ or {})).items():
            yield f"default of {name!r}", _name(function), value


def _travels_by_value(holder: Any) -> bool:
    """Whether another process cannot import what looked a name up: notebooks, scripts, functions in functions."""
    importable = getattr(holder, "__module__", None) in sys.modules.keys() - {"__main__"}
    return not importable or "<locals>" in getattr(holder, "__qualname__", "")


def _name(holder: Any) -> str:
    return str(getattr(holder, "__name__", holder))


def _failure(value: Any) -> str | None:
    import cloudpickle

    try:
        cloudpickle.dumps(value)
    except Exception as error:
        return str(error) or type(error).__name__
    return None
