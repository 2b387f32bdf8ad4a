"""Batches are numbered, durable and disjoint, whenever the process that makes them is killed."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from medsettle import errors, limits
from medsettle.engine import Engine
from medsettle.payments.accounts import BankAccount
from medsettle.payments.batches import without_account
from medsettle.payments.order_store import OrderStore
from medsettle.payments.orders import Party

from tests.engine.engines import id_of, settled
from tests.payments.killing import Acknowledge, run_until
from tests.payments.paying import (
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
)
from tests.payments.reading import Message, read


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_with_payouts(tmp_path) as engine:
        yield engine


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[OrderStore]:
    with OrderStore(tmp_path / "payments") as store:
        yield store


def _accounts(people: int) -> dict[Party, BankAccount]:
    return accounts_of(FUND, HOSPITAL, *map(person, range(1, people + 1)))


def _ready(store: OrderStore, engine: Engine, people: int) -> dict[Party, BankAccount]:
    """Order an allowance for each of some people, and return everybody's account."""
    for number in range(1, people + 1):
        settled(engine, allowance(number))
    collect(store, engine)
    return _accounts(people)


def test_an_order_goes_out_in_one_batch(store: OrderStore, engine: Engine) -> None:
    """Exporting again makes nothing; what comes later is the next batch."""
    accounts = _ready(store, engine, 2)
    (first,) = exporter(store).export(accounts, MOMENT, TODAY)
    again = exporter(store).export(accounts, MOMENT, TODAY)
    settled(engine, delivery(1, 390_000) | {"request_id": "R9"})
    collect(store, engine)
    (second,) = exporter(store).export(accounts, MOMENT, TODAY)

    assert [] == again
    assert [(1, 2, 5_226_666), (2, 2, 220_000)] == [
        (batch.number, batch.payments, batch.sum_fen) for batch in (first, second)
    ]
    names = [paid.end_to_end for each in (first, second) for paid in read(each.file).transfers]
    assert sorted(kept.order.order for kept in store.orders()) == sorted(names)
    assert {"exported"} == {kept.state for kept in store.orders()}


def test_a_batch_written_again_has_the_same_bytes(store: OrderStore, engine: Engine) -> None:
    """By number, whatever the accounts say since, and only then."""
    accounts = _ready(store, engine, 3)
    (batch,) = exporter(store).export(accounts, MOMENT, TODAY)
    content = batch.file.read_bytes()
    batch.file.unlink()
    exporter(store).export(accounts_of(FUND, seed=2), MOMENT, TODAY)
    taken_away = not batch.file.exists()
    again = exporter(store).again(1)

    assert taken_away
    assert (batch, content) == (again, again.file.read_bytes())
    with pytest.raises(errors.NotFound, match="there is no batch 2"):
        exporter(store).again(2)


def test_orders_without_an_account_stay_and_are_told(store: OrderStore, engine: Engine) -> None:
    """Whoever has no account, payee or payer, keeps an order open; nothing is lost."""
    _ready(store, engine, 3)
    pending = [kept.order for kept in store.orders(state="pending")]
    some = accounts_of(FUND, person(1))
    exporter(store).export(some, MOMENT, TODAY)
    left = [kept.order for kept in store.orders(state="pending")]

    assert [[person(2)], [person(3)]] == sorted(
        missing for _, missing in without_account(iter(left), some)
    )
    assert [[FUND]] * 3 == [
        missing
        for _, missing in without_account(iter(pending), accounts_of(*map(person, (1, 2, 3))))
    ]
    exporter(store).export(_accounts(3), MOMENT, TODAY)
    assert [] == list(store.orders(state="pending"))


def test_the_bank_is_asked_for_no_day_that_has_passed(store: OrderStore, engine: Engine) -> None:
    """An order of the 10th that goes out on the 12th is for the 12th; on the 9th, for the 10th."""
    accounts = _ready(store, engine, 1)
    (late,) = exporter(store).export(accounts, MOMENT, TODAY)
    settled(engine, allowance(1) | {"request_id": "R2"})
    collect(store, engine)
    (early,) = exporter(store).export(accounts, MOMENT, DAY.replace(day=9))

    assert ["2024-03-12", "2024-03-10"] == [
        read(batch.file).transfers[0].day for batch in (late, early)
    ]


