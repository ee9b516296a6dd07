"""Results of earlier calls, of this run or any other, under keys that follow the code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from ..errors import JournalCorruptionError, RuntimeSystemError, StorageUnreachableError
from ..models.events import CacheOutcome, Owner, StoredLiterals
from ..models.records import CacheEntry
from .action import Action
from .ports import ResultCache
from .whole import damage_of

if TYPE_CHECKING:
    from ..types.interface import Prepared

logger = logging.getLogger("flyte_nb")

RESERVATION_POLL_S = 0.1
STILL_COMPUTED = (
    "An identical call was running, and had no result yet; Cache(..., serialize=True) makes such calls wait."
)
EDITED = "Its result is not kept: what the task uses was changed while it ran."

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(StoredLiterals)


@dataclass(slots=True)
class LookedUp:
    """What the cache said about a call.

    Attributes
    ----------
    outcome : CacheOutcome
    outputs : StoredLiterals or None
        The kept result; None if the call must run.
    reserved : bool
        Identical calls wait for this one until `CachedCalls.release`.
    computes : bool
        Until `CachedCalls.release` this call is one that others may hear of.
    keeps : bool
        What the call gives may be kept.
    """

    outcome: CacheOutcome
    outputs: StoredLiterals | None = None
    reserved: bool = False
    computes: bool = False
    keeps: bool = True

    def keep_nothing(self) -> None:
        """What the call gave may be that of other code than its key says."""
        self.keeps = False
        self.outcome = replace(self.outcome, reason=f"{self.outcome.reason} {EDITED}".lstrip())


class CachedCalls:
    """Look up, let one call run, keep.

    Parameters
    ----------
    cache : ResultCache
    owner : Owner
        This process, for reservations.
    """

    def __init__(self, cache: ResultCache, owner: Owner) -> None:
        self._cache = cache
        self._owner = owner
        self._in_progress: dict[str, concurrent.futures.Future[None]] = {}
        self._computing: Counter[str] = Counter()
        self._lock = threading.Lock()

    async def look_up(self, action: Action, prepared: Prepared) -> LookedUp:
        """What is kept for `action`. Where identical calls run once, waits for the one that runs.

        Raises
        ------
        asyncio.CancelledError
            If the awaiting task is cancelled; nothing is reserved then.
        Exception
            What a cache policy of the user's raises.
        """
        found = await self._look_up(action, self._key(action, prepared))
        if found.outputs is None:
            found.computes = True
            with self._lock:
                self._computing[found.outcome.key] += 1
        return found

    async def _look_up(self, action: Action, key: str) -> LookedUp:
        policy = action.plan.cache
        assert policy is not None
        if policy.behavior == "override" or action.run.options.overwrite_cache:
            return LookedUp(CacheOutcome("overwritten", "The cache was asked to be overwritten.", key))
        found = self._find(action, key)
        if found.outputs is not None or not policy.serialize:
            return found
        if problem := await self._reserve(key):
            return LookedUp(CacheOutcome("miss", problem, key))
        found = LookedUp(CacheOutcome("miss", "", key))
        try:
            found = self._find(action, key)
            found.reserved = found.outputs is None
        finally:
            if not found.reserved:
                self._release(key)
        return found

    def keep(self, action: Action, found: LookedUp) -> None:
        """Keep what `action` gave. That this fails is no fault of the action."""
        assert action.kept_outputs is not None
        entry = CacheEntry(
            key=found.outcome.key,
            run=action.run.name,
            action=action.name,
            task=action.plan.name,
            outputs=_encode(action.kept_outputs),
            created_at=time.time(),
        )
        try:
            self._cache.put(entry, self._owner if found.reserved else None)
        except RuntimeSystemError as error:
            logger.warning("The result of %s cannot be kept for later calls: %s", action.plan.name, error)

    def release(self, found: LookedUp) -> None:
        """Let the next of the identical calls go on."""
        if found.computes:
            found.computes = False
            with self._lock:
                self._computing[found.outcome.key] -= 1
                if not self._computing[found.outcome.key]:
                    del self._computing[found.outcome.key]
        if found.reserved:
            found.reserved = False
            self._release(found.outcome.key)

    def _key(self, action: Action, prepared: Prepared) -> str:
        plan = action.plan
        policy = plan.cache
        assert policy is not None
        inputs = (
            plan.interface.digest_of(prepared.serialized, policy.ignored_inputs)
            if policy.ignored_inputs
            else prepared.digest
        )
        version = policy.version_for(plan.func, plan.code_digest)
        text = "\0".join(("1", plan.name, plan.interface.signature, version, policy.salt))
        return blake2b(text.encode("utf-8", "surrogatepass") + b"\0" + inputs, digest_size=16).hexdigest()

    def _find(self, action: Action, key: str) -> LookedUp:
        remark = action.plan.code_remark

        def miss(reason: str) -> LookedUp:
            return LookedUp(CacheOutcome("miss", reason + remark, key))

        policy = action.plan.cache
        assert policy is not None
        try:
            entry = self._cache.get(key)
            outputs = _decoder.decode(entry.outputs) if entry is not None else None
        except (JournalCorruptionError, msgspec.DecodeError):
            return miss("The record of the kept result is damaged.")
        except RuntimeSystemError as error:
            return miss(f"The cache cannot be read: {error}")
        if entry is None or outputs is None:
            if self._computing.get(key) and not policy.serialize:
                return miss(STILL_COMPUTED)
            return miss("No earlier call has this code and these inputs.")
        age_s = time.time() - entry.created_at
        if policy.max_age_s is not None and age_s > policy.max_age_s:
            return miss(f"The kept result is {age_s:.0f} s old; max_age is {policy.max_age_s:g} s.")
        source = f"action {entry.action} of run {entry.run}"
        try:
            damage = damage_of(outputs, action.run.store)
        except StorageUnreachableError as error:
            return miss(f"The result of {source} cannot be had: {error}")
        if damage:
            return miss(f"The result of {source} is not whole: {damage}.")
        reason = f"Same code and same inputs as {source}.{remark}"
        return LookedUp(CacheOutcome("hit", reason, key, entry.run, entry.action), outputs)

    async def _reserve(self, key: str) -> str:
        """Wait until nobody else computes `key`, and take that right; or say why it cannot be had."""
        mine: concurrent.futures.Future[None] = concurrent.futures.Future()
        while (other := self._in_progress.setdefault(key, mine)) is not mine:  # in one step: calls come from any loop
            await asyncio.shield(asyncio.wrap_future(other))
        try:
            while not self._cache.reserve(key, self._owner):
                await asyncio.sleep(RESERVATION_POLL_S)
        except RuntimeSystemError as error:
            self._wake(key)
            return f"Identical calls cannot wait for each other: {error}"
        except BaseException:
            self._wake(key)
            raise
        return ""

    def _release(self, key: str) -> None:
        try:
            self._cache.release(key, self._owner)
        except RuntimeSystemError as error:
            logger.warning("Other processes may wait for a result until this one ends: %s", error)
        finally:
            self._wake(key)

    def _wake(self, key: str) -> None:
        waiting = self._in_progress.pop(key, None)
        if waiting is not None:
            waiting.set_result(None)
