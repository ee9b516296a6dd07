"""The files of deployed code, taken out of the registry once and kept."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from ..._registry.registry import Deployment, Registry
from ...errors import DeploymentError, StorageError
from .locks import hold


def code_of(deployment: Deployment, folder: Path) -> Path:
    """A folder that holds the files of a deployment, and nothing else. Each is compared with its checksum.

    Raises
    ------
    DeploymentError
        If one of them cannot be had.
    """
    target = folder / deployment.digest
    hold(target)
    if target.is_dir():
        return target
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    registry = Registry(deployment.registry)
    fresh = Path(tempfile.mkdtemp(prefix=".", dir=folder))
    try:
        for path, checksum in deployment.manifest.files.items():
            file = fresh / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(registry.content(checksum))
            file.chmod(0o400)
        try:
            fresh.rename(target)
        except OSError:
            if not target.is_dir():  # another process was faster
                raise
    except (OSError, StorageError) as error:
        raise DeploymentError(
            f"The code of version {deployment.version!r} of environment {deployment.manifest.environment!r} cannot be"
            f" taken from {deployment.registry}: {error}. Deploy it again."
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target
