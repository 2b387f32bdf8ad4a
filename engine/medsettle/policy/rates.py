"""The rate of a stage as the document makes it up, in whole numbers over one divisor.

The order in which a rate is changed is that of `medsettle.policy.model.Rate`. Every step is exact:
the divisor is large enough for all tables of the rate together.
"""

from collections.abc import Mapping
from math import lcm

from medsettle.policy.lookups import Lookups
from medsettle.policy.model import Rate, RateSide, Table
from medsettle.policy.program import Register


def denominator(table: Table) -> int:
    """Return the smallest number that makes every cell of a table of rates or points whole."""
    return lcm(*(cell.denominator for version in table.versions for cell in version.cells))


def rate_divisor(tables: Mapping[str, Table], rate: Rate) -> int:
    """Return the divisor over which a program states the rates of a stage."""
    divisor = _divisor_with_points(tables, rate)
    if rate.pays_factor is not None:
        divisor *= denominator(tables[rate.pays_factor])
    if rate.at_most is not None:
        divisor = lcm(divisor, denominator(tables[rate.at_most]))
    return divisor


def _divisor_with_points(tables: Mapping[str, Table], rate: Rate) -> int:
    divisor = denominator(tables[rate.table])
    if rate.own_factor is not None:
        divisor *= denominator(tables[rate.own_factor])
    return lcm(divisor, *(denominator(tables[name]) for name in (*rate.points, *_timed(rate))))


def _timed(rate: Rate) -> list[str]:
    """Return the tables of points that are taken times a quantity."""
    return [table for table, _ in rate.points_times]


def rate_registers(look: Lookups, rate: Rate, column: int) -> tuple[Register, Register]:
    """Return what the payer pays and what is left in one band, both over `rate_divisor`."""
    build, tables = look.builder, look.policy.tables
    stated = look.cells(tables[rate.table], column, denominator(tables[rate.table]))
    whole = build.constant(rate_divisor(tables, rate))
    if rate.tables() == (rate.table,):
        other = build.within(whole, stated)
        return (other, stated) if rate.side is RateSide.OWN else (stated, other)
    pays = _with_factor_and_points(look, rate, stated)
    if rate.pays_factor is not None:
        factor = tables[rate.pays_factor]
        pays = build.mul(pays, look.cells(factor, 0, denominator(factor)))
    # Only a highest rate can make the divisor larger than the steps before it.
    reached = _divisor_with_points(tables, rate)
    if rate.pays_factor is not None:
        reached *= denominator(tables[rate.pays_factor])
    pays = build.mul(pays, build.constant(rate_divisor(tables, rate) // reached))
    most = whole
    if rate.at_most is not None:
        most = look.cells(tables[rate.at_most], 0, rate_divisor(tables, rate))
    pays = build.min(pays, most)
    return pays, build.within(whole, pays)


def _with_factor_and_points(look: Lookups, rate: Rate, stated: Register) -> Register:
    """Return the payer's rate after own factor and points, not below nothing."""
    build, tables = look.builder, look.policy.tables
    own_side = rate.side is RateSide.OWN
    step = denominator(tables[rate.table])
    pays = build.within(build.constant(step), stated) if own_side else stated
    if rate.own_factor is not None:
        own = stated if own_side else build.within(build.constant(step), stated)
        factor = tables[rate.own_factor]
        step *= denominator(factor)
        own = build.min(
            build.mul(own, look.cells(factor, 0, denominator(factor))), build.constant(step)
        )
        pays = build.within(build.constant(step), own)
    divisor = _divisor_with_points(tables, rate)
    pays = build.mul(pays, build.constant(divisor // step))
    for name in rate.points:
        pays = build.add(pays, look.cells(tables[name], 0, divisor))
    for name, quantity in rate.points_times:
        points = look.cells(tables[name], 0, divisor)
        zero, times = build.constant(0), look.quantity(quantity)
        more, fewer = build.max(points, zero), build.max(build.sub(zero, points), zero)
        pays = build.sub(build.add(pays, build.mul(more, times)), build.mul(fewer, times))
    # What a factor makes of less than nothing is nothing in the end, so it may be cut off here.
    return build.max(pays, build.constant(0))
