"""Lower a checked policy to a program: each stage asks its five questions in registers.

The order of questions is the one of the design: base, first share kept back, deductible, bands and
rates, caps. What a stage leaves (`base`, `kept_back`, `deductible`, `net`, `own_share`, `over_cap`,
`paid`) may be named by every later stage.

Worked example, the stay of case WC-001: 164,411.81 in scope, 650 deductible. Bands 29,350 and
10,000 leave own shares of 2,641.50 and 600.00; the cap has room for 91,759.51, so the third band
takes (91,759.51 - 36,108.50) / 97 % = 57,372.1753 of the base, own share 1,721.17, and the
67,039.6347 that remain are the base of the next payer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from medsettle import limits
from medsettle.core import codes
from medsettle.core.codes import Payee
from medsettle.core.money import Rounding
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy.area import Area
from medsettle.policy.bands import Amount, lifted
from medsettle.policy.lookups import Lookups
from medsettle.policy.model import ACCOUNT_COUNTER, STAGE_AMOUNTS, CapOn, Deductible, Policy, Stage
from medsettle.policy.program import Builder, Program, Register
from medsettle.policy.rates import denominator
from medsettle.policy.shares import Shares
from medsettle.policy.waterfall_amounts import Amounts

# Each side of each band may be rounded up by less than a fen, and a base with parts of a fen ends
# inside one.
_ROUNDED_UP_FEN_MAX = 2 * limits.BANDS_PER_STAGE_MAX + 1


@dataclass
class Lowering:
    """Builds the program of one policy."""

    policy: Policy
    area: Area
    epochs: tuple[int, ...]
    builder: Builder = field(default_factory=Builder)
    paid: dict[str, list[Register]] = field(default_factory=dict)
    from_account: list[Register] = field(default_factory=list)
    beside: dict[str, Register] = field(default_factory=dict)
    look: Lookups = field(init=False)
    amounts: Amounts = field(init=False)
    shares: Shares = field(init=False)

    def __post_init__(self) -> None:
        self.look = Lookups(self.policy, self.epochs, self.builder)
        total = self.builder.input("total", 0, limits.AMOUNT_FEN_MAX)
        self.amounts = Amounts(self.policy, self.look, self.builder, total)
        self.shares = Shares(self.policy, self.look, self.builder, self.amounts)

    def lower(self) -> Program:
        """Return the program of the whole waterfall."""
        self._pots()
        for stage in self.policy.all_stages:
            self._stage(stage)
        build = self.builder
        for payer in codes.PAYER_NAMES:
            build.output(f"payer:{payer}", build.sum(self.paid.get(payer, [])))
        build.output("cash", self.amounts.remaining)
        build.output("payouts", build.sum(list(self.beside.values())))
        for payout in self.policy.payouts:
            build.output(f"replaced:{payout.name}", self._replaced(payout))
        for name in self._unstated():
            build.output(f"gap:{name}", self._missed(name))
        credits = [self.beside[each.name] for each in self._credits()]
        if self.from_account or credits:
            taken = build.sub(build.sum(self.from_account), build.sum(credits))
            build.output(f"counter:{ACCOUNT_COUNTER}", taken)
        build.output("deductible", self._deductible_met())
        for name, counter in self.policy.counters.items():
            added = [self.amounts.fen(self.amounts.of(amount)) for amount in counter.sums]
            counted = build.sum(added) if added else build.constant(1)
            if counter.when:
                meets = self.look.meets(counter.when)
                counted = build.select(meets, counted, build.constant(0))
            build.output(f"counter:{name}", counted)
        for gap in self.policy.gaps:
            build.output(f"gap:{gap.amount}", self.amounts.of(gap.amount).register)
        return build.program()

    def _pots(self) -> None:
        build, named = self.builder, self.amounts.named
        for pot in (*codes.POT_NAMES, *self.area.special_pots):
            named[pot] = Amount(build.input(f"pot:{pot}", 0, limits.AMOUNT_FEN_MAX))
        named["total"] = Amount(self.amounts.remaining)
        scope = [named[pot].register for pot in ("in_scope", *self.area.special_pots)]
        named["in_scope_total"] = Amount(build.sum(scope))

    # --- pieces ----------------------------------------------------------------------------

    def _deductible_met(self) -> Register:
        """Return the deductible of the first stage that has one and is for claims of this kind."""
        build = self.builder
        met = build.constant(0)
        for stage in reversed([stage for stage in self.policy.stages if stage.deductible]):
            own = self.amounts.fen(self.amounts.named[f"{stage.name}.deductible"])
            met = build.select(self.look.meets(stage.when), own, met)
        return met

    def _replaced(self, payout: Stage) -> Register:
        """Return the shares of the bill in whose place a payout is paid, where it is paid."""
        build = self.builder
        shares = [self.amounts.fen(self.amounts.of(name)) for name in payout.instead_of]
        return build.select(self.look.meets(payout.when), build.sum(shares), build.constant(0))

    def _unstated(self) -> list[str]:
        """Return the amounts of a claim that some stage looks at."""
        return [name for name in CLAIM_AMOUNTS if any(self._looks_at(name))]

    def _looks_at(self, name: str) -> Iterator[Stage]:
        """Yield the stages that look at an amount of the claim."""
        for stage in self.policy.all_stages:
            bases = [stage.base, *(each.of for each in stage.amounts() if each.of is not None)]
            if any(name in (*base.plus, *base.minus) for base in bases):
                yield stage

    def _missed(self, name: str) -> Register:
        """Return 1 where a stage for this claim looks at an amount that it does not state."""
        build = self.builder
        looks = [self.look.meets(stage.when) for stage in self._looks_at(name)]
        asked = build.min(build.sum(looks), build.constant(1))
        stated = build.input(f"stated:{name}", 0, 1)
        return build.mul(asked, build.sub(build.constant(1), stated))

    def _credits(self) -> list[Stage]:
        """Return the payouts that go to the personal account."""
        return [each for each in self.policy.payouts if each.payee is Payee.ACCOUNT]

    def _balance(self) -> Register:
        """Return what the account may pay: its balance, or nothing where it is not used."""
        build = self.builder
        balance = self.look.counter(ACCOUNT_COUNTER)
        allowed = build.input("account_used", 0, 1)
        return build.select(allowed, balance, build.constant(0))

    # --- the five questions ------------------------------------------------------------------

    def _stage(self, stage: Stage) -> None:
        build = self.builder
        base = self._base(stage)
        scale = base.scale
        self.amounts.base_fen_max[stage.name] = base.register.high // scale + _ROUNDED_UP_FEN_MAX
        inside, over_base = self._cap_base(stage, base)
        kept = build.constant(0)
        if stage.keep_back is not None:
            table = self.policy.tables[stage.keep_back]
            divisor = denominator(table)
            rate = self.look.cells(table, 0, divisor)
            kept = build.share(inside.register, rate, divisor, Rounding.HALF_UP)
        after = Amount(build.within(inside.register, kept), scale)
        deductible = self._deductible(stage, after)
        net = Amount(build.within(after.register, deductible), scale)
        left = {
            "base": base,
            "kept_back": Amount(kept, scale),
            "deductible": Amount(deductible, scale),
            "net": net,
        }
        self.amounts.named |= {f"{stage.name}.{part}": amount for part, amount in left.items()}
        share, own, over = self.shares.of(stage, net, deductible)
        over = self.amounts.add(over, over_base)
        paid = self._paid(stage, share)
        left |= {"own_share": Amount(own), "over_cap": over, "paid": Amount(paid)}
        assert set(left) == set(STAGE_AMOUNTS)
        for part, amount in left.items():
            self.amounts.named[f"{stage.name}.{part}"] = amount
            build.output(f"stage:{stage.name}.{part}", self.amounts.fen(amount))
            if amount.scale > 1:
                # In 1/SUBFEN fen, which is 1/10^4: explanations show what was multiplied.
                build.output(f"detail:{stage.name}.{part}_e4", amount.register)
        build.output(f"detail:{stage.name}.share", share)

    def _paid(self, stage: Stage, share: Register) -> Register:
        """Return what a stage pays of its share: of the bill no more than is left of it."""
        build = self.builder
        if stage.payee is not None:
            paid = build.min(share, build.constant(limits.PAYOUT_FEN_MAX))
            self.beside[stage.name] = paid
            return paid
        paid = build.min(share, self.amounts.remaining)
        if stage.account_limited:
            balance = build.within(self._balance(), build.sum(self.from_account))
            paid = build.min(paid, balance)
            self.from_account.append(paid)
        self.amounts.remaining = build.within(self.amounts.remaining, paid)
        self.paid.setdefault(stage.payer, []).append(paid)
        return paid

    def _base(self, stage: Stage) -> Amount:
        """Return what the stage looks at: a sum less others, 0 where its condition fails."""
        base = self.amounts.base(stage.base)
        if stage.amount is not None:
            most = self.builder.constant(limits.AMOUNT_FEN_MAX)
            base = Amount(self.builder.min(self.amounts.stated(stage.amount), most))
        meets = self.look.meets(stage.when)
        return Amount(
            self.builder.select(meets, base.register, self.builder.constant(0)), base.scale
        )

    def _cap_base(self, stage: Stage, base: Amount) -> tuple[Amount, Amount]:
        """Return the part of the base under every cap on the base, and the part above (C2)."""
        build = self.builder
        inside = base.register
        for cap in stage.caps:
            if cap.on is CapOn.BASE:
                room = Amount(self.amounts.room(self.amounts.limit(stage, cap), cap.counter))
                inside = build.min(inside, lifted(self.builder, room, base.scale))
        return Amount(inside, base.scale), Amount(build.within(base.register, inside), base.scale)

    def _deductible(self, stage: Stage, after: Amount) -> Register:
        """Return the deductible met here, at the scale of the amount it is met from (D2-D5)."""
        build, deductible = self.builder, stage.deductible
        if deductible is None:
            return build.constant(0)
        standard = self._standard(stage, deductible)
        build.output(f"detail:{stage.name}.deductible_standard", standard)
        left = self.amounts.room(standard, deductible.counter, "deductible")
        if deductible.at_most is not None:
            most = self.look.amount_cell(deductible.at_most.table)
            room = self.amounts.room(most, deductible.at_most.counter, "deductible")
            left = build.min(left, room)
        return build.min(after.register, lifted(build, Amount(left), after.scale))

    def _standard(self, stage: Stage, deductible: Deductible) -> Register:
        """Return the deductible of this settlement before anything is counted (D13, D15)."""
        build, tables = self.builder, self.policy.tables
        share = None
        if deductible.share_of is not None:
            base = self.amounts.base(deductible.share_of.base)
            table = tables[deductible.share_of.rate]
            whole = denominator(table)
            rate = self.look.cells(table, 0, whole)
            share = build.share(base.register, rate, whole * base.scale, Rounding.HALF_UP)
            build.output(f"detail:{stage.name}.deductible_share", share)
        return self.amounts.stated(deductible.amount, share)


def epochs_of(policy: Policy) -> tuple[int, ...]:
    """Return the ordinals of the days on which some table of the policy changes, rising."""
    starts = {policy.in_force_from.toordinal()}
    for table in policy.tables.values():
        starts |= {version.start.toordinal() for version in table.versions}
    return tuple(sorted(starts))
