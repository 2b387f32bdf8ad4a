"""A process that projects a ledger in small segments and says how far it got.

Run as `python -m tests.audit.projecting_process LEDGER FOLDER SEED`, to be killed.
"""

import random
import sys
from pathlib import Path

from medsettle.audit import Projector
from medsettle.ledger import SqliteLedger


def _run(path: Path, folder: Path, seed: int) -> None:
    rng = random.Random(seed)
    with SqliteLedger.reader(path) as reader, Projector(reader, folder) as projector:
        while projector.run_once(max_rows=rng.choice((1, 3, 8, 20))):
            sys.stdout.write(f"{projector.last_seq}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _run(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
