"""Orders are made once from the ledger, withdrawn while they can be, and recalled afterwards."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import apsw
import pytest
from medsettle import errors, limits
from medsettle.core.settlement import Row, Settlement
from medsettle.engine import Engine
from medsettle.payments.order_store import OrderStore
from medsettle.payments.orders import Party, PartyType, PaymentOrder, payouts_of
from medsettle.payments.till_journal import IfDeclined, Step, TillJournal

from tests.engine.engines import id_of, settled
from tests.payments import paying
from tests.payments.paying import (
    AREA,
    DAY,
    FUND,
    HOSPITAL,
    MOMENT,
    TODAY,
    accounts_of,
    allowance,
    clauses_of,
    collect,
    delivery,
    engine_with_payouts,
    exporter,
    person,
    terms_of,
)


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_with_payouts(tmp_path) as engine:
        yield engine


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[OrderStore]:
    with OrderStore(tmp_path / "payments") as store:
        yield store


def _said(store: OrderStore) -> list[tuple[str, str, int, str]]:
    """Return stage, creditor, fen and state of every order."""
    return [
        (kept.order.stage, kept.order.creditor.token, kept.order.amount_fen, kept.state)
        for kept in store.orders()
    ]


def _owed(store: OrderStore) -> list[tuple[str, str, int, bool]]:
    return [
        (kept.cause, kept.receivable.debtor.token, kept.receivable.amount_fen, kept.open)
        for kept in store.receivables()
    ]


def test_payouts_become_orders_and_credits_do_not(store: OrderStore, engine: Engine) -> None:
    """Of 5,000 for the hospital 3,700 come with the bill; a credit of the account is no payment."""
    settlement = settled(engine, delivery(1))
    settled(engine, paying.claim(2, "99", "310", wage_base_fen=500_000))

    assert 2 == collect(store, engine)
    own_id = id_of(settlement)
    clauses = clauses_of(settlement)
    assert [
        PaymentOrder(
            order=f"{own_id}-P{position}",
            kind=paying.order(1, 1).kind,
            settlement=own_id,
            stage=stage,
            debtor=FUND,
            creditor=creditor,
            amount_fen=amount_fen,
            execution_date=DAY,
            clause=clauses[stage],
        )
        for position, stage, creditor, amount_fen in (
            ("02", "package", HOSPITAL, 130_000),
            ("03", "lump", person(1), 80_000),
        )
    ] == [kept.order for kept in store.orders()]


def test_reading_again_makes_no_second_order(store: OrderStore, engine: Engine) -> None:
    """The ledger is read to its end once, whoever asks again."""
    settled(engine, delivery(1))
    counts = [collect(store, engine), collect(store, engine)]
    settled(engine, delivery(2))
    with OrderStore(store.folder) as other:
        counts += [collect(other, engine), collect(store, engine)]

    assert [2, 0, 2, 0] == counts
    assert 4 == len(list(store.orders()))


def test_more_replaced_than_paid_is_owed_and_never_a_negative_order(
    store: OrderStore, engine: Engine
) -> None:
    """Of a case price of 3,500 for a share of 8,000 the hospital owes 4,500, until a cancel."""
    facts = {"disease": "L1", "lines": [paying.line(1_050_000)]}
    case = settled(engine, paying.claim(1, "21", "310", **facts))
    collect(store, engine)

    assert [] == _said(store)
    assert [("replaced", "H1", 450_000, True)] == _owed(store)
    engine.cancel("H1", "X1", id_of(case))
    collect(store, engine)
    assert [("replaced", "H1", 450_000, False)] == _owed(store)


def test_an_order_that_was_not_exported_is_withdrawn(store: OrderStore, engine: Engine) -> None:
    """A cancel before the export leaves nothing to pay and nothing to recall."""
    settlement = settled(engine, delivery(1))
    collect(store, engine)
    cancel = engine.cancel("H1", "X1", id_of(settlement))
    collect(store, engine)
    exported = exporter(store).export(accounts_of(FUND, HOSPITAL, person(1)), MOMENT, TODAY)

    assert [("package", "H1", 130_000, "withdrawn"), ("lump", "P1", 80_000, "withdrawn")] == _said(
        store
    )
    assert {id_of(cancel)} == {kept.cancel for kept in store.orders()}
    assert ([], []) == (exported, _owed(store))


def test_an_exported_order_is_recalled(store: OrderStore, engine: Engine) -> None:
    """A cancel after the export makes what was paid a receivable; the order stays exported."""
    settlement = settled(engine, delivery(1))
    collect(store, engine)
    # The hospital has no account yet, so only the mother's lump goes out.
    exporter(store).export(accounts_of(FUND, person(1)), MOMENT, TODAY)
    engine.cancel("H1", "X1", id_of(settlement))
    collect(store, engine)
    collect(store, engine)

    assert [("package", "H1", 130_000, "withdrawn"), ("lump", "P1", 80_000, "exported")] == _said(
        store
    )
    assert [("recall", "P1", 80_000, True)] == _owed(store)


def test_a_settlement_cancelled_before_it_is_read_leaves_a_withdrawn_order(
    store: OrderStore, engine: Engine
) -> None:
    """Settled and cancelled within one page: the order is there, withdrawn."""
    settlement = settled(engine, allowance(1))
    engine.cancel("H1", "X1", id_of(settlement))
    collect(store, engine)

    assert ["withdrawn"] == [kept.state for kept in store.orders()]


def test_a_reimbursement_pays_the_person_what_others_pay_of_the_bill(
    store: OrderStore, engine: Engine
) -> None:
    """A stay of 10,500 by item: 8,000 and more are the fund's, and asked for twice ordered once."""
    facts = {"disease": "L1", "lines": [paying.line(1_050_000)], "benefit_groups": ["by_item"]}
    settlement = settled(engine, paying.claim(1, "21", "310", **facts))
    own_id = id_of(settlement)
    counts = [store.reimburse(engine.ledger, own_id, terms_of) for _ in range(2)]
    (kept,) = store.orders()

    assert [1, 0] == counts
    assert (f"{own_id}-B00", FUND, person(1), 800_000) == (
        kept.order.order,
        kept.order.debtor,
        kept.order.creditor,
        kept.order.amount_fen,
    )
    engine.cancel("H1", "X1", own_id)
    collect(store, engine)
    assert ["withdrawn"] == [each.state for each in store.orders()]
    with pytest.raises(errors.AlreadyCancelled, match="was cancelled by"):
        store.reimburse(engine.ledger, own_id, terms_of)


