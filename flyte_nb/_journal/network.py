"""Is a home on a network file system? SQLite's write-ahead log needs memory that its users share."""

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


def network_warning(path: Path) -> str:
    """What is wrong with a home at `path` and what to do; empty if nothing is, or where nobody can tell."""
    kind = _file_system(path.resolve())
    if kind not in _NETWORK:
        return ""
    return (
        f"The home folder {path} is on a network file system ({kind}), which is not supported: what several machines"
        " write there may be lost or damage the journal. Choose a folder on a disk of this machine with init(home=...)"
        " or FLYTE_NB_HOME; large values may stay on the network: init(storage=...)."
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
