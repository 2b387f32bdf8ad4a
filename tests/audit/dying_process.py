"""A process that projects a ledger and kills itself at a step of the second segment.

Run as `python -m tests.audit.dying_process LEDGER FOLDER STEP`. The steps are the calls that make a
segment durable, and `before` or `after` says on which side of the call it dies.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from medsettle.audit import Projector
from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.ledger import SqliteLedger

ROWS = 5
STEPS = (
    "before fsync of .parquet.tmp",
    "after fsync of .parquet.tmp",
    "after replace of .parquet.tmp",
    "before fsync of payers",
    f"before fsync of {MANIFEST_NAME}",
    f"after fsync of {MANIFEST_NAME}",
)


def dying(call: Callable[..., Any], step: str, named: Callable[[Any], str]) -> Callable[..., Any]:
    """Return a function of the system that ends the process right before or after it."""
    when, _, ending = step.partition(f" {call.__name__} of ")

    def struck(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        concerned = bool(ending) and named(arguments[0]).endswith(ending)
        if concerned and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments)
        if concerned and when == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return struck


def name_of(file: int) -> str:
    """Return the path of an open file."""
    return str(Path(f"/proc/self/fd/{file}").readlink())


def _run(path: Path, folder: Path, step: str) -> None:
    with SqliteLedger.reader(path) as reader, Projector(reader, folder) as projector:
        projector.run_once(max_rows=ROWS)
        os.fsync = dying(os.fsync, step, name_of)
        os.replace = dying(os.replace, step, str)
        projector.run_once(max_rows=ROWS)


if __name__ == "__main__":
    _run(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
