"""What hospitals are paid as rows for a terminal, for programs, and for files."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from medsettle.clearing.hospitals.declarations import Declaration, Sums
from medsettle.clearing.hospitals.lateness import Late
from medsettle.clearing.hospitals.remittances import Remittance
from medsettle.clearing.hospitals.rows import flat, table_of
from medsettle.clearing.hospitals.status import ClaimStatus
from medsettle.cli.exits import UnreadableFile
from medsettle.core.settlement import Row

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def declaration_json(found: Declaration) -> dict[str, Any]:
    """Return a declaration as a JSON object: stated and own sums, differences, steps."""
    row = flat(found.application)
    for name in Sums.__slots__:
        del row[name]
    return row | {
        "status": int(found.status),
        "records": found.records,
        "stated": flat(found.application.stated),
        "own": flat(found.own),
        "differences": found.differences,
        "steps": [
            {
                "status": int(step.status),
                "by": step.by,
                "time": (_EPOCH + timedelta(microseconds=step.create_time_us)).isoformat(),
                "reason": step.reason,
            }
            for step in found.steps
        ],
    }


def declaration_row(found: Declaration) -> dict[str, Any]:
    """Return a declaration as a row of a table."""
    return {
        "declaration": found.application.declaration,
        "institution": found.application.institution,
        "class": found.application.clearing_class,
        "status": f"{found.status:d} {found.status.name.lower()}",
        "records": found.records,
        "stated_fen": found.application.stated.fund_fen,
        "own_fen": found.own.fund_fen,
    }


def status_json(found: ClaimStatus, late: list[Late] | None) -> dict[str, Any]:
    """Return where a claim stands as a JSON object; `late` is None where no calendar says it."""
    return flat(found) | {
        "late": None if late is None else [flat(each) for each in late],
        "parts": [
            flat(part)
            | {
                "due_fen": part.due_fen,
                "paid_to_date_fen": part.paid_fen,
                "rest_fen": part.rest_fen,
            }
            for part in found.parts
        ],
        "declarations": [
            {"declaration": number, "status": int(status)} for number, status in found.declarations
        ],
    }


def remittance_json(found: Remittance) -> dict[str, Any]:
    """Return what a payment is of as a JSON object."""
    return {
        "payment": flat(found.payment),
        "claims": [flat(line) | {"fen": line.fen} for line in found.claims],
        "adjustments": [flat(each) for each in found.adjustments],
        "claims_fen": found.claims_fen,
        "adjustments_fen": found.adjustments_fen,
    }


def late_row(found: Late) -> dict[str, Any]:
    """Return what was paid late as a row of a table."""
    row = flat(found)
    return {
        "settled": row["day"],
        "institution": found.institution,
        "payer": found.fund.payer,
        "slice": found.slice,
        "due": row["due"],
        "paid": row["paid_on"] or "not yet",
        "days_late": found.days_late,
        "claims": found.claims,
        "amount_fen": found.fen,
    }


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows, at least one, to a .csv or .parquet file; amounts stay fen.

    Raises:
        UnreadableFile: The file is to be of another kind, or there is nothing to write.
        OSError: It cannot be written.
    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - loads slowly
    from pyarrow import csv  # noqa: PLC0415

    if path.suffix not in {".csv", ".parquet"}:
        raise UnreadableFile(f"{path} ends in {path.suffix!r}; expected .csv or .parquet")
    if not rows:
        raise UnreadableFile(f"there is nothing to write to {path}")
    table = table_of(rows)
    if path.suffix == ".csv":
        csv.write_csv(table, path)
    else:
        pq.write_table(table, path)
