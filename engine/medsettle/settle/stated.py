"""Say of a stated settlement which of its amounts cannot be, and what can.

Identities hold whatever the policy: the pots add up to the bill, no payer pays what others have
paid already, and the person bears what is left over. Where the receipt prints the rule of an
amount, that amount is calculated exactly. Nothing is rounded on the way; a printed amount is right
where it is the exact one rounded to a fen, up or down.

Source: shapes O4 and P9, and the cases published with amounts that their own rules do not give.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from medsettle.core.codes import FUND_NAMES, PAYER_NAMES, PERSONAL_NAMES, POT_NAMES
from medsettle.core.money import half_away, rate_text, yuan_from_fen
from medsettle.policy.receipts import Calculation, Receipt

_WORDS = {"account": "account", "mutual_aid": "mutual aid"}


@dataclass(frozen=True, slots=True)
class Check:
    """One amount held to one rule: what was stated, and the least and most it can be, in fen."""

    amount: str
    stated_fen: int
    least_fen: int
    most_fen: int
    rule: str

    @property
    def holds(self) -> bool:
        """Whether the stated amount can be."""
        return self.least_fen <= self.stated_fen <= self.most_fen

    def __str__(self) -> str:
        least, most = yuan_from_fen(self.least_fen), yuan_from_fen(self.most_fen)
        can = least if least == most else f"at most {most}"
        if self.least_fen > 0 and least != most:
            can = f"{least} to {most}"
        return (
            f"{self.amount} {yuan_from_fen(self.stated_fen)} is stated; {can} can be: {self.rule}"
        )


def checks(receipt: Receipt) -> list[Check]:
    """Return every amount of a receipt that identities or its own rules speak of."""
    amounts = dict(receipt.amounts)
    found: list[Check] = []
    for calculation in receipt.calculations:
        exact, spread, said = _calculated(calculation, amounts)
        if calculation.amount in receipt.amounts:
            stated = receipt.amounts[calculation.amount]
            least, most = math.floor(exact) - spread, math.ceil(exact) + spread
            found.append(Check(calculation.amount, stated, least, most, said))
        else:
            amounts[calculation.amount] = half_away(exact)
    # What the receipt's own rules gave is not printed, and only printed amounts can be wrong.
    printed = set(receipt.amounts)
    return found + [each for each in _identities(amounts) if each.amount in printed]


def _scope(amounts: dict[str, int]) -> int:
    """Return what is in scope: as printed, or what the other pots leave of the bill."""
    if "in_scope" in amounts:
        return amounts["in_scope"]
    others = sum(amounts.get(name, 0) for name in POT_NAMES if name != "in_scope")
    return amounts.get("total", 0) - others


def _calculated(calculation: Calculation, amounts: dict[str, int]) -> tuple[Fraction, int, str]:
    """Return the exact fen of a calculation, how far rounding by band may lead, and its words."""
    known = amounts | {"in_scope": _scope(amounts)}
    base = sum(known[name] for name in calculation.plus)
    base = max(base - sum(known[name] for name in calculation.minus), 0)
    free = known[calculation.above] if calculation.above else 0
    exact, rounded, said = Fraction(0), 0, []
    lower = free
    for limit, rate in zip(calculation.limits_fen, calculation.rates, strict=True):
        part = max((base if limit is None else min(base, limit)) - lower, 0)
        lower = max(lower, limit or lower)
        paid = 1 - (1 - rate) * calculation.own_factor
        exact += part * paid
        rounded += (part * paid).denominator != 1
        if part:
            said.append(f"{rate_text(paid)} of {yuan_from_fen(part)}")
    rule = " and ".join(said) or "nothing is left to calculate with"
    if calculation.own_factor != 1:
        rule += f", the factor {rate_text(calculation.own_factor)} being on the person's share"
    if calculation.times != 1 or calculation.every != 1:
        exact = exact * calculation.times / calculation.every
        rule += f", times {calculation.times} for {calculation.every}"
    if calculation.at_most_fen is not None:
        exact = min(exact, Fraction(calculation.at_most_fen))
        rule += f", at most {yuan_from_fen(calculation.at_most_fen)}"
    # Each band may have been rounded before they were added up (shape O2).
    return exact, max(rounded - 1, 0), rule


def _identities(amounts: dict[str, int]) -> Iterator[Check]:
    """Yield what must hold of amounts by name, whoever settled and by which policy."""
    yield from _pots(amounts)
    if "deductible" in amounts and ("in_scope" in amounts or "total" in amounts):
        scope = _scope(amounts)
        rule = f"the deductible is met of {yuan_from_fen(scope)} in scope"
        yield Check("deductible", amounts["deductible"], 0, max(scope, 0), rule)
    bill = next((name for name in ("total", "in_scope") if name in amounts), None)
    if bill is not None:
        yield from _burden(amounts, bill)
        yield from _closing(amounts, bill)
    elif "person_total" in amounts:
        yield from _person(amounts)


def _pots(amounts: dict[str, int]) -> Iterator[Check]:
    printed = [name for name in POT_NAMES if name in amounts]
    if "total" not in amounts or not printed:
        return
    *others, last = printed
    taken = sum(amounts[name] for name in others)
    most = amounts["total"] - taken
    rule = f"the pots are parts of the bill, {yuan_from_fen(amounts['total'])}"
    least = most if len(printed) == len(POT_NAMES) else 0
    yield Check(last, amounts[last], min(least, most), most, rule)


def _burden(amounts: dict[str, int], bill: str) -> Iterator[Check]:
    """Yield each payer beside what those before it left of the bill (shape P9)."""
    left = amounts[bill]
    before: list[str] = []
    for name in [name for name in amounts if name in PAYER_NAMES]:
        after = f" after {' and '.join(before)}" if before else ""
        rule = f"no more than what is left of {bill} {yuan_from_fen(amounts[bill])}{after}"
        yield Check(name, amounts[name], 0, left, rule)
        left = max(left - amounts[name], 0)
        before.append(name)


def _closing(amounts: dict[str, int], bill: str) -> Iterator[Check]:
    """Yield the sums that close a settlement: the person bears what is left over (shape O4)."""
    funds = {name: amounts[name] for name in amounts if name in FUND_NAMES}
    paid = sum(funds.values())
    if "fund_total" in amounts:
        stated = amounts["fund_total"]
        rule = f"no more than {bill} {yuan_from_fen(amounts[bill])}"
        yield Check("fund_total", stated, 0, amounts[bill], rule)
        if funds:
            yield Check("fund_total", stated, paid, paid, f"the sum of {' and '.join(funds)}")
        paid = stated
    elif not funds:
        return
    paid += amounts.get("institution_share", 0)
    left = amounts[bill] - paid
    if left < 0:
        # Somebody pays too much, which is said already; what the person bears is not known.
        return
    rule = f"what {yuan_from_fen(paid)} leaves of {bill} {yuan_from_fen(amounts[bill])}"
    if "person_total" in amounts:
        yield Check("person_total", amounts["person_total"], left, left, rule)
    if "cash" in amounts:
        own = [name for name in PERSONAL_NAMES if name == "account" or name in amounts]
        left -= sum(amounts.get(name, 0) for name in own)
        words = " and ".join(f"the {_WORDS[name]}" for name in own)
        yield Check("cash", amounts["cash"], left, left, f"{rule}, less {words}")
    if "person_total" in amounts:
        yield from _person(amounts)


def _person(amounts: dict[str, int]) -> Iterator[Check]:
    """Yield that a person's part is what own account, relatives' accounts and cash pay."""
    if not {"account", "cash"} <= set(amounts):
        return
    aid = "mutual_aid" in amounts
    whole = amounts["account"] + amounts["cash"] + amounts.get("mutual_aid", 0)
    words = "account, mutual aid and cash add up" if aid else "account and cash add up"
    yield Check("person_total", amounts["person_total"], whole, whole, words)
