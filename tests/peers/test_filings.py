"""A filing (备案) of care elsewhere decides the points, as the insured area's document says.

Every stay is the first of its person in a third-level hospital, settled through two engines. Of
those insured in 999942 are 22,000 yuan less 2,000; in 999941 they are 21,000 less 1,000. So 20,000
are paid at the full rate of 85 and 80 per cent, at ten points less, or at twenty.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from medsettle.core.settlement import Settlement
from medsettle.torture.memory_ledger import MemoryLedger, MemoryStore
from medsettle.torture.provinces_servers import NAMES
from medsettle.torture.requests import Answer, Request

from tests.peers.moves import CARE, DAY, DRUG_B, HOME, line, row
from tests.peers.simulated import Provinces, provinces

_FULL = {HOME: 17_000, CARE: 16_000}
_TEN = {HOME: 15_000, CARE: 14_000}
_TWENTY = {HOME: 13_000, CARE: 12_000}
# Days for which a filing for one journey is good.
_VALID = {HOME: 365, CARE: 180}


@pytest.fixture(scope="module", name="world")
def _world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provinces]:
    """Yield two areas and a hub in memory."""
    stores = {name: MemoryStore() for name in NAMES}
    folder: Path = tmp_path_factory.mktemp("filings")
    with provinces(folder, lambda name: MemoryLedger(stores[name])) as world:
        yield world


def _stay(insured: str, person: str, yuan: int, **changes: object) -> Request:
    care = CARE if insured == HOME else HOME
    institution, request_id = f"H{care}01", f"{insured}-{person}"
    content = row(request_id, yuan, institution=institution, pooling_area=insured, care_area=care)
    return Request("settle", institution, request_id, content | {"person": person} | changes)


def _asked(world: Provinces, insured: str, person: str, **changes: object) -> Answer:
    yuan = {HOME: 22_000, CARE: 21_000}[insured]
    return world.asked(_stay(insured, person, yuan, **changes))


def _settled(answer: Answer) -> Settlement:
    assert isinstance(answer.told, Settlement), answer
    return answer.told


@pytest.mark.parametrize("insured", [HOME, CARE])
@pytest.mark.parametrize(
    ("filing", "before", "paid_yuan"),
    [
        pytest.param(None, None, _TWENTY, id="none"),
        pytest.param("long_term", 0, _FULL, id="long-term-today"),
        pytest.param("long_term", 3_000, _FULL, id="long-term-for-years"),
        pytest.param("referred", 30, _TEN, id="referred"),
        pytest.param("emergency", 0, _TEN, id="emergency"),
        pytest.param("emergency", 30, _TEN, id="emergency-filed-before"),
    ],
)
def test_points_by_filing(
    world: Provinces,
    insured: str,
    filing: str | None,
    before: int | None,
    paid_yuan: dict[str, int],
) -> None:
    """Nothing off for the long term, ten for a referral or an emergency, twenty for none."""
    filed = {}
    if before is not None:
        filed = {"filing": filing, "filing_date": DAY - timedelta(days=before)}
    settled = _settled(_asked(world, insured, f"{filing}-{before}", **filed))

    assert paid_yuan[insured] * 100 == settled.fen("pooled_fund_fen")
    assert "care" == settled.columns["side"]


@pytest.mark.parametrize("insured", [HOME, CARE])
@pytest.mark.parametrize("filing", ["referred", "emergency"])
def test_a_filing_for_a_journey_ends(world: Provinces, insured: str, filing: str) -> None:
    """On its last day it counts, and a day later it is as if there were none."""
    paid = []
    for days in (_VALID[insured], _VALID[insured] + 1):
        filed = {"filing": filing, "filing_date": DAY - timedelta(days=days)}
        settled = _settled(_asked(world, insured, f"ends-{filing}-{days}", **filed))
        paid.append(settled.fen("pooled_fund_fen"))

    assert [_TEN[insured] * 100, _TWENTY[insured] * 100] == paid


@pytest.mark.parametrize("insured", [HOME, CARE])
@pytest.mark.parametrize("day", range(11))
def test_a_late_filing_counts_until_the_day_of_discharge(
    world: Provinces, insured: str, day: int
) -> None:
    """Admitted ten days before, filed on any day of the stay: as if filed on time."""
    admitted = DAY - timedelta(days=10)
    settled = _settled(
        _asked(
            world,
            insured,
            f"late-{day}",
            admission_date=admitted,
            stay_days=10,
            filing="referred",
            filing_date=admitted + timedelta(days=day),
        )
    )

    assert _TEN[insured] * 100 == settled.fen("pooled_fund_fen")


@pytest.mark.parametrize("insured", [HOME, CARE])
@pytest.mark.parametrize("filing", ["long_term", "referred", "emergency"])
def test_a_filing_after_the_settlement_is_for_a_reimbursement_by_hand(
    world: Provinces, insured: str, filing: str
) -> None:
    """It is refused with its field, and nothing is recorded; without it, it is as unfiled."""
    late = {"filing": filing, "filing_date": DAY + timedelta(days=1)}
    before = len(world.entries(insured))
    answer = _asked(world, insured, f"after-{filing}", **late)

    assert "INVALID_REQUEST" == answer.reason
    assert "filing_date" in answer.message
    assert before == len(world.entries(insured))
    settled = _settled(_asked(world, insured, f"after-{filing}"))
    assert _TWENTY[insured] * 100 == settled.fen("pooled_fund_fen")


def test_the_split_is_by_one_catalogue_and_the_points_by_the_other(world: Provinces) -> None:
    """Of 30,000 for a class B drug 10 % come off first: 27,000 less 2,000 at 75 % is 18,750."""
    lines = [line(1, 30_000, DRUG_B)]
    filed = {"filing": "referred", "filing_date": date(2026, 6, 1)}
    settled = _settled(_asked(world, HOME, "class-b", lines=lines, **filed))

    assert (300_000, 2_700_000, 200_000, 1_875_000, 1_125_000) == tuple(
        settled.fen(name)
        for name in (
            "pre_self_pay_fen",
            "in_scope_fen",
            "deductible_fen",
            "pooled_fund_fen",
            "cash_fen",
        )
    )


def test_at_home_a_filing_changes_nothing(world: Provinces) -> None:
    """The insured area's own hospital: 22,000 less 2,000 at 85 %, filed or not."""
    for filed in ({}, {"filing": "referred", "filing_date": DAY}):
        request = _stay(HOME, f"at-home-{len(filed)}", 22_000, care_area=HOME, **filed)
        institution = f"H{HOME}01"
        content = request.content
        assert isinstance(content, dict)
        content = content | {"institution": institution}
        settled = _settled(world.asked(Request("settle", institution, request.request_id, content)))
        assert 1_700_000 == settled.fen("pooled_fund_fen")


def test_a_second_stay_elsewhere_has_the_smaller_deductible(world: Provinces) -> None:
    """Home counts admissions wherever they are: 22,000 less 1,200 at 65 % is 13,520."""
    _settled(_asked(world, HOME, "second"))
    again = _stay(HOME, "second", 22_000)
    content = again.content
    assert isinstance(content, dict)
    content = content | {"request_id": "second-2"}
    settled = _settled(world.asked(Request("settle", again.institution, "second-2", content)))

    assert (120_000, 1_352_000) == (settled.fen("deductible_fen"), settled.fen("pooled_fund_fen"))


def test_all_of_it_stands_in_three_books(world: Provinces) -> None:
    """The books agree after every claim of this file."""
    world.heal()

    assert [] == world.open_cases()
    assert [] == world.faults()
