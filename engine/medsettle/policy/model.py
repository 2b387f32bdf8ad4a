"""What a checked rule document says, as frozen records.

Numbers are exact: amounts are integers of fen, rates fractions, counts integers. Names refer to one
another only where the checker has proved that the other exists. A stage is the five questions of
the design: base, first share kept back, deductible, bands with rates, caps.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

from medsettle.core.codes import Debtor, Payee
from medsettle.core.dates import Period, YearStart
from medsettle.core.money import Rounding
from medsettle.policy.amount_of import AmountOf, Base
from medsettle.policy.quantity import Quantity
from medsettle.policy.tree import Place


class Unit(StrEnum):
    """What the cells of a table are."""

    AMOUNT = "amount"
    RATE = "rate"
    POINTS = "points"
    COUNT = "count"


class RateSide(StrEnum):
    """Whose share a rate table states."""

    OWN = "own"
    PAYS = "pays"
    TARGET = "target"


class RoundingPoint(StrEnum):
    """Where an amount becomes whole fen: in each band, or once on their sum (shape O2)."""

    BAND = "band"
    STAGE = "stage"


class RoundingSide(StrEnum):
    """Which side is rounded; the other one is the difference."""

    OWN = "own"
    PAYER = "payer"


class CapOn(StrEnum):
    """What a cap limits: what the stage pays, or the amount it looks at (shapes C1, C2)."""

    PAYMENT = "payment"
    BASE = "base"


class Excess(StrEnum):
    """What becomes of a share above a cap on payment (shape B7).

    `BACK_SOLVE` solves for the part of the base that fits under the cap and names the rest
    `over_cap`; `UNPAID_SHARE` names the unpaid share itself `over_cap`.
    """

    BACK_SOLVE = "back_solve"
    UNPAID_SHARE = "unpaid_share"


class BandsAlong(StrEnum):
    """Which amount climbs the bands: this settlement's, or a running total (shapes B2, B3)."""

    SETTLEMENT = "settlement"
    RUNNING_TOTAL = "running_total"


class BandsApply(StrEnum):
    """What the band of an amount decides (shape B6).

    `MARGINAL`: the rate of what lies in it. `WHOLE`: where the amount ends, the rate of all of it.
    """

    MARGINAL = "marginal"
    WHOLE = "whole"


Condition: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
"""Dimensions, each with the classes that meet it; all of them have to be met."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where values come from and how far they can be trusted (labels of the policy survey)."""

    key: str
    title: str
    where: str
    confidence: str
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Dimension:
    """What a rule may depend on: a claim's code, its age band, a group, a date, or a number.

    `values[i]` is chosen by `codes[i]` (prefixes of `column`; of a list, the first class that any
    of its codes belongs to), by age, counter, quantity or day from `thresholds[i]` on, or, for a
    group, `no` and `yes` by membership of `codes[1]`. The code `none` stands for a claim without
    any; a claim without a date has the first class.
    """

    name: str
    kind: str
    column: str
    values: tuple[str, ...]
    codes: tuple[tuple[str, ...], ...] = ()
    thresholds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that is carried from one settlement to the next, per person and period.

    With `sums` it adds those named amounts, otherwise one for each settlement; with `when` only
    those of a claim that meets it (D22). With `split_by` it is one counter for each class of a
    dimension or each value of an identifier (D2b, D3b, C6; a stay by its encounter). `dated_by` is
    the date that picks the period where that is not the rule date (T3). A treatment year begins on
    the date `since` and lasts `lasts` years (C8, C9).
    """

    name: str
    period: Period
    sums: tuple[str, ...]
    place: Place = field(compare=False)
    when: Condition = ()
    split_by: tuple[str, ...] = ()
    dated_by: str | None = None
    since: str | None = None
    lasts: int = 1


@dataclass(frozen=True, slots=True)
class Version:
    """The cells of a table from a date on: row-major over `by`, then the bands.

    `issued` is the day they were published, which for a rule with effect backwards is later (T4).
    From `until` on they are not known to hold: a claim of a later day has no value here.
    `cell_places` says where each cell stands, in the order of the cells.
    """

    start: date
    cells: tuple[Fraction, ...]
    limits_fen: tuple[int | None, ...]
    source: str
    confidence: str
    note: str
    issued: date
    place: Place = field(compare=False)
    cell_places: tuple[Place, ...] = field(default=(), compare=False)
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Dated cells over dimensions; with bands, one column for each band."""

    name: str
    unit: Unit
    by: tuple[str, ...]
    banded: bool
    versions: tuple[Version, ...]
    place: Place = field(compare=False)
    title: str = field(default="", compare=False)
    note: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class ShareOf:
    """A part of named amounts, such as 20 % of the bill (D15)."""

    base: Base
    rate: str


@dataclass(frozen=True, slots=True)
class Ceiling:
    """A highest amount from a table; with a counter, of what that has counted in its period."""

    table: str
    counter: str | None


@dataclass(frozen=True, slots=True)
class Deductible:
    """How much is borne before the rates apply; with a counter, once per its period (D2, D3).

    The standard is an amount (D5, D13, D17); where a share of named amounts, rounded half up, is
    more than its table states, that takes its place before the factor (D15). Of it is borne what
    the period of `counter` has not seen yet, and no more than `at_most` leaves (D10).
    """

    amount: AmountOf
    counter: str | None
    share_of: ShareOf | None = None
    at_most: Ceiling | None = None

    def tables(self) -> tuple[str, ...]:
        """Return the names of all tables the deductible is made of."""
        share = self.share_of.rate if self.share_of else None
        ceiling = self.at_most.table if self.at_most else None
        others = (name for name in (share, ceiling) if name is not None)
        return (*self.amount.tables(), *others)


