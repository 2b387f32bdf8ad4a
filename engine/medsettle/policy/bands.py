"""Bands of one stage in registers: shares rounded on their sum, and caps solved back.

Two questions are asked of several bands at once. What do they pay together, rounded once (shape
O2)? And when a cap leaves room for less: which part of the base does a payment of `room` cover
(shapes B7, O6)? Both want the exact payment of every band. Where the products together pass int64
it is kept as a whole part and a remainder.

Where a stage rounds in each band, the room is used up by the rounded shares of its bands; where it
rounds once, by their exact payments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from medsettle import limits
from medsettle.core.money import Rounding
from medsettle.policy.model import RoundingSide, StageRounding
from medsettle.policy.program import Builder, Register


@dataclass(frozen=True, slots=True)
class Amount:
    """A register of fen, or of fen times `SUBFEN` where a cap was back-solved."""

    register: Register
    scale: int = 1


@dataclass(frozen=True, slots=True)
class Band:
    """One band of a stage: its part of the net amount, rates over one divisor, rounded shares."""

    width: Amount
    pays: Register
    own_rate: Register
    share: Register
    own: Register


@dataclass(frozen=True, slots=True)
class Solved:
    """What fits under a cap: of each band, in 1/SUBFEN fen, and the own shares of that in fen.

    `own` is the own share of all bands; it is the sum of `owns` where each band rounds.
    """

    fits: tuple[Register, ...]
    owns: tuple[Register, ...]
    own: Register


def lifted(build: Builder, amount: Amount, scale: int) -> Register:
    """Return an amount at a finer scale."""
    assert scale % amount.scale == 0
    return build.mul(amount.register, build.constant(scale // amount.scale))


def widths(
    build: Builder, start: Register, net: Register, ceilings: Sequence[Register]
) -> tuple[list[Register], Register]:
    """Return the part of a net amount in each band, and the part above the last one.

    The claim climbs the bands from `start` to `start + net`. Where it ends, cut off at each ceiling
    in turn, rises with the ceilings, and the bands are the steps in between.
    """
    end = build.add(start, net)
    parts, reached, floor = [], start, 0
    for ceiling in ceilings:
        top = build.max(build.min(end, ceiling), start)
        parts.append(build.within(top, reached, min(net.high, ceiling.high - floor)))
        reached, floor = top, ceiling.low
    return parts, build.within(end, reached, net.high)


def rounded_once(
    build: Builder, bands: Sequence[Band], divisor: int, rounding: StageRounding
) -> tuple[Register, Register]:
    """Return share and own share of a stage, rounded once on the exact sum over its bands.

    Of whole fen one side is rounded and the other is the difference; at a finer scale there is no
    whole difference, so each side is rounded on its own, as in a single band.
    """
    scale = bands[0].width.scale
    if scale > 1:
        share = _rounded_sum(build, [(b.width, b.pays) for b in bands], divisor, rounding.mode)
        own = _rounded_sum(build, [(b.width, b.own_rate) for b in bands], divisor, rounding.mode)
        return share, own
    payer = rounding.side is RoundingSide.PAYER
    parts = [(band.width, band.pays if payer else band.own_rate) for band in bands]
    rounded = _rounded_sum(build, parts, divisor, rounding.mode)
    other = build.within(build.sum([band.width.register for band in bands]), rounded)
    return (rounded, other) if payer else (other, rounded)


def _rounded_sum(
    build: Builder, parts: Sequence[tuple[Amount, Register]], divisor: int, mode: Rounding
) -> Register:
    """Return the sum of amount * rate / divisor over some bands in fen, rounded once."""
    scale = parts[0][0].scale
    one, most = build.constant(1), sum(amount.register.high * rate.high for amount, rate in parts)
    if most + divisor * scale <= limits.INT64_MAX:
        products = [build.mul(amount.register, rate) for amount, rate in parts]
        total = build.share(build.sum(products), one, divisor * scale, mode)
    else:
        exact = [_exact(build, amount.register, rate, divisor * scale) for amount, rate in parts]
        rounded = build.share(build.sum([rest for _, rest in exact]), one, divisor * scale, mode)
        total = build.add(build.sum([whole for whole, _ in exact]), rounded)
    # No rate passes one, so the sum never passes the whole amount, rounded up.
    amount = build.sum([amount.register for amount, _ in parts])
    return build.min(total, build.share(amount, build.constant(1), scale, Rounding.UP))


def _exact(
    build: Builder, amount: Register, rate: Register, whole: int
) -> tuple[Register, Register]:
    """Return amount * rate / whole as a whole part and the remainder over `whole`."""
    floor = build.share(amount, build.constant(1), whole, Rounding.DOWN)
    rest = build.within(amount, build.mul(floor, build.constant(whole)))
    rest = build.min(rest, build.constant(whole - 1))
    product = build.mul(rest, rate)
    more = build.share(product, build.constant(1), whole, Rounding.DOWN)
    left = build.within(product, build.mul(more, build.constant(whole)))
    left = build.min(left, build.constant(whole - 1))
    return build.add(build.mul(floor, rate), more), left


def solved_per_band(
    build: Builder, bands: Sequence[Band], divisor: int, room: Register, mode: Rounding
) -> Solved:
    """Return what fits under the room where each band rounds.

    A band that is paid in full fits whole. The band in which the room ends fits
    `room left / rate`, and its own share is rounded from that.
    """
    scale = limits.SUBFEN
    fits, owns, left = [], [], room
    whole = build.constant(1)
    for band in bands:
        width = lifted(build, band.width, scale)
        whole = build.mul(whole, build.at_least(left, band.share))
        taken = build.min(left, band.share)
        high = width.high + divisor * scale
        solved = build.min(build.quotient(taken, divisor * scale, band.pays, high), width)
        own = build.share(solved, band.own_rate, divisor * scale, mode)
        fits.append(build.select(whole, width, solved))
        owns.append(build.select(whole, band.own, own))
        left = build.within(left, taken)
    return Solved(tuple(fits), tuple(owns), build.sum(owns))


def solved_once(
    build: Builder, bands: Sequence[Band], divisor: int, room: Register, mode: Rounding
) -> Solved:
    """Return what fits under the room where a stage of several bands rounds once.

    The bands before the one in which the room ends have paid `spent` whole fen and a remainder;
    `spent` rounded up leaves `left`, and what was rounded away is given back to the quotient.
    """
    scale, zero, one = limits.SUBFEN, build.constant(0), build.constant(1)
    own_scale = bands[0].width.scale
    whole = divisor * own_scale
    fits, owns = [], []
    reached, left, spare, spent, rest = one, room, zero, zero, zero
    for band in bands:
        width = lifted(build, band.width, scale)
        paid, more = _exact(build, band.width.register, band.pays, whole)
        solved = build.quotient(
            build.min(left, paid),
            divisor * scale,
            band.pays,
            width.high + 2 * divisor * scale,
            build.mul(spare, build.constant(scale // own_scale)),
        )
        spent, rest = build.add(spent, paid), build.add(rest, more)
        carried = build.share(rest, one, whole, Rounding.UP)
        used = build.add(spent, carried)
        full = build.at_least(room, used)
        within_band = build.select(reached, build.min(solved, width), zero)
        fit = build.select(full, width, within_band)
        fits.append(fit)
        owns.append(build.share(fit, band.own_rate, divisor * scale, Rounding.HALF_UP))
        spare = build.within(build.mul(carried, build.constant(whole)), rest)
        spare = build.min(spare, build.constant(whole - 1))
        reached, left = full, build.excess(room, used)
    parts = [(Amount(fit, scale), band.own_rate) for fit, band in zip(fits, bands, strict=True)]
    return Solved(tuple(fits), tuple(owns), _rounded_sum(build, parts, divisor, mode))
