"""Numbered batches of payment orders as files for the bank, each order in one of them.

The message of a batch is recorded with its orders in one transaction, and the file is written from
that record: to a temporary name, synced, renamed. Whenever the process dies there is either no
batch, and its orders wait for the next one, or a whole batch, whose file the next export writes
first. A file that has been written is not written again unless asked for by number, and then has
the same bytes: an upload that took the file away is not given it twice.
"""

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path
from typing import Final

from medsettle import limits
from medsettle.core.dates import microseconds
from medsettle.errors import NotFound, StoreUnavailable
from medsettle.ledger.side_file import (
    private_folder,
    rows_of,
    transaction,
    unavailable,
    write_whole,
)
from medsettle.payments.accounts import BankAccount
from medsettle.payments.order_store import OrderStore, order_of
from medsettle.payments.orders import Party, PaymentOrder
from medsettle.payments.pain001 import Transfer, initiation
from medsettle.payments.store_schema import ORDER_COLUMNS

_LOCK: Final = "export.lock"

Accounts = Mapping[Party, BankAccount]


@dataclass(frozen=True, slots=True)
class Batch:
    """One message to a bank: its number, id, the bank it is for, file, payments and sum in fen."""

    number: int
    message_id: str
    bank: str
    file: Path
    payments: int
    sum_fen: int


class Exporter:
    """Makes batches of a store into files of one folder. One at a time exports from a store."""

    def __init__(self, store: OrderStore, folder: Path, initiator: str) -> None:
        """Open the folder, made where there is none.

        Args:
            store: The orders.
            folder: Where the bank's files go.
            initiator: Who asks the bank: 1 to PARTY_NAME_CHARS_MAX characters.

        Raises:
            StoreUnavailable: The folder cannot be made.
        """
        assert 1 <= len(initiator) <= limits.PARTY_NAME_CHARS_MAX, initiator
        self._store = store
        self._initiator = initiator
        with unavailable(folder, "make"):
            self.folder = private_folder(folder)

    def export(self, accounts: Accounts, moment: datetime, today: date) -> list[Batch]:
        """Return the batches written: those a crash left without a file, then new ones.

        Orders without an account on either side stay pending; see `without_account`.

        Args:
            accounts: Whose account is which.
            moment: Now, with a time zone; it dates the messages.
            today: The day the bank gets them: it is asked to pay on no earlier one.

        Raises:
            StoreUnavailable: Another export runs, the disk failed, or the store did.
        """
        with self._alone():
            written = [self._written(batch) for batch in self._batches("written = 0")]
            while batch := self._record(accounts, moment, today):
                written.append(self._written(batch))
        return written

    def again(self, number: int) -> Batch:
        """Write the file of a batch anew, byte for byte, and return the batch.

        Raises:
            NotFound: There is no batch of that number.
            StoreUnavailable: As for `export`.
        """
        with self._alone():
            found = self._batches(f"number = {int(number)}")
            if not found:
                raise NotFound(f"there is no batch {number}; see medsettle payments orders")
            return self._written(found[0])

    def _record(self, accounts: Accounts, moment: datetime, today: date) -> Batch | None:
        """Record the next batch, at most PAYMENTS_PER_BATCH_MAX payments; None when none is due."""
        store = self._store
        with transaction(store.connection, store.path):
            ready = (
                Transfer(order, accounts[order.debtor], accounts[order.creditor], day)
                for order in self._pending()
                if order.debtor in accounts and order.creditor in accounts
                for day in [max(order.execution_date, today)]
            )
            first = next(ready, None)
            if first is None:
                return None
            # A message goes to one bank, which can debit its own accounts only.
            bank = first.debtor.bank
            of_bank = (each for each in chain([first], ready) if each.debtor.bank == bank)
            transfers = list(islice(of_bank, limits.PAYMENTS_PER_BATCH_MAX))
            # The rows are read as far as they are needed; what is left must not stand in the way.
            ready.close()
            ((number, installation),) = rows_of(
                store.connection,
                "select 1 + coalesce((select max(number) from batches), 0), value "
                "from meta where name = 'installation'",
            )
            message_id = f"MS{installation}-{number:08d}"
            sum_fen = sum(transfer.order.amount_fen for transfer in transfers)
            message = initiation(message_id, moment, self._initiator, transfers)
            store.connection.execute(
                "insert into batches (number, message_id, bank, create_time_us, payments, "
                "sum_fen, content) values (?,?,?,?,?,?,?)",
                (number, message_id, bank, microseconds(moment), len(transfers), sum_fen, message),
            )
            store.connection.executemany(
                "update orders set batch = ? where id = ?",
                [(number, transfer.order.order) for transfer in transfers],
            )
        file = self._file(bank, message_id)
        return Batch(number, message_id, bank, file, len(transfers), sum_fen)

    def _pending(self) -> Iterator[PaymentOrder]:
        # By debtor and day, so that one payment information holds as much as can be.
        rows = self._store.connection.execute(
            f"select {ORDER_COLUMNS} from orders "  # noqa: S608 - our own column names
            "where batch is null and cancel is null order by debtor, execution_day, id"
        )
        return map(order_of, rows)

    def _written(self, batch: Batch) -> Batch:
        store = self._store
        with unavailable(store.path, "read"):
            ((content,),) = rows_of(
                store.connection, "select content from batches where number = ?", batch.number
            )
        write_whole(batch.file, content)
        with transaction(store.connection, store.path):
            store.connection.execute(
                "update batches set written = 1 where number = ?", (batch.number,)
            )
        return batch

    def _batches(self, condition: str) -> list[Batch]:
        store = self._store
        with unavailable(store.path, "read"):
            rows = rows_of(
                store.connection,
                "select number, message_id, bank, payments, sum_fen from batches "  # noqa: S608
                f"where {condition} order by number",
            )
        return [
            Batch(number, message_id, bank, self._file(bank, message_id), payments, sum_fen)
            for number, message_id, bank, payments, sum_fen in rows
        ]

    def _file(self, bank: str, message_id: str) -> Path:
        return self.folder / f"{bank}-{message_id}.xml"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the right to export from the store; a crash gives it back."""
        path = self._store.folder / _LOCK
        with unavailable(path, "lock"):
            file = path.open("ab")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StoreUnavailable(
                    f"another export from {self._store.folder} is under way; wait for it",
                    path=str(path),
                ) from error
            yield


def without_account(
    orders: Iterator[PaymentOrder], accounts: Accounts
) -> Iterator[tuple[PaymentOrder, list[Party]]]:
    """Yield each order that cannot be paid yet, with the parties that have no account."""
    for order in orders:
        missing = [party for party in (order.debtor, order.creditor) if party not in accounts]
        if missing:
            yield order, missing
