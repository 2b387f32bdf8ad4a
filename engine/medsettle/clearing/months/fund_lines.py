"""Fund lines: whose money is kept apart from whose, and so what is on a notice of its own.

Each province pays another in two lines, that of the employee funds and that of the resident funds,
and never one out of the other (`clearing.md` 3.3; social insurance funds are earmarked, State
Council order 735, article 21). Maternity insurance is paid with the employee funds (`clearing.md`
3.6). Medical assistance, work injury insurance and insurance types that provinces add have funds of
their own, so each of them is a line of its own.
"""

from typing import Final

from medsettle.core import codes
from medsettle.core.codes import Payer

EMPLOYEE: Final = "employee"
RESIDENT: Final = "resident"
WORK_INJURY: Final = "work_injury"
ASSISTANCE: Final = "assistance"

_TYPES: Final[dict[str, tuple[str, ...]]] = {
    EMPLOYEE: ("310", "320", "330", "340", "350", "360", "370", "510"),
    RESIDENT: ("380", "390", "391", "392"),
    WORK_INJURY: ("410",),
}
# Provinces add types below a national one, with two digits more.
_TYPE_CHARS: Final = 3

OWED: Final[tuple[Payer, ...]] = tuple(
    payer for payer in codes.PAYERS if payer.name != "institution_share"
)
"""Whose shares the place of insurance owes to the place of care: of every payer but the hospital,
personal accounts among them, and of course no cash."""


def line_of(payer: str, insurance_type: str) -> str:
    """Return the fund line that a share of a settlement is paid in.

    >>> line_of("pooled_fund", "390"), line_of("assistance", "390"), line_of("account", "510")
    ('resident', 'assistance', 'employee')
    >>> line_of("pooled_fund", "39903")
    '399'
    """
    if payer == ASSISTANCE:
        return ASSISTANCE
    national = insurance_type[:_TYPE_CHARS]
    for line, types in _TYPES.items():
        if national in types:
            return line
    return national


def line_sql() -> str:
    """Return the same in SQL, over the columns `payer` and `insurance_type`."""
    national = f"left(insurance_type, {_TYPE_CHARS})"
    cases = " ".join(
        f"when {national} in ({', '.join(map(repr, types))}) then '{line}'"
        for line, types in _TYPES.items()
    )
    return f"case when payer = '{ASSISTANCE}' then '{ASSISTANCE}' {cases} else {national} end"
