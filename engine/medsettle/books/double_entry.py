"""Double entry (复式记账): each entry of the ledger as bookings that add up to zero.

A booking is fen on a named account, a debit (借) above zero and a credit (贷) below. The bill is
a debit of what the institution is owed, and everybody who pays a share of it is credited, so money
that a person holds in an account or a relative's limit stands there as a debit and the balance of a
book is what the counter of the ledger holds. A cancel has the amounts of its record, which are
negative, and so takes every booking back.

| entry | debit | credit |
|---|---|---|
| share of a bill | `institution` | `fund`, `advance`, `institution_share`, `personal_account`, \
`relative_limit`, `cash` |
| payout beside it | `payout`, or `personal_account` | `fund` |
| share it replaces | `fund` | `replaced_share` |
| opening | `personal_account` | `brought_along` |
| grant | `relative_limit` of the receiver | `personal_account` of the giver |
| lower, dissolve | `personal_account` of the giver | `relative_limit` of the receiver |

Where an entry moves money of two areas, `between_areas` balances each. A copy of what another area
decided moves no money that is held here: in the book of the place of care that area owes all that
neither the institution bears nor the person pays in cash, and a hub has no bookings. A visit has no
bookings: its parts have. Counts and sums that are no money (deductibles met, times of admission)
are counters and stand in no account.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from medsettle.core import codes
from medsettle.core.codes import BILL, Payee
from medsettle.core.counters import ACCOUNT, MUTUAL_AID, CounterKey
from medsettle.core.relatives import Person, received
from medsettle.core.tables import rows_of

_INSTITUTION_SHARE = "institution_share"


class Title(StrEnum):
    """What kind of account a booking stands on (会计科目)."""

    INSTITUTION = "institution"
    """What an institution is owed for its bills (医疗机构应收); the holder is the institution."""
    FUND = "fund"
    """What a fund pays, by area; the holder is insurance type, payer and national fund code."""
    ADVANCE = "advance"
    """What a fund pays in advance for somebody who owes it back (先行支付); named like a fund, with
    the debtor."""
    INSTITUTION_SHARE = "institution_share"
    """What the institution bears of its own bill (医院负担)."""
    PERSONAL_ACCOUNT = "personal_account"
    """What a person's account holds (个人账户)."""
    RELATIVE_LIMIT = "relative_limit"
    """What a relative has set aside for a person (共济额度); the holder is the receiver."""
    CASH = "cash"
    """What the person pays (个人现金)."""
    PAYOUT = "payout"
    """What is paid beside a bill; the holder is the payee: person, employer or institution."""
    REPLACED_SHARE = "replaced_share"
    """The shares of bills in whose place something was paid beside them."""
    BROUGHT_ALONG = "brought_along"
    """Where the money came from that a person brought along (期初余额)."""
    BETWEEN_AREAS = "between_areas"
    """What an area owes the area of the holder (区域往来): for money of relatives, and for what the
    area of an insured person pays of bills elsewhere."""


class Account(NamedTuple):
    """A named account: its title, its pooling area, and whose it is."""

    title: Title
    pooling_area: str
    holder: str


class Booking(NamedTuple):
    """Fen on an account: a debit above zero, a credit below."""

    account: Account
    fen: int


def settlement_bookings(record: Mapping[str, Any]) -> Iterator[Booking]:
    """Yield the bookings of a settlement or a cancel; they add up to zero where its shares do.

    Args:
        record: The record of the entry, as `medsettle.ledger.records` writes it.

    Raises:
        KeyError: The record lacks a column.
    """
    columns = record["settlement"]
    if columns.get("side") is not None:
        yield from _copied_bookings(record)
        return
    area, person = columns["pooling_area"], columns["person"]
    institution = columns["institution"]
    yield Booking(Account(Title.INSTITUTION, area, institution), columns["total_fen"])
    for row in rows_of(record["payers"]):
        if row["payee"] == BILL:
            if row["payer"] != MUTUAL_AID:
                yield Booking(_payer(columns, row), -row["paid_fen"])
            continue
        yield Booking(_payer(columns, row), row["replaced_fen"] - row["paid_fen"])
        yield Booking(_payee(columns, row), row["paid_fen"])
        yield Booking(Account(Title.REPLACED_SHARE, area, row["payee"]), -row["replaced_fen"])
    for row in record["relatives"]:
        if row["booked_on"] == "account":
            giver = Account(Title.PERSONAL_ACCOUNT, row["giver_area"], row["giver"])
            yield Booking(giver, -row["paid_fen"])
        else:
            yield Booking(Account(Title.RELATIVE_LIMIT, area, person), -row["paid_fen"])
    yield Booking(Account(Title.CASH, area, person), -columns["cash_fen"])


