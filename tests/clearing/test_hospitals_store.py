"""What the store holds against any program, and that it proves itself from its rows."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import apsw
import pytest
from medsettle import errors, limits
from medsettle.clearing.hospitals.advances import Advance, advance, equal_instalments
from medsettle.clearing.hospitals.bank import Asking, message_of, returned
from medsettle.clearing.hospitals.batches import Batch, batches, pay
from medsettle.clearing.hospitals.declarations import step
from medsettle.clearing.hospitals.deductions import ClaimDeduction, Code, deduct
from medsettle.clearing.hospitals.holds import hold
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.reserves import Assessment, assess
from medsettle.clearing.hospitals.slices import instant
from medsettle.clearing.hospitals.status import verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.core.dates import day_number
from medsettle.payments.orders import Party, PartyType

from tests.clearing.hospital_claims import (
    AREA,
    BY,
    CLEARING,
    ELSEWHERE,
    MOMENT,
    NEXT,
    PAYER,
    POOL,
    because,
    cleared,
    opened,
    record,
    terms,
)
from tests.payments.paying import accounts_of
from tests.payments.reading import read

_FUND = Party(PartyType.FUND, AREA, "pooled_fund")
_HOSPITAL = Party(PartyType.INSTITUTION, AREA, "H1")


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[HospitalStore]:
    with opened(tmp_path) as store:
        yield store


def _full(store: HospitalStore) -> Batch:
    """Fill every table of a store."""
    report(store, [record(1), record(2)], BY)
    store.grade("H1", 0, "A", BY)
    instant(store, terms(), NEXT, BY)
    what = ClaimDeduction(Code.REVIEW, 5_000, day_number(NEXT))
    deduct(store, "S1", "pooled_fund", what, because("not indicated"))
    report(store, [record(4, record_date=date(2026, 2, 1))], BY)
    hold(store, "S4", because("disputed"))
    back = equal_instalments(100, [date(2026, 6, 1)])
    lent = Advance("H1", POOL, 100, CLEARING, "drugs", back)
    advance(store, lent, terms().on(CLEARING), BY)
    cleared(store, record(3))
    year = Assessment("H1", 2026, "B", "director")
    assess(store, year, terms().on(NEXT), CLEARING, because("assessed"))
    batch = pay(store, CLEARING, PAYER)
    assert batch is not None
    returned(store, batch.payments[0].payment, CLEARING, because("account closed"))
    batch = pay(store, CLEARING, PAYER)
    assert batch is not None
    return batch


_MOVE = (
    "insert into movements (kind, institution, pooling_area, insurance_type, payer, claim, fen, "
    "day) values ('{}', '{}', '{}', '{}', 'pooled_fund', 'S1', {}, 0)"
)


@pytest.mark.parametrize(
    ("sql", "why"),
    [
        pytest.param(
            _MOVE.format("month", "H1", AREA, "310", 10_001), "more than is due", id="above"
        ),
        pytest.param(
            _MOVE.format("month", "H1", AREA, "390", 1), "to and from its own fund", id="fund"
        ),
        pytest.param(
            _MOVE.format("month", "H2", AREA, "310", 1), "to and from its own fund", id="hospital"
        ),
        pytest.param(
            _MOVE.format("month", "H1", AREA, "310", -1), "slices_add_and_the_rest", id="sign"
        ),
        pytest.param(
            _MOVE.format("release", "H1", AREA, "310", 1), "reserve_is_of_what", id="none"
        ),
        pytest.param(
            _MOVE.format("withheld", "H1", AREA, "310", -10_001),
            "CHECK constraint failed: approved_fen >= 0",
            id="reserve",
        ),
        pytest.param(
            "insert into uses (kind, claim, payer, fen, day) values "
            "('returned', 'S1', 'pooled_fund', 1, 0)",
            "reserve_is_of_what_is_due",
            id="nothing-held",
        ),
        pytest.param(
            "insert into deductions (institution, pooling_area, insurance_type, payer, code, "
            "claim, fen, from_day, reason, decided_by, create_time_us) values ('H1', '999901', "
            "'310', 'pooled_fund', 10, 'S1', 10001, 0, 'so', 'x', 0)",
            "above what is left",
            id="deduction",
        ),
        pytest.param(
            "insert into uses (kind, claim, payer, deduction, fen, day, decided_by) values "
            "('lifted', 'S2', 'pooled_fund', 1, 5001, 0, 'x')",
            "more would be deducted than was decided",
            id="lifted",
        ),
        pytest.param(
            "insert into uses (kind, claim, payer, deduction, fen, day) values "
            "('lifted', 'S2', 'pooled_fund', 1, 1, 0)",
            "somebody_lifts",
            id="lifted-by-nobody",
        ),
        pytest.param(
            "insert into batches values (1, 0, 1, 100, 'x', 0)",
            "not the sum of its payments",
            id="batch",
        ),
    ],
)
def test_what_would_not_add_up_is_refused(store: HospitalStore, sql: str, why: str) -> None:
    """By the store itself, whoever asks."""
    report(store, [record(1), record(2)], BY)
    for fen in (5_000, 1_000):
        what = ClaimDeduction(Code.REVIEW, fen, day_number(NEXT))
        deduct(store, "S2", "pooled_fund", what, because("not indicated"))
    with pytest.raises(errors.StoreUnavailable, match=why), store.change():
        store.rows(sql)
    assert [] == verify(store)


@pytest.mark.parametrize("more", [0, 1])
def test_a_part_can_be_paid_to_its_last_fen(store: HospitalStore, more: int) -> None:
    """The last fen that is due is taken, one more is not."""
    report(store, [record(1)], BY)
    move = _MOVE.format("month", "H1", AREA, "310", 10_000 + more)
    if more:
        with pytest.raises(errors.StoreUnavailable, match="more than is due"), store.change():
            store.rows(move)
    else:
        with store.change():
            store.rows(move)
    assert (0 if more else 10_000) == store.part("S1", "pooled_fund").approved_fen


def test_a_payment_that_is_not_its_movements_is_refused(store: HospitalStore) -> None:
    """A fen more in the payment and in its batch, and the whole batch is not recorded."""
    report(store, [record(1)], BY)
    instant(store, terms(), NEXT, BY)
    refused = pytest.raises(errors.StoreUnavailable, match="not the sum of its movements")
    with refused, store.change():
        store.rows(
            "insert into payments values ('P1', 1, 'H1', ?, '310', 'pooled_fund', 6001)", AREA
        )
        store.rows("insert into paid values (1, 'P1')")
        store.rows("insert into batches values (1, 0, 1, 6001, 'x', 0)")
    assert [] == batches(store)


def test_a_batch_is_closed_once_it_is_recorded(store: HospitalStore) -> None:
    """No payment and no movement joins it later."""
    batch = _full(store)
    report(store, [record(9)], BY)
    instant(store, terms(), NEXT, BY)
    for sql in (
        "insert into payments values ('P9', 2, 'H1', '999901', '310', 'pooled_fund', 0)",
        f"insert into paid select max(number), '{batch.payments[0].payment}' from movements",
    ):
        refused = pytest.raises(errors.StoreUnavailable, match="a batch does not change")
        with refused, store.change():
            store.rows(sql)


def test_no_row_is_changed_or_deleted(store: HospitalStore) -> None:
    """In none of the tables that say what was declared, decided and paid."""
    _full(store)
    tables = {
        name
        for (name,) in store.rows("select name from sqlite_schema where type = 'table'")
        if not name.startswith("sqlite_")
    }
    # Sums that follow from rows are kept beside them, and the installation is named once.
    rows = tables - {"parts", "meta"}
    assert 19 == len(rows)
    for table in rows:
        column = store.connection.execute(f"select * from {table}").description[0][0]
        for sql in (f"delete from {table}", f"update {table} set {column} = {column}"):
            with pytest.raises(errors.StoreUnavailable, match=f"rows of {table}"), store.change():
                store.rows(sql)


@pytest.mark.parametrize(
    ("trigger", "sql", "found"),
    [
        pytest.param(
            "",
            "update parts set paid_fen = paid_fen + 1 where claim = 'S2'",
            "S2 pooled_fund: a sum is not that of its rows",
            id="a-sum",
        ),
        pytest.param(
            "movements_never_change",
            "update movements set fen = fen + 1 where number = 1",
            "S1 pooled_fund: a sum is not that of its rows",
            id="a-movement",
        ),
        pytest.param(
            "payments_never_change",
            "update payments set fen = fen + 1",
            "is not the sum of its movements",
            id="a-payment",
        ),
        pytest.param(
            "paid_are_never_deleted",
            "delete from paid where movement = 2",
            "is not the sum of its movements",
            id="a-movement-less",
        ),
    ],
)
def test_a_changed_fen_is_found(store: HospitalStore, trigger: str, sql: str, found: str) -> None:
    """Whoever gets past the triggers leaves sums that their rows do not come to."""
    _full(store)
    assert [] == verify(store)
    if trigger:
        store.connection.execute(f"drop trigger {trigger}")
    store.connection.execute(sql)

    assert any(found in words for words in verify(store))


def test_a_batch_is_for_as_many_payments_as_an_id_counts(
    store: HospitalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for two payments, two hospitals are paid in a run and three are not."""
    monkeypatch.setattr(limits, "HOSPITAL_PAYMENTS_PER_RUN_MAX", 2)
    report(store, [record(each, institution=f"H{each}") for each in (1, 2)], BY)
    instant(store, terms(), NEXT, BY)
    first = pay(store, NEXT, PAYER)
    assert first is not None
    assert 2 == len(first.payments)
    report(store, [record(each, institution=f"H{each}") for each in (3, 4, 5)], BY)
    instant(store, terms(), NEXT, BY)
    with pytest.raises(errors.InvalidRequest, match="3 payments in one run, at most 2"):
        pay(store, NEXT, PAYER)


