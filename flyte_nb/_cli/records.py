"""Runs and actions as plain values, for ``-o json``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..remote.details import moment

if TYPE_CHECKING:
    from .._view.projection import AttemptView, TraceView
    from ..models.events import ErrorRecord, PromptAsked
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
        "attempt_list": [_of_attempt(number, one) for number, one in enumerate(details.attempt_list, start=1)],
        "traces": [_of_trace(trace) for trace in details.traces],
        "open_questions": [_of_question(asked) for asked in details.open_questions],
        "reused": details.reused,
        "cache": {"status": details.cache.status, "reason": details.cache.reason} if details.cache else None,
        "rerun_reason": details.rerun_reason,
        "links": {link.name: link.uri for link in details.links},
        "custom_context": details.custom_context,
        "metadata": details.metadata,
        "error": _error(details.error_info),
    }


def _of_run(details: RunDetails) -> dict[str, Any]:
    return {
        "name": details.name,
        "task": details.task_name,
        "phase": details.phase,
        "interrupted": details.interrupted,
        "started_at": details.start_time,
        "ended_at": details.end_time,
        "seconds": details.runtime,
        "actions": {str(phase): count for phase, count in details.counts.items()},
        "resumes": details.resumes,
        "open_questions": [_of_question(asked) for asked in details.open_questions],
        "labels": details.labels,
        "rerun_of": details.rerun_of,
        "error": _error(details.error_info),
    }


def _of_attempt(number: int, attempt: AttemptView) -> dict[str, Any]:
    return {
        "number": number,
        "started_at": moment(attempt.started_at),
        "ended_at": moment(attempt.ended_at),
        "error": _error(attempt.error),
    }


def _of_trace(trace: TraceView) -> dict[str, Any]:
    return {
        "name": trace.name,
        "started_at": moment(trace.started_at),
        "ended_at": moment(trace.ended_at),
        "reused": trace.reused,
        "error": _error(trace.error),
    }


def _of_question(asked: PromptAsked) -> dict[str, Any]:
    return {
        "name": asked.name,
        "action": asked.action,
        "prompt": asked.prompt,
        "data_type": asked.data_type,
        "expires_at": moment(asked.expires_at),
    }


def _error(error: ErrorRecord | None) -> dict[str, str] | None:
    return {"code": error.code, "message": error.message, "traceback": error.traceback} if error is not None else None
