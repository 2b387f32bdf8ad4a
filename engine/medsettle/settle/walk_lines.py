"""Into which pots the lines of one claim fell, and why: for whoever writes a catalogue or policy.

The parts are those of the settlement, the grounds those of the split (`medsettle.settle.scope`);
nothing is worked out here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsettle.core import codes
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey
from medsettle.core.dates import Period, date_of
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row, Settlement
from medsettle.policy.catalogue import NO_CEILING, NO_LIMIT, PPM_ONE, Catalogue
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.claim_lines import Facts, ScopedLines, scoped_lines
from medsettle.settle.grounds import Ground, cells, grounds
from medsettle.settle.item_use import ItemUse
from medsettle.settle.phrases import Phrase
from medsettle.settle.prepare import Preparer
from medsettle.settle.refunds import net_lines

_E4, _E6 = 4, 6
_PERCENT_DECIMALS = 4
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
    prepared = Preparer(book).prepare(claims, [0], lambda _: held)
    facts = prepared.facts[0]
    assert facts is not None, "the claim was settled"
    use = ItemUse(lambda _: held, ())
    areas = (facts.care, facts.area)
    scoped = scoped_lines(book, areas, claims, net_lines(claims), prepared, use)
    teller = _LineTeller(claims, facts, scoped, book.catalogues[facts.care.code])
    return tuple(teller.story(at, row) for at, row in enumerate(settlement.lines))


def decimal(number: int, decimals: int) -> str:
    """Return a whole number of decimal parts as it is written.

    >>> decimal(120000, 4), decimal(48500000, 6)
    ('12', '48.5')
    """
    sign, digits = "-" if number < 0 else "", f"{abs(number):0{decimals + 1}d}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")


@dataclass(frozen=True, slots=True)
class _LineTeller:
    """Tells the lines of one claim as the split saw them."""

    claims: ClaimBatch
    facts: Facts
    scoped: ScopedLines
    catalogue: Catalogue

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
        yield from self._taken_back(at)
        found = [ground for ground, held in self._grounds().items() if held[at]]
        if Ground.CLASS_C in found:
            # What a catalogue says of the ratio of class C is the same once more.
            found = [ground for ground in found if ground is not Ground.WHOLE_RATIO]
        yield from (self._ground_phrase(at, ground) for ground in found)
        if found:
            return
        if int(self.scoped.entry[at]) >= 0 and self.catalogue.restricted[self._row(at)]:
            yield Phrase("of restricted use, which was not refused", "限定支付，审批未拒绝")
        yield from self._covered(at)
        yield from self._capped(at)
        yield self._ratio(at)
        if row["pot"] != "in_scope":
            yield self._pot(at, str(row["pot"]))

    def _row(self, at: int) -> int:
        return max(int(self.scoped.entry[at]), 0)

    def _grounds(self) -> Mapping[Ground, NDArray[np.bool_]]:
        return grounds(self.scoped.lines, self.catalogue)

    def _price(self, at: int) -> str:
        return decimal(int(self.scoped.lines.unit_price_e6[at]), _E6)

    def _ceiling(self, at: int) -> int:
        return int(cells(self.scoped.lines, self.catalogue)[0][at])

    def _taken_back(self, at: int) -> Iterator[Phrase]:
        original = int(self.claims.original[int(self.scoped.chosen[at])])
        if original >= 0:
            rows: list[Row] = self.claims.rows[0]["lines"]  # type: ignore[assignment]
            name = rows[original]["line_id"]
            yield Phrase(f"takes back a part of line {name}", f"冲减第 {name} 行")

    def _ground_phrase(self, at: int, ground: Ground) -> Phrase:
        if ground is Ground.ABOVE_CEILING:
            price, ceiling = self._price(at), decimal(self._ceiling(at), _E6)
            return Phrase(
                f"{price} a unit is above the ceiling of {ceiling}, so all of it is own expense",
                f"单价 {price} 元高于限价 {ceiling} 元，全额自费",
            )
        if ground is Ground.MARKED:
            mark = self.claims.earmarks.get(int(self.scoped.chosen[at]))
            return Phrase(f"bears the mark {mark}, so own expense", f"标记 {mark}，全额自费")
        return _GROUNDS[ground]

    def _covered(self, at: int) -> Iterator[Phrase]:
        """Yield how many units are covered, where a limit leaves fewer than there are."""
        lines, catalogue = self.scoped.lines, self.catalogue
        if lines.covered_e4 is None or lines.covered_e4[at] >= lines.quantity_e4[at]:
            return
        covered = decimal(int(lines.covered_e4[at]), _E4)
        units = decimal(int(lines.quantity_e4[at]), _E4)
        most = [
            (limit.name, decimal(int(held), _E4))
            for limit, held in zip(
                catalogue.quantity_limits, catalogue.most_e4[self._row(at)].tolist(), strict=True
            )
            if held != NO_LIMIT
        ]
        english = ", ".join(f"at most {held} per {name.replace('_', ' ')}" for name, held in most)
        chinese = "，".join(f"{_stretch(name)}最多 {held}" for name, held in most)
        yield Phrase(
            f"{covered} of {units} units are covered ({english})",
            f"{units} 个单位中支付 {covered} 个（{chinese}）",
        )

    def _capped(self, at: int) -> Iterator[Phrase]:
        """Yield which ceiling price and which limit of the line cut something off."""
        ceiling, price = self._ceiling(at), int(self.scoped.lines.unit_price_e6[at])
        if ceiling != NO_CEILING and price > ceiling:
            number = int(self.scoped.lines.price_level[at]) - 1
            level = PRICE_LEVELS[number % len(PRICE_LEVELS)]
            whose = self.catalogue.ceiling_sets[number // len(PRICE_LEVELS)]
            of = f"{level} of {whose}" if whose else level
            least = decimal(ceiling, _E6)
            yield Phrase(
                f"{least} of {self._price(at)} a unit are covered, the ceiling of {of}",
                f"单价 {self._price(at)} 元，限价 {least} 元（{of}），超出部分自费",
            )
        limit = int(self.catalogue.line_limit_fen[self._row(at)])
        if limit != NO_LIMIT and int(self.scoped.lines.amount_fen[at]) > limit:
            most = yuan_from_fen(limit)
            yield Phrase(f"at most {most} of a line are covered", f"每行最多计入 {most} 元")

    def _ratio(self, at: int) -> Phrase:
        ppm = int(cells(self.scoped.lines, self.catalogue)[1][at])
        whose = self.catalogue.schemes[int(self.scoped.lines.scheme[at])]
        if not ppm:
            return Phrase(f"no first-self-pay (column {whose})", f"无先行自付（{whose} 列）")
        percent = f"{decimal(ppm * 100 * 10**_PERCENT_DECIMALS // PPM_ONE, _PERCENT_DECIMALS)}%"
        full = self.catalogue.terms.full_price
        of = (" of the full price", "，按全价") if full else ("", "")
        return Phrase(
            f"first-self-pay {percent}{of[0]} (column {whose})",
            f"先行自付 {percent}{of[1]}（{whose} 列）",
        )

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


def _stretch(name: str) -> str:
    """Return the Chinese for the stretch of a quantity limit, such as `5_years`."""
    years, _, word = name.partition("_")
    return f"每 {years} 年" if word == "years" else _STRETCHES[name]


_STRETCHES = {
    "settlement": "每次结算",
    Period.DAY: "每天",
    Period.MONTH: "每月",
    Period.QUARTER: "每季度",
    Period.BENEFIT_YEAR: "每年度",
    Period.LIFE: "终身",
    Period.TREATMENT_YEAR: "每治疗年度",
}
_GROUNDS = {
    Ground.UNLISTED: Phrase("not in the catalogue, so own expense", "目录未收载，全额自费"),
    Ground.CLASS_C: Phrase("class C, so own expense", "丙类，全额自费"),
    Ground.WHOLE_RATIO: Phrase(
        "first-self-pay of 100%, so own expense", "先行自付比例 100%，全额自费"
    ),
    Ground.REFUSED_USE: Phrase(
        "of restricted use, which was refused, so own expense", "限定支付，审批未通过，全额自费"
    ),
}
