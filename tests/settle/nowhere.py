"""What random documents look at: an area of nowhere, its pots, dimensions and quantities."""

from pathlib import Path

from medsettle.core.codes import POT_NAMES
from medsettle.policy.area import Area
from medsettle.policy.line_terms import LineTerms
from medsettle.policy.model import Dimension
from medsettle.policy.quantity import Quantity, QuantityKind

SPECIAL_POTS = ("special_a", "special_b")
POTS = (*POT_NAMES, *SPECIAL_POTS)

DIMENSIONS = {
    "hospital": Dimension("hospital", "code", "institution_level", ("a", "b", "c")),
    "person": Dimension("person", "code", "person_type", ("active", "retired")),
    "group": Dimension("group", "group", "benefit_groups", ("no", "yes")),
    "age": Dimension("age", "age", "birth_date", ("young", "old"), thresholds=(0, 70)),
    "admission": Dimension(
        "admission", "counter", "admissions", ("first", "second", "later"), thresholds=(0, 1, 3)
    ),
    "length": Dimension("length", "quantity", "days", ("short", "long"), thresholds=(0, 8)),
}
QUANTITIES = {
    "days": Quantity("days", QuantityKind.NUMBER, "stay_days", at_most=30),
    "children": Quantity("children", QuantityKind.NUMBER, "children", less=1, at_most=3),
}
AREA = Area(
    code="000000",
    name="nowhere",
    price_levels=((), (), ()),
    catalogue=Path("catalogue.csv"),
    special_pots=SPECIAL_POTS,
    unlisted_items="refuse",
    pre_self_pay_as={},
    dimensions={},
    sources={},
    lines=LineTerms(SPECIAL_POTS, full_price=False, per_settlement=False),
)
