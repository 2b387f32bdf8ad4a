"""Lower a checked policy to a program: each stage asks its five questions in registers.

The order of questions is the one of the design: base, first share kept back, deductible, bands and
rates, caps. What a stage leaves (`base`, `kept_back`, `deductible`, `net`, `own_share`, `over_cap`,
`paid`) may be named by every later stage.

Worked example, the stay of case WC-001: 164,411.81 in scope, 650 deductible. Bands 29,350 and
10,000 leave own shares of 2,641.50 and 600.00; the cap has room for 91,759.51, so the third band
takes (91,759.51 - 36,108.50) / 97 % = 57,372.1753 of the base, own share 1,721.17, and the
67,039.6347 that remain are the base of the next payer.
"""

from dataclasses import dataclass, field

from medsettle import limits
from medsettle.core import codes
from medsettle.core.money import Rounding
from medsettle.policy.area import Area
from medsettle.policy.bands import (
    Amount,
    Band,
    Solved,
    lifted,
    rounded_once,
    solved_once,
    solved_per_band,
    widths,
)
from medsettle.policy.lookups import Lookups, denominator, rate_divisor
from medsettle.policy.model import (
    ACCOUNT_COUNTER,
    STAGE_AMOUNTS,
    BandsAlong,
    CapOn,
    Excess,
    Policy,
    Rate,
    RateSide,
    RoundingPoint,
    RoundingSide,
    Stage,
)
from medsettle.policy.program import Builder, Program, Register

