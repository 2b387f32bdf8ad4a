"""Open items (未达账项): what a difference has been through, and what may be done about it next.

An item has the same name in every run that finds its difference. What is done about it is proposed,
approved by another person where money moves, applied as a new record, and ends only when a later
run of its day no longer finds the difference. What is given up or taken over (`DECIDED`) will be
found for ever, since no book changes; such an item is settled by the decision, and comes back when
the difference changes.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

import orjson

from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.classes import Action, DifferenceClass
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition


class State(StrEnum):
    """Where an item stands."""

    OPEN = "open"
    PROPOSED = "proposed"
    """Somebody has said what to do."""
    APPROVED = "approved"
    """Somebody else has agreed."""
    APPLIED = "applied"
    """It is done; the next run of its day has to find the difference gone."""
    CLOSED = "closed"
    """A run did not find it."""


class Happened(StrEnum):
    """What can happen to an item."""

    OPENED = "opened"
    FOUND = "found"
    """A later run found it as it was."""
    CHANGED = "changed"
    """A later run found it otherwise: what was proposed or approved is void."""
    PROPOSED = "proposed"
    APPROVED = "approved"
    APPLIED = "applied"
    HELD = "held"
    """Not to be paid until somebody has looked into it."""
    CLOSED = "closed"
    REOPENED = "reopened"
    """A run found it although it was closed or applied."""


RECORDS: Final = frozenset({Action.REVERSE, Action.INSERT, Action.ADJUST, Action.COMPLETE_CANCEL})
"""The actions that make a record in a book, after which the books must agree."""

DECIDED: Final = frozenset({Action.WRITE_OFF, Action.ACKNOWLEDGE, Action.ROLL_FORWARD})
"""The actions that change no book: once they are applied, the item is no longer open."""

_UNDO: Final = frozenset({Action.REVERSE, Action.WRITE_OFF})

ALLOWED: Final[dict[DifferenceClass, frozenset[Action]]] = {
    DifferenceClass.ONLY_CARE: _UNDO | {Action.INSERT},
    DifferenceClass.NOT_INSURED: _UNDO | {Action.INSERT},
    DifferenceClass.NOT_CARE: _UNDO | {Action.INSERT},
    DifferenceClass.HALF_REVERSED: _UNDO | {Action.INSERT, Action.COMPLETE_CANCEL},
    DifferenceClass.AMOUNT: _UNDO | {Action.ADJUST, Action.INSERT},
    DifferenceClass.SPLIT: _UNDO | {Action.ADJUST, Action.INSERT},
    DifferenceClass.STATE: _UNDO | {Action.COMPLETE_CANCEL},
    DifferenceClass.PERIOD: frozenset({Action.ROLL_FORWARD, Action.ACKNOWLEDGE}),
    DifferenceClass.DUPLICATE: _UNDO | {Action.ACKNOWLEDGE},
    DifferenceClass.PERSON: _UNDO | {Action.ACKNOWLEDGE},
    DifferenceClass.DEDUCTION: frozenset({Action.ACKNOWLEDGE, Action.WRITE_OFF}),
    DifferenceClass.VERSION: _UNDO | {Action.ACKNOWLEDGE},
    DifferenceClass.FACT: _UNDO | {Action.ACKNOWLEDGE},
    DifferenceClass.NOT_NATIONAL: _UNDO | {Action.INSERT},
}
"""What may be done about each class; holding is always possible. An amount is never acknowledged:
one of the books would stay wrong."""

assert ALLOWED.keys() == set(DifferenceClass)


@dataclass(frozen=True, slots=True)
class Terms:
    """What is proposed, so that who approves knows what is done.

    `side` is whose book gets the record; `like` is whose amounts an adjustment makes it have, None
    for every other action. `moves` are the (counter, period, delta) of the person that an
    adjustment moves beside the personal account.
    """

    side: Side
    like: Side | None = None
    moves: tuple[tuple[str, int, int], ...] = ()

    def text(self) -> str:
        """Return the terms as JSON."""
        return orjson.dumps([self.side, self.like, self.moves]).decode()

    @classmethod
    def of(cls, text: str | None) -> "Terms | None":
        """Return the terms that `text` made JSON of; None for None.

        >>> Terms.of(Terms(Side.CARE, Side.INSURED, (("visits", 2024, -1),)).text()).moves
        (('visits', 2024, -1),)
        """
        if text is None:
            return None
        side, like, moves = orjson.loads(text)
        told = tuple((str(name), int(at), int(delta)) for name, at, delta in moves)
        return cls(Side(side), None if like is None else Side(like), told)

    def __str__(self) -> str:
        told = f"in the book of the {self.side} side"
        if self.like is not None:
            told += f", to have what the {self.like} side has"
        moves = ", ".join(f"{name}/{period}={delta:+}" for name, period, delta in self.moves)
        return f"{told}, moving {moves}" if moves else told


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it is now.

    `number` is its short name; `record_date` the day of the record, from which its age counts;
    `fingerprint` tells whether a run finds the difference as it was. `terms`, `proposer` and
    `approver` are those of the proposal that stands, if one does, and `plan` is the digest of what
    applying it does (`plans.digest_of_plan`); `entry` is the record that its application made.
    `held` is true while it is put on hold.
    """

    number: int
    reconciliation: str
    item: str
    settlement: str
    difference_class: DifferenceClass
    owner: Side
    action: Action
    term: str
    at_risk_fen: int
    pooling_area: str
    care_area: str
    record_date: date
    state: State
    held: bool
    opened_run: int
    last_run: int
    terms: Terms | None
    proposer: str | None
    approver: str | None
    entry: str | None
    fingerprint: str
    explanation: str
    plan: str | None

    @property
    def standing(self) -> bool:
        """Whether it is open: neither closed nor settled by a decision."""
        if self.state is State.CLOSED:
            return False
        return self.held or self.state is not State.APPLIED or self.action not in DECIDED

    @property
    def seen(self) -> str:
        """What somebody saw who saw it like this: another state, plan or finding is another."""
        held = "held" if self.held else ""
        return "/".join((self.state, held, self.fingerprint, self.plan or ""))

    @property
    def needs_approval(self) -> bool:
        """Whether what is proposed takes another person: money moves, or is left where it is."""
        if self.action in RECORDS or self.action is Action.WRITE_OFF:
            return True
        return self.action is Action.ACKNOWLEDGE and self.at_risk_fen > 0

    def age_days(self, today: date) -> int:
        """Return how many days lie between its record and a day; none before it."""
        return max(0, (today - self.record_date).days)

    @property
    def next_step(self) -> str:
        """What is to be done now, in words."""
        if self.state is State.CLOSED:
            return "nothing: the books agree"
        if self.held:
            return "look into the case; then propose what to do"
        told = {
            State.OPEN: f"the {self.owner} side proposes what to do, such as: {self.action}",
            State.PROPOSED: f"another person than {self.proposer} approves the plan {self.plan}: "
            f"{self.action}"
            if self.needs_approval
            else f"apply: {self.action}",
            State.APPROVED: f"apply: {self.action}",
            State.APPLIED: "nothing: it is settled by the decision"
            if self.action in DECIDED
            else f"reconcile {self.record_date} again: the difference has to be gone",
        }
        return told[self.state]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to an item.

    `run` is the run that found or missed it, `person` who did it, `terms` what was proposed,
    `entry` the ledger record that was made, `reason` what was said; each None where there is none.
    """

    seq: int
    moment: datetime
    happened: Happened
    difference_class: DifferenceClass
    action: Action
    at_risk_fen: int
    run: int | None
    person: str | None
    terms: Terms | None
    entry: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class ComparedBook:
    """A book that was compared: whose it is, what it is called, its rows and its digest.

    The digest is that of `reconcile.digest_of`, over `columns`: without them the digest can be
    compared with nothing. `had` are the columns in which a row of it has a value, `stated` those
    that its files have, whether any row has a value or not.
    """

    side: Side
    name: str
    rows: int
    digest: str
    columns: tuple[str, ...] = ()
    had: tuple[str, ...] = ()
    stated: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counted:
    """How many differences of a class a run found, and how much money is at risk in them."""

    difference_class: DifferenceClass
    differences: int
    at_risk_fen: int


@dataclass(frozen=True, slots=True)
class Run:
    """One reconciliation.

    `reconciliation` names what is compared, the same for every run of the same two or three
    partners; `by` is the way the odd rows were found. `notes` say in sentences what could not be
    compared or looked for. `superseded_by` is the later run of these days that stands instead, None
    for one that stands; `local` is that of its `Part`.
    """

    number: int
    reconciliation: str
    first_day: date
    last_day: date
    moment: datetime
    by: str
    books: tuple[ComparedBook, ...]
    matched: int
    counted: tuple[Counted, ...]
    alarms: tuple[str, ...]
    notes: tuple[str, ...]
    opened: int
    closed: int
    superseded_by: int | None
    local: bool = False

    @property
    def differences(self) -> int:
        """How many differences it found."""
        return sum(each.differences for each in self.counted)

    @property
    def at_risk_fen(self) -> int:
        """The money at risk in them."""
        return sum(each.at_risk_fen for each in self.counted)


@dataclass(frozen=True, slots=True)
class Part:
    """What of the books a run looks at; a run tells nothing of what it does not look at.

    Attributes:
        pooling_area: Only persons insured there; None for all.
        care_area: Only care given there; None for all.
        repeats: What it also looks for of what all books have twice: names of `repeats.NEEDED`.
        local: Whether it also looks at care in the area of insurance.
    """

    pooling_area: str | None = None
    care_area: str | None = None
    repeats: frozenset[str] = frozenset()
    local: bool = False

    @property
    def whole(self) -> bool:
        """Whether it looks at the records of all areas."""
        return self.pooling_area is None and self.care_area is None

    def covers(self, other: "Part") -> bool:
        """Return whether a run of this part looks at all that one of the other does."""
        areas = ((self.pooling_area, other.pooling_area), (self.care_area, other.care_area))
        return (
            all(own in {None, theirs} for own, theirs in areas)
            and self.repeats >= other.repeats
            and self.local >= other.local
        )


@dataclass(frozen=True, slots=True)
class Scope:
    """What a run compares: its name, its days, both included, how, and the books.

    `part` is what of the books, and `days` are those on which a book has a record; of other days a
    run tells nothing. None for `days` where the books do not say. `notes` say in sentences what of
    the books could not be compared or looked for.

    Raises:
        InvalidRequest: The name is no code, the days are in the wrong order or too many, or there
            are not two or three books of different sides.
    """

    reconciliation: str
    first_day: date
    last_day: date
    by: str
    books: tuple[ComparedBook, ...]
    part: Part = Part()
    days: frozenset[date] | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check it."""
        faults = _code_faults("reconciliation", self.reconciliation)
        days = (self.last_day - self.first_day).days + 1
        if not 1 <= days <= limits.RECONCILED_DAYS_MAX:
            text = f"{self.first_day} to {self.last_day} are {days} days; expected 1 to "
            faults.append(Fault("days", f"{text}{limits.RECONCILED_DAYS_MAX}"))
        sides = [book.side for book in self.books]
        if not 2 <= len(set(sides)) == len(sides):
            faults.append(Fault("books", f"expected two or three of different sides, got {sides}"))
        if faults:
            raise InvalidRequest(faults)


def check_said(person: str, reason: str) -> None:
    """Check who does something about an item, and why.

    Raises:
        InvalidRequest: The person is no code, or the reason is empty or too long.
    """
    faults = _code_faults("by", person)
    most = limits.ITEM_REASON_CHARS_MAX
    if not (1 <= len(reason.strip()) and len(reason) <= most and reason.isprintable()):
        faults.append(Fault("reason", f"expected 1 to {most} printable characters"))
    if faults:
        raise InvalidRequest(faults)


def no_item(named: str) -> NotFound:
    """Return the refusal of an item that is not there."""
    return NotFound(
        f"there is no item {named!r}; `medsettle reconcile items` lists them", item=named
    )


def not_now(item: Item, why: str) -> Precondition:
    """Return the refusal of something that the state of an item does not allow."""
    return Precondition(f"item {item.number} {why}", item=str(item.number), state=str(item.state))


def _code_faults(path: str, code: str) -> list[Fault]:
    most = limits.CODE_CHARS_MAX
    if 1 <= len(code) <= most and code.isascii() and code.isprintable() and " " not in code:
        return []
    return [Fault(path, f"expected 1 to {most} printable ASCII characters without spaces")]
