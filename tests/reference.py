"""The slow oracle of the waterfall: one claim, exact fractions, plain ifs.

It reads a checked rule document and says who pays which fen, from the meaning of the document and
nothing else: it shares no code with the kernel and knows no arrays, programs or scales. A person
can follow one claim through it with a pencil.

Amounts are exact. Whole fen are integers; only what lies above a back-solved cap, and what is
worked out from that, has parts of a fen, down to 1/10,000.
"""

from fractions import Fraction

from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.limits import AMOUNT_FEN_MAX, PAYOUT_FEN_MAX
from medsettle.policy.amount_of import AmountOf, Base, Bound
from medsettle.policy.model import (
    BandsAlong,
    BandsApply,
    Cap,
    CapOn,
    Condition,
    Deductible,
    Dimension,
    Policy,
    Rate,
    RateSide,
    RoundingPoint,
    Stage,
)

from tests.reference_bands import (
    PARTS_OF_A_FEN,
    Band,
    Fen,
    back_solved,
    rounded,
    sides,
    solves_back,
)
from tests.reference_counters import BALANCES
from tests.reference_facts import Facts, ReferenceResult

_NATIONAL_OUTSIDE_SCOPE = ("own_expense", "over_limit", "pre_self_pay")


def settle_reference(policy: Policy, facts: Facts) -> ReferenceResult:
    """Return how a policy splits one claim."""
    claim = Claim(policy, facts)
    for stage in policy.stages:
        claim.settle(stage)
    for payout in policy.payouts:
        claim.settle(payout)
    return claim.result()


