"""Replay a history by one tool and print what it took, as JSON.

python -m benchmarks.replays.run medsettle var/bench/history var/bench/replayed

Seconds are CPU of all threads once imports, rules and compiled code are there, and once memory is
that of a part: each tool goes through one part before, of which nothing is kept. The tool beside
medsettle reads by pyarrow the columns that a replay reads, and writes the tables that it wrote, in
the same encodings and as durably; it settles nothing. Both keep memory that Arrow frees for a
minute, which is what the command does.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

RULES: Final = Path(__file__).parents[2] / "rules"
REFORM: Final = """
format: 1
overlay: reform-{number}
changes: beijing-employee-outpatient
from: 2024-07-01
title: invented, a lower deductible from July on
set:
  tables:
    deductible:
      versions:
        - from: 2024-07-01
          source: outpatient
          rows: {{active: {active}元, retired: {retired}元}}
"""


def _replayed(history: Path, out: Path, *, reforms: int, **options: bool) -> dict[str, Any]:
    """Return what medsettle takes, with some reforms beside the baseline."""
    from medsettle.replay.history import History  # noqa: PLC0415 - after the environment
    from medsettle.replay.part import PartOptions  # noqa: PLC0415
    from medsettle.replay.run import replay  # noqa: PLC0415
    from medsettle.replay.worlds import worlds_of  # noqa: PLC0415

    opened = History.open(history)
    overlays = []
    for number in range(reforms):
        path = out.with_name(f"reform-{number}.yaml")
        figures = {"active": 1_700 - 100 * number, "retired": 1_200 - 100 * number}
        path.write_text(REFORM.format(number=number, **figures), encoding="utf-8")
        overlays.append(path)
    worlds = worlds_of(RULES, overlays)
    asked = PartOptions(**options)
    _warm(opened, worlds, asked)
    rmtree(out, ignore_errors=True)
    start = time.process_time()
    found = replay(opened, worlds, out, asked, threads=1)
    return {"seconds": time.process_time() - start, "claims": found.claims}


def _warm(opened: Any, worlds: Any, options: Any) -> None:
    """Load compiled code, lower programs and touch memory, with a part of which nothing is kept."""
    from medsettle.replay.history import COLUMNS, table_bytes  # noqa: PLC0415
    from medsettle.replay.layout import RESULT  # noqa: PLC0415
    from medsettle.replay.part import replay_part  # noqa: PLC0415

    tables = {name: opened.read(opened.parts[0], name) for name in COLUMNS}
    found = replay_part(tables, worlds, options)
    for name, table in found.items():
        if name.startswith("claims"):
            table_bytes(RESULT, table)


def _read_and_written(history: Path, out: Path) -> dict[str, Any]:
    """Return what reading and writing the same columns takes; `out` has what a replay wrote."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - after the environment
    from medsettle import durable  # noqa: PLC0415
    from medsettle.replay.history import History, table_bytes  # noqa: PLC0415
    from medsettle.replay.layout import BASELINE, PAST, RESULT, RESULT_LINE  # noqa: PLC0415
    from medsettle.replay.part import PartOptions, PartReplayer  # noqa: PLC0415
    from medsettle.replay.part_lines import LINE_COLUMNS  # noqa: PLC0415
    from medsettle.replay.worlds import worlds_of  # noqa: PLC0415

    opened = History.open(history)
    claims = PartReplayer(worlds_of(RULES, []), PartOptions()).claim_columns
    copy, took = out.with_name("copied"), []
    for part in (opened.parts[0], *opened.parts):
        written = {
            name: pq.ParquetFile(
                out / name / BASELINE / f"part-{part.number:05d}.parquet", read_dictionary=coded
            ).read()
            for name, coded in (
                ("claims", ["outcome", "policy", *PAST]),
                ("lines", ["item_class", "pot"]),
            )
        }
        start = time.process_time()
        opened.read(part, "claims", claims)
        opened.read(part, "lines", LINE_COLUMNS)
        opened.read(part, "moves")
        for name, columns in (("claims", RESULT), ("lines", RESULT_LINE)):
            durable.make_folder(copy / name)
            path = copy / name / f"part-{part.number:05d}.parquet"
            durable.put(path, table_bytes(columns, written[name]))
        took.append(time.process_time() - start)
    rmtree(copy)
    return {"seconds": sum(took[1:]), "claims": opened.rows("claims")}


def main() -> None:
    """Run the tool that the command names."""
    tool, history, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    # Read when Arrow is first imported.
    os.environ.setdefault("MIMALLOC_PURGE_DELAY", "60000")
    from benchmarks.record import OURS  # noqa: PLC0415
    from benchmarks.sections import names as of  # noqa: PLC0415

    if tool == of.SAME_COLUMNS:
        told = _read_and_written(history, out)
    elif tool == of.CHECKED:
        told = _replayed(history, out.with_name("checked"), reforms=0, check=True)
    else:
        reforms = {OURS: 0, of.ONE_REFORM: 1, of.TWO_REFORMS: 2}[tool]
        place = out if tool == OURS else out.with_name("reformed")
        told = _replayed(history, place, reforms=reforms, lines=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps(told | {"peak_mib": peak}))


if __name__ == "__main__":
    main()
