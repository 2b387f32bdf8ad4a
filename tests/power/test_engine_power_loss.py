"""The power is cut under a whole engine: every answer somebody got is there, and audited once."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.audit import Projector, connect, verify
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Opening, Row, Settlement
from medsettle.engine import Engine
from medsettle.errors import SettlementError

from tests.power.disk import Disk, SyncFolder, cuts_at_random
from tests.power.watching import watched
from tests.service.claims import AREA, INSTITUTION, claim
from tests.service.serving import engine_on

_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class _Told:
    """What a till asked and was answered: a claim, or the settlement it took back."""

    request_id: str
    columns: Row
    original: str | None = None

    def again(self, engine: Engine) -> Settlement:
        """Ask the same again."""
        if self.original is not None:
            return engine.cancel(INSTITUTION, self.request_id, self.original)
        return _settled(engine, int(self.request_id[1:]))


@dataclass(frozen=True, slots=True)
class _Audited:
    """Up to where the audit tables were said to be written."""

    last_seq: int


def _settled(engine: Engine, number: int) -> Settlement:
    # Three persons, so that settlements of one follow one another.
    row = claim(number, person=f"P{number % 3}")
    (answer,) = engine.settle(ClaimBatch.from_rows([row]))
    assert isinstance(answer, Settlement)
    return answer


def _opening(number: int) -> Opening:
    return Opening(
        institution="AGENCY",
        request_id=f"O{number}",
        pooling_area=AREA,
        person=f"P{number % 3}",
        account_fen=10_000,
        counters=(),
    )


def _work(root: Path, disk: Disk) -> None:
    with engine_on(root) as engine, Projector(engine.ledger, root / "audit") as projector:
        for number in range(_ROUNDS):
            if number % 4 == 0:
                engine.open_person(_opening(number))
            settlement = _settled(engine, number)
            disk.mark("answered", _Told(f"R{number}", settlement.columns))
            if number % 3 == 2:
                original = str(settlement.columns["settlement"])
                cancel = engine.cancel(INSTITUTION, f"X{number}", original)
                disk.mark("answered", _Told(f"X{number}", cancel.columns, original))
            if number % 2:
                projector.run_once()
                disk.mark("audited", _Audited(projector.last_seq))


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    """Yield the disk of an engine at work with its audit tables behind it."""
    root = tmp_path_factory.mktemp("disk")
    with pytest.MonkeyPatch.context() as patch, watched(root) as disk:
        patch.setattr(limits, "LEDGER_CHECKPOINT_PAGES", 60)
        _work(root, disk)
    yield disk


def _fault(disk: Disk, cut: int, seed: int, target: Path) -> str | None:
    """Return what is wrong after a cut, None if nothing is."""
    disk.after_cut(cut, seed, target)
    told = list(disk.told(cut))
    where = f"cut {cut}, seed {seed}"
    try:
        with engine_on(target) as engine:
            for each in told:
                if isinstance(each, _Told):
                    again = each.again(engine)
                    if not again.duplicate or again.columns != each.columns:
                        return f"{where}: {each.request_id} was answered otherwise"
            if engine.ledger.verify() is not None:  # type: ignore[attr-defined]
                return f"{where}: counters and postings differ"
            with Projector(engine.ledger, target / "audit") as projector:
                audited = max(
                    (each.last_seq for each in told if isinstance(each, _Audited)), default=0
                )
                if projector.last_seq < audited:
                    return f"{where}: the audit tables have lost a segment"
                while projector.run_once():
                    pass
            verify(target / "audit")
            held = [each.columns["seq"] for each in engine.page(limit=100)]
            with connect(target / "audit") as connection:
                rows = connection.sql("select seq from settlements order by seq").fetchall()
            if [seq for (seq,) in rows] != held:
                return f"{where}: the audit tables differ from the ledger"
    except SettlementError as error:
        return f"{where}: {error}"
    return None


@pytest.mark.slow
@pytest.mark.parametrize("step", ["answered", "audited"])
def test_a_cut_after_an_answer_loses_nothing(step: str, worked: Disk, tmp_path: Path) -> None:
    """Right after each answer and each segment, whatever was unsynced may be gone."""
    for place in worked.marks(step)[::2]:
        for seed in (0, 3):
            assert _fault(worked, place + 1, seed, tmp_path / f"{place}-{seed}") is None


@pytest.mark.slow
def test_a_cut_anywhere_loses_no_answer(worked: Disk, tmp_path: Path) -> None:
    """Cuts and what they leave are drawn; every answer given before is given again."""
    rng = random.Random(3)
    for number in range(cuts_at_random(4)):
        cut, seed = rng.randrange(len(worked.steps) + 1), rng.randrange(2, 100_000)
        assert _fault(worked, cut, seed, tmp_path / f"{number}") is None


def test_folders_that_are_not_synced_are_found(worked: Disk, tmp_path: Path) -> None:
    """Were no folder synced, an answer or a segment would be lost by the same cuts."""
    careless = worked.without(lambda _, step: isinstance(step, SyncFolder))
    place = careless.marks("audited")[-1]

    assert _fault(careless, place + 1, 0, tmp_path / "after") is not None