@dataclass(frozen=True, slots=True)
class Bands:
    """Along what the bands run, what they decide, and where the deductible lies (B2, B3b, B6)."""

    along: BandsAlong
    apply: BandsApply
    counter: str | None
    deductible_inside: bool


@dataclass(frozen=True, slots=True)
class Floor:
    """A guaranteed payment: at least a part of named amounts, before any cap (R9).

    It is rounded once, in the mode of the stage. What it adds is taken off the own share; where it
    is more than that, it pays of what the person bears otherwise, the deductible among it, which
    counts as met all the same.
    """

    rate: str
    of: Base


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate table, whose side it states, the target (P4), and what changes the rate.

    Changes are made in one order, whatever the order of the notice (decision 0006): the stated
    rate; the factor on the own share (`own_factor`, R5), which never passes the whole; the
    percentage points added to or taken off the payer's rate (`points`, R2, R4, R11, X1), all tables
    together, some times a quantity (R3, R8); the factor on the payer's rate (`pays_factor`, X3); at
    the end, once, not below nothing and not above `at_most`, or 100 % where nothing is said. 85 %
    with a factor of 70 % on the own share, 10 points off and a factor of 90 % is
    ((1 - 15 % x 0.7) - 10 %) x 0.9 = 71.55 %.
    """

    side: RateSide
    table: str
    own_factor: str | None = None
    counting: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    points_times: tuple[tuple[str, str], ...] = ()
    pays_factor: str | None = None
    at_most: str | None = None
    floor: Floor | None = None

    def tables(self) -> tuple[str, ...]:
        """Return the names of all tables the rate is made of; the floor is none of them."""
        times = (table for table, _ in self.points_times)
        others = (self.own_factor, *self.points, *times, self.pays_factor, self.at_most)
        return (self.table, *(name for name in others if name is not None))


@dataclass(frozen=True, slots=True)
class Cap:
    """A limit that is an amount; with a counter, on the sum over its period."""

    amount: AmountOf
    on: CapOn
    counter: str | None
    excess: Excess


@dataclass(frozen=True, slots=True)
class StageRounding:
    """Where, on which side and how a stage rounds."""

    at: RoundingPoint
    side: RoundingSide
    mode: Rounding


@dataclass(frozen=True, slots=True)
class Stage:
    """One payer's five questions about an amount of fen.

    A stage of the bill has no `payee` and pays no more than is left of the bill. One with a payee
    is a payout beside the bill (decision 0008): it pays what comes out, to somebody who may not be
    the patient, and the bill stays as it is. It looks at `amount` where it has one, else at `base`.
    `instead_of` names shares of the bill in whose place the payee is paid, such as the fund's in
    that of a package price (Q2, Q8). `account_limited` is whether it pays from money of persons:
    the payer `account` what its balance holds, `mutual_aid` what relatives' limits hold. What a
    stage pays is an advance, and the payer's claim on a debtor, where it says `advance_for`.
    """

    name: str
    payer: str
    title: str
    source: str
    base: Base
    when: Condition = ()
    keep_back: str | None = None
    deductible: Deductible | None = None
    bands: Bands | None = None
    rate: Rate | None = None
    caps: tuple[Cap, ...] = ()
    rounding: StageRounding | None = None
    account_limited: bool = False
    payee: Payee | None = None
    amount: AmountOf | None = None
    instead_of: tuple[str, ...] = ()
    advance_for: Debtor | None = None
    place: Place = field(default=Place("", 0, 0, ""), compare=False)
    note: str = field(default="", compare=False)

    def amounts(self) -> tuple[AmountOf, ...]:
        """Return every amount that the stage states."""
        deductible = (self.deductible.amount,) if self.deductible else ()
        own = (self.amount,) if self.amount else ()
        return (*own, *deductible, *(cap.amount for cap in self.caps))


@dataclass(frozen=True, slots=True)
class Gap:
    """A named amount this document cannot decide; a claim that has it is not settled."""

    amount: str
    says: str


@dataclass(frozen=True, slots=True)
class Policy:
    """One checked rule document.

    `places` says where some of its keys stand, for faults found between documents. Two policies
    are equal when they say the same, wherever it stands.
    """

    name: str
    title: str
    pooling_area: str
    insurance_type: str
    visit_types: tuple[str, ...]
    in_force_from: date
    in_force_until: date | None
    rule_date: str
    year_start: YearStart
    sources: dict[str, Source]
    dimensions: dict[str, Dimension]
    counters: dict[str, Counter]
    tables: dict[str, Table]
    stages: tuple[Stage, ...]
    gaps: tuple[Gap, ...]
    file: str = field(compare=False)
    places: dict[str, Place] = field(default_factory=dict, compare=False)
    quantities: dict[str, Quantity] = field(default_factory=dict)
    payouts: tuple[Stage, ...] = ()
    note: str = field(default="", compare=False)

    @property
    def all_stages(self) -> tuple[Stage, ...]:
        """The stages of the bill and then the payouts beside it."""
        return (*self.stages, *self.payouts)


STAGE_AMOUNTS = ("base", "kept_back", "deductible", "net", "own_share", "over_cap", "paid")
"""The named amounts every stage leaves to later stages, counters and explanations."""

ACCOUNT_COUNTER = "account"
"""The counter that is the person's account balance."""

BEFORE = "before"
"""The part of a counter's name that says what it held before this claim, `own_part.before`."""
