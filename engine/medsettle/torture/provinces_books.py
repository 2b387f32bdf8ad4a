"""Three books of the same settlements: the place of care, the place of insurance and the hub.

What is compared are the entries alone, read from each ledger; nothing here asks a server. A
settlement *stands* in a book that has it and nothing that takes it back. Its place of care is where
its institution is, its place of insurance its pooling area.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from medsettle.core.settlement import Settlement
from medsettle.ledger.entries import DECIDED_KINDS, SETTLEMENT_KINDS, Recorded
from medsettle.ledger.records import decode_event, decode_settlement
from medsettle.torture.acknowledged import Doubled, Key, Lost
from medsettle.torture.provinces_workload import area_of_institution

Facts: TypeAlias = tuple[tuple[str, object], ...]

_COMPARED: Final = (
    *("kind", "original", "institution", "request_id", "pooling_area", "person", "insurance_type"),
    *("visit_type", "service_date", "visit", "policy", "policy_digest", "catalogue_digest"),
)
_LINKS: Final = frozenset({"visit", "visit_cancel"})


class Held(NamedTuple):
    """One settlement or visit, or what takes one back, as a book has it."""

    record: str
    original: str | None
    key: Key
    care: str
    home: str
    facts: Facts

    @property
    def elsewhere(self) -> bool:
        """Whether care was given in another area than that of insurance."""
        return self.care != self.home


@dataclass
class Book:
    """What a ledger holds, by the ids of its records, and which request ids it decided."""

    held: dict[str, Held] = field(default_factory=dict)
    taken_back: dict[str, str] = field(default_factory=dict)
    decided: set[Key] = field(default_factory=set)

    @classmethod
    def of(cls, entries: Sequence[Recorded]) -> "Book":
        """Return the book of a ledger's entries."""
        book = cls()
        for entry in entries:
            key = (entry.institution, entry.request_id)
            if entry.kind in DECIDED_KINDS:
                book.decided.add(key)
            if entry.kind not in SETTLEMENT_KINDS | _LINKS:
                continue
            care = area_of_institution(entry.institution)
            facts = _facts(entry)
            held = Held(entry.settlement, entry.original, key, care, entry.pooling_area, facts)
            book.held[held.record] = held
            if held.original is not None:
                book.taken_back[held.original] = held.record
        return book

    def stands(self, record: str) -> bool:
        """Whether a record is there and was not taken back."""
        return record in self.held and record not in self.taken_back


def settlement_facts(settlement: Settlement) -> Facts:
    """Return what must be the same wherever a settlement is recorded: amounts, codes, versions."""
    columns = settlement.columns
    named = [(name, columns.get(name)) for name in _COMPARED]
    amounts = sorted(
        (name, value)
        for name, value in columns.items()
        if name.endswith("_fen") and name != "account_balance_fen"
    )
    funds = sorted(settlement.paid_by_fund().items())
    return (*named, *amounts, ("funds", tuple(funds)))


def _facts(entry: Recorded) -> Facts:
    if entry.kind in SETTLEMENT_KINDS:
        return settlement_facts(decode_settlement(entry))
    parts = decode_event(entry)["parts"]
    assert isinstance(parts, list | tuple)
    return (("kind", entry.kind), ("person", entry.person), ("parts", tuple(map(str, parts))))


def book_faults(areas: Mapping[str, Book], hub: Book) -> Iterator[str]:
    """Yield where three books of the same settlements differ, once every case is closed.

    Args:
        areas: The book of each area, which is that of a place of care and of a place of insurance.
        hub: The book of the hub between them.
    """
    for area, book in areas.items():
        yield from _doubled_faults(area, book)
        for held in book.held.values():
            if not held.elsewhere:
                continue
            if area == held.care:
                yield from _agreed_faults(held, areas[held.home], hub, area)
            elif area == held.home:
                yield from _decided_faults(held, areas, hub)
            else:
                yield f"{area} holds {held.record}, of which it is neither place"
    for held in hub.held.values():
        if not held.elsewhere:
            yield f"the hub holds {held.record}, which never left {held.home}"
        elif held.record not in areas[held.home].held:
            yield f"the hub holds {held.record}, which {held.home} does not have"


def _agreed_faults(held: Held, home: Book, hub: Book, care: str) -> Iterator[str]:
    """Yield where what the place of care holds is not the same in the two other books."""
    for name, book in ((held.home, home), ("the hub", hub)):
        other = book.held.get(held.record)
        if other is None:
            yield Lost(f"{held.record} is recorded at {care} and not at {name}")
        elif other.facts != held.facts:
            yield f"{held.record} is not the same at {care} and {name}: {_difference(held, other)}"


def _decided_faults(held: Held, areas: Mapping[str, Book], hub: Book) -> Iterator[str]:
    """Yield where what the place of insurance decided stands although it was not taken, or not so.

    What the place of care never recorded nets to zero at home, and at the hub if that has it; and
    the place of care has said so under its request id.
    """
    care, home = areas[held.care], areas[held.home]
    if held.record in care.held:
        for name, book in ((held.care, care), ("the hub", hub)):
            if home.stands(held.record) != book.stands(held.record):
                yield (
                    f"{held.record} {_stands(home, held)} at {held.home} and "
                    f"{_stands(book, held)} at {name}"
                )
        return
    if held.original is not None:
        # It takes back what was not taken; where its original is there, that must be too.
        if held.original in care.held:
            yield Lost(f"{held.original} was taken back at {held.home} and not at {held.care}")
        return
    if home.stands(held.record):
        yield Doubled(f"{held.record} stands at {held.home} and is not recorded at {held.care}")
    if hub.stands(held.record):
        yield f"{held.record} stands at the hub and is not recorded at {held.care}"
    if held.key not in care.decided and _is_whole(held):
        yield f"{held.record} is not at {held.care}, which has not decided {held.key}"


def _is_whole(held: Held) -> bool:
    """Whether its request id is that of a request, not of a part of a visit."""
    return ("visit", None) in held.facts or held.facts[0][1] in _LINKS


def _doubled_faults(area: str, book: Book) -> Iterator[str]:
    """Yield every claim for which a person was charged twice."""
    standing: defaultdict[tuple[Key, object], list[str]] = defaultdict(list)
    for held in book.held.values():
        if held.original is None and book.stands(held.record):
            (kind,) = (value for name, value in held.facts if name == "kind")
            visit = dict(held.facts).get("visit")
            if visit is None:
                standing[(held.key, kind)].append(held.record)
    for (key, _), records in standing.items():
        if len(records) > 1:
            yield Doubled(f"{key} was charged {len(records)} times at {area}: {records}")


def _stands(book: Book, held: Held) -> str:
    if held.record not in book.held:
        return "is missing"
    return "stands" if book.stands(held.record) else "is taken back"


def _difference(one: Held, other: Held) -> str:
    here, there = dict(one.facts), dict(other.facts)
    return ", ".join(
        f"{name} {here.get(name)!r} and {there.get(name)!r}"
        for name in here | there
        if here.get(name) != there.get(name)
    )
