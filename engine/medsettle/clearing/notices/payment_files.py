"""Cleared notices as files for the bank: what is open, once nothing of it is under way.

The writer is that of `payments.pain001`: the end-to-end id of a transfer is the id of the payment
notice, so that a line of a statement finds its notice without human eyes (`clearing.md` 6.5). The
accounts are the fiscal special accounts (财政专户) of the two provinces for the fund line.

A file is recorded with its notices in one transaction and written from that record, as
`payments.batches` does it: whenever the process dies there is no file, and its notices wait for the
next one, or a whole one, which the next call writes first. `clearing.notices.under_way` says from
when on a notice may be in another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Notice, Status, notices
from medsettle.clearing.notices.under_way import under_way_fen
from medsettle.core.dates import microseconds
from medsettle.errors import Fault, InvalidRequest, NotFound
from medsettle.ledger.side_file import (
    private_folder,
    transaction,
    unavailable,
    write_whole,
)
from medsettle.payments.accounts import BankAccount
from medsettle.payments.orders import OrderKind, Party, PartyType, PaymentOrder
from medsettle.payments.pain001 import Transfer, initiation

Accounts = Mapping[Party, BankAccount]

_PROVINCE_ZEROS: Final = "0000"


@dataclass(frozen=True, slots=True)
class PaymentFile:
    """One message to a bank: its number, id, bank, file, payments and sum in fen."""

    number: int
    message_id: str
    bank: str
    file: Path
    payments: int
    sum_fen: int


def fiscal(province: str, fund_line: str) -> Party:
    """Return who keeps the fiscal account of a province for a fund line."""
    return Party(PartyType.FISCAL, province + _PROVINCE_ZEROS, fund_line)


def pay(
    store: MonthStore,
    accounts: Accounts,
    out: Path,
    *,
    initiator: str,
    moment: datetime,
    today: date,
) -> list[PaymentFile]:
    """Write what is cleared and can be paid as pain.001 files, and return those written.

    Files that a crash left unwritten come first. Notices of which an account is missing wait; see
    `without_account`.

    Args:
        store: Of the clearing centre.
        accounts: The fiscal accounts.
        out: The folder for the files, made where there is none.
        initiator: Who asks the bank, 1 to PARTY_NAME_CHARS_MAX printable characters.
        moment: Now, with a time zone.
        today: The day on which the bank is asked to pay.

    Raises:
        InvalidRequest: The initiator is no such name.
        StoreUnavailable: Another process pays or closes, or the disk failed.
    """
    most = limits.PARTY_NAME_CHARS_MAX
    if not (1 <= len(initiator) <= most and initiator.isprintable()):
        raise InvalidRequest([Fault("initiator", f"expected 1 to {most} printable characters")])
    with unavailable(out, "make"):
        folder = private_folder(out)
    with store.alone():
        files = [_written(store, number, folder) for number in _unwritten(store)]
        while number := _record(store, accounts, initiator, moment, today):
            files.append(_written(store, number, folder))
    return files


def without_account(store: MonthStore, accounts: Accounts) -> list[tuple[Notice, list[Party]]]:
    """Return each notice that cannot be paid yet, with the parties that have no account."""
    found = [
        (each, [party for party in parties(each) if party not in accounts])
        for each in _payable(store)
    ]
    return [(each, missing) for each, missing in found if missing]


def parties(found: Notice) -> tuple[Party, Party]:
    """Return who pays a notice and who receives it."""
    return fiscal(found.debtor, found.fund_line), fiscal(found.creditor, found.fund_line)


def _record(
    store: MonthStore, accounts: Accounts, initiator: str, moment: datetime, today: date
) -> int:
    """Record the next file and return its number; 0 when nothing can be paid."""
    with transaction(store.connection, store.path):
        ready = [
            (each, Transfer(_order(each, today), accounts[debtor], accounts[creditor], today))
            for each in _payable(store)
            for debtor, creditor in [parties(each)]
            if debtor in accounts and creditor in accounts
        ]
        if not ready:
            return 0
        # A message goes to one bank, which can debit its own accounts only.
        bank = ready[0][1].debtor.bank
        of_bank = (each for each in ready if each[1].debtor.bank == bank)
        chosen = list(islice(of_bank, limits.PAYMENTS_PER_BATCH_MAX))
        ((number, installation),) = store.rows(
            "select 1 + coalesce((select max(number) from payment_files), 0), value from meta "
            "where name = 'installation'"
        )
        message_id = f"MC{installation}-{number:08d}"
        content = initiation(message_id, moment, initiator, [transfer for _, transfer in chosen])
        store.rows(
            "insert into payment_files (number, message_id, bank, payments, sum_fen, content, "
            "time_us) values (?,?,?,?,?,?,?)",
            *(number, message_id, bank, len(chosen)),
            *(sum(each.open_fen for each, _ in chosen), content, microseconds(moment)),
        )
        for each, _ in chosen:
            store.rows(
                "insert into payment_file_rows (notice, file, last_payment, amount_fen) "
                "select ?, ?, coalesce(max(id), 0), ? from payments",
                *(each.number, number, each.open_fen),
            )
    return int(number)


def _payable(store: MonthStore) -> list[Notice]:
    """Return cleared notices of which something is open and nothing under way."""
    left_fen = under_way_fen(store)
    return [
        each
        for each in notices(store)
        if each.status is Status.CLEARED and each.open_fen and each.number not in left_fen
    ]


def _order(found: Notice, today: date) -> PaymentOrder:
    debtor, creditor = parties(found)
    return PaymentOrder(
        order=found.payment_notice,
        kind=OrderKind.CLEARING,
        settlement=found.receipt_notice,
        stage=f"{found.fund_line} {found.month.text}",
        debtor=debtor,
        creditor=creditor,
        amount_fen=found.open_fen,
        execution_date=today,
        clause=f"payment notice {found.number}, {found.debtor} to {found.creditor}",
    )


def payment_files(store: MonthStore, *, below: int = limits.INT64_MAX) -> list[PaymentFile]:
    """Return the newest PAGE_SIZE_DEFAULT files for the bank with a number below one."""
    rows = store.rows(
        "select number, message_id, bank, payments, sum_fen from payment_files where number < ? "
        "order by number desc limit ?",
        below,
        limits.PAGE_SIZE_DEFAULT,
    )
    return [
        PaymentFile(number, message, bank, Path(_name(bank, message)), count, sum_fen)
        for number, message, bank, count, sum_fen in rows
    ]


def payment_file(store: MonthStore, number: int) -> tuple[str, bytes]:
    """Return the name and the content of a file for the bank, as it was recorded.

    Raises:
        NotFound: There is none of that number.
    """
    rows = store.rows(
        "select bank, message_id, content from payment_files where number = ?", number
    )
    if not rows:
        raise NotFound(f"there is no payment file {number}", file=str(number))
    bank, message_id, content = rows[0]
    return _name(bank, message_id), bytes(content)


def _name(bank: str, message_id: str) -> str:
    return f"{bank}-{message_id}.xml"


def _unwritten(store: MonthStore) -> list[int]:
    rows = store.rows("select number from payment_files where written = 0 order by number")
    return [int(number) for (number,) in rows]


def _written(store: MonthStore, number: int, folder: Path) -> PaymentFile:
    ((message_id, bank, count, sum_fen, content),) = store.rows(
        "select message_id, bank, payments, sum_fen, content from payment_files where number = ?",
        number,
    )
    file = folder / _name(bank, message_id)
    write_whole(file, content)
    with transaction(store.connection, store.path):
        store.rows("update payment_files set written = 1 where number = ?", number)
    return PaymentFile(number, message_id, bank, file, count, sum_fen)
