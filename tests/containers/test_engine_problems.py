"""An engine that is not there, or not what it should be: what is said, and what to do."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest

from flyte_nb.backends.containers import engine as engine_module
from flyte_nb.backends.containers.addresses import CHOICE, knock
from flyte_nb.backends.containers.engine import find_engine
from flyte_nb.errors import ContainerEngineError
from tests.containers.engine import hide_engines

NOBODY = 65534


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where a socket may be made; no engine is found elsewhere."""
    hide_engines(monkeypatch)
    with tempfile.TemporaryDirectory(prefix="flyte_nb-test-") as folder:
        os.chmod(folder, 0o755)
        yield f"{folder}/engine.sock"


@contextlib.contextmanager
def serving(path: str, status: int, answer: object) -> Iterator[None]:
    """Something that gives the same answer to everything."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def address_string(self) -> str:
            return "a test"

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingUnixStreamServer(path, Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


@contextlib.contextmanager
def as_a_user_without_rights() -> Iterator[None]:
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def problem_at(path: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(CHOICE, f"unix://{path}")
    with pytest.raises(ContainerEngineError) as caught:
        find_engine()
    return str(caught.value)


def test_without_the_package_the_extra_is_named(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker.context", None)
    assert 'pip install "flyte-nb[containers]"' in problem_at(path, monkeypatch)


def test_a_socket_that_is_not_there_is_said(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"unix://{path}: there is no such socket" in problem_at(path, monkeypatch)


@pytest.mark.parametrize(
    "address", ["tcp://here:no-number", "tcp://127.0.0.1:99999", "http://[::1", "ftp://here:1", "tcp://", "unix://"]
)
def test_what_is_no_address_is_said(address: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(ContainerEngineError) as caught:
        find_engine()
    assert f"(DOCKER_HOST, {address}: " in str(caught.value)


def test_a_socket_that_nobody_listens_at_is_said(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        assert "nothing listens at this socket; start the engine" in problem_at(path, monkeypatch)


def test_a_socket_that_this_user_may_not_use_is_said_and_what_to_do(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)
        bound.listen()
        os.chmod(path, 0)
        with as_a_user_without_rights(), pytest.raises(ContainerEngineError) as caught:
            knock(f"unix://{path}")
    assert "permission denied" in str(caught.value)
    assert "sudo usermod -aG docker $USER" in str(caught.value)


def test_an_engine_that_accepts_and_does_not_answer_is_said(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FIRST_ANSWER_WITHIN_S", 1)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(path)
        silent.listen()
        assert "was to say its version and did not answer in time. Is it healthy?" in problem_at(path, monkeypatch)


def test_an_engine_that_is_too_old_is_said(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(path, 200, {"ApiVersion": "1.30"}):
        said = problem_at(path, monkeypatch)
    assert "speaks version 1.30 of Docker's API, and at least 1.40 is needed" in said


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (200, {"hello": "world"}, "what answers there is no container engine"),
        (200, [1], "what answers there is no container engine"),
        (403, {"message": "not for you"}, "refuses to say its version: not for you (status 403)"),
    ],
)
def test_what_answers_and_is_no_engine_is_said(
    status: int, answer: object, said: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(path, status, answer):
        assert said in problem_at(path, monkeypatch)


def test_where_nothing_is_the_error_says_what_was_tried_and_what_to_do(path: str) -> None:
    with pytest.raises(ContainerEngineError) as caught:
        find_engine()
    for part in (
        "unix:///nowhere/docker.sock: there is no such socket",
        "unix:///nowhere/podman.sock: there is no such socket",
        "the command podman: not installed",
        "Install Docker or Podman and start it",
    ):
        assert part in str(caught.value)


def test_what_is_chosen_is_docker_podman_or_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, "sudo docker")
    with pytest.raises(ContainerEngineError, match="is 'sudo docker': expected docker, podman, or the address of"):
        find_engine()


@pytest.mark.parametrize("choice", ["docker", "podman"])
def test_only_the_chosen_kind_of_engine_is_looked_for(choice: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CHOICE, choice)
    with pytest.raises(ContainerEngineError) as caught:
        find_engine()
    assert ("docker.sock" in str(caught.value)) is (choice == "docker")
    assert ("podman.sock" in str(caught.value)) is (choice == "podman")


def test_broken_settings_of_docker_are_named(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:2376")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(Path(path).parent))
    with pytest.raises(ContainerEngineError, match="Docker's settings .* are broken: .*certificate"):
        find_engine()
