"""What hospitals are paid: slices, deductions, reserves and payments add up to what is due."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.cases import CasePrice, case_differences, price
from medsettle.clearing.hospitals.deductions import (
    ClaimDeduction,
    Code,
    Taken,
    deduct,
    deduct_from_institution,
    deductions,
)
from medsettle.clearing.hospitals.remittances import Adjustment, remittance
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.reserves import Assessment, assess, reserves
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import (
    Stage,
    claim_status,
    verify,
)
from medsettle.clearing.hospitals.store import Fund, HospitalStore
from medsettle.clearing.months.month import Month
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    DAY,
    ELSEWHERE,
    MARCH,
    NEXT,
    PAYER,
    POOL,
    application,
    because,
    cancel,
    cleared,
    opened,
    record,
    reviewed,
    terms,
)

_LATER = date(2026, 5, 20)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def _paid(store: HospitalStore, claim: str = "S1") -> tuple[int, int]:
    """Return paid to date and rest of the pool's part of a claim."""
    part = store.part(claim, "pooled_fund")
    return part.paid_fen, part.rest_fen


def _payments(store: HospitalStore, day: date = CLEARING) -> list[int]:
    batch = pay(store, day, PAYER)
    return [] if batch is None else [payment.fen for payment in batch.payments]


def _deduct(store: HospitalStore, claim: str, fen: int, code: Code = Code.REVIEW) -> int:
    what = ClaimDeduction(code, fen, day_number(NEXT))
    return deduct(store, claim, "pooled_fund", what, because("not indicated"))


def test_a_claim_is_paid_in_slices(store: HospitalStore) -> None:
    """Of 100.00: 60.00 the next day, 35.00 with the month, 5.00 after the yearly assessment."""
    report(store, [record(1)], BY)
    seen = [(claim_status(store, "S1").stage, *_paid(store))]
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    seen.append((claim_status(store, "S1").stage, *_paid(store)))
    reviewed(store, application(10_000))
    month(store, terms(), MARCH, CLEARING, BY)
    pay(store, CLEARING, PAYER)
    seen.append((claim_status(store, "S1").stage, *_paid(store)))
    year = Assessment("H1", 2026, "A", "director")
    assess(store, year, terms().on(DAY), date(2027, 2, 1), because("assessed"))
    pay(store, date(2027, 2, 1), PAYER)
    seen.append((claim_status(store, "S1").stage, *_paid(store)))

    assert [
        (Stage.REPORTED, 0, 10_000),
        (Stage.INSTANT_PAID, 6_000, 4_000),
        (Stage.MONTH_PAID, 9_500, 0),
        (Stage.RESERVE_RELEASED, 10_000, 0),
    ] == seen


def test_the_stage_of_a_claim_follows_its_declaration(store: HospitalStore) -> None:
    """Reported, declared, reviewed, and taken back where nothing stands of it."""
    row = record(1)
    stages = []
    report(store, [row], BY)
    stages.append(claim_status(store, "S1").stage)
    reviewed(store, application(10_000))
    stages.append(claim_status(store, "S1").stage)
    report(store, [cancel(row, 1)], BY)
    stages.append(claim_status(store, "S1").stage)

    assert [Stage.REPORTED, Stage.REVIEWED, Stage.TAKEN_BACK] == stages


def test_the_slices_of_a_run_are_the_rate_of_their_sum(store: HospitalStore) -> None:
    """Three claims of 0.01 are 0.03, of which 60 % are 0.02: two get a fen, the third none."""
    report(store, [record(number, 1) for number in (1, 2, 3)], BY)
    (found,) = instant(store, terms(), NEXT, BY)

    assert (3, 2, 2, 6_000) == (found.base_fen, found.slices_fen, found.claims, found.rate_bps)
    assert [1, 1, 0] == [
        store.part(f"S{number}", "pooled_fund").approved_fen for number in (1, 2, 3)
    ]