def test_a_refund_gives_the_cash_of_a_cancelled_settlement_back(
    store: OrderStore, engine: Engine
) -> None:
    """300 of cash from the hospital to the person, once, and only after the cancel."""
    own_id = id_of(settled(engine, delivery(1)))
    with pytest.raises(errors.Precondition, match="stands, so its cash is due; cancel it first"):
        store.refund(engine.ledger, own_id, DAY, None)
    engine.cancel("H1", "X1", own_id)
    counts = [store.refund(engine.ledger, own_id, DAY, None) for _ in range(2)]
    collect(store, engine)
    (kept,) = store.orders(state="pending")

    assert [1, 0] == counts
    assert (f"{own_id}-R00", HOSPITAL, person(1), 30_000) == (
        kept.order.order,
        kept.order.debtor,
        kept.order.creditor,
        kept.order.amount_fen,
    )


def test_what_cannot_be_given_back_is_refused(store: OrderStore, engine: Engine) -> None:
    """Unknown settlements, and those of which nobody pays or paid anything."""
    own_id = id_of(settled(engine, allowance(1)))
    with pytest.raises(errors.NotFound, match="no settlement is recorded as 'S1'"):
        store.refund(engine.ledger, "S1", DAY, None)
    with pytest.raises(errors.NotFound, match="no settlement is recorded as 'S1'"):
        store.reimburse(engine.ledger, "S1", terms_of)
    with pytest.raises(errors.Precondition, match="nobody but the person pays anything"):
        store.reimburse(engine.ledger, own_id, terms_of)
    engine.cancel("H1", "X1", own_id)
    with pytest.raises(errors.Precondition, match="left no cash to the person"):
        store.refund(engine.ledger, own_id, DAY, None)

    assert [] == list(store.orders())


def test_another_ledger_is_told(store: OrderStore, engine: Engine, tmp_path: Path) -> None:
    """A ledger that ends before what was read of it is refused, and nothing changes."""
    settled(engine, delivery(1))
    collect(store, engine)
    (tmp_path / "other").mkdir()
    with (
        engine_with_payouts(tmp_path / "other") as other,
        pytest.raises(errors.StoreUnavailable, match="up to 1, and the ledger ends at 0"),
    ):
        collect(store, other)

    assert 1 == store.last_seq()


def test_orders_neither_change_nor_vanish(store: OrderStore, engine: Engine) -> None:
    """The store itself refuses to change what was ordered, exported or owed."""
    settlement = settled(engine, delivery(1))
    collect(store, engine)
    exporter(store).export(accounts_of(FUND, HOSPITAL, person(1)), MOMENT, TODAY)
    engine.cancel("H1", "X1", id_of(settlement))
    collect(store, engine)

    for sql in (
        "update orders set amount_fen = 1",
        "update orders set batch = null",
        "update orders set cancel = 'X'",
        "delete from orders",
        "update batches set content = x'00'",
        "delete from batches",
        "delete from receivables",
    ):
        with pytest.raises(apsw.ConstraintError):
            store.connection.execute(sql)


