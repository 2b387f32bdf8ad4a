"""A process that appends batches without end and says which it was told are recorded.

Run as `python -m tests.ledger.appending_process LEDGER SEED`, to be killed.
"""

import random
import sys
from dataclasses import replace

from medsettle.ledger import Entry, Posting
from medsettle.ledger.opening import LedgerPlace, ledger_place, open_ledger

from tests.ledger.building import ACCOUNT_KEY, PAID_KEY, entry


def numbered_entry(seq: int, batch_end: int) -> Entry:
    """Return the entry that this process records at `seq`; it tells where its batch ends."""
    postings = (Posting(PAID_KEY, seq % 7), Posting(ACCOUNT_KEY, 1), Posting(PAID_KEY, 1))
    return replace(entry(seq, *postings), record=b"%d" % batch_end)


def _run(place: LedgerPlace, seed: int) -> None:
    rng = random.Random(seed)
    with open_ledger(place) as ledger:
        while True:
            first = ledger.last_seq() + 1
            end = first + rng.choice((1, 1, 2, 16, 200)) - 1
            ledger.append([numbered_entry(seq, end) for seq in range(first, end + 1)], 7)
            sys.stdout.write(f"{end}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _run(ledger_place(sys.argv[1]), int(sys.argv[2]))