def test_a_batch_holds_so_many_and_no_more(
    store: OrderStore, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a bound of three, three orders are a batch, and the fourth is in the next."""
    accounts = _ready(store, engine, 4)
    monkeypatch.setattr(limits, "PAYMENTS_PER_BATCH_MAX", 3)

    found = exporter(store).export(accounts, MOMENT, TODAY)
    assert [3, 1] == [batch.payments for batch in found]
    assert 2 == len({batch.message_id for batch in found})


def test_a_batch_is_for_one_bank(store: OrderStore, engine: Engine) -> None:
    """Funds at two banks make two batches, each named after the bank that can debit its fund."""
    settled(engine, delivery(1))
    collect(store, engine)
    accounts = _accounts(1)
    assistance = Party(FUND.type, FUND.pooling_area, "assistance")
    store.connection.execute(
        "insert into orders select id || '2', kind, settlement, stage, pooling_area, debtor_type, "
        "'assistance', creditor_type, creditor, amount_fen, execution_day, clause, null, null "
        "from orders"
    )
    accounts[assistance] = BankAccount("7777", "示例救助", "999000000007")
    found = exporter(store).export(accounts, MOMENT, TODAY)

    assert [("999000000007", 2, {"7777"}), (accounts[FUND].bank, 2, {accounts[FUND].account})] == [
        (batch.bank, batch.payments, {paid.debtor_account for paid in read(batch.file).transfers})
        for batch in found
    ]
    assert [f"{batch.bank}-{batch.message_id}.xml" for batch in found] == [
        batch.file.name for batch in found
    ]


def test_two_installations_never_use_one_message_id(tmp_path: Path, engine: Engine) -> None:
    """Both count from 1, and the bank tells them apart."""
    found = set()
    for name in ("a", "b"):
        with OrderStore(tmp_path / name) as store:
            found |= {
                batch.message_id
                for batch in exporter(store).export(_ready(store, engine, 1), MOMENT, TODAY)
            }

    assert 2 == len(found)
    # With the number of its last payment information an id still fits.
    assert max(len(f"{name}-10000") for name in found) <= limits.END_TO_END_CHARS_MAX


def test_one_exports_at_a_time(store: OrderStore, engine: Engine) -> None:
    """While another export runs, this one is refused and may be tried again."""
    accounts = _ready(store, engine, 1)
    first = exporter(store)
    with first._alone(), pytest.raises(errors.StoreUnavailable, match="is under way"):
        exporter(store).export(accounts, MOMENT, TODAY)

    assert 1 == len(first.export(accounts, MOMENT, TODAY))


def test_a_payment_file_is_for_its_owner_only(store: OrderStore, engine: Engine) -> None:
    """Names and accounts are in it."""
    (batch,) = exporter(store).export(_ready(store, engine, 1), MOMENT, TODAY)

    assert (0o600, 0o700) == (
        batch.file.stat().st_mode & 0o777,
        batch.file.parent.stat().st_mode & 0o777,
    )


def _pay(folder: Path, acknowledge: Acknowledge) -> None:
    """Collect, export, and acknowledge each batch that is said to be written."""
    with engine_with_payouts(folder) as engine, OrderStore(folder / "payments") as store:
        store.collect(engine.ledger, clauses_of, DAY)
        for batch in exporter(store).export(_accounts(3), MOMENT, TODAY):
            acknowledge(f"{batch.message_id} {batch.sum_fen}")


def _cancel_and_pay(folder: Path, settlement: str, acknowledge: Acknowledge) -> None:
    """Cancel a settlement and export again."""
    with engine_with_payouts(folder) as engine:
        engine.cancel("H1", "X1", settlement)
    _pay(folder, acknowledge)


def _messages(folder: Path) -> dict[str, Message]:
    out = folder / "payments" / "out"
    found = [read(path) for path in out.glob("*.xml")]
    return {message.message_id: message for message in found}


@pytest.mark.slow
def test_an_export_killed_at_any_step_pays_everybody_once(tmp_path: Path) -> None:
    """After a kill at each step, and a run to the end, each order is in one whole file."""
    step, killed = 0, True
    while killed:
        folder = tmp_path / str(step)
        folder.mkdir()
        with engine_with_payouts(folder) as engine:
            wanted = {id_of(settled(engine, allowance(number))) for number in (1, 2, 3)}
        first = run_until(step, partial(_pay, folder))
        names = set((folder / "payments" / "out").glob("*.xml"))
        before = {path: path.read_bytes() for path in names}
        second = run_until(None, partial(_pay, folder))
        messages = _messages(folder)

        paid = Counter(
            each.end_to_end[:26] for message in messages.values() for each in message.transfers
        )
        assert dict.fromkeys(wanted, 1) == dict(paid), step
        assert 7_839_999 == sum(int(each.control_sum * 100) for each in messages.values())
        # What was there stays as it was, and what was acknowledged is there.
        assert before == {path: path.read_bytes() for path in names}
        told = {line.split()[0] for line in (*first.acknowledged, *second.acknowledged)}
        assert set(messages) >= told
        killed, step = first.killed, step + 1

    assert step > 20


@pytest.mark.slow
def test_a_cancel_and_an_export_killed_at_any_step_lose_nothing(tmp_path: Path) -> None:
    """Of three allowances the first is cancelled after its export: paid once, recalled once."""
    step, killed = 0, True
    while killed:
        folder = tmp_path / str(step)
        folder.mkdir()
        with engine_with_payouts(folder) as engine:
            own_id = id_of(settled(engine, allowance(1)))
        run_until(None, partial(_pay, folder))
        with engine_with_payouts(folder) as engine:
            late = id_of(settled(engine, allowance(2)))
        ended = run_until(step, partial(_cancel_and_pay, folder, own_id))
        run_until(None, partial(_cancel_and_pay, folder, own_id))

        paid = [
            each.end_to_end[:26] for found in _messages(folder).values() for each in found.transfers
        ]
        assert sorted([own_id, late]) == sorted(paid), step
        with OrderStore(folder / "payments") as store:
            assert [("recall", own_id, 2_613_333)] == [
                (kept.cause, kept.receivable.settlement, kept.receivable.amount_fen)
                for kept in store.receivables()
            ]
        killed, step = ended.killed, step + 1

    assert step > 20
