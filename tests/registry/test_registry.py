"""A registry: versions that never change, published whole, found by name; in a folder and in a bucket."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from flyte_nb._registry.keys import key_of
from flyte_nb._registry.manifest import DescribedTask, Manifest
from flyte_nb._registry.registry import Registry
from flyte_nb.errors import DeploymentError, RemoteTaskNotFoundError, StorageError
from flyte_nb.storage.store import checksum_of
from tests.s3 import started_s3


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with started_s3("team"):
        yield "s3://team/tasks"


@pytest.fixture(params=["folder", "memory", "s3"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    if request.param == "folder":
        return Registry(str(tmp_path / "a registry"))
    if request.param == "memory":
        return Registry(f"memory://registries/{uuid.uuid4()}")
    return Registry(f"{request.getfixturevalue('s3')}/{uuid.uuid4()}")


def manifest(text: str, environment: str = "etl", **changes: object) -> tuple[Manifest, dict[str, bytes]]:
    """An environment whose only file holds `text`."""
    task = DescribedTask(name=f"{environment}.main", inputs={}, outputs=(), several=False, options={})
    files = {"code.py": text.encode()}
    made = {
        "environment": environment,
        "tasks": {f"{environment}.main": task},
        "modules": ("code",),
        "files": {path: checksum_of(content) for path, content in files.items()},
        **changes,
    }
    return Manifest(**made), files  # type: ignore[arg-type]


def remove(registry: Registry, path: str) -> None:
    system, root = fsspec.core.url_to_fs(registry.address)
    system.rm(f"{root}/{path}")


def write(registry: Registry, path: str, data: bytes) -> None:
    system, root = fsspec.core.url_to_fs(registry.address)
    system.makedirs(f"{root}/{path}".rpartition("/")[0], exist_ok=True)
    system.pipe_file(f"{root}/{path}", data)


def test_the_version_that_was_deployed_last_is_the_latest_also_an_old_one_deployed_again(registry: Registry) -> None:
    for version in ("v1", "v2", "v1"):
        registry.publish(*manifest(version), version)
        assert registry.find("etl.main").version == version
    assert registry.versions("etl") == ["v1", "v2"]
    assert registry.find("etl.main", "v2").manifest.files == {"code.py": checksum_of(b"v2")}
    assert registry.content(checksum_of(b"v1")) == b"v1"


def test_a_version_never_changes(registry: Registry) -> None:
    registry.publish(*manifest("one"), "v1")
    with pytest.raises(DeploymentError, match=r"Version 'v1' of environment 'etl' exists in .*with other content"):
        registry.publish(*manifest("another"), "v1")
    assert registry.find("etl.main", "v1").manifest.files == {"code.py": checksum_of(b"one")}


def test_a_version_that_is_removed_takes_along_what_no_other_has(registry: Registry) -> None:
    registry.publish(*manifest("one"), "v1")
    registry.publish(*manifest("one", environment="other"), "v1")
    registry.publish(*manifest("two"), "v2")
    assert registry.remove("etl", "v2") == 2
    assert registry.find("etl.main").version == "v1"
    with pytest.raises(RemoteTaskNotFoundError, match=r"no version 'v2' of 'etl.main'"):
        registry.find("etl.main", "v2")
    with pytest.raises(StorageError, match="missing"):
        registry.content(checksum_of(b"two"))
    assert registry.remove("etl", "v1") == 1, "its manifest: the code is another environment's too"
    assert registry.content(checksum_of(b"one")) == b"one"
    assert registry.environments() == ["other"]
    with pytest.raises(RemoteTaskNotFoundError, match=r"no version 'v1' of environment 'etl' in .*; there is none"):
        registry.remove("etl", "v1")
    registry.publish(*manifest("two"), "v2")
    assert registry.find("etl.main").version == "v2"


def test_of_many_who_publish_one_version_at_once_one_succeeds(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    together = threading.Barrier(8)
    outcomes: list[str] = []

    def publish(text: str) -> None:
        together.wait()
        try:
            registry.publish(*manifest(text), "v1")
            outcomes.append(text)
        except DeploymentError:
            pass

    threads = [threading.Thread(target=publish, args=(f"text {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    assert registry.find("etl.main", "v1").manifest.files["code.py"] == checksum_of(outcomes[0].encode())


@pytest.mark.parametrize("missing", ["file", "manifest"])
def test_a_version_that_is_half_there_is_no_version(
    registry: Registry, missing: str, caplog: pytest.LogCaptureFixture
) -> None:
    registry.publish(*manifest("old"), "v1")
    published = registry.publish(*manifest("new"), "v2")
    lost = published.manifest if missing == "manifest" else checksum_of(b"new")
    remove(registry, f"blobs/{lost[:2]}/{lost}")
    with pytest.raises(RemoteTaskNotFoundError, match=r"Version 'v2' of 'etl.main' is not completely published.*'v1'"):
        registry.find("etl.main", "v2")
    assert registry.find("etl.main").version == "v1"
    assert "the version 'v1' is used: 1 newer" in caplog.text
    registry.publish(*manifest("new"), "v2")
    assert registry.find("etl.main").version == "v2"


@pytest.mark.parametrize("written", [b"", b'{"format": 1, "environ', b"[]", b'{"format": 99}'])
def test_a_publication_that_was_cut_off_is_none_and_can_be_written_again(registry: Registry, written: bytes) -> None:
    registry.publish(*manifest("old"), "v1")
    registry.publish(*manifest("new"), "v2")
    write(registry, "environments/etl/versions/v2", written)
    with pytest.raises(RemoteTaskNotFoundError, match="not completely published"):
        registry.find("etl.main", "v2")
    assert registry.find("etl.main").version == "v1"
    registry.publish(*manifest("new"), "v2")
    assert registry.find("etl.main", "v2").version == "v2"


def test_code_that_was_changed_in_the_registry_is_not_given_out(registry: Registry) -> None:
    registry.publish(*manifest("mine"), "v1")
    checksum = checksum_of(b"mine")
    write(registry, f"blobs/{checksum[:2]}/{checksum}", b"theirs")
    with pytest.raises(Exception, match="damaged"):
        registry.content(checksum)


@pytest.mark.parametrize("path", ["../evil.py", "/etc/evil.py", "a/../../evil.py", "C:\\evil.py", "a\0b"])
def test_a_manifest_that_names_files_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    registry = Registry(str(tmp_path / "registry"))
    registry.publish(*manifest("x", files={path: checksum_of(b"x"), "code.py": checksum_of(b"x")}), "v1")
    with pytest.raises(RemoteTaskNotFoundError, match="is not the path of a file inside a folder"):
        registry.find("etl.main", "v1")


def test_a_checksum_that_is_a_path_is_refused(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    registry.publish(*manifest("x", files={"other.py": "../../../etc/passwd", "code.py": checksum_of(b"x")}), "v1")
    with pytest.raises(RemoteTaskNotFoundError, match="is no checksum"):
        registry.find("etl.main", "v1")


def test_a_version_put_in_the_place_of_another_is_refused(tmp_path: Path) -> None:
    registry = Registry(str(tmp_path / "registry"))
    registry.publish(*manifest("x"), "v1")
    folder = tmp_path / "registry" / "environments" / "etl" / "versions"
    (folder / "v2").write_bytes((folder / "v1").read_bytes())
    with pytest.raises(RemoteTaskNotFoundError, match="belongs to 'etl' 'v1'"):
        registry.find("etl.main", "v2")


@pytest.mark.parametrize("name", ["..", "../../etc/passwd", "a b/c", ".hidden", "Ü.main", "x" * 300, "etl\0"])
def test_hostile_names_of_versions_are_names_like_any_other(registry: Registry, name: str) -> None:
    registry.publish(*manifest("x"), name)
    assert registry.find("etl.main", name).version == registry.find("etl.main").version == name
    assert "/" not in key_of(name)


def test_what_is_not_there_is_said_with_what_is(registry: Registry) -> None:
    with pytest.raises(RemoteTaskNotFoundError, match=r"no deployed task 'etl.main' in .*nothing yet.*flyte-nb deploy"):
        registry.find("etl.main")
    registry.publish(*manifest("x"), "v1")
    with pytest.raises(RemoteTaskNotFoundError, match=r"no version 'v9' of 'etl.main'.*there is 'v1'"):
        registry.find("etl.main", "v9")
    with pytest.raises(RemoteTaskNotFoundError, match=r"no task 'etl.other' in version 'v1'.*it has 'etl.main'"):
        registry.find("etl.other")
    with pytest.raises(RemoteTaskNotFoundError, match="which has the environments 'etl'"):
        registry.find("nobody.main")
    with pytest.raises(RemoteTaskNotFoundError, match=r"'main' is no name of a deployed task"):
        registry.find("main")
