"""What every entry of a ledger obeys by itself and with the entries it names.

Each law is worked out from the record of the entry, and held to the postings that the ledger keeps
beside it; nothing here trusts a counter.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from medsettle.books.discrepancies import Discrepancy
from medsettle.books.double_entry import Account, account_of, held_moves
from medsettle.books.identities import broken_identities
from medsettle.books.trial_balance import BooksReader, bookings_of
from medsettle.core.counters import CounterKey
from medsettle.core.settlement import Settlement
from medsettle.core.tables import rows_of
from medsettle.ledger.entries import SETTLEMENT_KINDS, Recorded
from medsettle.ledger.records import decode_relations, opening_postings, postings_of

Moves = Mapping[CounterKey, int]

_BALANCES = {"account_balance_fen", "limit_left_fen"}
_SAME = ("pooling_area", "person", "institution", "request_id")
_LINKING = {"visit": "settle", "visit_cancel": "cancel"}


@dataclass(frozen=True, slots=True)
class Checked:
    """What one entry moves by its own record, and what was found of it."""

    moves: Moves
    found: tuple[Discrepancy, ...]


@dataclass(frozen=True, slots=True)
class EntryLaws:
    """Checks entries one by one; others are looked up where an entry names them."""

    reader: BooksReader

    def checked(self, recorded: Recorded, posted: Sequence[tuple[CounterKey, int]]) -> Checked:
        """Return what an entry moves, and everything about it that cannot be.

        Args:
            recorded: The entry.
            posted: The postings that the ledger keeps of it.
        """
        kept = dict(posted)
        try:
            record = orjson.loads(recorded.record)
            moves = _own_moves(recorded, record, kept)
            found = [
                *_postings(recorded, moves, kept),
                *_double_entry(recorded, moves),
                *self._by_kind(recorded, record, kept),
            ]
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            reason = f"{type(error).__name__}: {error}"
            unread = _found(recorded, "record", "the record", "one of its kind", reason)
            return Checked(kept, (unread,))
        return Checked(moves, tuple(found))

    def _by_kind(
        self, recorded: Recorded, record: Mapping[str, Any], posted: Moves
    ) -> Iterator[Discrepancy]:
        if recorded.kind in SETTLEMENT_KINDS:
            yield from _settlement(recorded, record)
            yield from self._visit_of(recorded, record)
        if recorded.kind in {"cancel", "visit_cancel"}:
            yield from self._only_cancel(recorded)
        if recorded.kind == "cancel":
            yield from self._opposite(recorded, record)
        if recorded.kind == "adjust":
            yield from self._adjusted(recorded)
        if recorded.kind in _LINKING:
            yield from self._parts(recorded, record)
        if recorded.kind == "relation":
            yield from _relation(recorded, record, posted)

    def _only_cancel(self, recorded: Recorded) -> Iterator[Discrepancy]:
        """Find a second cancel of the same original."""
        first = self.reader.cancel_of(str(recorded.original))
        if first is None or first.seq != recorded.seq:
            other = "none" if first is None else f"entry {first.seq}"
            key = f"the cancel of {recorded.original}"
            yield _found(recorded, "one cancel", key, f"entry {recorded.seq}", other)

    def _opposite(self, recorded: Recorded, record: Mapping[str, Any]) -> Iterator[Discrepancy]:
        """Find amounts of a cancel that are not those of its original the other way."""
        original = self.reader.settlement(str(recorded.original))
        if original is None or original.kind != "settle" or original.seq >= recorded.seq:
            key = f"the original {recorded.original}"
            yield _found(recorded, "cancel", key, "a settlement before it", _named(original))
            return
        theirs = _amounts(orjson.loads(original.record))
        own = _amounts(record)
        for name in dict.fromkeys([*theirs, *own]):
            taken, fen = -theirs.get(name, 0), own.get(name, 0)
            if taken != fen:
                key = f"{name}, the opposite of entry {original.seq}"
                yield _found(recorded, "cancel", key, str(taken), str(fen))

    def _adjusted(self, recorded: Recorded) -> Iterator[Discrepancy]:
        """Find an adjustment whose original is no settlement of its person before it."""
        original = self.reader.settlement(str(recorded.subject))
        key = f"the original {recorded.subject}"
        if original is None or original.kind != "settle" or original.seq >= recorded.seq:
            yield _found(recorded, "adjust", key, "a settlement before it", _named(original))
            return
        own = (recorded.pooling_area, recorded.person, recorded.institution)
        theirs = (original.pooling_area, original.person, original.institution)
        if own != theirs:
            yield _found(recorded, "adjust", key, "/".join(theirs), "/".join(own))

    def _visit_of(self, recorded: Recorded, record: Mapping[str, Any]) -> Iterator[Discrepancy]:
        """Find a part whose visit is not there or does not name it."""
        visit = record["settlement"].get("visit")
        if visit is None or recorded.kind == "cancel":
            return
        whole = self.reader.settlement(str(visit))
        named = orjson.loads(whole.record).get("parts", ()) if whole is not None else ()
        if recorded.settlement not in named:
            key = f"the visit {visit}"
            yield _found(recorded, "visit", key, "one that names this part", _named(whole))

    def _parts(self, recorded: Recorded, record: Mapping[str, Any]) -> Iterator[Discrepancy]:
        """Find parts of a visit, or of its cancel, that are not there."""
        wanted = _LINKING[recorded.kind]
        parts = [self.reader.settlement(str(part)) for part in record["parts"]]
        places = {part.seq for part in parts if part is not None and part.kind == wanted}
        following = set(range(recorded.seq + 1, recorded.seq + 1 + len(parts)))
        if places != following:
            expected = f"{wanted} entries {sorted(following)}"
            yield _found(recorded, "visit", "its parts", expected, f"entries {sorted(places)}")
        if recorded.kind != "visit_cancel":
            return
        original = self.reader.settlement(str(recorded.original))
        if original is None or original.kind != "visit":
            key = f"the original {recorded.original}"
            yield _found(recorded, "visit", key, "a visit before it", _named(original))
            return
        taken = [part.original for part in parts if part is not None]
        if taken != (parts_then := orjson.loads(original.record)["parts"]):
            yield _found(recorded, "visit", "what its parts cancel", str(parts_then), str(taken))


def _own_moves(recorded: Recorded, record: Mapping[str, Any], posted: Moves) -> Moves:
    """Return what an entry moves by its record; a relation's are told by its postings alone."""
    if recorded.kind in SETTLEMENT_KINDS:
        postings = postings_of(record, recorded)
    elif recorded.kind == "opening":
        brought = opening_postings(record, recorded)
        if brought is None:
            return posted
        postings = brought
    elif recorded.kind == "relation":
        return posted
    else:
        return {}
    moves: dict[CounterKey, int] = {}
    for posting in postings:
        moves[posting.key] = moves.get(posting.key, 0) + posting.delta
    return {key: delta for key, delta in moves.items() if delta}


