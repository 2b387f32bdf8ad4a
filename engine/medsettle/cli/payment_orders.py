"""`medsettle payments orders`, `export` and `open`: from the ledger to the bank's files."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle import limits
from medsettle.cli.checkout import PAYMENTS_FOLDER, leg_row
from medsettle.cli.desks import check_is_ledger, now
from medsettle.cli.show import grid, print_rows_table, print_table
from medsettle.core.dates import service_day_of
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row, Settlement
from medsettle.errors import Fault, InvalidRequest, PolicyNotFound
from medsettle.ledger.opening import LedgerPlace, OpenReader, open_reader
from medsettle.payments.accounts import BankAccount, read_accounts
from medsettle.payments.batches import Batch, Exporter, without_account
from medsettle.payments.order_store import ORDERS_FILE, KeptOrder, OrderStore
from medsettle.payments.orders import Party, Terms
from medsettle.payments.till_journal import (
    TILL_FILE,
    UNFINISHED,
    Leg,
    Step,
    TillJournal,
)
from medsettle.policy.rule_book import RuleBook
from medsettle.rule_cache import rule_book

_ROWS_SHOWN_MAX = 50


def run_orders(
    console: Console,
    data: Path,
    rules: Path,
    place: LedgerPlace,
    *,
    pay_on: date | None,
    reimburse: Sequence[str],
    refund: Sequence[str],
    as_json: bool,
) -> None:
    """Follow the ledger, add what is asked for, and list every order."""
    day = pay_on or service_day_of(now())
    book = rule_book(rules)
    with _ledger(place) as ledger, OrderStore(data / PAYMENTS_FOLDER) as store:
        added = store.collect(ledger, lambda settled: clauses_of(book, settled), day)
        for settlement in reimburse:
            added += store.reimburse(
                ledger,
                settlement,
                lambda settled: Terms(clauses_of(book, settled), day),
                _leg_of(data, settlement),
            )
        for settlement in refund:
            added += store.refund(ledger, settlement, day, _leg_of(data, settlement))
        rows = [order_row(kept) for kept in store.orders()]
    if as_json:
        console.out(orjson.dumps(rows).decode(), highlight=False)
        return
    _show_orders(console, rows)
    console.print(f"{len(rows)} order(s), {added} of them new")


def run_export(
    console: Console,
    data: Path,
    rules: Path,
    place: LedgerPlace,
    out: Path,
    accounts: Path,
    initiator: str,
    *,
    as_json: bool,
) -> None:
    """Follow the ledger and write what can be paid into files for the bank."""
    most = limits.PARTY_NAME_CHARS_MAX
    if not (1 <= len(initiator) <= most and initiator.isprintable()):
        raise InvalidRequest([Fault("initiator", f"expected 1 to {most} printable characters")])
    known = read_accounts(accounts)
    book = rule_book(rules)
    today = service_day_of(now())
    with _ledger(place) as ledger, OrderStore(data / PAYMENTS_FOLDER) as store:
        # First what was cancelled since: it must not go out.
        store.collect(ledger, lambda settled: clauses_of(book, settled), today)
        batches = Exporter(store, out, initiator).export(known, now(), today)
        left = sum(1 for _ in _missing(store, known))
    _show_batches(console, batches, as_json=as_json)
    if left and not as_json:
        console.print(f"{left} order(s) wait for an account; see medsettle payments open")


def run_export_again(
    console: Console, data: Path, out: Path, number: int, *, as_json: bool
) -> None:
    """Write the file of a batch anew, byte for byte."""
    with _store(data) as store:
        batch = Exporter(store, out, "medsettle").again(number)
    _show_batches(console, [batch], as_json=as_json)


def run_open(console: Console, data: Path, accounts: Path | None, *, as_json: bool) -> None:
    """List what is not paid yet, is to come back, or waits."""
    known = {} if accounts is None else read_accounts(accounts)
    folder = data / PAYMENTS_FOLDER
    if not (folder / ORDERS_FILE).is_file() and not (folder / TILL_FILE).is_file():
        raise FileNotFoundError(
            f"{data} holds no payments; name the folder with --data, or make orders first"
        )
    found: dict[str, list[Row]] = {"without_account": [], "receivables": [], "checkouts": []}
    if (folder / ORDERS_FILE).is_file():
        with OrderStore(folder) as store:
            found["without_account"] = list(_missing(store, known))
            found["receivables"] = [
                {
                    "receivable": kept.receivable.receivable,
                    "cause": kept.cause,
                    "from": str(kept.receivable.debtor.type),
                    "token": kept.receivable.debtor.token,
                    "amount_fen": kept.receivable.amount_fen,
                    "cancel": kept.cancel,
                }
                for kept in store.receivables()
                if kept.open
            ]
    if (folder / TILL_FILE).is_file():
        with TillJournal(folder) as journal:
            legs = journal.legs(Step.DEBT, Step.REFUND_OWED, *UNFINISHED)
        found["checkouts"] = [leg_row(leg) for leg in legs]
    if as_json:
        console.out(orjson.dumps(found).decode(), highlight=False)
        return
    for name, rows in found.items():
        console.print(f"[bold]{name.replace('_', ' ')}[/]: {len(rows)}", highlight=False)
        _show_rows(console, rows)


def clauses_of(book: RuleBook, settlement: Settlement) -> dict[str, str]:
    """Return the clause behind each stage of a settlement.

    Where the revision that settled it is not loaded, the revision itself is named: it is what
    `explain` needs to be given.
    """
    name, digest = str(settlement.columns["policy"]), str(settlement.columns["policy_digest"])
    try:
        compiled = book.policy(name)
    except PolicyNotFound:
        compiled = None
    if compiled is None or compiled.digest != digest:
        return {str(row["stage"]): f"{name}, revision {digest}" for row in settlement.payers}
    sources = compiled.policy.sources
    return {stage.name: sources[stage.source].title for stage in compiled.policy.all_stages}


def order_row(kept: KeptOrder) -> Row:
    """Return an order as a JSON object."""
    order = kept.order
    return {
        "order": order.order,
        "state": kept.state,
        "kind": str(order.kind),
        "from": order.debtor.token,
        "to": str(order.creditor.type),
        "token": order.creditor.token,
        "amount_fen": order.amount_fen,
        "pay_on": order.execution_date.isoformat(),
        "batch": kept.batch,
        "cancel": kept.cancel,
    }


def _missing(store: OrderStore, known: Mapping[Party, BankAccount]) -> Iterator[Row]:
    pending = (kept.order for kept in store.orders(state="pending"))
    for order, parties in without_account(pending, known):
        missing = ", ".join(f"{party.type} {party.token}" for party in parties)
        yield {"order": order.order, "amount_fen": order.amount_fen, "no_account": missing}


def _leg_of(data: Path, settlement: str) -> Leg | None:
    folder = data / PAYMENTS_FOLDER
    if not (folder / TILL_FILE).is_file():
        return None
    with TillJournal(folder) as journal:
        return journal.of_settlement(settlement)


def _ledger(place: LedgerPlace) -> OpenReader:
    """Open a ledger for reading; a server may be writing it."""
    check_is_ledger(place)
    return open_reader(place)


@contextmanager
def _store(data: Path) -> Iterator[OrderStore]:
    if not (data / PAYMENTS_FOLDER / ORDERS_FILE).is_file():
        raise FileNotFoundError(f"{data} holds no payment orders; name the folder with --data")
    with OrderStore(data / PAYMENTS_FOLDER) as store:
        yield store


def _show_batches(console: Console, batches: list[Batch], *, as_json: bool) -> None:
    if as_json:
        rows = [
            {
                "batch": batch.number,
                "message_id": batch.message_id,
                "bank": batch.bank,
                "file": str(batch.file),
                "payments": batch.payments,
                "sum_fen": batch.sum_fen,
            }
            for batch in batches
        ]
        console.out(orjson.dumps(rows).decode(), highlight=False)
        return
    for batch in batches:
        console.print(
            f"batch {batch.number}: {batch.payments} payment(s), "
            f"{yuan_from_fen(batch.sum_fen)} yuan, for bank {batch.bank}: "
            f"{escape(str(batch.file))}",
            soft_wrap=True,
            highlight=False,
        )
    if not batches:
        console.print("nothing to export")


def _show_orders(console: Console, rows: list[Row]) -> None:
    """Print orders so that ids stay whole on a terminal of eighty columns."""
    table = grid("order", "from → to", "state, first day")
    table.columns[0].no_wrap = True
    table.add_column("amount", justify="right", no_wrap=True)
    for row in rows[:_ROWS_SHOWN_MAX]:
        state = str(row["state"]) if row["batch"] is None else f"{row['state']} in {row['batch']}"
        table.add_row(
            escape(str(row["order"])),
            escape(f"{row['from']} → {row['to']} {row['token']}"),
            escape(f"{state}, {row['pay_on']}"),
            yuan_from_fen(int(str(row["amount_fen"]))),
        )
    if rows:
        print_table(console, table)
    _tell_rest(console, len(rows))


def _show_rows(console: Console, rows: list[Row]) -> None:
    shown = rows[:_ROWS_SHOWN_MAX]
    if shown:
        print_rows_table(console, [_told(row) for row in shown])
    _tell_rest(console, len(rows))


def _tell_rest(console: Console, count: int) -> None:
    if count > _ROWS_SHOWN_MAX:
        console.print(f"… and {count - _ROWS_SHOWN_MAX} more; --json shows all of them")


def _told(row: Row) -> Row:
    """Return a row with nothing where a value is missing."""
    return {name: "" if value is None else value for name, value in row.items()}
