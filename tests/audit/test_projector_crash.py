"""A projecting process is killed again and again; the audit tables hold the ledger, once."""

import random
import signal
import subprocess
import sys
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest
from medsettle.audit import Projector, verify
from medsettle.audit.manifest import MANIFEST_NAME
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.ledger import SqliteLedger

from tests.audit.dying_process import ROWS, STEPS
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

    _assert_all_projected(ledger, folder, _ENTRIES)


@pytest.mark.slow
@pytest.mark.parametrize("step", STEPS)
def test_a_projector_killed_at_a_step_is_resumed(
    step: str, ledger: SqliteLedger, folder: Path
) -> None:
    """Killed inside a file, between files, or between file and record, the next one goes on."""
    fill(ledger, 1, 3 * ROWS)
    words = [sys.executable, "-m", "tests.audit.dying_process"]
    words += [str(ledger.path), str(folder), step]
    died = subprocess.run(words, cwd=_ROOT, check=False)
    assert -signal.SIGKILL == died.returncode
    # The line is there once it is written: the system keeps what a killed process wrote.
    assert (2 * ROWS if MANIFEST_NAME in step else ROWS) == verify(folder).last_seq

    _assert_all_projected(ledger, folder, 3 * ROWS)


def _assert_all_projected(ledger: SqliteLedger, folder: Path, entries: int) -> None:
    """Project what is left, and assert that the audit tables hold every entry once."""
    with Projector(ledger, folder) as projector:
        while projector.run_once():
            pass
    head = verify(folder)
    assert (entries, ()) == (head.last_seq, head.unlisted)
    expected = [expected_rows(audited_entry(seq), seq) for seq in range(1, entries + 1)]
    for table in AUDIT_TABLES:
        rows = [row for of_entry in expected for row in of_entry.get(table, [])]
        assert rows == audited_rows(folder, table)
