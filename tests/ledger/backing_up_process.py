"""A process that backs a ledger up, says how far it is, and waits before the copy gets its name.

Run as `python -m tests.ledger.backing_up_process LEDGER TARGET`, to be killed.
"""

import sys
from pathlib import Path

from medsettle.ledger import SqliteReader
from medsettle.ledger.backup import back_up


def _told(_: SqliteReader) -> None:
    sys.stdout.write("checked\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    sys.stdout.write("begun\n")
    sys.stdout.flush()
    back_up(Path(sys.argv[1]), Path(sys.argv[2]), _told)
