"""What the bank says, matched with notices: booked where all agrees, and listed where not.

A line is booked for the notice whose id it carries end to end, if the notice is cleared, the amount
is what is still to be paid, in yuan, on the account of one of its two provinces in the right
direction, and the bank's reference was not seen before. A reversal or a return takes back the
payment of that amount that was seen on the same account. Everything else is listed with why and
never booked: somebody decides, and registers it by hand or writes to the bank.

A payment moves two accounts, of the debtor and of the creditor, and each bank tells it in its own
time. So once a payment came back, a line on the other account that fits may be that payment, or its
return, told late: it is listed.

A statement is known by its account, message and id. The same again books nothing and lists what was
found the first time; a notification (054) before its statement (053) has the same references, so
the later of the two is listed as seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from medsettle.clearing.months.months import MonthStore, check_texts
from medsettle.clearing.notices.book import PAYABLE, Notice, notice_named
from medsettle.clearing.notices.camt import BankEntry, BankStatement, read_statements
from medsettle.clearing.notices.camt_values import Direction
from medsettle.clearing.notices.payment_files import parties
from medsettle.clearing.notices.payments import (
    Payment,
    Seen,
    add_payment,
    add_return,
    payments,
    seen_before,
)
from medsettle.core.dates import day_number, microseconds
from medsettle.errors import Precondition
from medsettle.ledger.side_file import transaction
from medsettle.payments.accounts import BankAccount
from medsettle.payments.orders import Party
from medsettle.payments.pain001 import CURRENCY


class Finding(StrEnum):
    """What became of a line of a statement."""

    BOOKED = "booked"
    UNKNOWN_ID = "unknown_id"
    """No notice has its end-to-end id, or it has none."""
    OTHER_AMOUNT = "other_amount"
    """It is not what is still to be paid."""
    OTHER_CURRENCY = "other_currency"
    """It is not in yuan."""
    OTHER_ACCOUNT = "other_account"
    """It moved on an account, or in a direction, that the notice does not have."""
    SEEN_BEFORE = "seen_before"
    """The bank's reference was seen before."""
    NO_REFERENCE = "no_reference"
    """The bank gives none, so it could not be told from another."""
    NOT_CLEARED = "not_cleared"
    """The notice is not cleared, or rejected."""
    PAID_BEFORE = "paid_before"
    """Nothing of the notice is open."""
    NOTHING_TO_RETURN = "nothing_to_return"
    """It takes back a payment that was never booked on this account, or came back before."""
    CAME_BACK = "came_back"
    """A payment of that amount came back on another account; this may be the same, told late."""
    SEEN_ELSEWHERE = "seen_elsewhere"
    """A payment of that amount was seen on another account, or none was told; it may be this."""
    PENDING = "pending"
    """The bank has not booked it yet; it comes again."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A line of a statement with what became of it; `notice` is the number it was matched to."""

    statement: str
    entry: BankEntry
    finding: Finding
    notice: int | None


@dataclass(frozen=True, slots=True)
class Imported:
    """A message of the bank: its lines, and whether it had been imported before."""

    matched: tuple[Matched, ...]
    repeated: bool

    @property
    def booked(self) -> tuple[Matched, ...]:
        """What was booked."""
        return tuple(each for each in self.matched if each.finding is Finding.BOOKED)

    @property
    def listed(self) -> tuple[Matched, ...]:
        """What was not booked."""
        return tuple(each for each in self.matched if each.finding is not Finding.BOOKED)


def match(
    store: MonthStore,
    content: bytes,
    accounts: Mapping[Party, BankAccount],
    *,
    name: str,
    who: str,
    moment: datetime,
) -> Imported:
    """Match a message of the bank with the notices, in one transaction.

    Args:
        store: Of the clearing centre.
        content: A camt.053 or camt.054 message.
        accounts: The fiscal accounts; a line on any other account is listed.
        name: What faults call the file.
        who: Who imports it.
        moment: Now, with a time zone.

    Raises:
        InvalidRequest: The message cannot be read or contradicts itself; nothing was booked.
        Precondition: A statement of that id was imported with other content.
        StoreUnavailable: The store failed.
    """
    check_texts(who=who)
    statements = read_statements(content, name)
    digest = sha256(content).hexdigest()
    matched: list[Matched] = []
    repeated = []
    with transaction(store.connection, store.path):
        for statement in statements:
            known = _imported(store, statement, digest)
            repeated.append(known is not None)
            if known is None:
                import_ = _Import(store, statement, accounts, who, microseconds(moment))
                matched += import_.run(digest)
            else:
                matched += _recorded(store, statement, known)
    return Imported(tuple(matched), all(repeated))


def _imported(store: MonthStore, statement: BankStatement, digest: str) -> int | None:
    rows = store.rows(
        "select id, sha256 from statements where account = ? and message = ? and statement = ?",
        *(statement.account, statement.message, statement.statement),
    )
    if not rows:
        return None
    number, known = rows[0]
    if known != digest:
        raise Precondition(
            f"statement {statement.statement} of message {statement.message} was imported with "
            "other content; ask the bank which of the two holds",
            statement=statement.statement,
        )
    return int(number)


def _recorded(store: MonthStore, statement: BankStatement, number: int) -> list[Matched]:
    rows = store.rows(
        "select place, finding, (select notice from payments where id = payment) "
        "from bank_entries where statement = ? order by place",
        number,
    )
    entries = {entry.place: entry for entry in statement.entries}
    return [
        Matched(statement.statement, entries[place], Finding(finding), found)
        for place, finding, found in rows
    ]


