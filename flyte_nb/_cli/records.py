"""Runs and actions as plain values, for ``-o json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..models.events import ErrorRecord
    from ..remote import ActionDetails, Run, RunDetails


def run_record(run: Run) -> dict[str, Any]:
    """A run, without its actions."""
    return _of_run(run.details())


def action_record(details: ActionDetails) -> dict[str, Any]:
    """An action and all that is known of it, without its values."""
    return {
        "name": details.name,
        "run": details.run_name,
        "task": details.task_name,
        "parent": details.parent_name,
        "group": details.group,
        "phase": details.phase,
        "started_at": details.start_time,
        "ended_at": details.end_time,
        "seconds": details.runtime,
        "attempts": details.attempts,
        "reused": details.reused,
        "cache": {"status": details.cache.status, "reason": details.cache.reason} if details.cache else None,
        "rerun_reason": details.rerun_reason,
        "links": {link.name: link.uri for link in details.links},
        "metadata": details.metadata,
        "error": _error(details.error_info),
    }


def _of_run(details: RunDetails) -> dict[str, Any]:
    return {
        "name": details.name,
        "task": details.task_name,
        "phase": details.phase,
        "started_at": details.start_time,
        "ended_at": details.end_time,
        "actions": {str(phase): count for phase, count in details.counts.items()},
        "resumes": details.resumes,
        "labels": details.labels,
        "rerun_of": details.rerun_of,
        "error": _error(details.error_info),
    }


def _error(error: ErrorRecord | None) -> dict[str, str] | None:
    return {"code": error.code, "message": error.message, "traceback": error.traceback} if error is not None else None
