"""An agency that runs `medsettle hospital` in processes, with what it reads in files."""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from medsettle.cli.exits import Exit

from tests.clearing.hospital_claims import MARCH, TERMS, application
from tests.cli.commands import Ran, run

BY_CLERK = ("--by", "clerk")
BY_REVIEWER, BY_TREASURER = ("--by", "reviewer"), ("--by", "treasurer")
BY_DIRECTOR = ("--by", "director")
WITH_TERMS = ("--terms", TERMS)


def hospital(folder: Path, *words: object) -> Ran:
    """Run a command and return what it did."""
    return run("hospital", *words, "--data", folder / "data", "--json")


def done(folder: Path, *words: object) -> Any:  # noqa: ANN401 - whatever a command prints
    """Run a command that succeeds and return what it prints as JSON."""
    ran = hospital(folder, *words)
    assert Exit.OK == ran.code, ran.out + ran.err
    return ran.json


def supplied(folder: Path) -> None:
    """Record the terms by somebody of whom nothing else is."""
    done(folder, "terms", TERMS, "--by", "officer")


def written_book(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a book in the kind of file that its ending says."""
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, default=str), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def written_applications(folder: Path, **changes: object) -> Path:
    """Write an application for March, changed, to a file and return it."""
    said = asdict(application()) | {"stated": None, "month": MARCH.text} | changes
    sums = {"persons": 2, "total_fen": 45_000, "account_fen": 0, "cash_fen": 15_000}
    path = folder / "applications.json"
    path.write_text(json.dumps([said | sums | {"fund_fen": 30_000} | changes], default=str))
    return path