def test_a_book_is_read_in_up_to_a_bound(
    store: HospitalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many rows as the bound are read in, of one more none is."""
    monkeypatch.setattr(limits, "HOSPITAL_RECORDS_MAX", 3)
    rows = [record(each) for each in range(4)]
    with pytest.raises(errors.InvalidRequest, match="more than 3; read fewer days at a time"):
        report(store, rows, BY)
    assert 3 == report(store, rows[:3], BY).added


def test_a_bank_is_asked_for_what_a_batch_pays(store: HospitalStore) -> None:
    """Each payment by its id out of the account of its fund; those of 0 and of others are not."""
    rows = [
        record(1),
        record(2, 20_000, pooling_area=ELSEWHERE),
        record(3, 40_000, insurance_type="390"),
    ]
    report(store, rows, BY)
    instant(store, terms(), NEXT, BY)
    batch = pay(store, NEXT, PAYER)
    assert batch is not None
    other = Party(PartyType.FUND, ELSEWHERE, "pooled_fund")
    accounts = accounts_of(_FUND, other, _HOSPITAL)
    bank = accounts[_FUND].bank
    accounts[other] = accounts[other].__class__(accounts[other].account, "示例", bank)
    content = message_of(store, batch.number, "310", Asking("agency", MOMENT, accounts))
    path = store.folder / "message.xml"
    path.write_bytes(content)
    message = read(path)

    assert [("60.00", AREA), ("120.00", ELSEWHERE)] == [
        (f"{paid.amount}", area)
        for paid, area in zip(message.transfers, (AREA, ELSEWHERE), strict=True)
    ]
    assert content == message_of(store, 1, "310", Asking("agency", MOMENT, accounts))
    with pytest.raises(errors.InvalidRequest, match="institution H1 of 999901 has no account"):
        message_of(store, 1, "310", Asking("agency", MOMENT, accounts_of(_FUND, other)))
    with pytest.raises(errors.InvalidRequest, match="pays nothing out of funds of 410"):
        message_of(store, 1, "410", Asking("agency", MOMENT, accounts))


def test_a_message_goes_to_one_bank(store: HospitalStore) -> None:
    """Funds with accounts at two banks are refused with both, and not paid by halves."""
    report(store, [record(1), record(2, pooling_area=ELSEWHERE)], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    accounts = accounts_of(_FUND, Party(PartyType.FUND, ELSEWHERE, "pooled_fund"), _HOSPITAL)
    with pytest.raises(errors.InvalidRequest, match="are at 2 banks"):
        message_of(store, 1, "310", Asking("agency", MOMENT, accounts))


def test_another_file_is_not_opened(tmp_path: Path) -> None:
    """A store of something else keeps its rows: the mark tells them apart."""
    folder = tmp_path / "clearing"
    folder.mkdir()
    other = apsw.Connection(str(folder / "hospitals.db"))
    other.execute("create table x (y); pragma application_id = 7")
    other.close()
    with pytest.raises(errors.StoreUnavailable, match="is an SQLite file of something else"):
        HospitalStore(folder)


def test_what_is_not_there_is_told(store: HospitalStore) -> None:
    """Declarations, batches, payers: each refusal names what was asked for."""
    asked: list[tuple[Any, str]] = [
        (lambda: step(store, "D9", 20, BY), "there is no declaration 'D9'"),  # type: ignore[arg-type]
        (lambda: store.part("S9", "pooled_fund"), "pooled_fund owes nothing of claim 'S9'"),
        (lambda: message_of(store, 9, "310", Asking("a", MOMENT, {})), "there is no batch 9"),
    ]
    for ask, words in asked:
        with pytest.raises(errors.NotFound, match=words):
            ask()
