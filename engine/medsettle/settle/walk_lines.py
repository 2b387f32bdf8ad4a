"""Into which pots the lines of one claim fell, and why: for whoever writes a catalogue or policy.

The parts are those of the settlement, the grounds those of the split (`medsettle.settle.scope`);
nothing is worked out here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.dates import date_of
from medsettle.core.scopes import CareScope
from medsettle.core.settlement import Row, Settlement
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.claim_lines import Facts, ScopedLines
from medsettle.settle.line_reasons import LineReasons, split_elsewhere
from medsettle.settle.phrases import Phrase
from medsettle.settle.prepare import Preparer

_CLASSES = ("", "甲类", "乙类", "丙类")


@dataclass(frozen=True, slots=True)
class LineStory:
    """One line of a claim: its parts by pot, and why they are what they are.

    `place` is the file and line of its entry in the catalogue, blank where it has none; `pot` is
    where the in-scope part went.
    """

    line_id: str
    item_code: str
    name: str
    item_class: str
    amount_fen: int
    parts_fen: dict[str, int]
    pot: str
    reasons: tuple[Phrase, ...]
    place: str
    valid_from: str


def line_stories(
    book: RuleBook, claims: ClaimBatch, held: Mapping[CounterKey, int], settlement: Settlement
) -> tuple[LineStory, ...]:
    """Return the story of each line of a batch of one claim that was settled.

    Args:
        book: The rule book.
        claims: The claim.
        held: The counters before it.
        settlement: What it was settled to.
    """
    if (scope := claims.scopes.get(0)) is not None:
        return tuple(_story_elsewhere(row, scope) for row in settlement.lines)
    prepared = Preparer(book).prepare(claims, [0], lambda _: held)
    ((care, scoped),) = prepared.scoped
    facts = prepared.facts[0]
    assert facts is not None, "the claim was settled"
    catalogue = book.catalogues[care.code]
    why = LineReasons(claims, scoped, catalogue)
    teller = _LineTeller(claims, facts, scoped, catalogue, why)
    return tuple(teller.story(at, row) for at, row in enumerate(settlement.lines))


def _story_elsewhere(row: Row, scope: CareScope) -> LineStory:
    """Return the story of a line that another engine split, by its row of the settlement."""
    return LineStory(
        line_id=str(row["line_id"]),
        item_code=str(row["item_code"]),
        name="",
        item_class=str(row["item_class"]),
        amount_fen=int(str(row["amount_fen"])),
        parts_fen={pot: int(str(row[f"{pot}_fen"])) for pot in codes.POT_NAMES},
        pot=str(row["pot"]),
        reasons=(split_elsewhere(scope),),
        place="",
        valid_from="",
    )


@dataclass(frozen=True, slots=True)
class _LineTeller:
    """Tells the lines of one claim as the split saw them."""

    claims: ClaimBatch
    facts: Facts
    scoped: ScopedLines
    catalogue: Catalogue
    why: LineReasons

    def story(self, at: int, row: Row) -> LineStory:
        """Return the story of the line at a position, with its row of the settlement."""
        entry, catalogue = int(self.scoped.entry[at]), self.catalogue
        listed = entry >= 0
        file = "/".join(catalogue.file.split("/")[-2:])
        return LineStory(
            line_id=str(row["line_id"]),
            item_code=str(row["item_code"]),
            name=catalogue.names[entry] if listed else "",
            item_class=str(row["item_class"]) if listed else "",
            amount_fen=int(str(row["amount_fen"])),
            parts_fen={pot: int(str(row[f"{pot}_fen"])) for pot in codes.POT_NAMES},
            pot=str(row["pot"]),
            reasons=tuple(self._reasons(at, row)),
            place=f"{file}:{catalogue.source_line[entry]}" if listed else "",
            valid_from=date_of(int(catalogue.valid_from[entry])).isoformat() if listed else "",
        )

    def _reasons(self, at: int, row: Row) -> Iterator[Phrase]:
        yield from self.why.taken_back(at)
        found = self.why.own_expense(at)
        yield from found
        if found:
            return
        if int(self.scoped.entry[at]) >= 0 and self.catalogue.restricted[self._row(at)]:
            yield Phrase("of restricted use, which was not refused", "限定支付，审批未拒绝")
        yield from self.why.covered(at)
        yield from self.why.capped(at)
        yield self.why.first_self_pay(at)
        if row["pot"] != "in_scope":
            yield self._pot(at, str(row["pot"]))

    def _row(self, at: int) -> int:
        return max(int(self.scoped.entry[at]), 0)

    def _pot(self, at: int, pot: str) -> Phrase:
        line = int(self.scoped.chosen[at])
        mark = self.claims.earmarks.get(line)
        item_class = int(self.catalogue.item_class[self._row(at)])
        if mark is not None:
            why = (f"it bears the mark {mark}", f"标记 {mark}")
        elif self.facts.area.lines.class_pots.get(item_class) == pot:
            why = ("its class has a pot of its own", f"{_CLASSES[item_class]}单列")
        else:
            why = ("its entry names it", "目录列明")
        return Phrase(f"in scope in the pot {pot}, for {why[0]}", f"归入专项 {pot}（{why[1]}）")
