"""Rows of an area's catalogue as the national interface has them: items, ceilings, ratios.

Filters are asked of whole columns, and only the rows of one page are made. A ceiling that is not
there is no row; a ceiling of 0, which pays nothing, is one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.dates import date_of, day_number
from medsettle.core.money import rate_e4
from medsettle.gateway.fields import Values
from medsettle.policy.catalogue import NO_CEILING, PPM_ONE, Catalogue
from medsettle.policy.catalogue_cells import OPEN_END, OVER_LIMIT_AS
from medsettle.policy.keys import PRICE_LEVELS

Mask = NDArray[np.bool_]

_YES, _NO = "1", "0"


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and how many there are in all."""

    rows: Sequence[Mapping[str, Any]]
    total: int


def version_of(catalogue: Catalogue) -> str:
    """Return what tells one state of a catalogue from another."""
    return catalogue.digest[: limits.LIST_VERSION_CHARS]


def items(area: str, catalogue: Catalogue, said: Values, today: date, cut: slice) -> Page:
    """Return items with their class (1312); one row a version, in the order of code and day."""
    mask = _chosen(catalogue, said, today) & _first_bands(catalogue)
    rows = np.flatnonzero(mask)
    return Page([_item(area, catalogue, row, today) for row in rows[cut].tolist()], len(rows))


def ceilings(area: str, catalogue: Catalogue, said: Values, today: date, cut: slice) -> Page:
    """Return ceilings of the unit price (1318), one row for each level or population that has one.

    Where an item is split into bands of prices, each band has rows.
    """
    labels = ceiling_labels(catalogue)
    stated = (catalogue.ceiling_e6 != NO_CEILING) & _chosen(catalogue, said, today)[:, np.newaxis]
    stated &= _labelled(labels, said["hilist_lmtpric_type"])
    ways = np.array(OVER_LIMIT_AS)[catalogue.own_expense_above.astype(np.intp)]
    if said["overlmt_dspo_way"] is not None:
        stated &= (ways == said["overlmt_dspo_way"])[:, np.newaxis]
    rows, columns = np.nonzero(stated)
    return Page(
        [
            _dated(area, catalogue, row, today)
            | {
                "hilist_lmtpric_type": labels[column],
                "overlmt_dspo_way": str(ways[row]),
                "hilist_pric_uplmt_amt": int(catalogue.ceiling_e6[row, column]),
                "pric_above": int(catalogue.price_above_e6[row]),
            }
            for row, column in zip(rows[cut].tolist(), columns[cut].tolist(), strict=True)
        ],
        len(rows),
    )


def ratios(area: str, catalogue: Catalogue, said: Values, today: date, cut: slice) -> Page:
    """Return first-self-pay ratios (1319), one row for each insurance or population."""
    chosen = np.broadcast_to(
        _chosen(catalogue, said, today)[:, np.newaxis], catalogue.pre_self_pay_ppm.shape
    )
    rows, columns = np.nonzero(chosen & _labelled(catalogue.schemes, said["selfpay_prop_psn_type"]))
    return Page(
        [
            _dated(area, catalogue, row, today)
            | {
                "selfpay_prop_psn_type": catalogue.schemes[column],
                "selfpay_prop": rate_e4(
                    Fraction(int(catalogue.pre_self_pay_ppm[row, column]), PPM_ONE)
                ),
                "pric_above": int(catalogue.price_above_e6[row]),
            }
            for row, column in zip(rows[cut].tolist(), columns[cut].tolist(), strict=True)
        ],
        len(rows),
    )


def listed(catalogue: Catalogue, list_types: Sequence[str]) -> list[tuple[str | None, ...]]:
    """Return the rows of a file of items of some types (1301-1306), in order.

    Columns: med_list_codg, name, list_type, med_chrgitm_type, begndate, enddate, ver.
    """
    mask = np.isin(_texts(catalogue, "list_types"), list_types) & _first_bands(catalogue)
    return [
        (
            catalogue.item_codes[catalogue.item[row]],
            catalogue.names[row],
            catalogue.list_types[row],
            catalogue.charge_types[row],
            date_of(catalogue.valid_from[row]).isoformat(),
            None if (end := _last_day(catalogue, row)) is None else end.isoformat(),
            version_of(catalogue),
        )
        for row in np.flatnonzero(mask).tolist()
    ]


