"""The arithmetic of bands for the oracle: exact fractions, rounded where the document says."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from typing import TypeAlias

from medsettle.policy.model import (
    CapOn,
    Excess,
    RoundingPoint,
    RoundingSide,
    Stage,
    StageRounding,
)

Fen: TypeAlias = int | Fraction

PARTS_OF_A_FEN = 10_000
_HALF = Fraction(1, 2)


@dataclass(frozen=True)
class Band:
    """The part of the net amount in one band, and the two sides of its rate."""

    width: Fen
    pays: Fraction
    own: Fraction


def rounded(amount: Fen, mode: str) -> int:
    """Return an amount in whole fen; never negative, so half up means half away from zero."""
    if mode == "half_up":
        return floor(amount + _HALF)
    return floor(amount) if mode == "down" else ceil(amount)


def solves_back(stage: Stage) -> bool:
    """Return whether what lies above a cap on payment is solved for (its caps agree on that)."""
    kinds = [cap.excess for cap in stage.caps if cap.on is CapOn.PAYMENT]
    return Excess.BACK_SOLVE in kinds


def sides(bands: Sequence[Band], rounding: StageRounding, *, fine: bool) -> tuple[int, int]:
    """Return what is paid and what is borne of some bands, in whole fen.

    Of whole fen one side is rounded and the other is the difference. Parts of a fen have no whole
    difference: there each side is rounded on its own.
    """
    exact_pays = sum(band.width * band.pays for band in bands)
    exact_own = sum(band.width * band.own for band in bands)
    pays, own = rounded(exact_pays, rounding.mode), rounded(exact_own, rounding.mode)
    if fine:
        return pays, own
    whole = int(exact_pays + exact_own)
    return (whole - own, own) if rounding.side is RoundingSide.OWN else (pays, whole - pays)


def back_solved(
    bands: Sequence[Band], room: int, rounding: StageRounding, *, fine: bool
) -> tuple[Fen, int]:
    """Return the part of the net amount that a payment of `room` covers, and its own share.

    Bands that are paid in full fit whole. In the band where the room ends fits what the rest of
    the room pays for at its rate, cut at 1/10,000 fen; the bands after it do not count.
    """
    per_band = rounding.at is RoundingPoint.BAND
    fits: Fen = 0
    own: Fen = 0
    left: Fen = room
    for band in bands:
        share: Fen = band.width * band.pays
        borne: Fen = band.width * band.own
        if per_band:
            share, borne = sides([band], rounding, fine=fine)
        if share > left:
            fit = Fraction(floor(left / band.pays * PARTS_OF_A_FEN), PARTS_OF_A_FEN)
            own += rounded(fit * band.own, rounding.mode) if per_band else fit * band.own
            return fits + fit, rounded(own, rounding.mode)
        fits, own, left = fits + band.width, own + borne, left - share
    raise AssertionError("the room is below the share, so it ends in some band")
