"""Lists of settlements, read by position, and settlements found by what somebody has of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from medsettle import limits
from medsettle.ledger.entries import SETTLEMENT_KINDS, EntryKind, Recorded
from medsettle.ledger.list_indexes import LISTED, RARE, RARE_KINDS, RARE_OF_ONE

# Values out of a typed table have the types of its columns; a driver can only say "any of them".
Row: TypeAlias = tuple[Any, ...]
Value: TypeAlias = str | int


@dataclass(frozen=True, slots=True)
class ListStatements:
    """The questions of lists in the words of one store; `mark` stands for one value."""

    mark: str
    page: str
    called: tuple[str, ...]


class SettlementLists(ABC):
    """Reads lists of settlements by the statements of a store."""

    _statements: ListStatements

    def listed(
        self,
        kind: EntryKind,
        *,
        limit: int,
        service_day: int | None = None,
        institution: str | None = None,
        pooling_area: str | None = None,
        above: int | None = None,
        below: int | None = None,
    ) -> list[Recorded]:
        """Return up to `limit` settlements of a kind, nearest to a position first.

        Above a position the oldest comes first, else the newest. Each is found by an index where a
        day is given, or where the kind is a rare one (`list_indexes`); an area is looked for among
        those.

        Args:
            kind: One of `entries.SETTLEMENT_KINDS`.
            limit: How many, such as a page of a console shows.
            service_day: In days since 1970-01-01.
            institution: Whose.
            pooling_area: Of which.
            above: Only seqs above it, upwards.
            below: Only seqs below it.
        """
        assert limit >= 1, limit
        assert kind in SETTLEMENT_KINDS, kind
        given: dict[str, Value | None] = {
            "e.institution =": institution,
            "e.service_day =": service_day,
            "e.pooling_area =": pooling_area,
            "e.seq <": below,
        }
        asked = {words: value for words, value in given.items() if value is not None}
        mark = self._statements.mark
        # A store knows an index of some kinds by the very words of the index.
        which = RARE if institution is None else RARE_OF_ONE
        if service_day is not None or kind not in RARE_KINDS:
            which = LISTED
        conditions = f" and e.kind = '{kind}' and e.{which}"
        conditions += "".join(f" and {words} {mark}" for words in asked)
        order = "desc" if above is None else "asc"
        rows = self._rows(
            f"{self._statements.page}{conditions} order by e.seq {order} limit {mark}",
            (above or 0, *asked.values(), limit),
        )
        return [Recorded(*row) for row in rows]

    def called(self, word: str, *, limit: int) -> list[Recorded]:
        """Return settlements and visits that a word names, whoever recorded them, newest first.

        It may be their request id, the institution's number of them, or the token of their person.
        Each institution is asked for by the indexes of its ids, so their number decides what this
        costs, and not that of the entries.

        Args:
            word: What somebody has of them.
            limit: At most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        found: dict[int, Recorded] = {}
        for statement in self._statements.called:
            for row in self._rows(statement, (word, limit)):
                found[row[0]] = Recorded(*row)
        return sorted(found.values(), key=lambda each: -each.seq)[:limit]

    @abstractmethod
    def _rows(self, statement: str, values: Sequence[Value]) -> list[Row]:
        """Return the answer to one statement."""


def called_by(select: str, mark: str) -> tuple[str, ...]:
    """Return the questions of `SettlementLists.called`: by request id, by number, by person.

    No index leads from an id to its entry without the institution, and one that did would be
    written to at every settlement. The institutions are few: each is the smallest one after the one
    before, which the index of request ids finds at once.

    Args:
        select: The beginning of a statement that answers with entries `e`.
        mark: What stands for a value.
    """
    _, _, source = select.partition(" from ")
    assert source == "entries e", source
    places = """
with recursive places (institution) as (
  select min(institution) from entries
  union all
  select (select min(n.institution) from entries n where n.institution > p.institution)
  from places p where p.institution is not null)
"""
    beside = select.replace("from entries e", "from places p cross join entries e")
    newest = f" order by e.seq desc limit {mark}"
    return (
        f"{places}{beside} where e.institution = p.institution and e.request_id = {mark} "
        f"and e.kind in ('settle', 'cancel', 'adjust', 'visit'){newest}",
        f"{places}{beside} where e.institution = p.institution "
        f"and e.institution_settlement = {mark} "
        f"and e.kind in ('settle', 'visit') and e.institution_settlement is not null{newest}",
        f"{select} where e.person = {mark} and e.kind <> 'message' and e.{LISTED}{newest}",
    )
