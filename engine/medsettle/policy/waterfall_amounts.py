"""The named amounts of a waterfall while its program is built, in registers of the same names.

An amount carries a scale: whole fen, or parts of a fen where a cap was solved back. What it says of
its bounds is proved here once for all that names it: what one stage left adds up to no more than
the stage looked at.
"""

from dataclasses import dataclass, field

from medsettle import limits
from medsettle.core.money import Rounding
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy.amount_of import AmountOf, Base
from medsettle.policy.amount_registers import AmountLowering
from medsettle.policy.bands import Amount, lifted
from medsettle.policy.lookups import Lookups
from medsettle.policy.model import BEFORE, Cap, Policy, Stage
from medsettle.policy.program import Builder, Register

# What a stage leaves apart from one another: no part of its base is in two of them.
_PARTS_OF_BASE = {"kept_back", "deductible", "own_share", "over_cap", "paid"}


@dataclass
class Amounts:
    """The amounts known so far, what nobody has paid yet, and the most each stage looks at."""

    policy: Policy
    look: Lookups
    builder: Builder
    remaining: Register
    named: dict[str, Amount] = field(default_factory=dict)
    base_fen_max: dict[str, int] = field(default_factory=dict)

    def fen(self, amount: Amount) -> Register:
        """Return an amount in whole fen, half up where it is finer."""
        if amount.scale == 1:
            return amount.register
        one = self.builder.constant(1)
        return self.builder.share(amount.register, one, amount.scale, Rounding.HALF_UP)

    def sum(self, names: tuple[str, ...], scale: int) -> Register:
        """Return a sum of named amounts; what one stage left adds up to no more than its base."""
        build = self.builder
        total = build.constant(0)
        for stage in dict.fromkeys(name.rpartition(".")[0] for name in names):
            own = [name for name in names if name.rpartition(".")[0] == stage]
            part = build.sum([lifted(build, self.of(name), scale) for name in own])
            parts = {name.rpartition(".")[2] for name in own}
            if stage and parts <= _PARTS_OF_BASE and len(parts) == len(own):
                part = build.at_most(part, self.base_fen_max[stage] * scale)
            total = build.add(total, part)
        return total

    def base(self, base: Base) -> Amount:
        """Return a sum of amounts less others, never below zero, at the finest scale of them."""
        names = (*base.plus, *base.minus)
        scale = max((self.of(name).scale for name in names), default=1)
        plus, minus = self.sum(base.plus, scale), self.sum(base.minus, scale)
        return Amount(self.builder.excess(plus, minus), scale)

    def of(self, name: str) -> Amount:
        """Return a named amount; `remaining` is what nobody has paid so far."""
        if name == "remaining":
            return Amount(self.remaining)
        if name not in self.named:
            self.named[name] = Amount(self._stated(name))
        return self.named[name]

    def _stated(self, name: str) -> Register:
        """Return an amount of the claim beside the bill, or what a counter held before it."""
        head, _, part = name.rpartition(".")
        if part == BEFORE:
            return self.look.counter(head)
        assert name in CLAIM_AMOUNTS, name
        return self.builder.input(f"claim:{name}", 0, limits.CLAIM_TOTAL_FEN_MAX)

    def stated(self, amount: AmountOf, least: Register | None = None) -> Register:
        """Return an amount in fen, as a limit (`medsettle.policy.amount_of`)."""
        named = None if amount.of is None else self.fen(self.base(amount.of))
        return AmountLowering(self.look).limit(amount, named, least)

    def room(self, limit: Register, counter: str | None, part: str = "") -> Register:
        """Return what a limit leaves, in this settlement or in the period of its counter.

        Where the counter adds up the `part` of several stages, what earlier stages of this claim
        put into it is used as well: two funds under one cap never pass it together.
        """
        if counter is None:
            return limit
        build, counted = self.builder, self.policy.counters[counter]
        names = [name for name in counted.sums if name in self.named]
        used = build.sum(
            [self.fen(self.named[name]) for name in names if name.endswith(f".{part}")]
        )
        if counted.when:
            used = build.select(self.look.meets(counted.when), used, build.constant(0))
        return build.excess(limit, build.add(self.look.counter(counter), used))

    def limit(self, stage: Stage, cap: Cap) -> Register:
        """Return the amount of a cap, with everything that changes it (C5, C6, C11, C14)."""
        limit = self.stated(cap.amount)
        detail = f"detail:{stage.name}.cap_{stage.caps.index(cap)}"
        if detail not in self.builder.outputs:  # A cap may stand there twice.
            self.builder.output(detail, limit)
        return limit

    def add(self, a: Amount, b: Amount) -> Amount:
        """Return the sum of two amounts at the finer scale of the two."""
        # The scale is the document's and not the optimiser's: an amount that is proved to be zero
        # still makes the sum finer, or a wider bound would change how later stages round.
        scale = max(a.scale, b.scale)
        build = self.builder
        return Amount(build.add(lifted(build, a, scale), lifted(build, b, scale)), scale)
