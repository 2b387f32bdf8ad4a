"""What the page of a difference shows: rows side by side, what is planned, what happened."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from medsettle.clearing.items.item import Event, Item, Terms
from medsettle.clearing.items.plans import Adjust, Insert, Step, TakeBack, plan_of
from medsettle.clearing.items.telling import compared_lines, named_rows
from medsettle.clearing.matching.book import RecordKind, Side
from medsettle.console import difference_words as words
from medsettle.console.item_notes import Note
from medsettle.console.templatetags.console import code_word, payer
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row
from medsettle.errors import SettlementError

_UNKNOWN = "–"
_CODED = {"insurance_type", "visit_type"}
_SHOWN_MONO = {
    *("settlement", "original", "request_id", "institution", "institution_settlement"),
    *("person", "card", "encounter"),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of a book, and whether it is one by which the books differ."""

    text: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A column of the books: its name, what kind of value it has, and the value of each row."""

    name: str
    differs: bool
    number: bool
    mono: bool
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a difference beside one another, and the sides whose books have none.

    `alike` are the sides whose books have the same as the first: a repeat that all books have.
    """

    heads: list[str]
    missing: list[Any]
    alike: list[Any]
    lines: list[Line]


def side_by_side(difference: Row) -> Rows:
    """Return the rows of a difference, with those cells marked that the others do not have."""
    heads = []
    for head, _row in named_rows(difference):
        side, _space, number = head.partition(" ")
        heads.append(f"{words.SIDES[Side(side)]} {number}".strip())
    missing, held = difference["missing_at"], difference["held_by"]
    assert isinstance(missing, list)
    assert isinstance(held, list)
    lines = [
        Line(
            name,
            differs,
            number=name.endswith("_fen"),
            mono=name in _SHOWN_MONO or name.endswith("_digest"),
            cells=_cells(name, cells, differs=differs),
        )
        for name, differs, cells in compared_lines(difference)
    ]
    # What differs is what somebody came to see.
    lines.sort(key=lambda line: not line.differs)
    return Rows(
        heads,
        missing=[words.SIDES[side] for side in Side if side in missing],
        alike=[words.SIDES[side] for side in held if not difference[f"{side}_rows"]],
        lines=lines,
    )


def _cells(name: str, cells: Sequence[str], *, differs: bool) -> list[Cell]:
    """Return cells, of which those are marked that are not what most books have."""
    known = Counter(cell for cell in cells if cell != _UNKNOWN)
    most = known.most_common(2)
    usual = most[0][0] if len(most) > 1 and most[0][1] > most[1][1] else None
    return [Cell(_worded(name, cell), differs and cell not in {_UNKNOWN, usual}) for cell in cells]


def _worded(name: str, cell: str) -> str:
    if cell == _UNKNOWN:
        return cell
    if name == "kind":
        return str(words.KINDS[RecordKind(cell)])
    return code_word(cell) if name in _CODED else cell


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that happened to an item, as its history tells it."""

    moment: datetime
    what: str
    run: int | None
    person: str | None
    told: list[str]


def history_of(events: Sequence[Event], notes: Sequence[Note]) -> list[Happening]:
    """Return what happened, the decisions and what people noted, oldest first."""
    found = [
        Happening(
            event.moment,
            str(words.HAPPENED[event.happened]),
            event.run,
            event.person,
            _told(event),
        )
        for event in events
    ]
    for note in notes:
        if note.said is not None:
            what, told = _("comment"), [note.said]
        else:
            what = _("assigned")
            told = [note.assigned_to or _("nobody")]
        found.append(Happening(note.moment, what, None, note.person, told))
    return sorted(found, key=lambda each: each.moment)


def _told(event: Event) -> list[str]:
    told = []
    if event.person is not None:
        told.append(str(words.ACTIONS[event.action]))
    if event.terms is not None:
        told.append(terms_words(event.terms))
    if event.entry is not None:
        told.append(_("recorded as %s") % event.entry)
    return told + ([event.reason] if event.reason else [])


def terms_words(terms: Terms) -> str:
    """Return in whose book something is done, and like whose."""
    told = str(_("in the book of the %s") % words.SIDES[terms.side])
    if terms.like is not None:
        told += str(_(", to have what the %s has") % words.SIDES[terms.like])
    moves = ", ".join(f"{name}/{period}={delta:+}" for name, period, delta in terms.moves)
    return told + (_(", moving %s") % moves if moves else "")


def planned(item: Item, difference: Row) -> list[str]:
    """Return what applying an item does, a sentence a record; nothing where nothing is proposed."""
    if item.terms is None:
        return []
    try:
        steps = plan_of(item, difference)
    except SettlementError as error:
        # What another version of this program planned, say; the page is shown all the same.
        return [str(error)]
    return [_step(step, str(words.SIDES[item.terms.side])) for step in steps]


def _step(step: Step, side: str) -> str:
    if isinstance(step, TakeBack):
        told = {"settlement": step.settlement, "side": side, "request": step.request_id}
        if step.reversal:
            told["original"] = step.original_request or ""
            text = _(
                "Reverse request %(original)s, settlement %(settlement)s, in the book of the "
                "%(side)s, as request %(request)s."
            )
            return text % told
        text = _(
            "Cancel settlement %(settlement)s in the book of the %(side)s, as request %(request)s."
        )
        return text % told
    if isinstance(step, Insert):
        text = _(
            "Settle the claim of settlement %(settlement)s again in the book of the %(side)s, by "
            "the rules of its time; it is recorded only if every amount comes out the same."
        )
        return text % {"settlement": step.settlement, "side": side}
    if isinstance(step, Adjust):
        amounts = ", ".join(
            f"{words.COLUMNS.get(name) or payer(name.removesuffix('_fen'))} "
            f"{'+' if fen > 0 else ''}{yuan_from_fen(fen)}"
            for name, fen in step.adjustment.amounts.items()
        )
        text = _("Adjust settlement %(settlement)s in the book of the %(side)s: %(amounts)s.")
        told = {"settlement": step.adjustment.settlement, "side": side, "amounts": amounts}
        return text % told
    return _("Note the decision; no amount moves in any book.")