@dataclass(slots=True)
class _Import:
    """Books one statement inside a transaction."""

    store: MonthStore
    statement: BankStatement
    accounts: Mapping[Party, BankAccount]
    who: str
    time_us: int

    def run(self, digest: str) -> list[Matched]:
        """Record the statement with each of its lines, and return what became of them."""
        statement = self.statement
        self.store.rows(
            "insert into statements (account, message, statement, sha256, who, time_us) "
            "values (?,?,?,?,?,?)",
            *(statement.account, statement.message, statement.statement, digest),
            *(self.who, self.time_us),
        )
        ((number,),) = self.store.rows("select max(id) from statements")
        return [self._line(int(number), entry) for entry in statement.entries]

    def _line(self, statement: int, entry: BankEntry) -> Matched:
        finding, found = self._judge(entry)
        payment = None
        if finding is Finding.BOOKED and found is not None:
            payment = self._book(entry, found)
        self.store.rows(
            "insert into bank_entries (statement, place, account, reference, end_to_end, "
            "direction, returned, amount, currency, value_day, reason, finding, payment) "
            "values (?,?,?,?,?,?,?,?,?,?,?,?,?)",
            *(statement, entry.place, self.statement.account, entry.reference, entry.end_to_end),
            *(str(entry.direction), int(entry.returned), entry.amount, entry.currency),
            *(day_number(entry.value_date), entry.reason, str(finding), payment),
        )
        number = None if found is None else found.number
        return Matched(self.statement.statement, entry, finding, number)

    def _judge(self, entry: BankEntry) -> tuple[Finding, Notice | None]:
        """Return what is to become of a line, and the notice it is about."""
        if not entry.booked:
            return Finding.PENDING, None
        if not entry.reference:
            return Finding.NO_REFERENCE, None
        if self._seen(entry):
            return Finding.SEEN_BEFORE, None
        found = notice_named(self.store, entry.end_to_end)
        if found is None:
            return Finding.UNKNOWN_ID, None
        return self._judge_notice(entry, found), found

    def _judge_notice(self, entry: BankEntry, found: Notice) -> Finding:
        if entry.currency != CURRENCY:
            return Finding.OTHER_CURRENCY
        if not self._on_its_account(entry, found):
            return Finding.OTHER_ACCOUNT
        judge = self._judge_return if entry.returned else self._judge_payment
        return judge(entry, found)

    def _judge_return(self, entry: BankEntry, found: Notice) -> Finding:
        if self._to_return(entry, found) is None:
            return Finding.NOTHING_TO_RETURN
        return Finding.CAME_BACK if self._told_late(entry, found) else Finding.BOOKED

    def _judge_payment(self, entry: BankEntry, found: Notice) -> Finding:
        if found.status not in PAYABLE:
            return Finding.NOT_CLEARED
        if found.open_fen == 0:
            return Finding.PAID_BEFORE
        if entry.amount_fen != found.open_fen:
            return Finding.OTHER_AMOUNT
        if self._told_late(entry, found):
            return Finding.CAME_BACK
        return Finding.SEEN_ELSEWHERE if self._stands_elsewhere(entry, found) else Finding.BOOKED

    def _on_its_account(self, entry: BankEntry, found: Notice) -> bool:
        """Whether the line moved on the account of a side of the notice, and in its direction."""
        debtor, creditor = (self.accounts.get(party) for party in parties(found))
        # What comes back moves the other way.
        paying = Direction.CREDIT if entry.returned else Direction.DEBIT
        side = debtor if entry.direction is paying else creditor
        return side is not None and side.account == self.statement.account

    def _seen(self, entry: BankEntry) -> bool:
        return bool(
            self.store.rows(
                "select 1 from bank_entries where account = ? and reference = ? "
                "and finding <> 'pending' limit 1",
                *(self.statement.account, entry.reference),
            )
        ) or bool(seen_before(self.store, entry.reference, self.statement.account))

    def _alike(self, entry: BankEntry, found: Notice) -> list[Payment]:
        """Return payments and returns of a notice of the amount of a line; no mistakes."""
        return [
            each
            for each in payments(self.store, found.number)
            if each.amount_fen == entry.amount_fen and not each.unregistered
        ]

    def _to_return(self, entry: BankEntry, found: Notice) -> int | None:
        """Return the payment that a line takes back: the last of the amount that still stands.

        It was seen on the account of the line, or nobody told on which.
        """
        alike = self._alike(entry, found)
        gone = {each.returns for each in alike}
        standing = [
            each.payment
            for each in alike
            if each.returns is None
            and each.payment not in gone
            and each.account in ("", self.statement.account)
        ]
        return standing[-1] if standing else None

    def _told_late(self, entry: BankEntry, found: Notice) -> bool:
        """Whether a line may be a payment that came back, or its return, seen elsewhere before."""
        alike = self._alike(entry, found)
        gone = {each.returns for each in alike}
        seen = [
            each
            for each in alike
            if (each.returns is not None if entry.returned else each.payment in gone)
        ]
        # Where it was seen on this account it had another reference, and this line is a new one.
        return any(each.account != self.statement.account for each in seen)

    def _stands_elsewhere(self, entry: BankEntry, found: Notice) -> bool:
        """Whether a line may be a part that stands already, told by the bank of the other side."""
        return any(
            each.returns is None and each.account != self.statement.account
            for each in self._alike(entry, found)
        )

    def _book(self, entry: BankEntry, found: Notice) -> int:
        seen = Seen(entry.reference, entry.value_date, self.who, self.statement.account, "bank")
        if entry.returned:
            back = self._to_return(entry, found)
            assert back is not None, entry
            reason = entry.reason or "reversed by the bank"
            return add_return(self.store, back, seen, reason, self.time_us)
        assert entry.amount_fen is not None, entry
        return add_payment(self.store, found.number, entry.amount_fen, seen, self.time_us)
