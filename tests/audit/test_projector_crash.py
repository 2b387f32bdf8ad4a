"""A projecting process is killed again and again; the audit tables hold the ledger, once."""

import random
import subprocess
import sys
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest
from medsettle.audit import Projector, verify
from medsettle.ledger import SqliteLedger

from tests.audit.records import audited_entry, audited_rows, expected_rows, fill

_ROOT = Path(__file__).parents[2]
_KILLS = 10
_ENTRIES = 3_000


def _project_until_killed(path: Path, folder: Path, seed: int) -> int:
    """Return the last entry projected, as said by a projector that is killed at random."""
    rng = random.Random(seed)
    projector = subprocess.Popen(
        [sys.executable, "-m", "tests.audit.projecting_process", path, folder, str(seed)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert projector.stdout is not None
    with projector, projector.stdout as answers:
        said = [int(line) for line in islice(answers, rng.randrange(1, 15))]
        # A segment takes up to 30 ms of files and syncs, and so does this: the kill falls anywhere.
        for _ in range(rng.randrange(120_000)):
            sha256(b"a while").digest()
        projector.kill()
        said += [int(line) for line in answers if line.endswith("\n")]
    return said[-1]


@pytest.mark.slow
def test_killed_projectors_project_everything_once(ledger: SqliteLedger, folder: Path) -> None:
    """After each kill the log verifies; in the end it is the ledger, each entry once."""
    fill(ledger, 1, _ENTRIES)
    for seed in range(_KILLS):
        said = _project_until_killed(ledger.path, folder, seed)
        assert said <= verify(folder).last_seq

    with Projector(ledger, folder) as projector:
        while projector.run_once():
            pass
    head = verify(folder)
    assert (_ENTRIES, ()) == (head.last_seq, head.unlisted)
    expected = [expected_rows(audited_entry(seq), seq) for seq in range(1, _ENTRIES + 1)]
    for table in ("settlements", "payers", "line_splits", "relative_shares"):
        rows = [row for of_entry in expected for row in of_entry[table]]
        assert rows == audited_rows(folder, table)
