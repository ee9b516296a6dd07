"""What people who know futures, jobs or other engines look for on a run or an action, and what it is called here."""

from __future__ import annotations

_EITHERS = {
    **dict.fromkeys(("status", "state"), "phase"),
    **dict.fromkeys(("cancel", "kill", "stop", "terminate"), "abort"),
}
OF_RUN = {
    **_EITHERS,
    **dict.fromkeys(("result", "results", "value"), "outputs"),
    **dict.fromkeys(("error", "exception", "failure"), "first_failure"),
}
OF_ACTION = {
    **_EITHERS,
    **dict.fromkeys(("outputs", "result", "results", "value"), "details().outputs"),
    **dict.fromkeys(("error", "exception", "failure"), "details().error_info"),
    "inputs": "details().inputs",
}
