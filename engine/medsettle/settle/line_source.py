"""From the claims of a batch to the columns of their lines: who counts as what in the catalogue."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle.core.claims import ClaimBatch
from medsettle.core.codes import POT_NAMES
from medsettle.core.dates import age_years, day_number
from medsettle.core.outcome import Rejection, invalid
from medsettle.core.settlement import Row
from medsettle.errors import Fault
from medsettle.policy.area import Area
from medsettle.policy.catalogue import Catalogue
from medsettle.policy.compiled import band_of, class_of, group_class, list_class
from medsettle.policy.keys import NONE, PRICE_LEVELS
from medsettle.policy.line_terms import OWN_EXPENSE, Earmark, Population
from medsettle.policy.model import Dimension
from medsettle.policy.vocabulary import suggestion
from medsettle.settle.line_columns import LineColumns
from medsettle.settle.refunds import NetLines, local_positions

OfClaim: TypeAlias = tuple[int, int, int]
"""Ratio column of the insurance type, hospital level from 1, day of the rules of a claim."""


@dataclass(frozen=True, slots=True)
class LineSource:
    """Some lines of a batch, whole claims, with what negative lines leave of others."""

    batch: ClaimBatch
    net: NetLines
    chosen: NDArray[np.int64]


def line_columns(
    source: LineSource,
    entry: NDArray[np.int32],
    of_claims: Sequence[OfClaim | None],
    area: Area,
    catalogue: Catalogue,
) -> LineColumns:
    """Return the columns of some lines.

    Args:
        source: The lines, n of them.
        entry: Shape (n,), row of each line in the catalogue.
        of_claims: What each claim of the batch is; None for claims without a line among these.
        area: The area of the catalogue.
        catalogue: Its catalogue.
    """
    if area.lines.populations:
        rows = source.batch.rows
        found = [
            _columns_of(rows[row], own, area, catalogue) if own else (0, 1)
            for row, own in enumerate(of_claims)
        ]
    else:
        found = [own[:2] if own else (0, 1) for own in of_claims]
    schemes, levels = np.array(found, dtype=np.int8).reshape(-1, 2).T
    batch, chosen = source.batch, source.chosen
    claim = batch.line_claim[chosen]
    return LineColumns(
        row=entry,
        scheme=schemes[claim],
        price_level=levels[claim],
        quantity_e4=source.net.quantity_e4[chosen],
        unit_price_e6=batch.unit_price_e6[chosen],
        amount_fen=source.net.amount_fen[chosen],
        approval=batch.approval[source.net.source[chosen]],
        claim=claim,
        before=local_positions(source.net.before, chosen),
    )


def marked_lines(
    lines: LineColumns,
    of_lines: LineSource,
    area: Area,
    catalogue: Catalogue,
    rejections: dict[int, Rejection],
) -> LineColumns:
    """Return the lines with what the marks of the institution say about them (shape L9).

    Args:
        lines: The columns of `of_lines`.
        of_lines: The lines.
        area: The insured area, whose funds pay.
        catalogue: The catalogue of the lines.
        rejections: Takes the claims that bear a mark which the area does not know.
    """
    marks = earmarked(of_lines, area, rejections)
    if not marks:
        return lines
    pot = np.full(len(lines), -1, dtype=np.int64)
    unowed = np.zeros(len(lines), dtype=np.bool_)
    scheme = lines.scheme.copy()
    for at, earmark in marks:
        if earmark.pot == OWN_EXPENSE:
            unowed[at] = True
            continue
        pot[at] = len(POT_NAMES) + area.special_pots.index(earmark.pot)
        # Another area's catalogue may have no ratios for the fund; then those of the claim count.
        if earmark.pre_self_pay_as in catalogue.schemes:
            scheme[at] = catalogue.schemes.index(earmark.pre_self_pay_as)
    return replace(lines, scheme=scheme, marked_pot=pot, unowed=unowed if unowed.any() else None)


def earmarked(
    of_lines: LineSource, area: Area, rejections: dict[int, Rejection]
) -> list[tuple[int, Earmark]]:
    """Return the lines that bear a mark of the institution, with what it means.

    Args:
        of_lines: The lines; a negative one bears the mark of the line that it takes back.
        area: The insured area, whose funds pay.
        rejections: Takes the claims that bear a mark which the area does not know.
    """
    batch, source = of_lines.batch, of_lines.net.source[of_lines.chosen]
    if not batch.earmarks:
        return []
    found: list[tuple[int, Earmark]] = []
    faults: dict[int, list[Fault]] = {}
    for at, line in enumerate(source.tolist()):
        mark = batch.earmarks.get(line)
        if not mark:
            continue
        earmark = area.lines.earmarks.get(mark)
        if earmark is not None:
            found.append((at, earmark))
        else:
            row = int(batch.line_claim[line])
            path = f"lines[{line - int(np.searchsorted(batch.line_claim, row))}].earmark"
            hint = suggestion(mark, tuple(area.lines.earmarks))
            faults.setdefault(row, []).append(
                Fault(path, f"area {area.code} has no mark {mark!r}; {hint}")
            )
    for row, own in faults.items():
        rejections.setdefault(row, invalid(tuple(dict.fromkeys(own))))
    return found


def _columns_of(claim: Row, own: OfClaim, area: Area, catalogue: Catalogue) -> tuple[int, int]:
    """Return the ratio column and the ceiling column of a claim (shapes L2, L3).

    The first population of the area that the person belongs to and that has such columns counts.
    """
    scheme, level, day = own
    ceilings = 0
    mine = [each for each in area.lines.populations if _belongs(each, claim, day, area)]
    for population in reversed(mine):
        if population.name in catalogue.schemes:
            scheme = catalogue.schemes.index(population.name)
        if population.name in catalogue.ceiling_sets:
            ceilings = catalogue.ceiling_sets.index(population.name)
    return scheme, ceilings * len(PRICE_LEVELS) + level


def _belongs(population: Population, claim: Row, day: int, area: Area) -> bool:
    if population.insurance_types and claim["insurance_type"] not in population.insurance_types:
        return False
    for name, classes in population.when:
        dimension = area.dimensions[name]
        number = _class_number(dimension, claim, day)
        if number < 0 or dimension.values[number] not in classes:
            return False
    return True


def _class_number(dimension: Dimension, claim: Row, day: int) -> int:
    """Return the class of a claim in a dimension of an area, -1 where it has none."""
    value = claim[dimension.column]
    if dimension.kind == "age":
        assert isinstance(value, date)
        years = age_years(np.array([day_number(value)]), np.array([day]))
        return int(band_of(dimension, years)[0])
    if dimension.kind == "date":
        ordinal = value.toordinal() if isinstance(value, date) else 0
        return int(band_of(dimension, np.array([ordinal]))[0])
    if dimension.kind == "code":
        return class_of(dimension, str(value or NONE))
    held: list[str] = value  # type: ignore[assignment]
    return (
        group_class(dimension, held) if dimension.kind == "group" else list_class(dimension, held)
    )
