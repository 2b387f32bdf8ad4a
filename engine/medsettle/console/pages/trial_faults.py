"""What is wrong with a claim, told as its form asks: by the labels and in the units of its fields.

The faults are those of whoever checks claims, whose amounts are fen and whose names are those of
the interface. What a form can say better is said here; all else in their words.
"""

from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from medsettle import limits
from medsettle.console.languages import marked
from medsettle.core.claim_faults import first_year, read_date
from medsettle.core.columns import Column, Kind
from medsettle.core.money import decimal, yuan_from_fen
from medsettle.errors import Fault

PRICE: Final = "unit_price_e6"
DECIMALS: Final = {"quantity_e4": 4, PRICE: 6}
"""How many decimals the numbers of a form have that are no amounts; others have none."""


@dataclass(frozen=True, slots=True)
class Told:
    """One thing wrong with what somebody filled in.

    `label` is what they see beside the field, or the path of a claim where no field is at fault;
    `anchor` is the id of the field, empty where there is none to go to.
    """

    label: str
    message: str
    anchor: str = ""

    def __str__(self) -> str:
        return self.message


def message_of(fault: Fault, column: Column | None, value: object) -> str:
    """Return what is wrong with a field in the words of the page.

    Args:
        fault: What whoever checks claims says of it.
        column: The column of the field; None where the fault is of none.
        value: What was sent of it: a text where that could not be read.
    """
    told = "" if column is None else _told(column, value)
    return told or marked(fault.message)


def _told(column: Column, value: object) -> str:
    """Return what is wrong with a value by itself; nothing where it lies in something else."""
    if column.required and (value is None or value == ""):
        return _("missing; it is required")
    if column.kind in {Kind.FEN, Kind.INTEGER}:
        return _told_number(column, value)
    if not isinstance(value, str):
        return ""
    if column.values and value and value not in column.values:
        return _("%s is none of the codes; choose one of the list") % value
    return _told_date(column, value) if column.kind is Kind.DATE else ""


def _told_number(column: Column, value: object) -> str:
    if isinstance(value, str):
        if column.kind is Kind.FEN:
            return _("%s is no amount; write yuan with two decimals at most, like 12.50") % value
        said = _("%(text)s is no number here; write one with %(decimals)d decimals at most")
        return said % {"text": value, "decimals": DECIMALS.get(column.name, 0)}
    if not isinstance(value, int) or column.least <= value <= column.most:
        return ""
    is_money = column.kind is Kind.FEN or column.name == PRICE
    said = (
        _("%(found)s yuan is out of bounds; write %(least)s to %(most)s yuan")
        if is_money
        else _("%(found)s is out of bounds; write %(least)s to %(most)s")
    )
    numbers = {"found": value, "least": column.least, "most": column.most}
    return said % {name: number_text(column, number) for name, number in numbers.items()}


def _told_date(column: Column, value: str) -> str:
    day = read_date(value)
    if day is None:
        return _("%s is no date; write one like 2024-05-01") % value
    first, last = first_year(column.name), limits.SERVICE_YEAR_MAX
    if first <= day.year <= last:
        return ""
    said = _("%(day)s is out of bounds; the year is %(first)d to %(last)d")
    return said % {"day": value, "first": first, "last": last}


def number_text(column: Column, number: int) -> str:
    """Return a number of a column as its form writes it: amounts in yuan, others in units."""
    if column.kind is Kind.FEN:
        return yuan_from_fen(number)
    decimals = DECIMALS.get(column.name)
    return str(number) if decimals is None else decimal(number, decimals)