def _postings(recorded: Recorded, moves: Moves, posted: Moves) -> Iterator[Discrepancy]:
    """Find postings that the ledger keeps otherwise than the record tells them."""
    for key in dict.fromkeys([*moves, *posted]):
        if moves.get(key) != posted.get(key):
            expected, kept = moves.get(key, "none"), posted.get(key, "none")
            yield _found(recorded, "posting", named_key(key), str(expected), str(kept))


def _double_entry(recorded: Recorded, moves: Moves) -> Iterator[Discrepancy]:
    """Find bookings that do not add up, or move other money than the postings."""
    bookings = tuple(bookings_of(recorded, tuple(moves.items())))
    if left := sum(fen for _, fen in bookings):
        yield _found(recorded, "double entry", "the sum of its bookings", "0", str(left))
    booked = held_moves(bookings)
    held: dict[Account, int] = {}
    for key, delta in moves.items():
        if (account := account_of(key)) is not None:
            held[account] = held.get(account, 0) + delta
    for account in dict.fromkeys([*booked, *held]):
        if booked.get(account, 0) != held.get(account, 0):
            name = "/".join(account)
            values = booked.get(account, 0), held.get(account, 0)
            yield _found(recorded, "double entry", name, *map(str, values))


def _settlement(recorded: Recorded, record: Mapping[str, Any]) -> Iterator[Discrepancy]:
    """Find shares that do not sum to the total, and columns that are not the entry's."""
    columns = record["settlement"]
    settlement = Settlement(
        columns=columns,
        payers=rows_of(record["payers"]),
        lines=rows_of(record["lines"]),
        relatives=tuple(record["relatives"]),
    )
    for broken in broken_identities(settlement):
        name, _, values = broken.rpartition(": ")
        found, _, expected = values.partition(" is not ")
        yield _found(recorded, "shares", name, expected, found)
    own = {name: getattr(recorded, name) for name in _SAME}
    own |= {"kind": recorded.kind, "settlement": recorded.settlement}
    own["original"] = recorded.belongs_to
    for name, value in own.items():
        if columns[name] != value:
            yield _found(recorded, "record", name, str(value), str(columns[name]))


