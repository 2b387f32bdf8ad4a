"""A writing process is killed again and again; what it acknowledged must be there, once."""

import random
import subprocess
import sys
from hashlib import sha256
from itertools import islice
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.ledger import Recorded
from medsettle.ledger.opening import LedgerPlace, OpenLedger, open_ledger

from tests.ledger.appending_process import numbered_entry
from tests.ledger.building import recorded, sums
from tests.stores import postgres

_ROOT = Path(__file__).parents[2]
_KILLS = 4


def _append_until_killed(place: LedgerPlace, seed: int) -> int:
    """Return the last number acknowledged by a writer that is killed at a random moment."""
    rng = random.Random(seed)
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.ledger.appending_process", place, str(seed)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    with writer, writer.stdout as answers:
        acknowledged = [int(line) for line in islice(answers, rng.randrange(1, 60))]
        # Not right after an answer: anywhere in the commits that follow.
        for _ in range(rng.randrange(2_000)):
            sha256(b"a while").digest()
        writer.kill()
        acknowledged += [int(line) for line in answers if line.endswith("\n")]
    return acknowledged[-1]


def _entries(reader: OpenLedger) -> list[Recorded]:
    entries: list[Recorded] = []
    while page := reader.page(after_seq=len(entries), limit=limits.PAGE_SIZE_MAX):
        entries += page
    return entries


def _end_backends(place: LedgerPlace) -> None:
    """Return when what a killed client had begun at its server has ended, done or undone."""
    if isinstance(place, str):
        postgres().execute(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity "
            "where application_name = 'medsettle'"
        )


@pytest.mark.slow
def test_killed_writers_lose_nothing_they_acknowledged(place: LedgerPlace) -> None:
    """After each kill what was acknowledged is there once, in whole batches, and adds up."""
    for seed in range(_KILLS):
        acknowledged = _append_until_killed(place, seed)
        _end_backends(place)

        with open_ledger(place) as ledger:
            found = _entries(ledger)
            ends = [int(one.record) for one in found]
            assert acknowledged <= len(found) == ledger.last_seq() == ends[-1]
            written = [numbered_entry(seq, end) for seq, end in enumerate(ends, 1)]
            assert [recorded(seq, 7, one) for seq, one in enumerate(written, 1)] == found
            assert ledger.counters(list(sums(written))) == sums(written)
            assert ledger.verify() is None
