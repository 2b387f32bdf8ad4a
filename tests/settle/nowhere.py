"""What random documents look at: an area of nowhere, and its pots."""

from pathlib import Path

from medsettle.core.codes import POT_NAMES
from medsettle.policy.area import Area
from medsettle.policy.line_terms import LineTerms

SPECIAL_POTS = ("special_a", "special_b")
POTS = (*POT_NAMES, *SPECIAL_POTS)

AREA = Area(
    code="000000",
    name="nowhere",
    price_levels=(("07", "08", "09", "10", "11"), ("04", "05", "06"), ("01", "02", "03")),
    catalogue=Path("catalogue.csv"),
    special_pots=SPECIAL_POTS,
    unlisted_items="refuse",
    pre_self_pay_as={},
    dimensions={},
    sources={},
    lines=LineTerms(SPECIAL_POTS, full_price=False, per_settlement=False),
)