# What a stage leaves apart from one another: no part of its base is in two of them.
_PARTS_OF_BASE = {"kept_back", "deductible", "own_share", "over_cap", "paid"}
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
    amounts: dict[str, Amount] = field(default_factory=dict)
    remaining: Register = field(init=False)
    paid: dict[str, list[Register]] = field(default_factory=dict)
    from_account: list[Register] = field(default_factory=list)
    base_fen_max: dict[str, int] = field(default_factory=dict)
    look: Lookups = field(init=False)

    def __post_init__(self) -> None:
        self.look = Lookups(self.policy, self.epochs, self.builder)

    def lower(self) -> Program:
        """Return the program of the whole waterfall."""
        self._pots()
        for stage in self.policy.stages:
            self._stage(stage)
        build = self.builder
        for payer in codes.PAYER_NAMES:
            build.output(f"payer:{payer}", build.sum(self.paid.get(payer, [])))
        build.output("cash", self.remaining)
        if self.from_account:
            build.output(f"counter:{ACCOUNT_COUNTER}", build.sum(self.from_account))
        first = next((stage for stage in self.policy.stages if stage.deductible), None)
        met = self.amounts[f"{first.name}.deductible"] if first else Amount(build.constant(0))
        build.output("deductible", self._fen(met))
        for name, counter in self.policy.counters.items():
            added = [self._fen(self._named(amount)) for amount in counter.sums]
            build.output(f"counter:{name}", build.sum(added) if added else build.constant(1))
        for gap in self.policy.gaps:
            build.output(f"gap:{gap.amount}", self._named(gap.amount).register)
        return build.program()

    def _pots(self) -> None:
        build = self.builder
        for pot in (*codes.POT_NAMES, *self.area.special_pots):
            register = build.input(f"pot:{pot}", 0, limits.AMOUNT_FEN_MAX)
            self.amounts[pot] = Amount(register)
        total = build.input("total", 0, limits.AMOUNT_FEN_MAX)
        self.amounts["total"] = Amount(total)
        scope = [self.amounts[pot].register for pot in ("in_scope", *self.area.special_pots)]
        self.amounts["in_scope_total"] = Amount(build.sum(scope))
        self.remaining = total

    # --- pieces ----------------------------------------------------------------------------

    def _balance(self) -> Register:
        """Return what the account may pay: its balance, or nothing where it is not used."""
        build = self.builder
        balance = build.input(f"counter:{ACCOUNT_COUNTER}", 0, limits.AMOUNT_FEN_MAX)
        allowed = build.input("account_used", 0, 1)
        return build.select(allowed, balance, build.constant(0))

    def _fen(self, amount: Amount) -> Register:
        """Return an amount in whole fen, half up where it is finer."""
        if amount.scale == 1:
            return amount.register
        one = self.builder.constant(1)
        return self.builder.share(amount.register, one, amount.scale, Rounding.HALF_UP)

    def _sum(self, names: tuple[str, ...], scale: int) -> Register:
        """Return a sum of named amounts; what one stage left adds up to no more than its base."""
        build = self.builder
        total = build.constant(0)
        for stage in dict.fromkeys(name.rpartition(".")[0] for name in names):
            own = [name for name in names if name.rpartition(".")[0] == stage]
            part = build.sum([lifted(build, self._named(name), scale) for name in own])
            parts = {name.rpartition(".")[2] for name in own}
            if stage and parts <= _PARTS_OF_BASE and len(parts) == len(own):
                part = build.at_most(part, self.base_fen_max[stage] * scale)
            total = build.add(total, part)
        return total

    def _named(self, name: str) -> Amount:
        return Amount(self.remaining) if name == "remaining" else self.amounts[name]

    # --- the five questions ------------------------------------------------------------------

    def _stage(self, stage: Stage) -> None:
        build = self.builder
        base = self._base(stage)
        scale = base.scale
        self.base_fen_max[stage.name] = base.register.high // scale + _ROUNDED_UP_FEN_MAX
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
        share, own, over = self._shares(stage, net, deductible)
        over = self._add(over, over_base)
        paid = build.min(share, self.remaining)
        if stage.account_limited:
            balance = build.within(self._balance(), build.sum(self.from_account))
            paid = build.min(paid, balance)
            self.from_account.append(paid)
        self.remaining = build.within(self.remaining, paid)
        self.paid.setdefault(stage.payer, []).append(paid)
        left = {
            "base": base,
            "kept_back": Amount(kept, scale),
            "deductible": Amount(deductible, scale),
            "net": net,
            "own_share": Amount(own),
            "over_cap": over,
            "paid": Amount(paid),
        }
        assert set(left) == set(STAGE_AMOUNTS)
        for part, amount in left.items():
            self.amounts[f"{stage.name}.{part}"] = amount
            build.output(f"stage:{stage.name}.{part}", self._fen(amount))

    def _base(self, stage: Stage) -> Amount:
        """Return what the stage looks at: a sum less others, 0 where its condition fails."""
        build = self.builder
        names = (*stage.base.plus, *stage.base.minus)
        scale = max((self._named(name).scale for name in names), default=1)
        plus, minus = self._sum(stage.base.plus, scale), self._sum(stage.base.minus, scale)
        base = build.excess(plus, minus)
        for name, classes in stage.when:
            dimension = self.look.dimension(name)
            known = self.policy.dimensions[name].values
            chosen = [build.equal(dimension, build.constant(known.index(word))) for word in classes]
            base = build.select(build.sum(chosen), base, build.constant(0))
        return Amount(base, scale)

    def _room(self, limit: Register, counter: str | None, part: str = "") -> Register:
        """Return what a limit leaves, in this settlement or in the period of its counter.

        Where the counter adds up the `part` of several stages, what earlier stages of this claim
        put into it is used as well: two funds under one cap never pass it together.
        """
        if counter is None:
            return limit
        names = [name for name in self.policy.counters[counter].sums if name in self.amounts]
        used = [self._fen(self.amounts[name]) for name in names if name.endswith(f".{part}")]
        return self.builder.excess(limit, self.builder.sum([self.look.counter(counter), *used]))

    def _cap_base(self, stage: Stage, base: Amount) -> tuple[Amount, Amount]:
        """Return the part of the base under every cap on the base, and the part above (C2)."""
        build = self.builder
        inside = base.register
        for cap in stage.caps:
            if cap.on is CapOn.BASE:
                room = Amount(self._room(self.look.amount_cell(cap.table), cap.counter))
                inside = build.min(inside, lifted(self.builder, room, base.scale))
        return Amount(inside, base.scale), Amount(build.within(base.register, inside), base.scale)

    def _deductible(self, stage: Stage, after: Amount) -> Register:
        """Return the deductible met here, at the scale of the amount it is met from (D2-D4)."""
        build = self.builder
        if stage.deductible is None:
            return build.constant(0)
        standard = self.look.amount_cell(stage.deductible.table)
        left = Amount(self._room(standard, stage.deductible.counter, "deductible"))
        build.output(f"detail:{stage.name}.deductible_standard", standard)
        return build.min(after.register, lifted(self.builder, left, after.scale))

    def _add(self, a: Amount, b: Amount) -> Amount:
        # The scale is the document's and not the optimiser's: an amount that is proved to be zero
        # still makes the sum finer, or a wider bound would change how later stages round.
        scale = max(a.scale, b.scale)
        build = self.builder
        return Amount(build.add(lifted(build, a, scale), lifted(build, b, scale)), scale)

    def _shares(
        self, stage: Stage, net: Amount, deductible: Register
    ) -> tuple[Register, Register, Amount]:
        """Return the stage's share under its caps, the own share, and what lies above."""
        build = self.builder
        if stage.rate is None:
            mode = stage.rounding.mode if stage.rounding else Rounding.DOWN
            share = build.share(net.register, build.constant(1), net.scale, mode)
            return self._cap_plain(stage, share)
        assert stage.rounding is not None
        divisor = rate_divisor(self.policy, stage.rate)
        bands, above = self._bands(stage, net, deductible, divisor)
        share = build.sum([band.share for band in bands])
        own = build.sum([band.own for band in bands])
        if stage.rounding.at is RoundingPoint.STAGE and len(bands) > 1:
            share, own = rounded_once(build, bands, divisor, stage.rounding)
        if stage.rate.side is RateSide.TARGET:
            # Others have paid towards the target, and where they passed it less is left to bear.
            names = stage.rate.counting
            counted = build.sum([self._fen(self._named(name)) for name in names])
            own = build.excess(own, build.excess(counted, share))
            share = build.excess(share, counted)
        share, own, over = self._cap_share(stage, bands, divisor, (share, own))
        return share, own, self._add(over, above)

    def _payment_rooms(self, stage: Stage) -> list[Register]:
        """Return what each cap on payment leaves."""
        return [
            self._room(self.look.amount_cell(cap.table), cap.counter, "paid")
            for cap in stage.caps
            if cap.on is CapOn.PAYMENT
        ]

    def _cap_plain(self, stage: Stage, share: Register) -> tuple[Register, Register, Amount]:
        """Return share, own and over-cap of a stage that pays all of its base up to a cap."""
        build = self.builder
        inside = share
        for room in self._payment_rooms(stage):
            inside = build.min(inside, room)
        return inside, build.constant(0), Amount(build.within(share, inside))

    def _bands(
        self, stage: Stage, net: Amount, deductible: Register, divisor: int
    ) -> tuple[list[Band], Amount]:
        """Return the part of the net amount in each band with its shares, and what lies above."""
        assert stage.rate is not None
        table = self.policy.tables[stage.rate.table]
        if not table.banded:
            return [self._band(stage, net, 0, divisor)], Amount(self.builder.constant(0))
        start = self._band_start(stage, Amount(deductible, net.scale))
        # An open band ends where no claim gets to.
        open_fen = (start.high + net.register.high) // net.scale + 1
        ceilings = [
            lifted(self.builder, Amount(self.look.band_limit(table, column, open_fen)), net.scale)
            for column in range(max(len(version.limits_fen) for version in table.versions))
        ]
        parts, above = widths(self.builder, start, net.register, ceilings)
        bands = []
        for column, part in enumerate(parts):
            width = Amount(part, net.scale)
            bands.append(self._band(stage, width, column, divisor))
            self.builder.output(f"detail:{stage.name}.band_{column}", self._fen(width))
        return bands, Amount(above, net.scale)

    def _band_start(self, stage: Stage, deductible: Amount) -> Register:
        """Return where on the bands this claim begins (B2, B3, B3b)."""
        build = self.builder
        start = build.constant(0)
        if stage.bands is None:
            return start
        if stage.bands.along is BandsAlong.RUNNING_TOTAL:
            assert stage.bands.counter is not None
            start = lifted(
                self.builder, Amount(self.look.counter(stage.bands.counter)), deductible.scale
            )
        if stage.bands.deductible_inside:
            start = build.add(start, deductible.register)
        return start

    def _band(self, stage: Stage, width: Amount, column: int, divisor: int) -> Band:
        build = self.builder
        rate, rounding = stage.rate, stage.rounding
        assert rate is not None and rounding is not None
        pays, own_rate = self._rates(rate, column, divisor)
        build.output(f"detail:{stage.name}.pays_{column}", pays)
        amount, whole = width.register, divisor * width.scale
        if rounding.side is RoundingSide.OWN or width.scale > 1:
            own = build.share(amount, own_rate, whole, rounding.mode)
        if rounding.side is RoundingSide.PAYER or width.scale > 1:
            share = build.share(amount, pays, whole, rounding.mode)
        # Whole fen: the other side is the difference, so that the two add up. At a finer scale
        # there is no whole difference; each side is rounded on its own and cash closes the sum.
        if width.scale == 1 and rounding.side is RoundingSide.OWN:
            share = build.within(amount, own)
        elif width.scale == 1:
            own = build.within(amount, share)
        build.output(f"detail:{stage.name}.share_{column}", share)
        build.output(f"detail:{stage.name}.own_{column}", own)
        return Band(width, pays, own_rate, share, own)

    def _rates(self, rate: Rate, column: int, divisor: int) -> tuple[Register, Register]:
        """Return what the payer pays and what is left, both over the divisor (R1, R5)."""
        build = self.builder
        table = self.policy.tables[rate.table]
        whole = denominator(table)
        stated = self.look.cells(table, column, whole)
        if rate.own_factor is None:
            other = build.within(build.constant(divisor), stated)
            return (other, stated) if rate.side is RateSide.OWN else (stated, other)
        factor_table = self.policy.tables[rate.own_factor]
        factor = self.look.cells(factor_table, 0, denominator(factor_table))
        own = stated
        if rate.side is RateSide.PAYS:
            own = build.within(build.constant(whole), stated)
        own = build.min(build.mul(own, factor), build.constant(divisor))
        return build.within(build.constant(divisor), own), own

    def _cap_share(
        self,
        stage: Stage,
        bands: list[Band],
        divisor: int,
        shares: tuple[Register, Register],
    ) -> tuple[Register, Register, Amount]:
        """Return share and own share under the caps on payment, and what lies above (B7)."""
        build = self.builder
        share, own = shares
        caps = [cap for cap in stage.caps if cap.on is CapOn.PAYMENT]
        if not caps:
            return share, own, Amount(build.constant(0))
        rooms = self._payment_rooms(stage)
        room = rooms[0]
        for other in rooms[1:]:
            room = build.min(room, other)
        build.output(f"detail:{stage.name}.room", room)
        paid = build.min(share, room)
        if caps[0].excess is Excess.UNPAID_SHARE:
            return paid, own, Amount(build.within(share, paid))
        capped = build.sub(build.constant(1), build.at_least(room, share))
        scale = limits.SUBFEN
        solved = self._solve_back(stage, bands, divisor, room)
        net = build.sum([lifted(build, band.width, scale) for band in bands])
        over = build.select(capped, build.within(net, build.sum(solved.fits)), build.constant(0))
        return paid, build.select(capped, solved.own, own), Amount(over, scale)

    def _solve_back(self, stage: Stage, bands: list[Band], divisor: int, room: Register) -> Solved:
        """Return the part of the bands that fits under the room, and its own share."""
        build = self.builder
        assert stage.rounding is not None
        once = stage.rounding.at is RoundingPoint.STAGE and len(bands) > 1
        solve = solved_once if once else solved_per_band
        solved = solve(build, bands, divisor, room, stage.rounding.mode)
        for column, (fit, own) in enumerate(zip(solved.fits, solved.owns, strict=True)):
            fitting = self._fen(Amount(fit, limits.SUBFEN))
            build.output(f"detail:{stage.name}.fit_{column}", fitting)
            build.output(f"detail:{stage.name}.fit_own_{column}", own)
        return solved


def epochs_of(policy: Policy) -> tuple[int, ...]:
    """Return the ordinals of the days on which some table of the policy changes, rising."""
    starts = {policy.in_force_from.toordinal()}
    for table in policy.tables.values():
        starts |= {version.start.toordinal() for version in table.versions}
    return tuple(sorted(starts))
