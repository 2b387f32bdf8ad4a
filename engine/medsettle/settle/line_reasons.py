"""Why a charge line fell where it did, in both languages.

The grounds are those of the split (`medsettle.settle.scope`); nothing is worked out here but how
they are said. Lines come as columns, so what holds of a line is looked up for all of them at once.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import Period
from medsettle.core.money import decimal, yuan_from_fen
from medsettle.core.scopes import CareScope
from medsettle.core.settlement import Row
from medsettle.policy.catalogue import NO_CEILING, NO_LIMIT, PPM_ONE, Catalogue
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.policy.rule_book import DIGEST_CHARS
from medsettle.settle.claim_lines import ScopedLines
from medsettle.settle.grounds import Ground, cells, grounds
from medsettle.settle.phrases import Phrase

_E4, _E6 = 4, 6
_PERCENT_DECIMALS: Final = 4


class LineReasons:
    """Says why lines of a batch were split as they were; a line is named by its place in `scoped`.

    Args:
        claims: The batch.
        scoped: Some of its lines, as the split saw them.
        catalogue: The catalogue that split them.
    """

    def __init__(self, claims: ClaimBatch, scoped: ScopedLines, catalogue: Catalogue) -> None:
        """Look up what holds of all the lines."""
        self.claims, self.scoped, self.catalogue = claims, scoped, catalogue
        ceiling, ratio = cells(scoped.lines, catalogue)
        self._ceilings: list[int] = ceiling.tolist()
        self._ratios: list[int] = ratio.tolist()
        self._grounds = [
            (ground, set(np.flatnonzero(held).tolist()))
            for ground, held in grounds(scoped.lines, catalogue).items()
        ]

    def cuts(self, at: int) -> list[Phrase]:
        """Return why less than a whole line is in scope, first-self-pay apart; empty if it is."""
        found = list(self.taken_back(at))
        if own := self.own_expense(at):
            return found + own
        return [*found, *self.covered(at), *self.capped(at)]

    def own_expense(self, at: int) -> list[Phrase]:
        """Return why a line is own expense as a whole; empty if it is not."""
        found = [ground for ground, held in self._grounds if at in held]
        if Ground.UNLISTED in found:
            # Whatever else was looked up is of another item.
            found = [Ground.UNLISTED]
        if Ground.CLASS_C in found:
            # What a catalogue says of the ratio of class C is the same once more.
            found = [ground for ground in found if ground is not Ground.WHOLE_RATIO]
        return [self._ground_phrase(at, ground) for ground in found]

    def _row(self, at: int) -> int:
        return max(int(self.scoped.entry[at]), 0)

    def _price(self, at: int) -> str:
        return decimal(int(self.scoped.lines.unit_price_e6[at]), _E6)

    def taken_back(self, at: int) -> Iterator[Phrase]:
        """Yield which line a negative one takes back a part of."""
        original = int(self.claims.original[int(self.scoped.chosen[at])])
        if original >= 0:
            claim = int(self.claims.line_claim[original])
            first = int(np.searchsorted(self.claims.line_claim, claim))
            rows: list[Row] = self.claims.rows[claim]["lines"]  # type: ignore[assignment]
            name = rows[original - first]["line_id"]
            yield Phrase(f"takes back a part of line {name}", f"冲减第 {name} 行")

    def _ground_phrase(self, at: int, ground: Ground) -> Phrase:
        if ground is Ground.ABOVE_CEILING:
            price, ceiling = self._price(at), decimal(self._ceilings[at], _E6)
            return Phrase(
                f"{price} a unit is above the ceiling of {ceiling}, so all of it is own expense",
                f"单价 {price} 元高于限价 {ceiling} 元，全额自费",
            )
        if ground is Ground.MARKED:
            mark = self.claims.earmarks.get(int(self.scoped.chosen[at]))
            return Phrase(f"bears the mark {mark}, so own expense", f"标记 {mark}，全额自费")
        return _GROUNDS[ground]

    def covered(self, at: int) -> Iterator[Phrase]:
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

    def capped(self, at: int) -> Iterator[Phrase]:
        """Yield which ceiling price and which limit of the line cut something off."""
        ceiling, price = self._ceilings[at], int(self.scoped.lines.unit_price_e6[at])
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

    def first_self_pay(self, at: int) -> Phrase:
        """Return the first-self-pay ratio of a line, and of which population it is."""
        ppm = self._ratios[at]
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


def split_elsewhere(scope: CareScope) -> Phrase:
    """Return why nothing more is said of a line: the catalogue that split it is not here."""
    digest, area = scope.catalogue_digest[:DIGEST_CHARS], scope.care_area
    return Phrase(
        f"split by the catalogue {digest} of area {area}, the place of care",
        f"由就医地 {area} 的目录（{digest}）划分",
    )


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
