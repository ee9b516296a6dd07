"""Many files on their way, several at a time, with a word on how far they are; the first error stops the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

from ..storage.local_copy import AT_ONCE_BYTES, Told, told_nobody
from .progress import MOVE_EVERY_S, Progress
from .trees import Entry

R = TypeVar("R")

NEAR_THREADS = min(4, os.cpu_count() or 1)
FAR_THREADS = 16
_BATCH = 100


def near(
    work: Callable[[Entry, Told | None], tuple[int, str] | None], entries: Sequence[Entry], title: str
) -> list[str]:
    """Digests of files of this machine, each of which `work` digests, and may copy to another place here.

    `work` gives how many bytes it has not told of, and the digest. At first nobody listens, and it gives None for a
    file that is too large for that; then it is called again, on a thread. Small files stay on this one, one after the
    other: threads that copy small files spend their time handing the interpreter to each other.
    """
    digests = [""] * len(entries)
    progress = Progress(title, len(entries), lambda: sum(map(_size_of, entries)))

    def work_off(number: int) -> None:
        done = work(entries[number], progress.add_bytes)
        assert done is not None
        digests[number] = done[1]
        progress.add_files(1)

    with _threads(NEAR_THREADS, progress) as threads:
        large = set()
        for start in range(0, len(entries), _BATCH):
            sizes = []
            for number in range(start, min(start + _BATCH, len(entries))):
                done = work(entries[number], None)
                if done is None:
                    large.add(threads.submit(work_off, number))
                else:
                    size, digests[number] = done
                    sizes.append(size)
            progress.add_files(len(sizes), sum(sizes))
            progress.show()
        _wait_for(large, progress)
    return digests


def far(work: Callable[[Entry, Told], R], entries: Sequence[Entry], title: str) -> list[R]:
    """What `work` gives for each of `entries`, at least one end of which is on another machine.

    `work` tells how many bytes it has copied; `title` is shown while it takes long.
    """
    progress = Progress(title, len(entries), lambda: sum(entry.size or 0 for entry in entries))

    def work_off(entry: Entry) -> R:
        size = entry.size or 0
        result = work(entry, told_nobody if size <= AT_ONCE_BYTES else progress.add_bytes)
        progress.add_files(1, size if size <= AT_ONCE_BYTES else 0)
        return result

    with _threads(FAR_THREADS, progress) as threads:
        done = [threads.submit(work_off, entry) for entry in entries]
        _wait_for(set(done), progress)
    return [future.result() for future in done]


@contextmanager
def _threads(count: int, progress: Progress) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(count, thread_name_prefix="flyte_nb-transfer") as threads:
        try:
            yield threads
        except BaseException:
            progress.stop()
            threads.shutdown(wait=True, cancel_futures=True)
            raise
        finally:
            progress.end()


def _wait_for(waiting: set[Future[R]], progress: Progress) -> None:
    while waiting:
        done, waiting = wait(waiting, MOVE_EVERY_S, FIRST_EXCEPTION)
        for future in done:
            future.result()
        progress.show()


def _size_of(entry: Entry) -> int:
    try:
        return os.stat(entry.address).st_size
    except OSError:  # it was there; how much there was is only shown
        return 0
