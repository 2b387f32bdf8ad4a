"""What a stage pays of its net amount, in registers: bands, rates, rounding, caps on payment."""

from dataclasses import dataclass

from medsettle import limits
from medsettle.core.money import Rounding
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
from medsettle.policy.lookups import Lookups
from medsettle.policy.model import (
    BandsAlong,
    BandsApply,
    CapOn,
    Excess,
    Floor,
    Policy,
    RateSide,
    RoundingPoint,
    RoundingSide,
    Stage,
)
from medsettle.policy.program import Builder, Register
from medsettle.policy.rates import denominator, rate_divisor, rate_registers
from medsettle.policy.waterfall_amounts import Amounts


@dataclass(frozen=True, slots=True)
class Shares:
    """Lowers bands, rates and caps on payment of the stages of one policy."""

    policy: Policy
    look: Lookups
    builder: Builder
    amounts: Amounts

    def of(
        self, stage: Stage, net: Amount, deductible: Register
    ) -> tuple[Register, Register, Amount]:
        """Return the stage's share under its caps, the own share, and what lies above."""
        build = self.builder
        if stage.rate is None:
            mode = stage.rounding.mode if stage.rounding else Rounding.DOWN
            share = build.share(net.register, build.constant(1), net.scale, mode)
            return self._cap_plain(stage, share)
        assert stage.rounding is not None
        divisor = rate_divisor(self.policy.tables, stage.rate)
        bands, above = self._bands(stage, net, deductible, divisor)
        share = build.sum([band.share for band in bands])
        own = build.sum([band.own for band in bands])
        if stage.rounding.at is RoundingPoint.STAGE and len(bands) > 1:
            share, own = rounded_once(build, bands, divisor, stage.rounding)
        if stage.rate.side is RateSide.TARGET:
            # Others have paid towards the target, and where they passed it less is left to bear.
            names = stage.rate.counting
            counted = build.sum([self.amounts.fen(self.amounts.of(name)) for name in names])
            own = build.excess(own, build.excess(counted, share))
            share = build.excess(share, counted)
        if stage.rate.floor is not None:
            share, own = self._raised(stage, stage.rate.floor, share, own)
        share, own, over = self._cap_share(stage, bands, divisor, (share, own))
        return share, own, self.amounts.add(over, above)

    def _raised(
        self, stage: Stage, floor: Floor, share: Register, own: Register
    ) -> tuple[Register, Register]:
        """Return share and own share where a part of some amounts is guaranteed (R9)."""
        assert stage.rounding is not None
        build, table = self.builder, self.policy.tables[floor.rate]
        base, whole = self.amounts.base(floor.of), denominator(table)
        rate, mode = self.look.cells(table, 0, whole), stage.rounding.mode
        guaranteed = build.share(base.register, rate, whole * base.scale, mode)
        guaranteed = build.select(self.look.meets(stage.when), guaranteed, build.constant(0))
        # It may pay more than the stage looks at, so its parts add up to more than its base.
        self.amounts.base_fen_max[stage.name] += guaranteed.high
        raise_by = build.excess(guaranteed, share)
        build.output(f"detail:{stage.name}.floor", guaranteed)
        build.output(f"detail:{stage.name}.floor_adds", raise_by)
        return build.max(share, guaranteed), build.excess(own, raise_by)

    def _payment_rooms(self, stage: Stage) -> list[Register]:
        """Return what each cap on payment leaves."""
        return [
            self.amounts.room(self.amounts.limit(stage, cap), cap.counter, "paid")
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
            rates = rate_registers(self.look, stage.rate, 0)
            return [self._band(stage, net, 0, rates, divisor)], Amount(self.builder.constant(0))
        start = self._band_start(stage, Amount(deductible, net.scale))
        # An open band ends where no claim gets to.
        open_fen = (start.high + net.register.high) // net.scale + 1
        ceilings = [
            lifted(self.builder, Amount(self.look.band_limit(table, column, open_fen)), net.scale)
            for column in range(max(len(version.limits_fen) for version in table.versions))
        ]
        if stage.bands is not None and stage.bands.apply is BandsApply.WHOLE:
            end = self.builder.add(start, net.register)
            rates = self._rates_at(stage, end, ceilings, divisor)
            return [self._band(stage, net, 0, rates, divisor)], Amount(self.builder.constant(0))
        parts, above = widths(self.builder, start, net.register, ceilings)
        bands = []
        for column, part in enumerate(parts):
            width = Amount(part, net.scale)
            rates = rate_registers(self.look, stage.rate, column)
            bands.append(self._band(stage, width, column, rates, divisor))
            self.builder.output(f"detail:{stage.name}.band_{column}", self.amounts.fen(width))
            if width.scale > 1:
                self.builder.output(f"detail:{stage.name}.band_{column}_e4", width.register)
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

    def _rates_at(
        self, stage: Stage, end: Register, ceilings: list[Register], divisor: int
    ) -> tuple[Register, Register]:
        """Return the rates of the band in which an amount ends, for all of it (B6).

        The last band is open, so every amount ends in some band; upper limits belong to theirs.
        """
        assert stage.rate is not None
        build, number = self.builder, self.builder.constant(0)
        pays, _ = rate_registers(self.look, stage.rate, len(ceilings) - 1)
        for column in range(len(ceilings) - 2, -1, -1):
            inside = build.at_least(ceilings[column], end)
            pays = build.select(inside, rate_registers(self.look, stage.rate, column)[0], pays)
            number = build.add(number, build.sub(build.constant(1), inside))
        build.output(f"detail:{stage.name}.band_number", number)
        return pays, build.within(build.constant(divisor), pays)

    def _band(
        self,
        stage: Stage,
        width: Amount,
        column: int,
        rates: tuple[Register, Register],
        divisor: int,
    ) -> Band:
        build, rounding = self.builder, stage.rounding
        assert rounding is not None
        pays, own_rate = rates
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
            fitting = self.amounts.fen(Amount(fit, limits.SUBFEN))
            build.output(f"detail:{stage.name}.fit_{column}", fitting)
            build.output(f"detail:{stage.name}.fit_{column}_e4", fit)
            build.output(f"detail:{stage.name}.fit_own_{column}", own)
        return solved
