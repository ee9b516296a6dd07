"""`init_from_config` reads the configuration file of the field's tools."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb._runtime.runtime import current_runtime, current_settings
from flyte_nb.errors import InitializationError


def read(folder: Path, text: str, **options: object) -> None:
    path = folder / "config.yaml"
    path.write_text(text)
    flyte.init_from_config(path, home=folder / "home", **options)


def test_project_domain_organisation_and_storage_are_read_and_parameters_win(tmp_path: Path) -> None:
    read(tmp_path, f"task: {{org: o, project: p, domain: d}}\nstorage: {tmp_path / 'data'}\n", domain="production")
    assert (current_settings().org, flyte.current_project(), flyte.current_domain()) == ("o", "p", "production")
    assert current_runtime().default_store.root == str(tmp_path / "data")
    assert current_runtime().registry == str(tmp_path / "data" / "registry")


def test_a_storage_section_is_an_address_too(tmp_path: Path) -> None:
    pytest.importorskip("s3fs")
    read(tmp_path, "storage: {type: s3, container: team-bucket}\nregistry: memory://tasks\n")
    assert current_runtime().default_store.root == "s3://team-bucket"
    assert current_runtime().registry == "memory://tasks"


def test_a_cluster_is_not_contacted_and_what_happens_instead_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "flyte_nb"):
        read(tmp_path, "admin: {endpoint: 'dns:///cluster.example.com'}\nregistry: memory://tasks\n")
    [message] = caplog.messages
    assert "dns:///cluster.example.com, which is not contacted: tasks run on this machine" in message
    assert "the registry memory://tasks" in message


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("- a list", "it holds a list, no mapping"),
        ("task: [1]", "its section 'task' is a list"),
        ("storage: {type: tape, container: x}", "storage is an address such as"),
        ("storage: [x]", "storage is an address such as"),
        ("a: : b", "is not a configuration file"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(InitializationError, match=problem):
        read(tmp_path, text)


def test_what_is_passed_over_is_said_where_it_was_probably_meant(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(tmp_path, "taks: {project: p}\nimage: {builder: remote}\nconsole: {}\n")
    assert [message.partition(": ")[2] for message in caplog.messages] == [
        "the section 'taks' is passed over; 'task' would be read."
    ]
    monkeypatch.setenv("FLYTECTL_CONFIG", str(tmp_path / "nowhere.yaml"))
    monkeypatch.chdir(tmp_path)
    flyte.init_from_config(home=tmp_path / "home")
    assert f"FLYTECTL_CONFIG names {tmp_path / 'nowhere.yaml'}, which is no file" in caplog.messages[-1]
