from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flyte_nb._task.environment import TaskEnvironment
from flyte_nb._task.secret import Secret, as_secrets, resolve_secret
from flyte_nb.errors import RuntimeUserError

keyring = pytest.importorskip("keyring")
from keyring.backend import KeyringBackend  # noqa: E402
from keyring.errors import NoKeyringError  # noqa: E402


class Drawer(KeyringBackend):
    """A keyring that forgets."""

    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


class Locked(Drawer):
    def get_password(self, service: str, username: str) -> str | None:
        raise NoKeyringError("locked")


@pytest.fixture(autouse=True)
def drawer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawer]:
    for name in ("FLYTE_NB_SECRETS_DIR", "OPENAI_API_KEY", "API_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = keyring.get_keyring()
    mine = Drawer()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


SECRET = Secret("api-key", group="openai")


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        (Secret("api-key"), "API_KEY"),
        (Secret("api-key", group="open.ai"), "OPEN_AI_API_KEY"),
        (Secret("api-key", as_env_var="MINE"), "MINE"),
    ],
)
def test_a_secret_has_a_variable(secret: Secret, expected: str) -> None:
    assert secret.environment_variable == expected


def test_the_variable_comes_first_then_the_file_then_the_keyring(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, drawer: Drawer
) -> None:
    drawer.set_password("flyte_nb", "openai/api-key", "from the keyring")
    assert resolve_secret(SECRET) == "from the keyring"
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "api-key").write_text("from the file\n")
    monkeypatch.setenv("FLYTE_NB_SECRETS_DIR", str(tmp_path))
    assert resolve_secret(SECRET) == "from the file"
    monkeypatch.setenv("OPENAI_API_KEY", "from the variable")
    assert resolve_secret(SECRET) == "from the variable"


def test_a_secret_without_a_group_is_found_by_its_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, drawer: Drawer
) -> None:
    drawer.set_password("flyte_nb", "api-key", "kept")
    assert resolve_secret(Secret("api-key")) == "kept"
    (tmp_path / "api-key").write_text("written")
    monkeypatch.setenv("FLYTE_NB_SECRETS_DIR", str(tmp_path))
    assert resolve_secret(Secret("api-key")) == "written"


def test_a_mount_may_be_the_file_or_its_folder(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_text("mounted")
    assert resolve_secret(Secret("api-key", mount=tmp_path / "api-key")) == "mounted"
    assert resolve_secret(Secret("api-key", mount=str(tmp_path))) == "mounted"


def test_a_file_keeps_all_but_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "api-key").write_bytes(b" two\nlines \r\n")
    assert resolve_secret(Secret("api-key", mount=tmp_path)) == " two\nlines "


def test_a_secret_that_is_nowhere_names_the_three_places(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FLYTE_NB_SECRETS_DIR", str(tmp_path))
    with pytest.raises(RuntimeUserError) as caught:
        resolve_secret(SECRET)
    assert caught.value.code == "SecretNotFound"
    message = str(caught.value)
    assert "'openai/api-key'" in message
    assert "os.environ['OPENAI_API_KEY'] = ..." in message
    assert str(tmp_path / "openai" / "api-key") in message
    assert "python -m keyring set flyte_nb openai/api-key" in message


def test_without_a_folder_of_secrets_the_message_names_the_variable_for_it() -> None:
    with pytest.raises(RuntimeUserError, match="FLYTE_NB_SECRETS_DIR"):
        resolve_secret(SECRET)


def test_a_keyring_that_cannot_be_read_is_part_of_the_message() -> None:
    keyring.set_keyring(Locked())
    with pytest.raises(RuntimeUserError, match=r"cannot be read here \(NoKeyringError\)"):
        resolve_secret(SECRET)


@pytest.mark.parametrize("key", ["", "a/b", "..", "a b", "a\\b", "a\0"])
def test_a_key_that_could_lead_elsewhere_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="Secret key"):
        Secret(key)
    with pytest.raises(ValueError, match="Secret group"):
        Secret("key", group=key)


def test_a_variable_that_cannot_be_one_is_refused() -> None:
    with pytest.raises(ValueError, match="as_env_var"):
        Secret("key", as_env_var="1 A")


def test_a_request_is_one_name_or_several() -> None:
    assert as_secrets(None) == ()
    assert as_secrets("key") == (Secret("key"),)
    assert as_secrets(SECRET) == (SECRET,)
    assert as_secrets(["key", SECRET]) == (Secret("key"), SECRET)


def test_a_wrong_request_does_not_show_what_was_given() -> None:
    with pytest.raises(TypeError) as caught:
        as_secrets([b"hunter2"])  # type: ignore[list-item]
    assert "hunter2" not in str(caught.value)


def test_no_description_or_repr_shows_a_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "hunter2")

    @TaskEnvironment("secretive", secrets=SECRET).task
    def step() -> None: ...

    resolve_secret(SECRET)
    assert step.options.describe() == {"secrets": "openai/api-key"}
    assert "hunter2" not in repr(step.options) + repr(SECRET)
