"""Every route, as the server describes it, on requests that nobody would write: answered or refused, never a crash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from requests.auth import AuthBase
from schemathesis import GenerationMode

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

HOSTILE = (
    "..%2F..%2Fetc%2Fpasswd",
    "recorded%2F..%2Frecorded",
    "recorded%00",
    "%FF%FE",
    "%ED%A0%80",
    "%25s%25(x)s",
)
"""Names that lead elsewhere, or that are no text."""

STARTS_PROCESSES = {"/api/runs/{name}/resume", "/api/runs/{name}/rerun", "/api/tidy"}


class _Token(AuthBase):
    """Lets a request in whatever else was made of its headers."""

    def __init__(self, token: str) -> None:
        self.token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"token {self.token}"
        return request


def test_no_request_is_too_strange(start_ui: Callable[..., Ui], recorded_home: Path) -> None:
    ui = start_ui(recorded_home)
    with requests.Session() as session:
        session.trust_env = False
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))  # the token alone lets requests in
        session.auth = _Token(ui.token)
        root = f"{ui.address}/flyte-nb"
        schema = schemathesis.openapi.from_dict(session.get(f"{root}/api/openapi.json", timeout=20).json())
        operations = [result.ok() for result in schema.get_all_operations()]
        assert {operation.path for operation in operations} >= {"/api/runs", "/api/inbox", "/submit/json"}
        files = set(recorded_home.parent.iterdir())
        for operation in operations:
            for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
                answers = _try(operation, mode, lambda case: case.call(base_url=root, session=session, timeout=300))
                print(f"{operation.label}, {mode.value}: {answers.total()} requests, {dict(sorted(answers.items()))}")
        assert set(recorded_home.parent.iterdir()) == files
        assert session.get(f"{root}/api/runs", timeout=20).status_code == 200


def _try(operation: Any, mode: GenerationMode, send: Callable[[Any], Any]) -> Counter[int]:
    """How often it answered with which status, to what fits its description or to what does not."""
    described = operation.definition.raw
    takes_nothing = not described["parameters"] and "requestBody" not in described
    harmless = operation.path not in STARTS_PROCESSES and operation.method != "delete"
    hostile = st.sampled_from(HOSTILE)
    names = {name: st.just(real) | hostile if harmless else hostile for name, real in REAL.items()}
    answers: Counter[int] = Counter()

    @given(case=operation.as_strategy(generation_mode=mode), named=st.fixed_dictionaries({}, optional=names))
    @fuzzed(8, of_many=100 if takes_nothing or operation.path in STARTS_PROCESSES else 2)
    def answered(case: Any, named: dict[str, str]) -> None:
        for part in (case.path_parameters, case.body):
            if isinstance(part, dict):
                part.update({name: named[name] for name in named.keys() & part.keys()})
        response = send(case)
        answers[response.status_code] += 1
        assert response.status_code < 500, f"{operation.label} {case.as_curl_command()}: {response.text}"
        assert response.status_code not in (401, 403), f"{operation.label}: {response.text}"
        assert response.status_code < 300 or str(response.status_code) in described["responses"], response.text
        assert "Traceback" not in response.text

    answered()
    return answers
