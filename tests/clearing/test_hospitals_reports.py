"""What is read in of books, and what institutions, months and targets come to."""

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.clearing.hospitals import reports
from medsettle.clearing.hospitals.batches import pay
from medsettle.clearing.hospitals.deductions import ClaimDeduction, Code, deduct, deductions
from medsettle.clearing.hospitals.reports import Reported, report
from medsettle.clearing.hospitals.slices import instant
from medsettle.clearing.hospitals.status import claim_status, statements, targets, verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.clearing.matching.book import RecordKind
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    ELSEWHERE,
    MARCH,
    NEXT,
    PAYER,
    because,
    cancel,
    opened,
    record,
    terms,
)


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store
        assert [] == verify(store)


def test_an_audit_deduction_of_a_book_is_taken_over_once(store: HospitalStore) -> None:
    """A negative row of the kind deduction becomes a review of its claim, however often read."""
    taken = cancel(record(1, 1_200), 1) | {"kind": RecordKind.DEDUCTION, "original": "S1"}
    first = report(store, [taken, record(1)], BY)
    again = report(store, [taken, record(1)], BY)

    assert (Reported(1, 0, 1), Reported(0, 2, 0)) == (first, again)
    assert [(Code.REVIEW, "S1", 1_200)] == [
        (each.code, each.claim, each.fen) for each in deductions(store)
    ]


def test_a_record_that_says_something_else_is_refused(store: HospitalStore) -> None:
    """Nothing of a book is recorded when one row differs; all faults are told with their rows."""
    report(store, [record(1)], BY)
    rows = [
        record(2),
        record(1, 10_001),
        cancel(record(7), 7),
        cancel(record(1, 10_001), 1),
        record(3, -5),
        record(4) | {"fund_total_fen": 9_999},
    ]
    with pytest.raises(errors.InvalidRequest) as refused:
        report(store, rows, BY)

    assert [
        "rows[1].settlement: is recorded with another total_fen, fund_total_fen, funds; "
        "a correction has an id of its own",
        "rows[2].original: 'S7' was never reported; report its day first",
        "rows[3].pooled_fund_fen: takes back 10001 fen, 10000 are declared",
        "rows[5].fund_total_fen: is 9999 fen, its funds come to 10000",
    ] == [line for line in sorted(map(str, refused.value.faults)) if "rows[4]" not in line]
    assert sum("rows[4]" in str(fault) for fault in refused.value.faults) == 4
    with pytest.raises(errors.NotFound):
        claim_status(store, "S2")


_FACTS = [
    pytest.param({"pooling_area": ELSEWHERE}, "pooling_area", id="area"),
    pytest.param({"care_area": ELSEWHERE}, "care_area", id="care"),
    pytest.param({"insurance_type": "390"}, "insurance_type", id="insurance"),
    pytest.param({"institution": "H2"}, "institution", id="institution"),
    pytest.param({"clearing_class": "11"}, "clearing_class", id="class"),
]


@pytest.mark.parametrize(
    ("other", "names"),
    [
        *_FACTS,
        pytest.param({"pooled_fund_fen": 4_000, "large_amount_fen": 6_000}, "funds", id="funds"),
        pytest.param({"cash_fen": 4_000, "account_fen": 1_000}, "accounts, cash_fen", id="account"),
    ],
)
def test_a_known_record_is_the_same_in_all_of_it(
    store: HospitalStore, other: dict[str, object], names: str
) -> None:
    """With equal sums it may still be of another fund, area or hospital: it is told, not passed."""
    report(store, [record(1)], BY)
    with pytest.raises(errors.InvalidRequest) as refused:
        report(store, [record(1, 10_000, **other)], BY)

    told = f"is recorded with another {names}; a correction has an id of its own"
    assert [f"rows[0].settlement: {told}"] == [str(fault) for fault in refused.value.faults]


@pytest.mark.parametrize(("other", "name"), _FACTS)
@pytest.mark.parametrize("kind", [RecordKind.CANCEL, RecordKind.DEDUCTION])
def test_what_takes_a_claim_back_is_of_its_fund(
    store: HospitalStore, other: dict[str, object], name: str, kind: RecordKind
) -> None:
    """A cancel or deduction of a claim in another area's, fund's or hospital's name is refused."""
    report(store, [record(1)], BY)
    taken = cancel(record(1, 1_000), 1) | {"kind": kind, "original": "S1"} | other
    with pytest.raises(errors.InvalidRequest) as refused:
        report(store, [taken], BY)

    told = f"rows[0].{name}: is '{other[name]}', and that of its original is '{record(1)[name]}'"
    assert [told] == [str(fault) for fault in refused.value.faults]


