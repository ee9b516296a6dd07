"""The home folder: where the journal and the stored values of one person live.

Only its owner may look inside (mode 0700), because values, logs and pickles are in it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from ..errors import InitializationError

ENVIRONMENT_VARIABLE = "FLYTE_NB_HOME"


def default_home() -> Path:
    """`FLYTE_NB_HOME` where it is set, else the platform's folder for user data."""
    chosen = os.environ.get(ENVIRONMENT_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("flyte_nb", appauthor=False))


class Home:
    """A home folder and the places in it.

    Parameters
    ----------
    path : path-like
        Created with mode 0700 when it does not exist.

    Raises
    ------
    InitializationError
        If it cannot be created, is no folder, or belongs to somebody else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path).expanduser().absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._keep_private()
        except OSError as error:
            raise InitializationError(
                f"Cannot use {self.path} as home folder: {error.strerror or error}. Choose a folder that you"
                f" may write to with init(home=...) or {ENVIRONMENT_VARIABLE}."
            ) from error

    @property
    def journal_path(self) -> Path:
        """The SQLite database."""
        return self.path / "journal.sqlite"

    @property
    def store_path(self) -> Path:
        """Folder of stored values, unless `init(storage=...)` says otherwise."""
        return self.path / "store"

    @property
    def secrets_path(self) -> Path:
        """Folder of secrets that were created with `flyte_nb.remote.Secret`."""
        return self.path / "secrets"

    @property
    def registry_path(self) -> Path:
        """Folder of deployed tasks, unless `init(registry=...)` or its storage says otherwise."""
        return self.path / "registry"

    @property
    def deployed_path(self) -> Path:
        """Folder of the code and the environments of deployed tasks that were called here."""
        return self.path / "deployed"

    def _keep_private(self) -> None:
        if os.name != "posix":
            return
        found = self.path.stat()
        if found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) & 0o077:
            self.path.chmod(0o700)

    def __repr__(self) -> str:
        return f"Home({str(self.path)!r})"
