"""Payment orders, made once from the ledger and kept until they are withdrawn or exported.

The store follows the ledger by its sequence numbers, as the audit tables do. What it reads of one
page and the number it has come to are one transaction, so that no settlement is missed or read
twice, whenever a process dies.

A cancel withdraws the orders of its settlement that no file has been made of. One that was exported
may have been paid: it stays, and what was paid becomes a receivable. No order is ever negative.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Protocol, Self

from medsettle import limits
from medsettle.core.dates import date_of, day_number
from medsettle.core.settlement import Settlement
from medsettle.errors import AlreadyCancelled, NotFound, Precondition, StoreUnavailable
from medsettle.ledger.entries import Recorded
from medsettle.ledger.records import decode_settlement
from medsettle.ledger.side_file import (
    open_store,
    private_folder,
    rows_of,
    transaction,
    unavailable,
)
from medsettle.payments.orders import (
    OrderKind,
    Party,
    PartyType,
    PaymentOrder,
    Receivable,
    Terms,
    payouts_of,
    refund_of,
    reimbursement_of,
)
from medsettle.payments.store_schema import FORM, ORDER_COLUMNS
from medsettle.payments.till_journal import Leg, Step

ORDERS_FILE: Final = "orders.db"


class LedgerFeed(Protocol):
    """What the orders are made from: the reading half of a ledger has these methods."""

    def page(self, *, after_seq: int, limit: int) -> Sequence[Recorded]:
        """Return up to `limit` entries after `after_seq`, in seq order."""
        ...

    def last_seq(self) -> int:
        """Return the seq of the last entry, 0 for an empty ledger."""
        ...

    def settlement(self, settlement: str) -> Recorded | None:
        """Return the entry with this id, or None."""
        ...

    def cancel_of(self, settlement: str) -> Recorded | None:
        """Return the entry that cancels this settlement, or None."""
        ...


@dataclass(frozen=True, slots=True)
class KeptOrder:
    """An order with what became of it.

    `state` is `pending`, `exported` (in batch `batch`) or `withdrawn` (by the settlement `cancel`).
    """

    order: PaymentOrder
    state: str
    batch: int | None
    cancel: str | None


@dataclass(frozen=True, slots=True)
class KeptReceivable:
    """A receivable with its cause and the cancel it came from or that settled it.

    `recall`: an exported payment of a cancelled settlement is to come back, and stays until it has.
    `replaced`: more was replaced than paid; open until `cancel` takes the settlement back.
    """

    receivable: Receivable
    cause: str
    cancel: str | None

    @property
    def open(self) -> bool:
        """Whether somebody still has the money."""
        return self.cause == "recall" or self.cancel is None


class OrderStore:
    """The payment orders of one ledger, in one folder. One thread uses it; so may processes."""

    def __init__(self, folder: Path) -> None:
        """Open the store, made with its folder where there is none.

        Raises:
            StoreUnavailable: The file is something else, damaged or cannot be written.
        """
        with unavailable(folder, "make"):
            self.folder = private_folder(folder)
        self.path = folder / ORDERS_FILE
        self.connection = open_store(self.path, FORM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the store. Closing twice is harmless."""
        self.connection.close()

    def collect(
        self,
        ledger: LedgerFeed,
        clauses_of: Callable[[Settlement], dict[str, str]],
        execution_date: date,
    ) -> int:
        """Follow the ledger to its end, and return how many orders were added.

        Args:
            ledger: The ledger of this store, always the same.
            clauses_of: Returns the clause behind each stage of a settlement.
            execution_date: The first day on which to pay what is new.

        Raises:
            StoreUnavailable: The store failed, or the ledger ends before what it has been read
                to: it was restored from an older backup, or is another one.
        """
        self._check_behind(ledger)
        added = 0
        while page := ledger.page(after_seq=self.last_seq(), limit=limits.PAGE_SIZE_MAX):
            made = [self._made(entry, clauses_of, execution_date) for entry in page]
            with transaction(self.connection, self.path):
                # Another process may have read the same page meanwhile; then it is done.
                if self.last_seq() != page[0].seq - 1:
                    continue
                for entry, (orders, owed) in zip(page, made, strict=True):
                    added += sum(map(self._add, orders))
                    for receivable in owed:
                        self._owe(receivable, "replaced", None)
                    if entry.kind == "cancel":
                        self._take_back(entry)
                self._execute("update meta set value = ? where name = 'last_seq'", page[-1].seq)
        return added

    def reimburse(
        self,
        ledger: LedgerFeed,
        settlement: str,
        terms_of: "TermsOf",
        checkout: Leg | None = None,
    ) -> int:
        """Order what others pay of a bill to the person, who has paid it; return how many orders.

        Giving the same settlement again adds none.

        Args:
            ledger: The ledger of this store.
            settlement: Its id.
            terms_of: The clauses and the first day of its payments.
            checkout: The checkout of the settlement, where a till had one: then the person paid
                their own share alone, and what others pay is owed to the institution.

        Raises:
            NotFound: No settlement is recorded under that id.
            AlreadyCancelled: It was taken back.
            Precondition: It was checked out at a till, or nobody but the person pays anything of
                the bill.
        """
        if checkout is not None:
            raise Precondition(
                f"settlement {settlement} was checked out ({checkout.leg}), so the person paid the "
                "own share alone; what others pay of it is owed to the institution, not to them",
                settlement=settlement,
            )
        with transaction(self.connection, self.path):
            # Inside the transaction: a cancel that is recorded later is also read later.
            found = _recorded(ledger, settlement)
            cancel = ledger.cancel_of(settlement)
            if cancel is not None:
                raise AlreadyCancelled(
                    f"settlement {settlement} was cancelled by {cancel.settlement}; nothing of it "
                    "is to be reimbursed",
                    settlement=settlement,
                )
            orders = reimbursement_of(found, terms_of(found))
            if not orders:
                raise Precondition(
                    f"of the bill of settlement {settlement} nobody but the person pays anything; "
                    "check the id",
                    settlement=settlement,
                )
            return sum(map(self._add, orders))

    def refund(
        self, ledger: LedgerFeed, settlement: str, execution_date: date, checkout: Leg | None
    ) -> int:
        """Order the cash of a cancelled settlement back to the person; return how many orders.

        Giving the same settlement again adds none.

        Args:
            ledger: The ledger of this store.
            settlement: Its id.
            execution_date: The first day on which to pay.
            checkout: The checkout of the settlement, where a till had one.

        Raises:
            NotFound: No settlement is recorded under that id.
            Precondition: It stands, or the person paid nothing, or the till has the money back to
                the person or still may.
        """
        if checkout is not None and checkout.step is not Step.REFUND_OWED:
            raise Precondition(
                f"settlement {settlement} was checked out, and {checkout.leg} is {checkout.step}; "
                f"only what the bank would not give back ({Step.REFUND_OWED}) is ordered",
                settlement=settlement,
            )
        with transaction(self.connection, self.path):
            found = _recorded(ledger, settlement)
            cancel = ledger.cancel_of(settlement)
            if cancel is None:
                raise Precondition(
                    f"settlement {settlement} stands, so its cash is due; cancel it first",
                    settlement=settlement,
                )
            order = refund_of(found, cancel.settlement, execution_date)
            if order is None:
                raise Precondition(
                    f"settlement {settlement} left no cash to the person; nothing is to be "
                    "given back",
                    settlement=settlement,
                )
            return self._add(order)

    def orders(self, *, state: str | None = None) -> Iterator[KeptOrder]:
        """Yield orders by settlement and id: all of them, or those in one state."""
        rows = self._execute(
            f"select {ORDER_COLUMNS}, batch, cancel from orders order by settlement, id"  # noqa: S608
        )
        for *values, batch, cancel in rows:
            left = "pending" if cancel is None else "withdrawn"
            found = left if batch is None else "exported"
            if state in {None, found}:
                yield KeptOrder(order_of(values), found, batch, cancel)

    def receivables(self) -> list[KeptReceivable]:
        """Return all receivables by settlement and id, settled ones among them."""
        rows = self._execute(
            "select id, settlement, debtor_type, pooling_area, debtor, amount_fen, cause, cancel "
            "from receivables order by settlement, id"
        )
        return [
            KeptReceivable(
                Receivable(name, settlement, Party(PartyType(kind), area, token), fen),
                cause,
                cancel,
            )
            for name, settlement, kind, area, token, fen, cause, cancel in rows
        ]

    def last_seq(self) -> int:
        """Return up to which entry the ledger has been read."""
        return int(self._execute("select value from meta where name = 'last_seq'")[0][0])

    def _check_behind(self, ledger: LedgerFeed) -> None:
        own, ends = self.last_seq(), ledger.last_seq()
        if own > ends:
            raise StoreUnavailable(
                f"{self.path} has read the ledger up to {own}, and the ledger ends at {ends}: it "
                "was restored from an older backup, or is another ledger. Restore both together",
                path=str(self.path),
            )

    @staticmethod
    def _made(
        entry: Recorded,
        clauses_of: Callable[[Settlement], dict[str, str]],
        execution_date: date,
    ) -> tuple[list[PaymentOrder], list[Receivable]]:
        if entry.kind != "settle":
            return [], []
        settlement = decode_settlement(entry)
        orders, owed = payouts_of(settlement, Terms({}, execution_date))
        if orders:
            orders, owed = payouts_of(settlement, Terms(clauses_of(settlement), execution_date))
        return orders, owed

    def _add(self, order: PaymentOrder) -> int:
        """Record an order unless it is known; return 1 where it was added, else 0."""
        self._execute(
            f"insert into orders ({ORDER_COLUMNS}) values (?,?,?,?,?,?,?,?,?,?,?,?) "  # noqa: S608
            "on conflict (id) do nothing",
            order.order,
            str(order.kind),
            order.settlement,
            order.stage,
            order.creditor.pooling_area,
            str(order.debtor.type),
            order.debtor.token,
            str(order.creditor.type),
            order.creditor.token,
            order.amount_fen,
            day_number(order.execution_date),
            order.clause,
        )
        return self.connection.changes()

    def _take_back(self, cancel: Recorded) -> None:
        """Withdraw what was not exported of the settlement a cancel names; recall what was."""
        # A refund is due because of the cancel.
        rows = self._execute(
            f"select {ORDER_COLUMNS}, batch from orders "  # noqa: S608
            "where settlement = ? and cancel is null and kind <> 'refund'",
            cancel.original or "",
        )
        for *values, batch in rows:
            order = order_of(values)
            if batch is None:
                self._execute(
                    "update orders set cancel = ? where id = ?", cancel.settlement, order.order
                )
                continue
            recalled = Receivable(order.order, order.settlement, order.creditor, order.amount_fen)
            self._owe(recalled, "recall", cancel.settlement)
        self._execute(
            "update receivables set cancel = ? where settlement = ? and cause = 'replaced'",
            cancel.settlement,
            cancel.original or "",
        )

    def _owe(self, receivable: Receivable, cause: str, cancel: str | None) -> None:
        debtor = receivable.debtor
        self._execute(
            "insert into receivables values (?,?,?,?,?,?,?,?)",
            receivable.receivable,
            cause,
            receivable.settlement,
            debtor.pooling_area,
            str(debtor.type),
            debtor.token,
            receivable.amount_fen,
            cancel,
        )

    def _execute(self, sql: str, *values: str | int | None) -> list[tuple[Any, ...]]:
        with unavailable(self.path, "use"):
            return rows_of(self.connection, sql, *values)


TermsOf = Callable[[Settlement], Terms]


def order_of(values: Sequence[Any]) -> PaymentOrder:
    """Return the order of a row of ORDER_COLUMNS."""
    name, kind, settlement, stage, area, *parties, amount_fen, day, clause = values
    debtor_type, debtor, creditor_type, creditor = parties
    return PaymentOrder(
        order=name,
        kind=OrderKind(kind),
        settlement=settlement,
        stage=stage,
        debtor=Party(PartyType(debtor_type), area, debtor),
        creditor=Party(PartyType(creditor_type), area, creditor),
        amount_fen=amount_fen,
        execution_date=date_of(day),
        clause=clause,
    )


def _recorded(ledger: LedgerFeed, settlement: str) -> Settlement:
    found = ledger.settlement(settlement)
    if found is None or found.kind != "settle":
        raise NotFound(
            f"no settlement is recorded as {settlement!r}; check the id", settlement=settlement
        )
    return decode_settlement(found)