@pytest.mark.parametrize("amount_fen", [0, -1, limits.PAYMENT_FEN_MAX + 1])
def test_the_store_holds_no_amount_out_of_bounds(store: OrderStore, amount_fen: int) -> None:
    """An order of nothing, of less, or above the bound is refused; one at the bound is kept."""
    insert = (
        "insert into orders values "
        f"('O{amount_fen}','payout','S','lump','999913','fund','f','person','P',?,1,'',null,null)"
    )
    with pytest.raises(apsw.ConstraintError):
        store.connection.execute(insert, (amount_fen,))
    store.connection.execute(insert, (limits.PAYMENT_FEN_MAX,))

    assert 1 == len(list(store.orders()))


def test_a_refund_of_a_checkout_is_the_till_s_first(
    store: OrderStore, engine: Engine, tmp_path: Path
) -> None:
    """Only what the bank would not give back is ordered; else the person would have it twice."""
    own_id = id_of(settled(engine, delivery(1)))
    engine.cancel("H1", "X1", own_id)
    with TillJournal(tmp_path / "till") as journal:
        leg = journal.begin(delivery(1), "A1", IfDeclined.DEBT, MOMENT)
        refunded = journal.advance(leg, Step.REFUNDED, MOMENT, settlement=own_id)
        with pytest.raises(errors.Precondition, match="is refunded; only what the bank would not"):
            store.refund(engine.ledger, own_id, DAY, refunded)
        owed = journal.advance(refunded, Step.REFUND_OWED, MOMENT)

        assert owed == journal.of_settlement(own_id)
        assert 1 == store.refund(engine.ledger, own_id, DAY, owed)


def test_what_was_checked_out_is_not_reimbursed(
    store: OrderStore, engine: Engine, tmp_path: Path
) -> None:
    """At a till the person paid the own share alone; what others pay is the institution's."""
    facts = {"disease": "L1", "lines": [paying.line(1_050_000)], "benefit_groups": ["by_item"]}
    own_id = id_of(settled(engine, paying.claim(1, "21", "310", **facts)))
    with TillJournal(tmp_path / "till") as journal:
        leg = journal.begin(delivery(1), "A1", IfDeclined.DEBT, MOMENT)
        charged = journal.advance(leg, Step.REFUNDED, MOMENT, settlement=own_id)

    with pytest.raises(errors.Precondition, match="paid the own share alone"):
        store.reimburse(engine.ledger, own_id, terms_of, charged)
    assert [] == list(store.orders())
    assert 1 == store.reimburse(engine.ledger, own_id, terms_of, None)


def test_an_id_is_as_long_as_the_bank_s_field(store: OrderStore) -> None:
    """Thirty-five characters are an end-to-end id, one more is refused by the store."""
    insert = (
        "insert into orders values "
        "(?,'payout','S','lump','999913','fund','f','person','P',1,1,'',null,null)"
    )
    store.connection.execute(insert, ("x" * limits.END_TO_END_CHARS_MAX,))
    with pytest.raises(apsw.ConstraintError):
        store.connection.execute(insert, ("x" * (limits.END_TO_END_CHARS_MAX + 1),))

    assert 1 == len(list(store.orders()))


def test_another_file_is_no_store(tmp_path: Path) -> None:
    """A ledger, or text, under the store's name is told and left alone."""
    (tmp_path / "a").mkdir()
    with engine_with_payouts(tmp_path / "a"):
        pass
    (tmp_path / "a" / "ledger.db").rename(tmp_path / "a" / "orders.db")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "orders.db").write_text("no store at all" * 100)

    with pytest.raises(errors.StoreUnavailable, match="is an SQLite file of something else"):
        OrderStore(tmp_path / "a")
    with pytest.raises(errors.StoreUnavailable, match="cannot open"):
        OrderStore(tmp_path / "b")


def test_the_store_is_for_its_owner_only(store: OrderStore) -> None:
    """Folder and file cannot be read by others: they hold who is paid for what."""
    assert (0o700, 0o600) == (
        store.folder.stat().st_mode & 0o777,
        store.path.stat().st_mode & 0o777,
    )


def test_an_employer_is_found_by_whom_it_employs() -> None:
    """A claim does not say who employs a person, so the accounts file does."""
    columns: Row = {"settlement": "S1", "pooling_area": AREA, "person": "P1"}
    row: Row = {
        "position": 1,
        "stage": "leave",
        "payer": "pooled_fund",
        "payee": "employer",
        "paid_fen": 5,
        "replaced_fen": 0,
    }
    terms = terms_of(Settlement(columns, (), ()))
    orders, owed = payouts_of(Settlement(columns, (row,), ()), terms)

    assert [] == owed
    assert [Party(PartyType.EMPLOYER, AREA, "P1")] == [each.creditor for each in orders]
    assert date(2024, 3, 10) == orders[0].execution_date
