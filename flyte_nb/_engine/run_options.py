"""What a run was asked for when it was started."""

from __future__ import annotations

from dataclasses import dataclass, field

ROOT_WAS = "root_was"


@dataclass(frozen=True)
class RunOptions:
    """What `with_runcontext` was given; see there.

    Attributes
    ----------
    recorded : dict
        What else is remembered of it; under `ROOT_WAS` the action of another run that the root runs again.
    """

    mode: str | None = None
    name: str | None = None
    version: str = ""
    raw_data_path: str = ""
    overwrite_cache: bool = False
    disable_run_cache: bool = False
    project: str = ""
    domain: str = ""
    org: str = ""
    env_vars: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    queue: str | None = None
    max_action_concurrency: int | None = None
    custom_context: dict[str, str] = field(default_factory=dict)
    source: str = ""
    recorded: dict[str, str] = field(default_factory=dict)