def _copied_bookings(record: Mapping[str, Any]) -> Iterator[Booking]:
    """Yield the bookings of a copy of what the engine of another area decided."""
    columns = record["settlement"]
    if columns["side"] != "care":
        return
    area, owed = columns["care_area"], columns["total_fen"] - columns["cash_fen"]
    institution = columns["institution"]
    yield Booking(Account(Title.INSTITUTION, area, institution), columns["total_fen"])
    for row in rows_of(record["payers"]):
        if row["payer"] == _INSTITUTION_SHARE and row["payee"] == BILL:
            share = row["paid_fen"]
            owed -= share
            yield Booking(Account(Title.INSTITUTION_SHARE, area, institution), -share)
    yield Booking(Account(Title.BETWEEN_AREAS, area, columns["pooling_area"]), -owed)
    yield Booking(Account(Title.CASH, area, columns["person"]), -columns["cash_fen"])


def _payer(columns: Mapping[str, Any], row: Mapping[str, Any]) -> Account:
    area = columns["pooling_area"]
    if row["payer"] == ACCOUNT:
        return Account(Title.PERSONAL_ACCOUNT, area, columns["person"])
    if row["payer"] == _INSTITUTION_SHARE:
        return Account(Title.INSTITUTION_SHARE, area, columns["institution"])
    fund = f"{columns['insurance_type']}/{row['payer']}/{row['fund_pay_type']}"
    if row["debtor"] is not None:
        return Account(Title.ADVANCE, area, f"{fund}/{row['debtor']}")
    return Account(Title.FUND, area, fund)


def _payee(columns: Mapping[str, Any], row: Mapping[str, Any]) -> Account:
    if row["payee"] == Payee.ACCOUNT:
        return Account(Title.PERSONAL_ACCOUNT, columns["pooling_area"], columns["person"])
    return Account(Title.PAYOUT, columns["pooling_area"], row["payee"])


def moved_bookings(moves: Sequence[tuple[CounterKey, int]], *, opening: bool) -> Iterator[Booking]:
    """Yield the bookings of an entry that is told by its postings: an opening or a relation.

    Args:
        moves: The postings of the entry.
        opening: Whether the money comes from outside, as that of an opening does.
    """
    for key, fen in moves:
        account = account_of(key)
        if account is None:
            continue
        yield Booking(account, fen)
        if opening:
            yield Booking(Account(Title.BROUGHT_ALONG, key.pooling_area, key.person), -fen)


def between_areas(home: str, bookings: Sequence[Booking]) -> Iterator[Booking]:
    """Yield the bookings that balance each area for itself, where an entry moves money of several.

    Args:
        home: The area of the entry.
        bookings: All its other bookings.
    """
    left: dict[str, int] = {}
    for account, fen in bookings:
        left[account.pooling_area] = left.get(account.pooling_area, 0) + fen
    for area, fen in left.items():
        if area != home and fen:
            yield Booking(Account(Title.BETWEEN_AREAS, area, home), -fen)
            yield Booking(Account(Title.BETWEEN_AREAS, home, area), fen)


def account_of(key: CounterKey) -> Account | None:
    """Return the account that a counter keeps the balance of; None for what is no money held."""
    if key.counter == ACCOUNT:
        return Account(Title.PERSONAL_ACCOUNT, key.pooling_area, key.person)
    if received(Person(key.pooling_area, key.person), key.counter, key.period) is not None:
        return Account(Title.RELATIVE_LIMIT, key.pooling_area, key.person)
    return None


def held_moves(bookings: Sequence[Booking]) -> dict[Account, int]:
    """Return what bookings move on accounts that persons hold, without those they leave alone."""
    moved: dict[Account, int] = {}
    for account, fen in bookings:
        if account.title in _HELD:
            moved[account] = moved.get(account, 0) + fen
    return {account: fen for account, fen in moved.items() if fen}


_HELD = {Title.PERSONAL_ACCOUNT, Title.RELATIVE_LIMIT}

assert {payer.name for payer in codes.PAYERS if not payer.fund} == {
    *codes.PERSONAL_NAMES,
    _INSTITUTION_SHARE,
}, "whoever is no fund has an account of its own above"
