"""Whatever is altered in sealed audit tables is found, and the exact place is named.

`pytest tests/audit/test_tampering.py -k many --tampered-entries 1000000` for a million entries, of
which every segment of 4,000 is altered in one place.
"""

import random
import shutil
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle.audit import Projector, read_segments
from medsettle.audit.checkpoint_checks import Keys
from medsettle.audit.sealed_verification import verify_sealed
from medsettle.audit.sealing import Sealer
from medsettle.ledger import SqliteLedger

from tests.audit.tampering import IN_FILES, fill_days

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEYS = Keys(KEY.public_key())
ORIGIN = "example.cn/audit/999900"
TODAY = date(2030, 1, 1)
_DAYS = 3
_SEGMENTS = 6
_ENTRIES_PER_SEGMENT = 4_000
_SEEDS = 4


@dataclass(frozen=True)
class Sealed:
    """Sealed audit tables that a test may alter, and as they were."""

    folder: Path
    pristine: Path

    def restore(self) -> None:
        """Make the tables what they were."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.pristine, self.folder)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Return sealed and signed audit tables of some days, made once."""
    entries: int = request.config.getoption("--tampered-entries")
    segments = max(_SEGMENTS, entries // _ENTRIES_PER_SEGMENT)
    return made(tmp_path_factory.mktemp("sealed"), entries, segments)


def made(base: Path, entries: int, segments: int = _SEGMENTS) -> Path:
    """Return the audit folder of a ledger with entries, sealed in several stretches and signed."""
    folder = base / "audit"
    with SqliteLedger(base / "ledger.db") as ledger:
        fill_days(ledger, entries, _DAYS)
        with Projector(ledger, folder) as projector:
            while projector.run_once(-(-entries // segments)):
                with Sealer(folder) as sealer:
                    while sealer.seal_once():
                        pass
    with Sealer(folder) as sealer:
        sealer.sign(KEY, ORIGIN, TODAY)
    return folder


@pytest.fixture
def sealed(pristine: Path, tmp_path: Path) -> Sealed:
    """Return a copy of the tables that the test may alter."""
    shutil.copytree(pristine, tmp_path / "audit")
    return Sealed(tmp_path / "audit", pristine)


def test_untouched_tables_are_found_whole(sealed: Sealed, request: pytest.FixtureRequest) -> None:
    """Nothing is found, every entry is sealed, and each day has its checkpoint."""
    entries = request.config.getoption("--tampered-entries")
    found = verify_sealed(sealed.folder, KEYS)

    assert () == found.findings.told()
    assert entries == found.sealed
    assert [entries // 3, 2 * entries // 3, entries] == [
        each.checkpoint.size for each in found.signed
    ]
    assert found.root == found.signed[-1].checkpoint.root


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(_SEEDS))
@pytest.mark.parametrize("what", IN_FILES)
def test_one_alteration_is_found_where_it_is(sealed: Sealed, what: str, seed: int) -> None:
    """A file anywhere is altered in one way: its place is the first that is named."""
    chance = random.Random(f"{what}-{seed}")
    segment = chance.choice(read_segments(sealed.folder))
    expected = IN_FILES[what](sealed.folder, chance.choice(segment.files), chance)
    found = verify_sealed(sealed.folder, KEYS).findings.told()

    assert found, expected.told
    assert expected.found_in(found[:1]), (expected, found[:3])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_many_alterations_are_all_found(sealed: Sealed, seed: int) -> None:
    """Each segment is altered in one place, all kinds among them: every place is named."""
    chance = random.Random(seed)
    altered = []
    for segment in read_segments(sealed.folder):
        what = list(IN_FILES)[(segment.number + seed) % len(IN_FILES)]
        altered.append(IN_FILES[what](sealed.folder, chance.choice(segment.files), chance))
    found = verify_sealed(sealed.folder, KEYS).findings
    missed = [each.told for each in altered if not each.found_in(found.told())]

    assert [] == missed
