"""An S3 server behind a wire that is cut for a round while its folder holds a file ``cut``. Ends with its input."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.io.faulty import RESET, FaultyProxy
from tests.s3 import started_s3

from .services import BUCKET


def fault(method: str, path: str) -> str | None:
    """The folder of the round stands in the address, after the bucket."""
    folder = path.partition("?")[0].removeprefix(f"/{BUCKET}")
    while len(folder) > 1:
        if (Path(folder) / "cut").exists():
            return RESET
        folder = folder.rpartition("/")[0]
    return None


def main() -> None:
    with started_s3(BUCKET) as (host, port):
        proxy = FaultyProxy(host, port)
        proxy.fault = fault
        print(proxy.address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
