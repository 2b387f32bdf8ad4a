"""What applying an approved action asks of an engine: records to take back, to add, to copy.

A plan follows from the item and its difference alone, and so do the request ids in it: whoever
applies again, after a kill or by mistake, asks for the same records and finds them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TypeAlias

import orjson

from medsettle.clearing.items.item import Item, Terms
from medsettle.clearing.items.terms import rows_at, to_take_back
from medsettle.clearing.matching.book import AMOUNTS, SHARES, RecordKind, Side
from medsettle.clearing.matching.classes import Action
from medsettle.core.adjustments import ADJUSTABLE, Adjustment
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest, Precondition
from medsettle.privacy.pseudonyms import made_under

_COMPARED = tuple(column.name for column in (*AMOUNTS, *SHARES))

assert set(_COMPARED) == set(ADJUSTABLE), "what books compare is what an adjustment may change"


@dataclass(frozen=True, slots=True)
class TakeBack:
    """Take a settlement back: as a reversal of its request, or as a cancel.

    `original_request` is the request of the settlement, None where no book says it. `known_as` is
    the request under which another book took it back, so that both have the same record; what was
    recorded under it here for something else leaves `request_id`.
    """

    settlement: str
    original_request: str | None
    institution: str
    request_id: str
    reversal: bool
    known_as: str | None = None


@dataclass(frozen=True, slots=True)
class Adjust:
    """Add to the amounts of a settlement."""

    adjustment: Adjustment


@dataclass(frozen=True, slots=True)
class Insert:
    """Record a settlement that another book has."""

    settlement: str
    side: Side


@dataclass(frozen=True, slots=True)
class Note:
    """Record a decision that moves no money, where there is an engine to record it at."""

    institution: str
    request_id: str
    pooling_area: str
    person: str
    content: Row


Step: TypeAlias = TakeBack | Adjust | Insert | Note


def plan_of(item: Item, difference: Row) -> list[Step]:
    """Return what applying the action of an item asks of the engine of `item.terms.side`.

    Raises:
        InvalidRequest: A row lacks what the record needs, such as its institution.
        Precondition: Nothing is proposed, or nothing is left to be done.
    """
    terms = item.terms
    if terms is None:
        raise Precondition(f"item {item.number} has no proposal; propose first", item=item.item)
    steps = _steps(item, difference, terms)
    if not steps:
        raise Precondition(
            f"item {item.number}: no row says what to {item.action} in the book of the "
            f"{terms.side} side; propose another action, or another --side",
            item=item.item,
        )
    return steps


def digest_of_plan(item: Item, difference: Row) -> str:
    """Return 12 hex digits over what is proposed and every record that applying it would make.

    Who approves knows by it that what is carried out is what was seen: of whom the approval is, it
    does not say.

    Raises:
        InvalidRequest: As for `plan_of`.
        Precondition: As for `plan_of`.
    """
    proposed = replace(item, approver=None)
    steps = [[type(step).__name__, asdict(step)] for step in plan_of(proposed, difference)]
    terms = None if item.terms is None else item.terms.text()
    what = [item.reconciliation, item.item, item.fingerprint, item.action, terms, item.proposer]
    canonical = orjson.dumps([*what, steps], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(canonical).hexdigest()[:12]


def _steps(item: Item, difference: Row, terms: Terms) -> list[Step]:
    if item.action is Action.REVERSE:
        rows = to_take_back(difference, terms.side)
        return [
            _take_back(item, row, at, reversal=row.get("request_id") is not None)
            for at, row in enumerate(rows)
        ]
    if item.action is Action.COMPLETE_CANCEL:
        return _completed(item, difference, terms)
    if item.action is Action.ADJUST:
        return [_adjust(item, difference, terms)]
    if item.action is Action.INSERT:
        others = _of_others(difference)
        return [_insert(item, row, at, terms) for at, row in enumerate(others)]
    return [_note(item, difference)]


def request_id_of(item: Item, part: int = 0) -> str:
    """Return the request id of a record that resolves an item: 36 characters at most.

    The same item as it is, the same action and the same book give the same id.
    """
    side = "" if item.terms is None else item.terms.side
    what = "\0".join((item.reconciliation, item.item, item.fingerprint, item.action, side))
    digest = hashlib.sha256(what.encode()).hexdigest()[:28]
    return f"rec-{digest}" + (f".{part}" if part else "")


def deltas_of(difference: Row, side: Side, like: Side) -> dict[str, int]:
    """Return what is added to the amounts of one side so that it has those of another, in fen.

    Raises:
        InvalidRequest: A book has more than one row, or lacks an amount of it.
    """
    own, other = (_only_row(difference, each) for each in (side, like))
    lacking = [name for name in ADJUSTABLE if own.get(name) is None or other.get(name) is None]
    if lacking:
        text = f"a book does not keep {', '.join(lacking)}; an adjustment needs every amount"
        raise InvalidRequest([Fault("books", text)])
    found = {name: int(str(other[name])) - int(str(own[name])) for name in ADJUSTABLE}
    return {name: fen for name, fen in found.items() if fen}


def _take_back(
    item: Item, row: Row, part: int, *, reversal: bool, known_as: object = None
) -> TakeBack:
    _refuse_lacking(row, "settlement", "institution")
    known = row.get("request_id")
    return TakeBack(
        settlement=str(row["settlement"]),
        original_request=None if known is None else str(known),
        institution=str(row["institution"]),
        request_id=request_id_of(item, part),
        reversal=reversal,
        known_as=None if known_as is None else str(known_as),
    )


def _completed(item: Item, difference: Row, terms: Terms) -> list[Step]:
    """Return the cancel of what still stands on a side, which may have no row of the item."""
    cancels = [
        row
        for side in Side
        for row in rows_at(difference, side)
        if row["kind"] == RecordKind.CANCEL and row.get("original") is not None
    ]
    standing = to_take_back(difference, terms.side)
    if standing:
        known = cancels[0].get("request_id") if len(standing) == 1 and cancels else None
        return [
            _take_back(item, row, at, reversal=False, known_as=known)
            for at, row in enumerate(standing)
        ]
    originals = {str(row["original"]): row for row in reversed(cancels)}
    return [_cancelled(item, row, at) for at, row in enumerate(originals.values())]


def _cancelled(item: Item, cancel: Row, part: int) -> TakeBack:
    """Return what takes back the original of a cancel that another book has."""
    original = cancel | {"settlement": cancel["original"], "request_id": None}
    return _take_back(item, original, part, reversal=False, known_as=cancel.get("request_id"))


def _insert(item: Item, row: Row, part: int, terms: Terms) -> Step:
    """Return what records a row where it is missing: a settlement, or what belongs to one."""
    if row["kind"] == RecordKind.SETTLE:
        return Insert(str(row["settlement"]), terms.side)
    _refuse_lacking(row, "original", "institution")
    if row["kind"] == RecordKind.CANCEL:
        return _cancelled(item, row, part)
    if row["kind"] == RecordKind.ADJUST:
        _refuse_lacking(row, *ADJUSTABLE)
        amounts = {name: int(str(row[name])) for name in ADJUSTABLE}
        return Adjust(_adjustment(item, row, part, amounts, terms))
    text = "a deduction is no record of an engine; acknowledge it, and it is cleared as it stands"
    raise InvalidRequest([Fault("action", text)])


def _adjustment(
    item: Item, row: Row, part: int, amounts: dict[str, int], terms: Terms
) -> Adjustment:
    return Adjustment(
        institution=str(row["institution"]),
        request_id=request_id_of(item, part),
        # An adjustment of an adjustment is one of the settlement.
        settlement=str(row["original"] or row["settlement"]),
        amounts=amounts,
        item=item.item,
        reason=item.explanation,
        proposed_by=str(item.proposer),
        approved_by=str(item.approver),
        moves=terms.moves,
    )


def _adjust(item: Item, difference: Row, terms: Terms) -> Adjust:
    assert terms.like is not None, "an adjustment says what it makes alike"
    own = _only_row(difference, terms.side)
    _refuse_lacking(own, "settlement", "institution")
    amounts = deltas_of(difference, terms.side, terms.like)
    return Adjust(_adjustment(item, own, 0, amounts, terms))


def _note(item: Item, difference: Row) -> Note:
    row = _of_any(difference)
    _refuse_lacking(row, "institution")
    return Note(
        institution=str(row["institution"]),
        request_id=request_id_of(item),
        pooling_area=str(row.get("pooling_area") or ""),
        person=_person_of(row),
        content={
            "item": item.item,
            "settlement": item.settlement,
            "class": int(item.difference_class),
            "action": str(item.action),
            "at_risk_fen": item.at_risk_fen,
            "proposed_by": item.proposer,
            "approved_by": item.approver,
            "explanation": item.explanation,
        },
    )


def _person_of(row: Row) -> str:
    """Return the person of a row; none where it is told by a pseudonym, which a ledger has not."""
    person = str(row.get("person") or "")
    return "" if made_under(person) is not None else person


def _only_row(difference: Row, side: Side) -> Row:
    rows = rows_at(difference, side)
    if len(rows) != 1:
        text = f"the {side} side has {len(rows)} rows of it, expected one; reverse the others first"
        raise InvalidRequest([Fault("books", text)])
    return rows[0]


def _of_others(difference: Row) -> Sequence[Row]:
    """Return the rows of the first book that has some; the place of insurance comes first."""
    held = (rows_at(difference, side) for side in Side)
    return next((rows for rows in held if rows), [])


def _of_any(difference: Row) -> Row:
    return next(row for side in Side for row in rows_at(difference, side))


def _refuse_lacking(row: Row, *names: str) -> None:
    lacking = [name for name in names if row.get(name) is None]
    if lacking:
        text = f"the book does not keep {', '.join(lacking)}, by which an engine knows the record"
        raise InvalidRequest([Fault("books", text)])
