"""Secrets kept in the home folder: given to tasks, shown to nobody."""

from __future__ import annotations

import datetime
import os
import stat
from pathlib import Path

import pytest

import flyte_nb as flyte
from flyte_nb import errors
from flyte_nb.remote import Secret

env = flyte.TaskEnvironment("secretive", secrets=flyte.Secret("api-key", group="openai"))


@env.task
async def told() -> str:
    return os.environ["OPENAI_API_KEY"]


def test_a_task_gets_the_secret_it_asks_for() -> None:
    Secret.create("openai/api-key", "first")
    Secret.create("openai/api-key", " two\nlines\n")

    assert flyte.run(told).outputs() == " two\nlines\n"


def test_secrets_are_listed_and_found_without_their_values() -> None:
    before = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1)
    Secret.create("token", "hush")
    Secret.create("openai/api-key", "hush")

    assert [secret.name for secret in Secret.listall()] == ["openai/api-key", "token"]
    assert [secret.name for secret in Secret.listall(limit=1)] == ["openai/api-key"]
    found = Secret.get("token")
    assert "hush" not in f"{found!r} {vars(found)}"
    assert found.created_time is not None and found.created_time > before


def test_a_deleted_secret_is_gone_and_the_error_says_how_to_give_it() -> None:
    Secret.create("openai/api-key", "first")
    Secret.delete("openai/api-key")

    for ask in (Secret.get, Secret.delete):
        with pytest.raises(errors.RuntimeUserError, match=r"openai/api-key.*Secret.create") as caught:
            ask("openai/api-key")
        assert caught.value.code == "SecretNotFound"
    with pytest.raises(errors.RuntimeUserError, match=r"home folder.*remote.Secret.create\('openai/api-key'"):
        flyte.run(told)


def test_only_the_owner_may_read_a_secret(home: Path) -> None:
    Secret.create("openai/api-key", "first")

    kept = home / "secrets" / "openai" / "api-key"
    assert [stat.S_IMODE(path.stat().st_mode) for path in (kept, kept.parent)] == [0o600, 0o700]
    assert list(kept.parent.iterdir()) == [kept]


@pytest.mark.parametrize("name", ["", "../outside", "a/b/c", "/absolute", "two words"])
def test_a_name_that_could_lead_elsewhere_is_refused(name: str, home: Path) -> None:
    with pytest.raises(ValueError, match="without slashes or blanks"):
        Secret.create(name, "value")
    assert not list(home.glob("secrets/**/*"))


def test_a_value_that_is_no_text_is_refused_without_showing_it() -> None:
    with pytest.raises(TypeError, match="bytes") as caught:
        Secret.create("token", b"hush")
    assert "hush" not in str(caught.value)
