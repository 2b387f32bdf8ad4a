"""A process that makes a history of audit tables and kills itself at a step of its second part.

Run as `python -m tests.replay.dying_maker AUDIT OUT STEP`: `AUDIT` is a folder of audit tables, and
the step ends with the name of a file that is about to be synced.
"""

import os
import sys
from pathlib import Path

from medsettle.replay.audit_books import AuditBook
from medsettle.replay.from_audit import history_from_audit
from medsettle.replay.sorting import PartSize

from tests.audit.dying_process import dying, name_of

STEPS = (
    "before fsync of claims/part-00001.parquet.tmp",
    "after fsync of claims/part-00001.parquet.tmp",
    "after fsync of stages/part-00001.parquet.tmp",
    "before fsync of history.json.tmp",
    "after fsync of history.json.tmp",
)
SIZE = PartSize(claims=5)


def _run(audit: Path, out: Path, step: str) -> None:
    os.fsync = dying(os.fsync, step, name_of)
    history_from_audit([AuditBook.in_folder(audit)], out, size=SIZE)


if __name__ == "__main__":
    _run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
