"""How a visit is cleared (清算类别 clr_type): as a stay, at a pharmacy, or as any other visit."""

from typing import Final

PHARMACY, STAY, VISIT = "41", "21", "11"

PHARMACY_TYPES: Final[frozenset[str]] = frozenset({"41"})
STAY_TYPES: Final[frozenset[str]] = frozenset(
    {"21", "22", "23", "24", "25", "26", "27", "28", "52", "71"}
)
"""Visit types (医疗类别) that are cleared as stays: by what they are called, since no table of the
interface says it. A home bed and every inpatient type count."""


def clearing_class(visit_type: str) -> str:
    """Return how a visit type (医疗类别) is cleared (清算类别).

    >>> clearing_class("11"), clearing_class("21"), clearing_class("52"), clearing_class("41")
    ('11', '21', '21', '41')
    """
    if visit_type in PHARMACY_TYPES:
        return PHARMACY
    return STAY if visit_type in STAY_TYPES else VISIT
