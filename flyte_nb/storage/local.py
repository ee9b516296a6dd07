"""A store in a folder of this machine, readable by its owner alone."""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path

from ..errors import StorageError
from .store import StoredBlob, blob_name, checksum_of, checksum_of_file, verified


class LocalStore:
    """Keeps bytes below a folder, by plain file I/O.

    Parameters
    ----------
    folder : str or Path
        Made when first needed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.root = str(Path(folder).absolute())

    def put_nowait(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum = checksum_of(data)
        path = Path(self.root, blob_name(checksum, suffix))
        try:
            if not path.exists() or path.stat().st_size != len(data):
                _publish(path, data)
        except OSError as error:
            raise StorageError(f"Cannot write {path}: {error.strerror or error}.") from error
        return StoredBlob(str(path), len(data), checksum)

    def put_file_nowait(self, path: str, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum, size = checksum_of_file(path)
        target = Path(self.root, blob_name(checksum, suffix))
        try:
            if not target.exists() or target.stat().st_size != size:
                _make_private(target.parent)
                _move(path, target)
        except OSError as error:
            raise StorageError(f"Cannot write {target}: {error.strerror or error}.") from error
        return StoredBlob(str(target), size, checksum)

    def get_nowait(self, uri: str, *, checksum: str = "") -> bytes:
        """See `Store`."""
        try:
            data = Path(uri).read_bytes()
        except FileNotFoundError:
            raise StorageError(
                f"{uri} is missing: a result that the journal knows is gone from its store."
                " Was the folder moved, or cleaned by hand?"
            ) from None
        except OSError as error:
            raise StorageError(f"Cannot read {uri}: {error.strerror or error}.") from error
        return verified(data, uri, checksum)

    async def put(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        return self.put_nowait(data, suffix=suffix)

    async def get(self, uri: str, *, checksum: str = "") -> bytes:
        """See `Store`."""
        return self.get_nowait(uri, checksum=checksum)

    def has(self, uri: str) -> bool:
        """See `Store`."""
        return os.path.exists(uri)

    def owns(self, uri: str) -> bool:
        """See `Store`."""
        return os.path.abspath(uri).startswith(self.root + os.sep)

    def path_for(self, name: str) -> str:
        """See `Store`."""
        return os.path.join(self.root, name)


def _make_private(folder: Path) -> None:
    """Make `folder` and its missing parents, each for its owner alone; `mkdir` does so for the last one only."""
    if folder.is_dir():
        return
    _make_private(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)


def _publish(path: Path, data: bytes) -> None:
    """Write beside `path`, then rename: nobody sees half an object, and a damaged one is replaced."""
    _make_private(path.parent)
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _move(path: str, target: Path) -> None:
    """Rename; from another file system, copy beside `target` and rename there."""
    try:
        os.replace(path, target)
    except OSError:
        unfinished = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
        try:
            shutil.copyfile(path, unfinished)
            unfinished.chmod(0o600)
            os.replace(unfinished, target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
