"""The same claims in every kind of file that the command line reads."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from medsettle.core.arrow import claims_table

from tests.cli.commands import ROOT

ENDINGS = (".json", ".jsonl", ".parquet", ".arrow")


def stay(number: int = 1, **changes: object) -> dict[str, Any]:
    """Return the stay among the fixtures under a request id of its own."""
    claim: dict[str, Any] = json.loads((ROOT / "fixtures" / "stay.json").read_text("utf-8"))
    own = {"request_id": f"R{number}", "institution_settlement": f"N{number}"}
    return claim | own | changes


def write_claims(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write claims to a file of the kind its ending says, and return the path."""
    if path.suffix == ".json":
        path.write_text(json.dumps(rows if len(rows) != 1 else rows[0], ensure_ascii=False))
    elif path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, rows)) + "\n\n")
    elif path.suffix == ".parquet":
        pq.write_table(claims_table(list(rows)), path)
    else:
        table = claims_table(list(rows))
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
    return path
