"""Run the benchmarks, keep the record, and write `RESULTS.md` with its pictures.

python -m benchmarks                              # what `make bench` does
python -m benchmarks --only unary,bulk            # some sections, merged into the last record
python -m benchmarks --year-claims 10000000 --persons 10000000 --soak-seconds 600
python -m benchmarks --report-only                # the pages once more, from the last record
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks import record as records
from benchmarks.options import Options, add_arguments, options_of
from benchmarks.record import Measured, Record

# Read by the libraries when they are first imported, so it has to happen before any of them is.
_ONE_THREAD: Final = (
    *("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "ARROW_NUM_THREADS"),
    *("NUMEXPR_NUM_THREADS", "NUMEXPR_MAX_THREADS", "NUMBA_NUM_THREADS"),
)

# Where each part of a run is measured, in the order of the run: module and function.
PARTS: Final = {
    "machine": ("memory_and_disk", "measure"),
    "kernel": ("kernel", "measure"),
    "versions": ("kernel", "measure_versions"),
    "lines": ("kernel", "measure_lines"),
    "year": ("kernel", "measure_year"),
    "policies": ("policies", "measure"),
    "engine": ("engine", "measure"),
    "ledgers": ("engine", "measure_ledgers"),
    "commits": ("commits", "measure"),
    "unary": ("service", "measure"),
    "bulk": ("service", "measure_bulk"),
    "soak": ("service", "measure_soak"),
    "gateway": ("gateway", "measure"),
    "provinces": ("provinces", "measure"),
    "reconcile": ("reconcile", "measure"),
    "replay": ("replay", "measure"),
}
_FOLDER: Final = Path(__file__).parent


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--only", help=f"parts to run, of {', '.join(PARTS)}")
    parser.add_argument("--record", type=Path, default=Path("var/bench.json"))
    parser.add_argument("--results", type=Path, default=_FOLDER, help="where RESULTS.md goes")
    parser.add_argument("--report-only", action="store_true", help="measure nothing")
    parser.add_argument("--keep", help="name under which the goals stand in later pages too")
    add_arguments(parser)
    return parser


def _run(options: Options, parts: list[str], keep: Callable[[Record], None]) -> None:
    """Run some parts one after another; after each, `keep` is given the record so far."""
    options.scratch.mkdir(parents=True, exist_ok=True)
    started, machine = records.now(), records.machine()
    measured: list[Measured] = []
    seconds: dict[str, float] = {}
    for part in parts:
        place, name = PARTS[part]
        print(f"{part} …", end=" ", flush=True)
        start = time.perf_counter()
        measure: Callable[[Options], list[Measured]] = getattr(
            import_module(f"benchmarks.sections.{place}"), name
        )
        measured += measure(options)
        seconds[part] = round(time.perf_counter() - start, 1)
        print(f"{seconds[part]} s", flush=True)
        # An hour of ten million persons should not be lost to what comes after it.
        told = {name: str(value) for name, value in asdict(options).items()}
        keep(Record(machine, records.versions(), started, dict(seconds), told, tuple(measured)))


def _merged(old: Record | None, new: Record) -> Record:
    """Return the new record with those sections of the old one that were not run again."""
    if old is None:
        return new
    again = {each.section for each in new.measured}
    kept = [each for each in old.measured if each.section not in again]
    return replace(new, seconds=old.seconds | new.seconds, measured=(*kept, *new.measured))


def main() -> int:
    """Run, and write the pages; return 2 where a part is unknown."""
    for name in _ONE_THREAD:
        os.environ.setdefault(name, "1")
    chosen = _parser().parse_args()
    parts = list(PARTS) if chosen.only is None else chosen.only.split(",")
    unknown = sorted(set(parts) - set(PARTS))
    if unknown:
        print(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    if not chosen.report_only:
        old = None
        if chosen.only is not None and chosen.record.exists():
            old = records.read(chosen.record)
        _run(
            options_of(chosen),
            parts,
            lambda new: records.write(_merged(old, new), chosen.record),
        )
    record = records.read(chosen.record)
    from benchmarks import earlier, plots, report  # noqa: PLC0415 - after the variables above

    if chosen.keep is not None:
        earlier.keep(record, chosen.keep)
    plots.draw(record, chosen.results / "plots")
    page = report.page(record, earlier.read_all())
    (chosen.results / "RESULTS.md").write_text(page, encoding="utf-8")
    print(report.goal_lines(record))
    print(f"written: {chosen.results / 'RESULTS.md'}, from {chosen.record}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
