"""A registry: publish environments, find their tasks.

Below its address::

    blobs/CHECKSUM                          manifests and files of code, each under the digest of its content
    environments/ENVIRONMENT/versions/VERSION   which manifest a version is: written last, once, and never changed
    environments/ENVIRONMENT/order/TIME-VERSION when it was deployed; a version deployed again has another one

So a version is there whole or not at all, and whoever publishes the same content twice changes nothing.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import time
from dataclasses import dataclass

from ..errors import DeploymentError, RemoteTaskNotFoundError, StorageError
from ..storage.store import checksum_of
from .keys import key_of
from .manifest import (
    DescribedTask,
    Manifest,
    Publication,
    check_is_checksum,
    read_manifest,
    read_publication,
)
from .objects import objects_at
from .requirements import made_with

logger = logging.getLogger("flyte_nb")

SHOWN = 8


@dataclass(frozen=True)
class Deployment:
    """A version of an environment, as it was found.

    Attributes
    ----------
    registry : str
        Address of the registry that it is from.
    digest : str
        Of the manifest.
    """

    registry: str
    publication: Publication
    manifest: Manifest

    @property
    def version(self) -> str:
        """Its version."""
        return self.publication.version

    @property
    def digest(self) -> str:
        """Of all its content."""
        return self.publication.manifest

    def task(self, name: str) -> DescribedTask:
        """The task of that name.

        Raises
        ------
        RemoteTaskNotFoundError
            If it has none.
        """
        found = self.manifest.tasks.get(name)
        if found is None:
            raise RemoteTaskNotFoundError(
                f"There is no task {name!r} in version {self.version!r} of environment {self.manifest.environment!r};"
                f" it has {_listed(self.manifest.tasks)}."
            )
        return found


class Registry:
    """Deployed environments at an address.

    Parameters
    ----------
    address : str
        A folder, or any address that fsspec knows.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._objects = objects_at(address)

    def publish(
        self, manifest: Manifest, files: dict[str, bytes], version: str, *, project: str = "", domain: str = ""
    ) -> Publication:
        """Make `manifest` the version `version` of its environment, and its latest.

        Raises
        ------
        DeploymentError
            If that version exists with other content.
        StorageError
            If it cannot be written.
        """
        for path, content in files.items():
            self._put_blob(content, manifest.files[path])
        data = manifest.as_bytes()
        digest = checksum_of(data)
        self._put_blob(data, digest)
        publication = Publication(
            environment=manifest.environment,
            version=version,
            manifest=digest,
            published_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            project=project,
            domain=domain,
            made_with=made_with(),
        )
        folder = _folder(manifest.environment)
        path = f"{folder}/versions/{key_of(version)}"
        if not self._objects.create(path, _written(publication)):
            publication = self._kept(publication, path)
        self._objects.create(f"{folder}/order/{self._next_moment(folder):020d}-{key_of(version)}", version.encode())
        return publication

    def remove(self, environment: str, version: str) -> int:
        """Take a version away, with what no other version of any environment has; how many objects that were.

        Nobody may deploy meanwhile: what is there already is not written again, and may go.

        Raises
        ------
        RemoteTaskNotFoundError
            If there is none.
        StorageError
            If the registry cannot be read or written.
        """
        folder, key = _folder(environment), key_of(version)
        path = f"{folder}/versions/{key}"
        data = self._objects.read(path)
        if data is None:
            raise RemoteTaskNotFoundError(
                f"There is no version {version!r} of environment {environment!r} in {self.address}; there is"
                f" {_listed(self.versions(environment))}."
            )
        its = self._contents(data)
        self._objects.delete(path)
        for name in self._objects.names(f"{folder}/order"):
            if name.partition("-")[2] == key:
                self._objects.delete(f"{folder}/order/{name}")
        for other in self._objects.names("environments"):
            for name in self._objects.names(f"environments/{other}/versions"):
                its -= self._contents(self._objects.read(f"environments/{other}/versions/{name}") or b"")
        for checksum in its:
            self._objects.delete(_blob(checksum))
        return len(its)

    def find(self, name: str, version: str | None = None) -> Deployment:
        """The environment that has the task `name`: in a version, or the latest that is complete.

        Raises
        ------
        RemoteTaskNotFoundError
            If there is none.
        StorageError
            If the registry cannot be read.
        """
        environment = name.partition(".")[0]
        if "." not in name:
            raise RemoteTaskNotFoundError(
                f"{name!r} is no name of a deployed task: it is called after its environment, 'environment.function'."
            )
        if version is not None:
            found = self._version(environment, version, name)
        else:
            found = self._latest(environment, name)
        found.task(name)
        return found

    def environments(self) -> list[str]:
        """Names of environments that have a latest version."""
        found = []
        for key in self._objects.names("environments"):
            for version in reversed(self._keys_in_order(f"environments/{key}")):
                data = self._objects.read(f"environments/{key}/versions/{version}")
                if data is not None:
                    try:
                        found.append(read_publication(data).environment)
                        break
                    except StorageError:
                        continue
        return found

    def versions(self, environment: str) -> list[str]:
        """Versions of an environment, the latest first."""
        folder = _folder(environment)
        found = []
        for key in dict.fromkeys(reversed(self._keys_in_order(folder))):
            data = self._objects.read(f"{folder}/versions/{key}")
            if data is not None:
                try:
                    found.append(read_publication(data).version)
                except StorageError:
                    continue
        return found

    def latest(self, environment: str) -> Deployment:
        """The latest complete version of an environment.

        Raises
        ------
        RemoteTaskNotFoundError
            If there is none.
        """
        return self._latest(environment, f"{environment}.")

    def content(self, checksum: str) -> bytes:
        """The bytes of a blob.

        Raises
        ------
        StorageError
            If they are missing or damaged.
        """
        check_is_checksum(checksum)
        data = self._objects.read(_blob(checksum))
        if data is None:
            raise StorageError(f"a part of it is missing ({_blob(checksum)})")
        if checksum_of(data) != checksum:
            raise StorageError(f"a part of it is damaged ({_blob(checksum)})")
        return data

    def _put_blob(self, data: bytes, checksum: str) -> None:
        path = _blob(checksum)
        if not self._objects.create(path, data) and self._objects.read(path) != data:
            self._objects.put(path, data)  # what somebody left half copied

    def _kept(self, wanted: Publication, path: str) -> Publication:
        data = self._objects.read(path)
        try:
            kept = read_publication(data or b"")
        except StorageError:
            self._objects.put(path, _written(wanted))
            return wanted
        if kept.manifest != wanted.manifest:
            raise DeploymentError(
                f"Version {wanted.version!r} of environment {wanted.environment!r} exists in {self.address} since"
                f" {kept.published_at}, with other content, and versions never change. Deploy under another version, or"
                " leave it out: it is then made from the content."
            )
        return kept

    def _contents(self, publication: bytes) -> set[str]:
        """Checksums of the manifest and the files of a version, as far as it is whole."""
        found: set[str] = set()
        with contextlib.suppress(StorageError):
            found.add(read_publication(publication).manifest)
        for manifest in tuple(found):
            check_is_checksum(manifest)
            data = self._objects.read(_blob(manifest))
            with contextlib.suppress(StorageError):
                found.update(read_manifest(data or b"", manifest).files.values())
        return found

    def _next_moment(self, folder: str) -> int:
        names = self._objects.names(f"{folder}/order")
        last = int(names[-1].partition("-")[0]) if names and names[-1].partition("-")[0].isdecimal() else 0
        return max(time.time_ns() // 1000, last + 1)

    def _keys_in_order(self, folder: str) -> list[str]:
        return [name.partition("-")[2] for name in self._objects.names(f"{folder}/order") if "-" in name]

    def _latest(self, environment: str, name: str) -> Deployment:
        keys = self._keys_in_order(_folder(environment))
        incomplete: list[str] = []
        for key in dict.fromkeys(reversed(keys)):
            try:
                found = self._read(environment, key)
            except StorageError as error:
                incomplete.append(f"{key} ({error})")
                continue
            if found is not None:
                if incomplete:
                    logger.warning(
                        "Of environment %r the version %r is used: %s newer in %s, and not complete: %s.",
                        environment, found.version, len(incomplete), self.address, "; ".join(incomplete),
                    )  # fmt: skip
                return found
        raise RemoteTaskNotFoundError(self._nothing(environment, name, incomplete))

    def _version(self, environment: str, version: str, name: str) -> Deployment:
        try:
            found = self._read(environment, key_of(version))
        except StorageError as error:
            raise RemoteTaskNotFoundError(
                f"Version {version!r} of {name!r} is not completely published in {self.address}: {error}. Deploy it"
                f" again, or use another one: {_listed(self.versions(environment))}."
            ) from error
        if found is None:
            known = self.versions(environment)
            if not known:
                raise RemoteTaskNotFoundError(self._nothing(environment, name, []))
            raise RemoteTaskNotFoundError(
                f"There is no version {version!r} of {name!r} in {self.address}; there is {_listed(known)}."
            )
        return found

    def _read(self, environment: str, key: str) -> Deployment | None:
        path = f"{_folder(environment)}/versions/{key}"
        data = self._objects.read(path)
        if data is None:
            return None
        publication = read_publication(data)
        if publication.environment != environment or key_of(publication.version) != key:
            raise StorageError(f"{path} belongs to {publication.environment!r} {publication.version!r}")
        manifest = read_manifest(self.content(publication.manifest), publication.manifest)
        if manifest.environment != environment:
            raise StorageError(f"its manifest belongs to {manifest.environment!r}")
        for file, checksum in manifest.files.items():
            if not self._objects.has(_blob(checksum)):
                raise StorageError(f"the file {file!r} of its code is missing ({_blob(checksum)})")
        return Deployment(self.address, publication, manifest)

    def _nothing(self, environment: str, name: str, incomplete: list[str]) -> str:
        if incomplete:
            return (
                f"No version of environment {environment!r} in {self.address} is completely published:"
                f" {'; '.join(incomplete)}. Deploy it again."
            )
        known = self.environments()
        return (
            f"There is no deployed task {name!r} in {self.address}, which has"
            f" {f'the environments {_listed(known)}' if known else 'nothing yet'}. Deploy it: flyte-nb deploy PATH; or"
            " name its registry: init(registry=...)."
        )


def _folder(environment: str) -> str:
    return f"environments/{key_of(environment)}"


def _blob(checksum: str) -> str:
    return f"blobs/{checksum[:2]}/{checksum}"


def _written(publication: Publication) -> bytes:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(publication), indent=1) + b"\n"


def _listed(names: object) -> str:
    found = list(names)  # type: ignore[call-overload]
    shown = ", ".join(map(repr, found[:SHOWN]))
    return f"{shown} and {len(found) - SHOWN} more" if len(found) > SHOWN else shown or "none"
