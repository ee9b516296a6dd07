"""A store in a folder of this machine, readable by its owner alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import StorageError
from .local_copy import make_private, publish, unfinished_beside
from .store import StoredBlob, blob_name, checksum_of, checksum_of_file, verified


class LocalStore:
    """Keeps bytes below a folder, by plain file I/O.

    Parameters
    ----------
    folder : str or Path
        Made when first needed.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.root: str = str(Path(folder).absolute())

    def put_nowait(self, data: bytes, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum = checksum_of(data)
        path = Path(self.root, blob_name(checksum, suffix))
        try:
            if not path.exists() or path.stat().st_size != len(data):
                _publish(path, data)
            else:
                os.utime(path)  # retention leaves alone what was put just now
        except OSError as error:
            raise StorageError(f"Cannot write {path}: {error.strerror or error}.") from error
        return StoredBlob(str(path), len(data), checksum)

    def put_file_nowait(self, path: str, *, suffix: str = "") -> StoredBlob:
        """See `Store`."""
        checksum, size = checksum_of_file(path)
        target = Path(self.root, blob_name(checksum, suffix))
        try:
            if not target.exists() or target.stat().st_size != size:
                make_private(str(target.parent))
                _move(path, target)
            else:
                os.utime(target)
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


def _publish(path: Path, data: bytes) -> None:
    """Write beside `path`, then rename: nobody sees half an object, and a damaged one is replaced."""
    make_private(str(path.parent))
    unfinished = Path(unfinished_beside(str(path)))
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        publish(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _move(path: str, target: Path) -> None:
    """Rename; from another file system, copy beside `target` and rename there."""
    try:
        publish(path, target)
    except OSError:
        unfinished = Path(unfinished_beside(str(target)))
        try:
            shutil.copyfile(path, unfinished)
            unfinished.chmod(0o600)
            publish(unfinished, target)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
