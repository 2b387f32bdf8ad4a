"""What random documents look at: their dimensions, quantities and counters."""

from collections.abc import Sequence
from datetime import date
from random import Random
from typing import TypeAlias

from hypothesis import strategies as st
from medsettle.core.dates import Period
from medsettle.policy.keys import RULE_DATES
from medsettle.policy.model import Condition, Counter, Dimension
from medsettle.policy.quantity import Quantity, QuantityKind
from medsettle.policy.read_counters import IDENTIFIERS
from medsettle.policy.read_quantities import CODES_COLUMNS, DATE_COLUMNS, NUMBER_COLUMNS
from medsettle.policy.tree import Place

from tests.settle.nowhere import POTS, SPECIAL_POTS

PLACE = Place("random.yaml", 1, 1, "")
SUM_COUNTERS = ("spent", "paid", "met")
COUNT = "admissions"

_Classes: TypeAlias = dict[str, tuple[str, ...]]
_CODES: tuple[tuple[str, _Classes], ...] = (
    ("institution_level", {"a": ("01", "02"), "b": ("0",), "c": ("1",)}),
    ("institution_level", {"三级": ("01", "02", "03"), "其他": ("0", "1")}),
    ("person_type", {"active": ("11", "14", "15"), "retired": ("12",)}),
    ("disease", {"one": ("M1",), "two": ("M2", "M10"), "other": ("M", "none")}),
    ("referral", {"sent": ("1",), "own": ("none", "2")}),
    ("filing", {"filed": ("1", "2"), "not": ("none",)}),
)
_LISTS: tuple[_Classes, ...] = (
    {"grave": ("M1",), "light": ("M", "none")},
    {"none": ("none",), "first": ("M2", "M3"), "second": ("M",)},
    {"light": ("M", "none"), "grave": ("M1", "M2")},
    {"known": ("M", "X")},
)
_BEGINS = (date(1990, 6, 1), date(2020, 2, 29), date(2021, 1, 1), date(2022, 7, 1))
# Small, so that percentage points and amounts may be taken times any of them.
_MOST = (3, 12, 30, 400, 1_000)
_CHANGES = ((0, 1), (0, 1), (1, 1), (0, 7), (2, 90))


_PARTS_OF = {
    "base": ("kept_back", "deductible", "net", "own_share", "over_cap", "paid"),
    "net": ("own_share", "paid"),
}


def quantities(random: Random) -> dict[str, Quantity]:
    """Return one quantity of each kind, whatever is taken off, at most, and counts as one."""
    columns = {
        QuantityKind.NUMBER: NUMBER_COLUMNS,
        QuantityKind.COUNT: CODES_COLUMNS,
        QuantityKind.MONTH_OF: ("benefit_year",),
    }
    found = {}
    for kind in QuantityKind:
        column = random.choice(columns.get(kind, DATE_COLUMNS))
        less, every = random.choice(_CHANGES)
        found[kind.value] = Quantity(kind.value, kind, column, less, random.choice(_MOST), every)
    return found


def dimensions(random: Random, counted: dict[str, Quantity]) -> dict[str, Dimension]:
    """Return a dimension of every kind, two by codes; those that are not used fall away later."""
    column, classes = random.choice(_CODES)
    other, others = random.choice(_CODES)
    member = random.choice(("G1", "G2"))
    begins = sorted(day.toordinal() for day in random.sample(_BEGINS, random.randint(1, 2)))
    quantity = random.choice(tuple(counted.values()))
    found = [
        _by_codes("hospital", "code", column, classes),
        _by_codes("way", "code", other, others),
        _by_codes("approved", "codes", "approved_diseases", random.choice(_LISTS)),
        Dimension("group", "group", "benefit_groups", ("no", "yes"), ((), (member,))),
        _by_steps("age", "birth_date", _steps(random, 100)),
        _by_steps("date", random.choice(DATE_COLUMNS), begins),
        _by_steps("counter", COUNT, _steps(random, 6)),
        _by_steps("quantity", quantity.name, _steps(random, min(quantity.most, 12))),
    ]
    return {dimension.name: dimension for dimension in found}


def _steps(random: Random, most: int) -> list[int]:
    return sorted(random.sample(range(1, most + 1), random.randint(1, min(most, 2))))


def _by_codes(name: str, kind: str, column: str, classes: _Classes) -> Dimension:
    return Dimension(name, kind, column, tuple(classes), tuple(classes.values()))


def _by_steps(kind: str, column: str, begins: Sequence[int]) -> Dimension:
    names = ("0以下", "more", "most")[: len(begins) + 1]
    return Dimension(kind, kind, column, names, thresholds=(0, *begins))


def condition(draw: st.DrawFn, known: dict[str, Dimension]) -> Condition:
    """Return a condition that one time in four asks for some classes."""
    if draw(st.integers(0, 3)):
        return ()
    found = []
    for name in draw(st.lists(st.sampled_from(sorted(known)), min_size=1, max_size=2, unique=True)):
        values = st.sampled_from(known[name].values)
        found.append((name, tuple(draw(st.lists(values, min_size=1, unique=True)))))
    return tuple(found)


def added_up(draw: st.DrawFn, names: st.SearchStrategy[str], most: int) -> tuple[str, ...]:
    """Return one or some amounts to add up, none of them a part of another."""
    kept: list[str] = []
    for name in draw(st.lists(names, min_size=1, max_size=most, unique=True)):
        if not any(_holds(name, other) or _holds(other, name) for other in kept):
            kept.append(name)
    return tuple(kept)


def _holds(whole: str, part: str) -> bool:
    stage, _, name = whole.rpartition(".")
    if stage:
        return part in {f"{stage}.{inner}" for inner in _PARTS_OF.get(name, ())}
    scope = {"in_scope", *SPECIAL_POTS}
    parts = {"total": {*POTS, "in_scope_total"}, "in_scope_total": scope}
    return part in parts.get(whole, ())


def counters(
    draw: st.DrawFn, random: Random, amounts: Sequence[str], known: dict[str, Dimension]
) -> dict[str, Counter]:
    """Return counters of some amounts and one of settlements, in any period and split."""
    found = {}
    for name in (COUNT, *SUM_COUNTERS):
        sums = () if name == COUNT else added_up(draw, st.sampled_from(amounts), 3)
        period = random.choice(tuple(Period))
        since, lasts = None, 1
        if period is Period.TREATMENT_YEAR:
            since, lasts = random.choice(DATE_COLUMNS), random.choice((1, 1, 2, 5))
        found[name] = Counter(
            name,
            period,
            sums,
            PLACE,
            condition(draw, known),
            _split(random, known),
            random.choice((None, *RULE_DATES)),
            since,
            lasts,
        )
    return found


def _split(random: Random, known: dict[str, Dimension]) -> tuple[str, ...]:
    """Return the classes and identifiers a counter is split by; most are not."""
    classes = [name for name, each in known.items() if each.kind not in {"counter", "quantity"}]
    return tuple(random.sample([*classes, *IDENTIFIERS], random.choice((0, 0, 1, 2))))