def test_the_same_cancel_in_two_chunks_is_one(
    store: HospitalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far apart in a book it is known the second time, and with other amounts it is refused."""
    monkeypatch.setattr(reports, "_CHUNK", 2)
    row = record(1)
    rows = [row, cancel(row, 1), record(2), cancel(row, 1)]
    assert Reported(3, 1, 0) == report(store, rows, BY)

    monkeypatch.setattr(reports, "_CHUNK", 1)
    less = cancel(record(3, 9_000), 3)
    with pytest.raises(errors.InvalidRequest, match=r"rows\[2\].settlement: is recorded with"):
        report(store, [record(3), cancel(record(3), 3), less], BY)


def test_an_audit_deduction_is_known_if_it_is_the_same(store: HospitalStore) -> None:
    """Told again of another fund, another claim or with another amount it is refused."""
    taken = cancel(record(1, 1_200), 1) | {"kind": RecordKind.DEDUCTION, "original": "S1"}
    both = {"pooled_fund_fen": 5_000, "large_amount_fen": 5_000}
    report(store, [record(1, **both), record(2, **both), taken], BY)
    for other in (
        {"original": "S2"},
        {"total_fen": -1_650, "pooled_fund_fen": -1_100, "fund_total_fen": -1_100},
        {"pooled_fund_fen": 0, "large_amount_fen": -1_200},
        {"record_date": NEXT},
    ):
        with pytest.raises(errors.InvalidRequest, match="with another original, day or amount"):
            report(store, [taken | other], BY)
    assert [1_200] == [each.fen for each in deductions(store)]


def test_a_cancel_follows_what_undoes_adjustments(store: HospitalStore) -> None:
    """Of 100.00, 20.00 were corrected away; the ledger undoes that behind the cancel of 100.00."""
    row = record(1)
    less = record(2, -2_000) | {"settlement": "A1", "kind": RecordKind.ADJUST, "original": "S1"}
    undone = record(3, 2_000) | {"settlement": "A2", "kind": RecordKind.ADJUST, "original": "S1"}
    report(store, [row, less], BY)
    report(store, [cancel(row, 1), undone], BY)

    assert 0 == store.part("S1", "pooled_fund").declared_fen


def test_a_month_tells_what_is_left(store: HospitalStore) -> None:
    """Of 300.00 declared, 160.00 paid at once of one, 100.00 deducted: the statement adds up."""
    report(store, [record(1, 10_000), record(2, 20_000)], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    what = ClaimDeduction(Code.REVIEW, 10_000, day_number(NEXT))
    deduct(store, "S2", "pooled_fund", what, because("not indicated"))
    (found,) = statements(store, MARCH, "H1")

    assert (2, 30_000, 10_000, 0, 18_000, 0, 2_000) == (
        found.claims,
        found.declared_fen,
        found.deducted_fen,
        found.held_fen,
        found.paid_fen,
        found.waiting_fen,
        found.rest_fen,
    )


@pytest.mark.parametrize("instant_fen", [7_999, 8_000])
def test_the_target_is_met_exactly_at_80_percent(store: HospitalStore, instant_fen: int) -> None:
    """80.00 of 100.00 and four of five institutions meet it, a fen less does not."""
    rows = [
        record(number, fen, institution=f"H{number}")
        for number, fen in ((1, instant_fen - 3), (2, 1), (3, 1), (4, 1))
    ]
    # A pharmacy: no rule pays it at once.
    rows.append(record(5, 10_000 - instant_fen, institution="H5", clearing_class="41"))
    # A slice of a claim of 0.01 is 0.006, which is 0.01.
    report(store, rows, BY)
    instant(store, terms(), NEXT, BY)
    found = targets(store, MARCH)

    assert (10_000, instant_fen, 5, 4) == (
        found.fund_fen,
        found.instant_fund_fen,
        found.institutions,
        found.instant_institutions,
    )
    assert (instant_fen == 8_000) is found.met
    assert (instant_fen, 8_000) == (found.fund_bps, found.institutions_bps)
    assert not targets(store, MARCH, designated=6).met


def test_a_settlement_waits_for_its_slice_no_longer_than_the_bound(store: HospitalStore) -> None:
    """On the last day of the window it still gets one, on the next it waits for its month."""
    days = [limits.INSTANT_WINDOW_DAYS + more for more in (0, 1)]
    run = date(2026, 6, 30)
    rows = [record(each, record_date=run - timedelta(days=each)) for each in days]
    report(store, rows, BY)
    instant(store, terms(), run, BY)

    assert [6_000, 0] == [store.part(f"S{each}", "pooled_fund").approved_fen for each in days]
