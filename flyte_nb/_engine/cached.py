"""Results of earlier calls, of this run or any other, under keys that follow the code."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from ..models.events import ActionEnded, CacheOutcome, Owner, StoredLiterals
from ..models.phases import ActionPhase
from ..models.records import CacheEntry
from .action import Action
from .ports import ResultCache
from .unread import UNREAD

if TYPE_CHECKING:
    from ..types.interface import Prepared

RESERVATION_POLL_S = 0.1

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(StoredLiterals)

Attempts = Callable[[Action, Any, CacheOutcome | None], Awaitable[Any]]


class CachedCalls:
    """Look up, run once, keep.

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

    async def perform(self, action: Action, prepared: Prepared, attempts: Attempts) -> Any:
        """Answer `action` from the cache, or let `attempts` run it and keep the result."""
        policy = action.plan.cache
        assert policy is not None
        key = self._key(action, prepared)
        overwrite = policy.behavior == "override" or action.run.options.overwrite_cache
        if overwrite:
            outcome = CacheOutcome("overwritten", "The cache was asked to be overwritten.", key)
            return await self._run_and_keep(action, prepared, attempts, outcome)
        entry, reason = self._look_up(action, key)
        if entry is None and policy.serialize:
            reserved = await self._reserve(action, key)
            try:
                entry, reason = self._look_up(action, key)
                if entry is not None:
                    return await self._answer(action, entry, reason)
                return await self._run_and_keep(action, prepared, attempts, CacheOutcome("miss", reason, key))
            finally:
                self._release(key, reserved)
        if entry is not None:
            return await self._answer(action, entry, reason)
        return await self._run_and_keep(action, prepared, attempts, CacheOutcome("miss", reason, key))

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
        return blake2b(text.encode() + b"\0" + inputs, digest_size=16).hexdigest()

    def _look_up(self, action: Action, key: str) -> tuple[CacheEntry | None, str]:
        policy = action.plan.cache
        assert policy is not None
        entry = self._cache.get(key)
        if entry is None:
            return None, "No earlier call has this code and these inputs."
        age_s = time.time() - entry.created_at
        if policy.max_age_s is not None and age_s > policy.max_age_s:
            return None, f"The kept result is {age_s:.0f} s old; max_age is {policy.max_age_s:g} s."
        outputs = _decoder.decode(entry.outputs)
        if not action.run.can_fetch(outputs):
            return None, f"The kept result is gone from {outputs.uri}."
        return entry, f"Same code and same inputs as action {entry.action} of run {entry.run}."

    async def _answer(self, action: Action, entry: CacheEntry, reason: str) -> Any:
        run = action.run
        outputs = _decoder.decode(entry.outputs)
        outcome = CacheOutcome("hit", reason, entry.key, entry.run, entry.action)
        action.ended = True
        action.kept_outputs = outputs
        run.log.append(ActionEnded(time.time(), action.name, ActionPhase.SUCCEEDED, outputs, None, outcome, "cache"))
        await action.commits.committed()
        return UNREAD

    async def _run_and_keep(self, action: Action, prepared: Prepared, attempts: Attempts, outcome: CacheOutcome) -> Any:
        value = await attempts(action, prepared, outcome)
        if action.kept_outputs is not None:
            self._cache.put(
                CacheEntry(
                    key=outcome.key,
                    run=action.run.name,
                    action=action.name,
                    task=action.plan.name,
                    outputs=_encode(action.kept_outputs),
                    created_at=time.time(),
                )
            )
        return value

    async def _reserve(self, action: Action, key: str) -> bool:
        """Wait until nobody else computes `key`; True if the reservation must be released in the table too."""
        while key in self._in_progress:
            await asyncio.shield(asyncio.wrap_future(self._in_progress[key]))
        self._in_progress[key] = concurrent.futures.Future()
        try:
            while not self._cache.reserve(key, self._owner):
                await asyncio.sleep(RESERVATION_POLL_S)
        except BaseException:
            self._release(key, False)
            raise
        return True

    def _release(self, key: str, reserved: bool) -> None:
        try:
            if reserved:
                self._cache.release(key, self._owner)
        finally:
            waiting = self._in_progress.pop(key, None)
            if waiting is not None:
                waiting.set_result(None)
