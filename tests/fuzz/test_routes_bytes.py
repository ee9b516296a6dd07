"""Every route, as the server describes it, on requests that nobody would write: answered or refused, never a crash."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.profile import fuzzed
from tests.ui import Ui

REAL = {
    "name": "recorded",
    "action": "a0",
    "prompt": "sure",
    "request_id": "sure",
    "response_path": "recorded/sure",
}
"""What is there, so that not all is refused at the door."""

STARTS_PROCESSES = {"/api/runs/{name}/resume", "/api/runs/{name}/rerun", "/api/tidy"}


def test_no_request_is_too_strange(start_ui: Callable[..., Ui], recorded_home: Path) -> None:
    ui = start_ui(recorded_home)
    address, headers = ui.address, ui.headers
    found = requests.get(f"{address}/flyte-nb/api/openapi.json", headers=headers, timeout=20).json()
    schema = schemathesis.openapi.from_dict(found)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert {operation.path for operation in operations} >= {"/api/runs", "/api/inbox", "/submit/json"}
    files = set(recorded_home.parent.iterdir())
    for operation in operations:
        _try(operation, address, headers)
    assert set(recorded_home.parent.iterdir()) == files
    assert requests.get(f"{address}/flyte-nb/api/runs", headers=headers, timeout=20).status_code == 200


def _try(operation: Any, address: str, headers: dict[str, str]) -> None:
    documented = operation.definition.raw["responses"]
    starts = operation.path in STARTS_PROCESSES

    @given(case=operation.as_strategy(), real=st.sets(st.sampled_from([*REAL])))
    @fuzzed(8, of_many=50 if starts else 1)
    def answered(case: Any, real: set[str]) -> None:
        for part in (case.path_parameters, case.body):
            if isinstance(part, dict) and not starts and case.method != "DELETE":
                part.update({name: REAL[name] for name in real & part.keys()})
        response = case.call(base_url=f"{address}/flyte-nb", headers=headers, timeout=30)
        assert response.status_code < 500, f"{operation.label} {case.as_curl_command()}: {response.text}"
        assert response.status_code < 300 or str(response.status_code) in documented, response.text
        assert "Traceback" not in response.text

    answered()
