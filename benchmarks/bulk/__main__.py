"""Bulk settling: `python -m benchmarks.bulk stages|growth|soak`.

    stages  --claims 50000    CPU of each stage a claim: decode, settle, append, answer, project
    growth  --claims 200000   the same at growing ledgers, and for more and more persons
    soak    --seconds 600     resident memory over time, every tenth claim repeated

Everything is settled on a new ledger in --folder, which is left behind for a look.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from benchmarks.bulk.claims import CLAIMS_PER_STREAM, streams
from benchmarks.bulk.stages import Stages

_PERSONS = (10_000, 100_000, 1_000_000, 10_000_000)
_SOAK_PERSONS = 100_000
_PAGE_BYTES = resource.getpagesize()


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(prog="benchmarks.bulk", description=__doc__)
    parser.add_argument("what", choices=("stages", "growth", "soak"))
    parser.add_argument("--claims", type=int, default=50_000)
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="medsettle-bulk-"))
    folder.mkdir(parents=True, exist_ok=True)
    lines = {
        "stages": lambda: _stages(folder, given.claims, given.lines),
        "growth": lambda: _growth(folder, given.claims, given.lines),
        "soak": lambda: _soak(folder, given.seconds, given.lines),
    }[given.what]()
    for line in lines:
        print(line, flush=True)  # noqa: T201 - what it is for


def _stages(folder: Path, claims: int, lines: int) -> Iterator[str]:
    stages = Stages(folder)
    stages.run(streams(claims, claims // 2, lines))
    settled = stages.settled
    yield from _told(stages.microseconds())
    files = list((folder / "audit").rglob("*.parquet"))
    yield f"{settled} of {claims} settled; {_bytes(files) / claims:.0f} audit bytes a claim"
    splits = [path for path in files if "line_splits" in path.parts]
    yield f"{_bytes(splits) / settled / lines:.1f} bytes a line of line_splits"
    stages.close()


def _growth(folder: Path, claims: int, lines: int) -> Iterator[str]:
    yield f"{'persons':>12} {'entries before':>15} {'settle':>8} {'append':>8} {'project':>8}"
    for persons in _PERSONS:
        inside = folder / f"{persons}"
        inside.mkdir()
        stages = Stages(inside)
        part = max(claims // 5, CLAIMS_PER_STREAM)
        for first in range(0, claims, part):
            before = stages.settled
            stages.run(streams(part, persons, lines, first))
            cost = stages.microseconds()
            yield (
                f"{persons:12,} {before:15,} {cost['settle']:8.1f} {cost['append']:8.1f} "
                f"{cost['project']:8.1f}"
            )
        stages.close()


def _soak(folder: Path, seconds: float, lines: int) -> Iterator[str]:
    stages = Stages(folder)
    start, number = time.monotonic(), 0
    while time.monotonic() < start + seconds:
        fresh = streams(10 * CLAIMS_PER_STREAM, _SOAK_PERSONS, lines, number)
        again = streams(CLAIMS_PER_STREAM, _SOAK_PERSONS, lines, number)
        stages.run(chain(fresh, again))
        number += 10 * CLAIMS_PER_STREAM
        yield (
            f"{time.monotonic() - start:6.0f} s {stages.settled:12,} settled "
            f"{_resident_mb():7.0f} MB resident"
        )
    stages.close()


def _told(microseconds: dict[str, float]) -> Iterator[str]:
    for stage, spent in sorted(microseconds.items()):
        yield f"{stage:10} {spent:7.1f} µs a claim"
    # An append is a part of settling.
    total = sum(microseconds.values()) - microseconds["append"]
    yield f"{'together':10} {total:7.1f} µs a claim"


def _bytes(files: list[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * _PAGE_BYTES / 1e6


if __name__ == "__main__":
    main()
