"""The columns of a catalogue file: which may stand there, read and checked against one another."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from medsettle import limits
from medsettle.core.codes import INSURANCE_TYPES, POT_NAMES
from medsettle.core.dates import Period
from medsettle.policy import catalogue_cells as cells
from medsettle.policy.catalogue_cells import NO_CEILING, OPEN_END, OVER_LIMIT_AS
from medsettle.policy.catalogue_sheet import Sheet
from medsettle.policy.keys import PRICE_LEVELS
from medsettle.policy.line_terms import LineTerms
from medsettle.policy.vocabulary import suggestion

CLASS_C: Final = 3
IN_SCOPE_POT: Final = POT_NAMES.index("in_scope")
"""Pot of ordinary items; the special pots of an area follow the national four."""

COLUMNS: Final = (
    *("item_code", "name", "list_type", "charge_type", "valid_from", "valid_until", "item_class"),
    *(f"ceiling_{level}_yuan" for level in PRICE_LEVELS),
    *("over_limit_as", "pot", "restricted"),
)
"""The columns that every catalogue has."""

PRICE_ABOVE: Final = "unit_price_above_yuan"
LINE_LIMIT: Final = "line_limit_yuan"
_YEARS: Final = range(2, 11)


class QuantityLimit(NamedTuple):
    """In which stretch a quantity of an item is limited (shape L4).

    `period` is None for one settlement, whatever was used before; `years` counts from the date of
    approval and goes with `Period.TREATMENT_YEAR`.
    """

    name: str
    period: Period | None
    years: int = 1


QUANTITY_LIMITS: Final = MappingProxyType(
    {
        f"most_per_{limit.name}": limit
        for limit in (
            QuantityLimit("settlement", None),
            *(
                QuantityLimit(period.value, period)
                for period in Period
                if period is not Period.TREATMENT_YEAR
            ),
            QuantityLimit("treatment_year", Period.TREATMENT_YEAR),
            *(QuantityLimit(f"{n}_years", Period.TREATMENT_YEAR, n) for n in _YEARS),
        )
    }
)
"""The columns that limit a quantity, by their heads."""


class Entry(NamedTuple):
    """One checked record, before it becomes a row. The bands of one version follow one another."""

    item_code: str
    valid_from: int
    price_above_e6: int
    valid_until: int
    record: int


@dataclass(slots=True)
class Columns:
    """Every column of a sheet, read; None where a cell was refused.

    `schemes` names the ratio columns, insurance types and then populations, `ceiling_sets` the sets
    of three ceiling columns, of which the first, named by nobody, counts for all others.
    """

    schemes: tuple[str, ...]
    ceiling_sets: tuple[str, ...]
    quantity_limits: tuple[QuantityLimit, ...]
    item_code: list[str | None]
    valid_from: list[int | None]
    valid_until: list[int | None]
    item_class: list[int | None]
    ratios: list[list[int | None]]
    ceilings: list[list[int | None]]
    over_limit_as: list[str | None]
    pot: list[int | None]
    restricted: list[bool | None]
    price_above: list[int | None]
    line_limit: list[int | None]
    most: list[list[int | None]]


def ratio_head(scheme: str) -> str:
    """Return the head of the ratio column of an insurance type or population."""
    return f"pre_self_pay_{scheme}_percent"


def _ceiling_heads(population: str) -> list[str]:
    own = f"{population}_" if population else ""
    return [f"ceiling_{own}{level}_yuan" for level in PRICE_LEVELS]


def optional_columns(terms: LineTerms) -> list[str]:
    """Return the heads of the columns that a catalogue of an area may have besides `COLUMNS`."""
    own = [population.name for population in terms.populations]
    ratios = [ratio_head(scheme) for scheme in (*INSURANCE_TYPES, *own)]
    ceilings = [head for name in own for head in _ceiling_heads(name)]
    return [*ratios, *ceilings, PRICE_ABOVE, LINE_LIMIT, *QUANTITY_LIMITS]


def read_columns(sheet: Sheet, terms: LineTerms) -> Columns:
    """Return the columns of a sheet whose header is good; faults go to the sheet."""
    own = [population.name for population in terms.populations]
    header = set(sheet.header)
    heads_of = {ratio_head(name): name for name in (*INSURANCE_TYPES, *own)}
    schemes = [heads_of[head] for head in sheet.header if head in heads_of]
    sets = ["", *(name for name in own if header.issuperset(_ceiling_heads(name)))]
    _check_header(sheet, terms, schemes, sets)
    numbers = {"": IN_SCOPE_POT, **{pot: len(POT_NAMES) + at for at, pot in enumerate(terms.pots)}}

    def pot_number(text: str) -> int:
        if text not in numbers:
            hint = suggestion(text, terms.pots)
            raise ValueError(f"the area has no special pot {text!r}; {hint}")
        return numbers[text]

    def optional(head: str, parse: Callable[[str], int]) -> list[int | None]:
        return sheet.parsed(head, parse) if head in header else [parse("")] * len(sheet.lines)

    limiting = [head for head in QUANTITY_LIMITS if head in header]
    heads = [head for name in sets for head in _ceiling_heads(name)]
    sheet.parsed("name", cells.item_name)
    sheet.parsed("list_type", cells.list_type)
    sheet.parsed("charge_type", cells.charge_type)
    return Columns(
        schemes=tuple(schemes),
        ceiling_sets=tuple(sets),
        quantity_limits=tuple(QUANTITY_LIMITS[head] for head in limiting),
        item_code=sheet.parsed("item_code", cells.item_code),
        valid_from=sheet.parsed("valid_from", cells.first_day),
        valid_until=sheet.parsed("valid_until", cells.end_day),
        item_class=sheet.parsed("item_class", cells.item_class),
        ratios=[sheet.parsed(ratio_head(name), cells.ratio_ppm) for name in schemes],
        ceilings=[sheet.parsed(head, cells.ceiling_e6) for head in heads],
        over_limit_as=sheet.parsed("over_limit_as", cells.over_limit_as),
        pot=sheet.parsed("pot", pot_number),
        restricted=sheet.parsed("restricted", cells.restricted),
        price_above=optional(PRICE_ABOVE, cells.price_above_e6),
        line_limit=optional(LINE_LIMIT, cells.line_limit_fen),
        most=[sheet.parsed(head, cells.quantity_e4) for head in limiting],
    )


def _check_header(
    sheet: Sheet, terms: LineTerms, schemes: list[str], ceiling_sets: list[str]
) -> None:
    """Refuse a header whose columns do not serve what the area says."""
    line = sheet.header_line
    if not set(schemes) & set(INSURANCE_TYPES):
        first = ratio_head(next(iter(INSURANCE_TYPES)))
        sheet.refuse_line(line, f"no ratio column; add one such as {first!r}")
    for population in terms.populations:
        name = population.name
        partly = [head for head in _ceiling_heads(name) if head in sheet.header]
        if partly and name not in ceiling_sets:
            missing = ", ".join(head for head in _ceiling_heads(name) if head not in partly)
            sheet.refuse_line(line, f"{partly[0]} stands alone; add {missing}")
        elif not partly and name not in schemes:
            sheet.refuse_line(
                line,
                f"no column for the population {name!r} of the area; add {ratio_head(name)!r}, or "
                f"{', '.join(_ceiling_heads(name))}",
            )
    for mark, earmark in terms.earmarks.items():
        own = earmark.pre_self_pay_as
        if own is not None and own not in schemes:
            sheet.refuse_line(
                line, f"lines marked {mark!r} use the ratios of {own}; add {ratio_head(own)!r}"
            )


def read_entries(sheet: Sheet, columns: Columns) -> list[Entry]:
    """Return the entries whose code and dates could be read, sorted; faults go to the sheet."""
    dated = zip(
        columns.item_code,
        columns.valid_from,
        columns.price_above,
        columns.valid_until,
        strict=True,
    )
    found = []
    for record, (code, start, above, end) in enumerate(dated):
        if code is None or start is None or above is None or end is None:
            continue
        if end <= start:
            sheet.refuse(
                record,
                "valid_until",
                "it is the first day no longer valid and must come after valid_from",
            )
        found.append(Entry(code, start, above, end, record))
    _check_together(sheet, columns)
    entries = sorted(found)
    _check_versions(sheet, entries)
    _check_bands(sheet, entries)
    return entries


def _check_together(sheet: Sheet, columns: Columns) -> None:
    """Refuse entries whose cells contradict one another."""
    for record, excess in enumerate(columns.over_limit_as):
        ceilings = [column[record] for column in columns.ceilings]
        if excess == "" and any(ceiling not in (None, NO_CEILING) for ceiling in ceilings):
            choices = " or ".join(OVER_LIMIT_AS)
            sheet.refuse(record, "over_limit_as", f"an entry with a ceiling must say {choices}")
        special = columns.pot[record] not in (None, IN_SCOPE_POT)
        if special and columns.item_class[record] == CLASS_C:
            sheet.refuse(record, "pot", "a class C entry has no in-scope part; leave pot blank")


def _check_versions(sheet: Sheet, entries: list[Entry]) -> None:
    """Refuse versions of one item that overlap; an open end is closed by the next version."""
    for entry, following in pairwise(entries):
        if entry.item_code != following.item_code:
            continue
        line = sheet.lines[entry.record]
        if entry[:3] == following[:3]:
            sheet.refuse(
                following.record,
                "valid_from",
                f"the version of {entry.item_code} on line {line} begins on the same day",
            )
        elif entry.valid_from != following.valid_from and (
            OPEN_END != entry.valid_until > following.valid_from
        ):
            sheet.refuse(
                following.record,
                "valid_from",
                f"the version of {entry.item_code} on line {line} is still valid on this day; "
                "end it here or begin later",
            )


def _check_bands(sheet: Sheet, entries: list[Entry]) -> None:
    """Refuse unit-price bands of a version that leave a price out or end on different days."""
    first = None
    count = 0
    for entry in entries:
        if first is None or first[:2] != entry[:2]:
            first, count = entry, 0
            if entry.price_above_e6:
                sheet.refuse(
                    entry.record,
                    PRICE_ABOVE,
                    f"no entry of {entry.item_code} holds for lower prices; leave this cell blank "
                    "or add one",
                )
        elif entry.valid_until != first.valid_until:
            line = sheet.lines[first.record]
            sheet.refuse(
                entry.record,
                "valid_until",
                f"the price band on line {line} of the same version ends on another day; write "
                "one day for both",
            )
        count += 1
        if count == limits.PRICE_BANDS_MAX + 1:
            most = limits.PRICE_BANDS_MAX
            sheet.refuse(entry.record, PRICE_ABOVE, f"more than {most} price bands; merge some")