def _relation(
    recorded: Recorded, record: Mapping[str, Any], posted: Moves
) -> Iterator[Discrepancy]:
    """Find moves of a relation that are not those of its act."""
    relations, fen, act = decode_relations(recorded), int(record["fen"]), record["act"]
    signs = {"grant": 1, "lower": -1}
    allowed: set[CounterKey] = set()
    for relation in relations:
        bound, gives = posted.get(relation.bound, 0), posted.get(relation.gives, 0)
        limit = posted.get(relation.limit, 0)
        allowed |= {relation.bound, relation.gives, relation.limit, relation.giver.account}
        if act in signs:
            wanted = signs[act] * fen
            if limit != wanted:
                key = named_key(relation.limit)
                yield _found(recorded, "relation", key, str(wanted), str(limit))
            turns = {0, 1} if act == "grant" else {0}
        else:
            turns = {-1}
            if limit > 0:
                key = named_key(relation.limit)
                yield _found(recorded, "relation", key, "what is given back", str(limit))
        if bound != gives or bound not in turns:
            expected = " or ".join(map(str, sorted(turns)))
            key = f"{named_key(relation.bound)} and the giver's"
            yield _found(recorded, "relation", key, expected, f"{bound} and {gives}")
    if str(act).startswith("insurance_"):
        allowed |= {key for key in posted if key.counter.endswith("insurance_ended")}
    for other in posted.keys() - allowed:
        yield _found(recorded, "relation", named_key(other), "nothing", str(posted[other]))


def _amounts(record: Mapping[str, Any]) -> dict[str, int]:
    """Return every amount of the record of a settlement by its place in it, balances aside."""
    found = _fen("", record["settlement"]) | {
        f"amounts.{name}": fen for name, fen in record["amounts"].items()
    }
    for table in ("payers", "lines", "relatives"):
        for place, row in enumerate(rows_of(record[table])):
            found |= _fen(f"{table}[{place}].", row)
    return found


def _fen(path: str, row: Mapping[str, Any]) -> dict[str, int]:
    return {
        path + name: value
        for name, value in row.items()
        if name.endswith("_fen") and name not in _BALANCES and value is not None
    }


def _found(recorded: Recorded, law: str, key: str, expected: str, found: str) -> Discrepancy:
    return Discrepancy(law, recorded.seq, recorded.settlement, key, expected, found)


def _named(recorded: Recorded | None) -> str:
    return "nothing" if recorded is None else f"{recorded.kind} entry {recorded.seq}"


def named_key(key: CounterKey) -> str:
    """Return a counter as sentences name it."""
    return f"{key.counter} {key.period} of {key.pooling_area}/{key.person}"