def test_grades_wait_for_different_days(store: HospitalStore) -> None:
    """Grade A has 80 % the next day, B 70 % on the third, C 62.5 % on the seventh, others none."""
    rows = [
        record(number, institution=f"H{number}", clearing_class="11") for number in (1, 2, 3, 4)
    ]
    report(store, rows, BY)
    for number, grade in ((1, "A"), (2, "B"), (3, "C")):
        store.grade(f"H{number}", day_number(date(2026, 1, 1)), grade, BY)
    seen = [
        [(each.institution, each.slices_fen) for each in instant(store, terms(), day, BY)]
        for day in (DAY, *(date(2026, 3, day) for day in (11, 12, 13, 16, 17, 30)))
    ]

    assert [[], [("H1", 8_000)], [], [("H2", 7_000)], [], [("H3", 6_250)], []] == seen


def test_a_rule_holds_in_its_months(store: HospitalStore) -> None:
    """Grade C gets nothing at once in December, by the terms of the invented area."""
    facts: dict[str, Any] = {"institution": "H3", "clearing_class": "11"}
    november, december = date(2026, 11, 30), date(2026, 12, 1)
    rows = [record(1, record_date=november, **facts), record(2, record_date=december, **facts)]
    report(store, rows, BY)
    store.grade("H3", day_number(date(2026, 1, 1)), "C", BY)
    (found,) = instant(store, terms(), date(2026, 12, 20), BY)

    assert (1, 6_250) == (found.claims, found.slices_fen)
    assert [10_000] == [part.rest_fen for part in store.parts("S2")]


