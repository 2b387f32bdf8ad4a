"""What the machine itself does: copying memory, and making a write durable."""

import os
import time
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.options import Options
from benchmarks.record import Measured
from benchmarks.rounds import Case, take_turns, timed
from benchmarks.sections import names as of

# Far above every cache, and inside the second level of one core.
FROM_MEMORY_BYTES: Final = 256 * 2**20
IN_CACHE_BYTES: Final = 128 * 2**10
_SYNCS: Final = 40
_PAGE: Final = 4_096


def measure(options: Options) -> list[Measured]:
    """Return copied bytes a second, read and written both counted, and the cost of a sync."""
    found = []
    for size in (IN_CACHE_BYTES, FROM_MEMORY_BYTES):
        # Written once, both of them: pages never written are all one page of zeros.
        source, target = np.ones(size // 8, np.int64), np.full(size // 8, 2, np.int64)
        case = Case(of.COPY, 2 * size, timed(partial(np.copyto, target, source)))
        copied = take_turns(
            of.MACHINE, size, "B/s", [case], rounds=options.rounds, budget_seconds=1.0
        )
        found += copied
    medians = [sync_us(options.scratch) for _ in range(options.rounds)]
    found.append(Measured(of.MACHINE, of.SYNC, _PAGE, "µs", tuple(medians)))
    return found


def sync_us(folder: Path) -> float:
    """Return the median time of writing and syncing a page of a file that exists already."""
    path = folder / "sync.bin"
    path.write_bytes(bytes(_PAGE * _SYNCS))
    page, spent = os.urandom(_PAGE), []
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.fsync(descriptor)
        for number in range(_SYNCS):
            start = time.perf_counter()
            os.pwrite(descriptor, page, number * _PAGE)
            os.fdatasync(descriptor)
            spent.append(time.perf_counter() - start)
    finally:
        os.close(descriptor)
        path.unlink()
    return float(np.median(spent)) * 1e6