def ceiling_labels(catalogue: Catalogue) -> list[str]:
    """Return what each column of ceilings is for: a hospital level, with a population before it."""
    levels = [level.removeprefix("level_") for level in PRICE_LEVELS]
    return [
        f"{name}-{level}" if name else level for name in catalogue.ceiling_sets for level in levels
    ]


def _labelled(labels: Sequence[str], stated: str | None) -> Mask:
    return np.array([stated in {None, label} for label in labels], dtype=np.bool_)


@lru_cache(maxsize=16)
def _texts(catalogue: Catalogue, name: str) -> NDArray[np.str_]:
    return np.array(getattr(catalogue, name), dtype=np.str_)


def _first_bands(catalogue: Catalogue) -> Mask:
    """Return which rows begin a version; further bands of prices repeat it."""
    first = np.ones(len(catalogue), dtype=np.bool_)
    first[1:] = catalogue.sort_key[1:] != catalogue.sort_key[:-1]
    return first


def _chosen(catalogue: Catalogue, said: Values, today: date) -> Mask:
    """Return which entries meet what was stated; what was not stated chooses nothing."""
    mask = np.ones(len(catalogue), dtype=np.bool_)
    if (code := said.get("hilist_code")) is not None:
        mask &= catalogue.item == catalogue.index.get(code, -1)
    if (day := said.get("query_date")) is not None:
        mask &= _valid_on(catalogue, day)
    if (begin := said.get("begndate")) is not None:
        mask &= catalogue.valid_from == day_number(begin)
    if (valid := said.get("vali_flag")) is not None:
        mask &= (catalogue.valid_until > day_number(today)) == (valid == _YES)
    if (limited := said.get("lmt_used_flag")) is not None:
        mask &= catalogue.restricted == (limited == _YES)
    if (level := said.get("chrgitm_lv")) is not None:
        mask &= catalogue.item_class == int(level)
    for field, name in (("list_type", "list_types"), ("med_chrgitm_type", "charge_types")):
        if (stated := said.get(field)) is not None:
            mask &= _texts(catalogue, name) == stated
    if (part := said.get("hilist_name")) is not None:
        mask &= np.fromiter((part in name for name in catalogue.names), np.bool_, len(catalogue))
    return mask


def _valid_on(catalogue: Catalogue, day: date) -> Mask:
    number = day_number(day)
    valid: Mask = (catalogue.valid_from <= number) & (number < catalogue.valid_until)
    return valid


def _last_day(catalogue: Catalogue, row: int) -> date | None:
    until = int(catalogue.valid_until[row])
    return None if until == OPEN_END else date_of(until) - timedelta(days=1)


def _dated(area: str, catalogue: Catalogue, row: int, today: date) -> dict[str, Any]:
    code = catalogue.item_codes[catalogue.item[row]]
    begin = date_of(catalogue.valid_from[row])
    return {
        "hilist_code": code,
        "insu_admdvs": area,
        "begndate": begin,
        "enddate": _last_day(catalogue, row),
        "vali_flag": _YES if catalogue.valid_until[row] > day_number(today) else _NO,
        "rid": f"{code}.{begin:%Y%m%d}",
        "poolarea_no": area,
    }


def _item(area: str, catalogue: Catalogue, row: int, today: date) -> dict[str, Any]:
    return _dated(area, catalogue, row, today) | {
        "hilist_name": catalogue.names[row],
        "med_chrgitm_type": catalogue.charge_types[row] or None,
        "chrgitm_lv": f"{catalogue.item_class[row]:02d}",
        "lmt_used_flag": _YES if catalogue.restricted[row] else _NO,
        "list_type": catalogue.list_types[row],
    }