def test_a_deduction_before_the_month_is_never_paid(store: HospitalStore) -> None:
    """Of 100.00 with 60.00 paid, 50.00 deducted: 40.00 are never paid, and 10.00 come back."""
    report(store, [record(1), record(2)], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    _deduct(store, "S1", 5_000)
    states = [deductions(store)[0].state]
    reviewed(store, application(20_000))
    month(store, terms(), MARCH, CLEARING, BY)
    (found,) = deductions(store)
    states.append(found.state)

    # 5 % of 50.00 cannot be withheld of a claim that was paid too much already.
    assert (4_000, 1_000) == (found.taken_fen, found.open_fen)
    assert [3_500 - 1_000] == _payments(store)
    states.append(deductions(store)[0].state)
    assert [Taken.NONE, Taken.PART, Taken.FULL] == states
    assert ((5_000, 0), (9_500, 0)) == (_paid(store), _paid(store, "S2"))


def test_a_deduction_is_carried_until_payments_have_borne_it(store: HospitalStore) -> None:
    """90.00 of an inspection are taken of two payments: 38.00, then 52.00; none is below 0."""
    cleared(store, record(1))
    assert [9_500] == _payments(store)
    _deduct(store, "S1", 9_000, Code.INSPECTION)
    # The reserve bears what the claim does not: of 10.00 left, none of it.
    rows = [record(2, 4_000, record_date=date(2026, 3, 20))]
    cleared(store, *rows, declaration="D2")
    states = [(_payments(store, _LATER), deductions(store)[0].state)]
    cleared(store, record(3, 20_000), declaration="D3")
    states.append((_payments(store, _LATER), deductions(store)[0].state))

    assert [([0], Taken.PART), ([19_000 - 5_200], Taken.FULL)] == states
    # 100.00 less 90.00 less the reserve of 5.00.
    assert (500, 0) == _paid(store)


def test_a_deduction_of_all_takes_the_reserve_too(store: HospitalStore) -> None:
    """Of 100.00 with 5.00 held, all is deducted: the reserve bears 5.00, payments 95.00."""
    cleared(store, record(1))
    pay(store, CLEARING, PAYER)
    _deduct(store, "S1", 10_000)
    (found,) = deductions(store)
    (account,) = reserves(store, 2026)

    assert (500, 9_500, Taken.PART) == (found.taken_fen, found.open_fen, found.state)
    assert (500, 500, 0) == (account.withheld_fen, account.used_fen, account.held_fen)
    cleared(store, record(2, 20_000), declaration="D2")
    assert [19_000 - 9_500] == _payments(store, _LATER)
    assert (0, 0) == _paid(store)


@pytest.mark.parametrize("above", [0, 1])
def test_no_more_is_deducted_than_is_left(store: HospitalStore, above: int) -> None:
    """The last fen of a claim can be deducted, one more is refused with both amounts."""
    report(store, [record(1)], BY)
    _deduct(store, "S1", 4_000)
    if above:
        with pytest.raises(errors.Precondition, match=r"60\.01 is above the 60\.00 that is left"):
            _deduct(store, "S1", 6_000 + above)
    else:
        _deduct(store, "S1", 6_000)
    assert (6_000 if above else 0) == store.part("S1", "pooled_fund").worth_fen


def test_what_a_cancel_leaves_overpaid_comes_back_to_its_fund(store: HospitalStore) -> None:
    """95.00 of the employees' fund come back out of its next payment, not out of the residents'."""
    row = record(1)
    cleared(store, row)
    pay(store, CLEARING, PAYER)
    rows = [
        cancel(row, 1),
        record(2, 30_000),
        record(3, 40_000, insurance_type="390"),
    ]
    cleared(store, *rows, declaration="D2")

    assert [28_500 - 9_500, 38_000] == _payments(store, _LATER)
    assert Stage.TAKEN_BACK is claim_status(store, "S1").stage
    kinds = {line.kind: line.fen for line in claim_status(store, "S1").ledger}
    assert -9_500 == kinds["recovery"]
    assert 500 == kinds["returned"]


def test_a_slice_whose_claim_fell_is_not_paid(store: HospitalStore) -> None:
    """Approved and cancelled before the payment: the payment has both, and comes to 0."""
    row = record(1)
    report(store, [row], BY)
    instant(store, terms(), NEXT, BY)
    report(store, [cancel(row, 1, NEXT)], BY)

    assert [0] == _payments(store, NEXT)
    assert (0, 0) == _paid(store)


def test_what_waits_for_a_later_day_is_not_taken_back_before(store: HospitalStore) -> None:
    """A month approved for the 20th and cancelled takes nothing of what is paid on the 15th."""
    row = record(1)
    cleared(store, row)
    report(store, [cancel(row, 1), record(2, record_date=date(2026, 4, 1))], BY)
    instant(store, terms(), date(2026, 4, 2), BY)

    assert [6_000] == _payments(store, date(2026, 4, 15))
    assert [0] == _payments(store, CLEARING)
    assert 0 == _paid(store)[0]


def test_a_deduction_of_a_cancelled_claim_lapses(store: HospitalStore) -> None:
    """What was not taken has nothing to be taken from; all that was paid comes back as such."""
    row = record(1)
    cleared(store, row)
    pay(store, CLEARING, PAYER)
    _deduct(store, "S1", 3_000)
    report(store, [cancel(row, 1)], BY)
    (found,) = deductions(store)

    assert (0, 3_000, 0) == (found.taken_fen, found.lapsed_fen, found.open_fen)
    cleared(store, record(2, 20_000), declaration="D2")
    assert [19_000 - 9_500] == _payments(store, _LATER)


def test_a_payment_is_its_claims_and_its_adjustments(store: HospitalStore) -> None:
    """100.00 + 200.00 of two claims, less 15.00 reserve and 7.00 of an inspection, is 278.00."""
    cleared(store, record(1, 10_000), record(2, 20_000))
    what = ClaimDeduction(Code.INSPECTION, 700, day_number(CLEARING))
    number = deduct_from_institution(store, "H1", POOL, what, because("no records kept"))
    batch = pay(store, CLEARING, PAYER)
    assert batch is not None
    found = remittance(store, batch.payments[0].payment)

    assert [("S1", {"month": 10_000}), ("S2", {"month": 20_000})] == [
        (line.claim, line.moved) for line in found.claims
    ]
    assert (
        Adjustment(Code.RESERVE, None, "reserve of 2 claim(s)", -1_500),
        Adjustment(Code.INSPECTION, number, "no records kept", -700),
    ) == found.adjustments
    assert (30_000, -2_200, 27_800) == (
        found.claims_fen,
        found.adjustments_fen,
        found.payment.fen,
    )


@pytest.mark.parametrize(
    ("grade", "released", "paid"),
    [pytest.param("A", 500, 10_000), pytest.param("B", 400, 9_900), pytest.param("C", 0, 9_500)],
)
def test_the_grade_says_what_of_the_reserve_is_released(
    store: HospitalStore, grade: str, released: int, paid: int
) -> None:
    """A gets all of 5.00 back, B 80 %, C nothing; the rest is forfeited and not due any more."""
    cleared(store, record(1))
    pay(store, CLEARING, PAYER)
    year = Assessment("H1", 2026, grade, "director")
    (account,) = assess(store, year, terms().on(DAY), _LATER, because("assessed"))
    pay(store, _LATER, PAYER)

    assert (500, released, 500 - released, 0) == (
        account.withheld_fen,
        account.released_fen,
        account.forfeited_fen,
        account.held_fen,
    )
    assert (paid, 0) == _paid(store)


def test_the_reserve_settles_what_is_to_come_back_first(store: HospitalStore) -> None:
    """Of 5.00 released, 2.00 still to be deducted stay with the fund and 3.00 are paid."""
    cleared(store, record(1))
    pay(store, CLEARING, PAYER)
    _deduct(store, "S1", 200)
    year = Assessment("H1", 2026, "A", "director")
    assess(store, year, terms().on(DAY), _LATER, because("assessed"))

    assert Taken.FULL is deductions(store)[0].state
    assert [300] == _payments(store, _LATER)
    assert (9_800, 0) == _paid(store)


def test_a_year_is_assessed_once_and_by_two(store: HospitalStore) -> None:
    """Who proposes does not approve; a second assessment and an unknown grade are refused."""
    cleared(store, record(1))
    rules = terms().on(DAY)
    for name in ("clerk", "Clerk"):
        alone = Assessment("H1", 2026, "A", name)
        with pytest.raises(errors.InvalidRequest, match="who proposes it; have somebody else"):
            assess(store, alone, rules, _LATER, BY)
    with pytest.raises(errors.Precondition, match="say not what grade D gets back; they know A"):
        assess(store, Assessment("H1", 2026, "D", "director"), rules, _LATER, BY)
    with pytest.raises(errors.NotFound, match="'H1' has no reserve of 2025"):
        assess(store, Assessment("H1", 2025, "A", "director"), rules, _LATER, BY)
    assess(store, Assessment("H1", 2026, "A", "director"), rules, _LATER, BY)
    with pytest.raises(errors.Precondition, match="2026 of institution H1 was assessed before"):
        assess(store, Assessment("H1", 2026, "C", "director"), rules, _LATER, BY)


@pytest.mark.parametrize(
    ("price_fen", "difference_fen"),
    [pytest.param(9_000, -1_000, id="gain"), pytest.param(11_500, 1_500, id="loss")],
)
def test_the_difference_of_a_case_is_booked_apart(
    store: HospitalStore, price_fen: int, difference_fen: int
) -> None:
    """The receivable stays 100.00, the hospital gets its case price, the place of care the rest."""
    report(store, [record(1, pooling_area=ELSEWHERE)], BY)
    assert difference_fen == price(store, CasePrice("S1", "pooled_fund", "40", price_fen), BY)
    reviewed(store, application(10_000))
    month(store, terms(), MARCH, CLEARING, BY)
    pay(store, CLEARING, PAYER)
    (found,) = case_differences(store, Month(2026, 4))

    assert (Fund(ELSEWHERE, "310", "pooled_fund"), 10_000, difference_fen) == (
        found.fund,
        found.receivable_fen,
        found.difference_fen,
    )
    reserve_fen = price_fen // 20
    assert (price_fen - reserve_fen, 0) == _paid(store)
    with pytest.raises(errors.Precondition, match="is priced already"):
        price(store, CasePrice("S1", "pooled_fund", "40", 1), BY)
