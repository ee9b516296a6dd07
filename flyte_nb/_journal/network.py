"""Is a home on a network file system? There is no memory that processes share, which a write-ahead log needs."""

from __future__ import annotations

import os
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset(
    (
        *("afs", "beegfs", "ceph", "cifs", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "pvfs2"),
        *("smb3", "smbfs", "wekafs", "fuse.ceph", "fuse.davfs", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone"),
        *("fuse.s3fs", "fuse.sshfs"),
    )
)


def network_file_system(path: Path) -> str:
    """Type of the network file system that `path` is on; empty if it is on none, or where nobody can tell."""
    kind = _file_system(path.resolve())
    return kind if kind in _NETWORK else ""


def network_warning(path: Path) -> str:
    """What a home at `path` cannot have and what to do; empty if it is on no network file system."""
    kind = network_file_system(path)
    if not kind:
        return ""
    return (
        f"The home folder {path} is on a network file system ({kind}). Its journal is kept without a write-ahead log,"
        " which is slower and only as safe as the locks of that file system. Better choose a folder on a disk of this"
        " machine with init(home=...) or FLYTE_NB_HOME; large values may stay on the network: init(storage=...)."
    )


def _file_system(path: Path) -> str:
    """Type of the file system that `path` is on; empty where the system does not say (Linux does)."""
    try:
        lines = _MOUNTS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    deepest, found = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(_unescaped(before.split(" ")[4]))
        if path.is_relative_to(point) and len(point.parts) >= deepest:  # of those on one point, the last is seen
            deepest, found = len(point.parts), after.split(" ")[0]
    return found


def _unescaped(text: str) -> str:
    """A path as the kernel writes it, with octal numbers for spaces and the like."""
    head, *rest = os.fsencode(text).split(b"\\")
    return os.fsdecode(head + b"".join(bytes([int(part[:3], 8)]) + part[3:] for part in rest))
