"""One measurement of files in a process of its own: ``files_workload.py PACKAGE NAME SIZE`` prints seconds as JSON.

`PACKAGE` is flyte_nb, the reference SDK, or what both are to be compared with: cp, s3fs, obstore.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKAGE, NAME, SIZE = sys.argv[1], sys.argv[2], int(sys.argv[3])
OURS = PACKAGE == "flyte_nb"
PIECE = os.urandom(2**20)


def seconds(step: Callable[[], Any]) -> float:
    os.sync()
    begun = time.perf_counter()
    step()
    return time.perf_counter() - begun


def a_file(folder: Path) -> Path:
    """`SIZE` MiB that compress badly and are in memory."""
    path = folder / "file"
    with open(path, "wb") as out:
        for number in range(SIZE):
            out.write(number.to_bytes(8, "big") + PIECE[8:])
    return path


def file(folder: Path) -> dict[str, float]:
    source = a_file(folder)
    if PACKAGE == "cp":
        return {"up": seconds(lambda: subprocess.run(["cp", str(source), str(folder / "copy")], check=True))}
    kind = start(folder).File
    return {"up": seconds(lambda: kind.from_local_sync(str(source)))}


def s3(folder: Path) -> dict[str, float]:
    source, copy, address = a_file(folder), folder / "copy", f"bench/{os.getpid()}/file"
    if OURS:
        kind = start(folder, f"s3://bench/{os.getpid()}").File
        small = folder / "small"
        small.write_bytes(b"")
        kind.from_local_sync(small)  # a connection, as the others have one
        made: list[Any] = []
        up = seconds(lambda: made.append(kind.from_local_sync(source)))
        return {"up": up, "down": seconds(lambda: made[0].download_sync(copy))}
    if PACKAGE == "obstore":
        import obstore
        from obstore.store import S3Store

        store = S3Store("bench", client_options={"allow_http": True})
        obstore.put(store, "small", b"")

        def download() -> None:
            with open(copy, "wb") as out:
                for part in obstore.get(store, address.removeprefix("bench/")).stream():
                    out.write(part)

        up = seconds(lambda: obstore.put(store, address.removeprefix("bench/"), source))
        return {"up": up, "down": seconds(download)}
    import s3fs

    system = s3fs.S3FileSystem()
    system.pipe_file("bench/small", b"")
    up = seconds(lambda: system.put_file(str(source), address))
    return {"up": up, "down": seconds(lambda: system.get_file(address, str(copy)))}


def directory(folder: Path) -> dict[str, float]:
    source = folder / "many"
    source.mkdir()
    for number in range(SIZE):
        (source / f"{number:05}.txt").write_bytes(PIECE[:1000] + str(number).encode())
    kind = start(folder).Dir
    made: list[Any] = []

    async def upload(what: Path) -> None:
        # locally the reference stores nothing unless it is told where to
        made.append(await kind.from_local(str(what), *([] if OURS else [str(folder / "stored" / what.name)])))

    async def download() -> None:
        made.append(await made[-1].download(str(folder / "copies")))

    (folder / "few").mkdir()
    asyncio.run(upload(folder / "few"))  # everything is imported
    begun = time.process_time()
    up = seconds(lambda: asyncio.run(upload(source)))
    stored = time.process_time()
    down = seconds(lambda: asyncio.run(download()))
    ended = time.process_time()
    assert sum(len(names) for _, _, names in os.walk(made[-1])) == SIZE
    return {"up": up, "down": down, "up_processor": stored - begun, "down_processor": ended - stored}


def start(folder: Path, storage: str | None = None) -> Any:
    """The module of files, ready to write below `folder`."""
    flyte: Any = importlib.import_module(PACKAGE)
    if OURS:
        flyte.init(home=folder / "home", storage=storage)
    else:
        flyte.init()
    found: Any = importlib.import_module(f"{PACKAGE}.io")
    return found


def main() -> None:
    folder = Path(tempfile.mkdtemp(prefix="flyte_nb_bench_"))
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None
    try:
        print(json.dumps(globals()[NAME](folder)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