class Claim:
    """One claim on its way through the stages."""

    def __init__(self, policy: Policy, facts: Facts) -> None:
        self.policy = policy
        self.facts = facts
        total = sum(facts.pots.values())
        scope = [fen for pot, fen in facts.pots.items() if pot not in _NATIONAL_OUTSIDE_SCOPE]
        self.amounts: dict[str, Fen] = dict(facts.pots)
        self.amounts |= {"total": total, "remaining": total, "in_scope_total": sum(scope)}
        # Names of amounts that may have parts of a fen: a property of the document, not of the
        # claim, so that equal documents round alike whether or not a cap is met.
        self.fine: set[str] = set()
        held = facts.counters if facts.account_used else {}
        self.balances = {name: held.get(name, 0) for name in BALANCES}
        for name in ("account", *policy.counters):
            self.amounts[f"{name}.before"] = facts.counters.get(name, 0)
        for column in CLAIM_AMOUNTS:
            self.amounts[column] = facts.claimed.get(column, 0)
        self.payers: dict[str, int] = {}
        self.from_balances = dict.fromkeys(BALANCES, 0)
        self.beside = 0
        self.replaced: dict[str, int] = {}
        self.owed: dict[str, int] = {}
        self.unstated: set[str] = set()

    # --- looking up ----------------------------------------------------------------------------

    def chosen(self, dimension: Dimension) -> int:
        """Return the number of the class a claim falls into."""
        if dimension.kind == "quantity":
            count = self.facts.quantities[dimension.column]
        elif dimension.kind == "counter":
            count = self.facts.counters.get(dimension.column, 0)
        else:
            return self.facts.classes[dimension.name]
        return sum(count >= threshold for threshold in dimension.thresholds[1:])

    def cells(self, name: str) -> list[tuple[int | None, Fraction]]:
        """Return the row of a table that holds for this claim, each cell with its band's limit."""
        table = self.policy.tables[name]
        version = table.versions[0]
        for later in table.versions:
            if later.start <= self.facts.rule_date:
                version = later
        row = 0
        for word in table.by:
            dimension = self.policy.dimensions[word]
            row = row * len(dimension.values) + self.chosen(dimension)
        width = len(version.limits_fen)
        cells = version.cells[row * width : (row + 1) * width]
        return list(zip(version.limits_fen, cells, strict=True))

    def cell(self, name: str) -> Fraction:
        """Return the one cell of a table without bands that holds for this claim."""
        return self.cells(name)[0][1]

    def room(self, limit: int, counter: str | None, part: str | None) -> int:
        """Return what a limit still leaves: all of it, or what its period has not used.

        What earlier stages of this very claim paid, or met of a deductible, is used as well where
        the counter adds it up: `part` says which of the two the limit is on.
        """
        if counter is None:
            return limit
        used = self.facts.counters.get(counter, 0)
        if not self.meets(self.policy.counters[counter].when):
            return max(limit - used, 0)
        for name in self.policy.counters[counter].sums:
            if part is not None and name.endswith(f".{part}") and name in self.amounts:
                used += rounded(self.amounts[name], "half_up")
        return max(limit - used, 0)

    def rooms(self, stage: Stage, on: CapOn) -> list[int]:
        """Return the rooms under the caps of one kind."""
        part = "paid" if on is CapOn.PAYMENT else None
        return [self.room(self.limit(cap), cap.counter, part) for cap in stage.caps if cap.on is on]

    def limit(self, cap: Cap) -> int:
        """Return the amount of a cap after all that changes it."""
        return self.amount(cap.amount, least=0)

    def amount(self, amount: AmountOf, least: int) -> int:
        """Return an amount after all that changes it; `least` is compared before the factor."""
        fen = self.source(amount)
        if amount.rounding.each:
            fen = self.by_factor(amount, fen)
        if amount.times is not None:
            fen *= self.facts.quantities[amount.times]
        if amount.counts:
            each = [
                int(self.cell(table)) * self.facts.quantities.get(quantity or "", 1)
                for table, quantity in amount.counts
            ]
            fen *= min(sum(each), 10_000)
        fen = max(fen, least)
        if not amount.rounding.each:
            fen = self.by_factor(amount, fen)
        for table, quantity in amount.plus:
            fen += int(self.cell(table)) * self.facts.quantities.get(quantity or "", 1)
        return fen if amount.at_most is None else min(fen, int(self.cell(amount.at_most)))

    def source(self, amount: AmountOf) -> int:
        """Return what a table states, or the sum of named amounts, between its bounds."""
        if amount.of is not None:
            plus, minus = (
                sum(self.amounts[name] for name in names)
                for names in (amount.of.plus, amount.of.minus)
            )
            fen = min(rounded(max(plus - minus, 0), "half_up"), AMOUNT_FEN_MAX)
        else:
            assert amount.table is not None
            fen = int(self.cell(amount.table))
        if amount.least is not None:
            fen = max(fen, self.bound(amount.least))
        return fen if amount.most is None else min(fen, self.bound(amount.most))

    def bound(self, bound: Bound) -> int:
        """Return a table's amount, by a factor where there is one."""
        fen = self.cell(bound.table)
        if bound.factor is not None:
            fen *= self.cell(bound.factor)
        return min(rounded(fen, "half_up"), AMOUNT_FEN_MAX)

    def by_factor(self, amount: AmountOf, fen: int) -> int:
        """Return an amount by its factor, in whole fen or whole yuan."""
        exact = Fraction(fen)
        if amount.factor is not None:
            exact *= self.cell(amount.factor)
        unit = amount.rounding.to_fen
        return rounded(exact / unit, amount.rounding.mode) * unit

    def deductible_left(self, deductible: Deductible) -> int:
        """Return how much of a deductible this claim has to bear at most."""
        least = 0
        if deductible.share_of is not None:
            base = self.sum_of(deductible.share_of.base)
            least = rounded(base * self.cell(deductible.share_of.rate), "half_up")
        standard = self.amount(deductible.amount, least)
        left = self.room(standard, deductible.counter, "deductible")
        if deductible.at_most is not None:
            most = int(self.cell(deductible.at_most.table))
            left = min(left, self.room(most, deductible.at_most.counter, "deductible"))
        return left

    # --- one stage -----------------------------------------------------------------------------

    def settle(self, stage: Stage) -> None:
        """Ask a payer the five questions and record what it pays and leaves."""
        named = (*stage.base.plus, *stage.base.minus)
        fine = any(name in self.fine for name in named)
        base = self.base(stage)
        inside = min([base, *self.rooms(stage, CapOn.BASE)])
        kept: Fen = 0
        if stage.keep_back is not None:
            unit = PARTS_OF_A_FEN if fine else 1
            kept = Fraction(rounded(inside * self.cell(stage.keep_back) * unit, "half_up"), unit)
        deductible: Fen = 0
        if stage.deductible is not None:
            deductible = min(inside - kept, self.deductible_left(stage.deductible))
        net = inside - kept - deductible
        left_over = {"base": base, "kept_back": kept, "deductible": deductible, "net": net}
        self.amounts |= {f"{stage.name}.{part}": amount for part, amount in left_over.items()}
        share, own, over = self.shares(stage, net, deductible, fine=fine)
        paid = self.paid(stage, share)
        if stage.advance_for is not None:
            debtor = stage.advance_for.value
            self.owed[debtor] = self.owed.get(debtor, 0) + paid
        left_over |= {"own_share": own, "over_cap": over + base - inside, "paid": paid}
        for part, amount in left_over.items():
            self.amounts[f"{stage.name}.{part}"] = amount
        if fine:
            parts = ("base", "kept_back", "deductible", "net", "over_cap")
            self.fine |= {f"{stage.name}.{part}" for part in parts}
        if solves_back(stage):
            self.fine.add(f"{stage.name}.over_cap")

    def gaps(self) -> set[str]:
        """Return the amounts that cannot be decided, and those that the claim does not state."""
        return self.unstated | {g.amount for g in self.policy.gaps if self.amounts[g.amount] > 0}

    def paid(self, stage: Stage, share: int) -> int:
        """Return what is paid of a share: of the bill no more than is left, beside it all of it."""
        meets = self.meets(stage.when)
        if meets:
            sums = [stage.base, *(each.of for each in stage.amounts() if each.of is not None)]
            named = {name for one in sums for name in (*one.plus, *one.minus)}
            self.unstated |= named & set(CLAIM_AMOUNTS) - set(self.facts.claimed)
        if stage.payee is not None:
            shares = sum(int(self.amounts[name]) for name in stage.instead_of)
            self.replaced[stage.name] = shares if meets else 0
            paid = min(share, PAYOUT_FEN_MAX)
            self.beside += paid
            if stage.payee == "account":
                self.from_balances["account"] -= paid
            return paid
        paid = min(share, int(self.amounts["remaining"]))
        if stage.account_limited:
            paid = min(paid, self.balances[stage.payer])
            self.balances[stage.payer] -= paid
            self.from_balances[stage.payer] += paid
        self.amounts["remaining"] -= paid
        self.payers[stage.payer] = self.payers.get(stage.payer, 0) + paid
        return paid

    def base(self, stage: Stage) -> Fen:
        """Return what the stage looks at; nothing where its condition fails."""
        if not self.meets(stage.when):
            return 0
        if stage.amount is not None:
            return min(self.amount(stage.amount, least=0), AMOUNT_FEN_MAX)
        return self.sum_of(stage.base)

    def meets(self, when: Condition) -> bool:
        """Return whether a claim is of the classes that a condition asks for."""
        for word, classes in when:
            dimension = self.policy.dimensions[word]
            if dimension.values[self.chosen(dimension)] not in classes:
                return False
        return True

    def sum_of(self, base: Base) -> Fen:
        """Return the sum of amounts less others, never below zero."""
        plus = sum(self.amounts[name] for name in base.plus)
        return max(plus - sum(self.amounts[name] for name in base.minus), 0)

    def shares(
        self, stage: Stage, net: Fen, deductible: Fen, *, fine: bool
    ) -> tuple[int, int, Fen]:
        """Return what the payer owes under its caps, the own share, and what lies above."""
        if stage.rate is None:
            mode = "down" if stage.rounding is None else stage.rounding.mode
            share = rounded(net, mode)
            under = min([share, *self.rooms(stage, CapOn.PAYMENT)])
            return under, 0, share - under
        assert stage.rounding is not None
        bands = self.bands(stage, net, deductible)
        above = net - sum(band.width for band in bands)
        if stage.rounding.at is RoundingPoint.BAND:
            pairs = [sides([band], stage.rounding, fine=fine) for band in bands]
        else:
            pairs = [sides(bands, stage.rounding, fine=fine)]
        share, own = sum(pays for pays, _ in pairs), sum(own for _, own in pairs)
        if stage.rate.side is RateSide.TARGET:
            # Others have paid towards the target; where they passed it, less is left to bear.
            counted = sum(rounded(self.amounts[name], "half_up") for name in stage.rate.counting)
            own = max(own - max(counted - share, 0), 0)
            share = max(share - counted, 0)
        floor = stage.rate.floor
        if floor is not None and self.meets(stage.when):
            guaranteed = self.sum_of(floor.of) * self.cell(floor.rate)
            least = max(share, rounded(guaranteed, stage.rounding.mode))
            share, own = least, max(own - (least - share), 0)
        room = min([share, *self.rooms(stage, CapOn.PAYMENT)])
        if room == share:
            return share, own, above
        if not solves_back(stage):
            return room, own, above + share - room
        fits, own = back_solved(bands, room, stage.rounding, fine=fine)
        return room, own, net - fits

    def bands(self, stage: Stage, net: Fen, deductible: Fen) -> list[Band]:
        """Return the part of the net amount in each band; what lies above all is in none."""
        assert stage.rate is not None
        start: Fen = 0
        if stage.bands is not None and stage.bands.along is BandsAlong.RUNNING_TOTAL:
            assert stage.bands.counter is not None
            start = self.facts.counters.get(stage.bands.counter, 0)
        if stage.bands is not None and stage.bands.deductible_inside:
            start += deductible
        factor = None if stage.rate.own_factor is None else self.cell(stage.rate.own_factor)
        whole = stage.bands is not None and stage.bands.apply is BandsApply.WHOLE
        found = []
        floor_of_band: Fen = 0
        for limit, stated in self.cells(stage.rate.table):
            top = start + net if limit is None else min(start + net, limit)
            width = max(top - max(start, floor_of_band), 0)
            own = stated if stage.rate.side is RateSide.OWN else 1 - stated
            if factor is not None:
                own = min(own * factor, Fraction(1))
            pays = self.changed(stage.rate, 1 - own)
            if whole and (limit is None or start + net <= limit):
                return [Band(net, pays, 1 - pays)]
            found.append(Band(width, pays, 1 - pays))
            floor_of_band = limit or 0
        return found

    def changed(self, rate: Rate, pays: Fraction) -> Fraction:
        """Return the payer's rate after points, factor and limits, in this order."""
        for name in rate.points:
            pays += self.cell(name)
        for name, quantity in rate.points_times:
            pays += self.cell(name) * self.facts.quantities[quantity]
        if rate.pays_factor is not None:
            pays *= self.cell(rate.pays_factor)
        most = Fraction(1) if rate.at_most is None else self.cell(rate.at_most)
        return max(Fraction(0), min(pays, most))

    # --- the end -------------------------------------------------------------------------------

    def result(self) -> ReferenceResult:
        """Return the outcome; whatever leaves the waterfall is whole fen, half up."""
        whole = {name: rounded(amount, "half_up") for name, amount in self.amounts.items()}
        counters = dict(self.from_balances)
        for name, counter in self.policy.counters.items():
            counted = sum(whole[part] for part in counter.sums) if counter.sums else 1
            counters[name] = counted if self.meets(counter.when) else 0
        own = [s for s in self.policy.stages if s.deductible and self.meets(s.when)]
        first = own[0].name if own else None
        everything = (*self.policy.stages, *self.policy.payouts)
        stages: dict[str, dict[str, int]] = {stage.name: {} for stage in everything}
        for name, amount in whole.items():
            stage_name, dot, part = name.rpartition(".")
            if dot and part != "before":
                stages[stage_name][part] = amount
        return ReferenceResult(
            payers=self.payers,
            cash=whole["remaining"],
            deductible=0 if first is None else whole[f"{first}.deductible"],
            counters=counters,
            stages=stages,
            payouts=self.beside,
            gaps=frozenset(self.gaps()),
            replaced=self.replaced,
            owed=self.owed,
        )
