"""The amount of a deductible, a cap or a payout in registers (`medsettle.policy.amount_of`)."""

from dataclasses import dataclass

from medsettle import limits
from medsettle.core.money import Rounding
from medsettle.policy.amount_of import AmountOf, Bound
from medsettle.policy.lookups import Lookups
from medsettle.policy.program import Register
from medsettle.policy.rates import denominator


@dataclass(frozen=True, slots=True)
class AmountLowering:
    """Lowers amounts; `named` is the sum an amount is made of, where no table states it."""

    look: Lookups

    def limit(
        self, amount: AmountOf, named: Register | None, least: Register | None = None
    ) -> Register:
        """Return an amount as a limit; no claim looks at more than `BASE_FEN_MAX`, nor does it."""
        # The bound keeps finer scales in int64.
        found = self.of(amount, named, least)
        return self.look.builder.min(found, self.look.builder.constant(limits.BASE_FEN_MAX))

    def of(
        self, amount: AmountOf, named: Register | None, least: Register | None = None
    ) -> Register:
        """Return an amount in fen with everything that changes it.

        Args:
            amount: The amount.
            named: The sum `amount.of` in whole fen; None where a table states the amount.
            least: What it is at least, before the factor; a share of the bill is such (D15).

        Returns:
            Whole fen, not cut off at any bound but `at_most`: a factor may follow a large product.
        """
        build = self.look.builder
        found = self._source(amount, named)
        if amount.rounding.each:
            found = self._rounded(amount, found)
        if amount.times is not None:
            found = build.mul(found, self.look.quantity(amount.times))
        elif amount.counts:
            found = build.mul(found, self._count(amount.counts))
        if least is not None:
            found = build.max(found, least)
        if not amount.rounding.each:
            found = self._rounded(amount, found)
        for name, quantity in amount.plus:
            more = self.look.amount_cell(name)
            if quantity is not None:
                more = build.mul(more, self.look.quantity(quantity))
            found = build.add(found, more)
        if amount.at_most is not None:
            found = build.min(found, self.look.amount_cell(amount.at_most))
        return found

    def _source(self, amount: AmountOf, named: Register | None) -> Register:
        """Return the amount stated or summed, between its bounds."""
        build = self.look.builder
        if named is None:
            assert amount.table is not None
            found = self.look.amount_cell(amount.table)
        else:
            found = build.min(named, build.constant(limits.AMOUNT_FEN_MAX))
        if amount.least is not None:
            found = build.max(found, self._bound(amount.least))
        if amount.most is not None:
            found = build.min(found, self._bound(amount.most))
        return found

    def _bound(self, bound: Bound) -> Register:
        found = self.look.amount_cell(bound.table)
        if bound.factor is not None:
            found = self._times_factor(found, bound.factor, 1, Rounding.HALF_UP)
        # A bound above what any amount can be bounds nothing.
        return self.look.builder.min(found, self.look.builder.constant(limits.AMOUNT_FEN_MAX))

    def _rounded(self, amount: AmountOf, found: Register) -> Register:
        """Return an amount by its factor, rounded once."""
        rounding = amount.rounding
        if amount.factor is not None:
            return self._times_factor(found, amount.factor, rounding.to_fen, rounding.mode)
        if rounding.to_fen == 1:
            return found
        build = self.look.builder
        whole = build.share(found, build.constant(1), rounding.to_fen, rounding.mode)
        return build.mul(whole, build.constant(rounding.to_fen))

    def _times_factor(self, found: Register, factor: str, to_fen: int, mode: Rounding) -> Register:
        build, table = self.look.builder, self.look.policy.tables[factor]
        whole = denominator(table)
        rounded = build.share(found, self.look.cells(table, 0, whole), whole * to_fen, mode)
        return build.mul(rounded, build.constant(to_fen))

    def _count(self, counts: tuple[tuple[str, str | None], ...]) -> Register:
        """Return how many all tables of counts say together, `TIMES_MAX` at most."""
        build, terms = self.look.builder, []
        for name, quantity in counts:
            term = self.look.amount_cell(name)
            if quantity is not None:
                term = build.mul(term, self.look.quantity(quantity))
            terms.append(term)
        return build.min(build.sum(terms), build.constant(limits.TIMES_MAX))
