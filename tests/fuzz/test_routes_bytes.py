"""Every route, as the server describes it, on requests that nobody would write: answered or refused, never a crash."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.profile import fuzzed

STARTS_PROCESSES = {"/api/runs/{name}/resume", "/api/runs/{name}/rerun", "/api/tidy"}


@pytest.fixture
def served(recorded_home: Path) -> Iterator[tuple[str, str]]:
    """The address of a server on the recorded home, and its token."""
    command = [sys.executable, "-m", "flyte_nb._cli", "--home", str(recorded_home), "ui"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if "http://" in line)
        address, token = re.fullmatch(r"(.*)/flyte-nb/\?token=(\S+)", line.strip()).groups()  # type: ignore[union-attr]
        yield address, token
        process.send_signal(signal.SIGINT)


def test_no_request_is_too_strange(served: tuple[str, str], recorded_home: Path) -> None:
    address, token = served
    headers = {"Authorization": f"token {token}"}
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

    @given(case=operation.as_strategy(), real=st.booleans())
    @fuzzed(8)
    def answered(case: Any, real: bool) -> None:
        if real and case.path_parameters and operation.path not in STARTS_PROCESSES and case.method != "DELETE":
            case.path_parameters["name"] = "recorded"
        response = case.call(base_url=f"{address}/flyte-nb", headers=headers, timeout=30)
        assert response.status_code < 500, f"{operation.label} {case.as_curl_command()}: {response.text}"
        assert response.status_code < 300 or str(response.status_code) in documented, response.text
        assert "Traceback" not in response.text

    answered()
