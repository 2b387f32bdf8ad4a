"""What the claims of a history say when all of them are looked at: days, areas, persons."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import pyarrow.compute as pc

from medsettle.replay.history import History

_CODES: Final = ("pooling_area", "insurance_type", "visit_type")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a history holds.

    Attributes:
        first_day: The first day of service; None where there is no claim.
        last_day: The last one.
        areas: The pooling areas, by code.
        insurance_types: The types of insurance, by code.
        visit_types: The types of visits, by code.
        persons: How many persons have claims.
        recorded: How many claims have a recorded settlement.
        taken_back: How many claims were taken back.
    """

    first_day: date | None
    last_day: date | None
    areas: list[str]
    insurance_types: list[str]
    visit_types: list[str]
    persons: int
    recorded: int
    taken_back: int


def contents_of(history: History) -> Contents:
    """Return what the claims of a history say, read part by part.

    Raises:
        NotFound: A file is gone.
        InvalidRequest: A file is no Parquet file of claims.
    """
    days: list[date] = []
    codes: dict[str, set[str]] = {name: set() for name in _CODES}
    persons = recorded = taken_back = 0
    names = [*_CODES, "person", "service_date", "taken_back", "recorded_settlement"]
    for part in history.parts:
        claims = history.read(part, "claims", names)
        if not claims.num_rows:
            continue
        ends = pc.min_max(claims["service_date"]).as_py()
        days += [ends["min"], ends["max"]]
        for name, found in codes.items():
            found.update(claims[name].unique().to_pylist())
        # Each person is in one part.
        persons += claims.group_by(["pooling_area", "person"]).aggregate([]).num_rows
        recorded += claims.num_rows - claims["recorded_settlement"].null_count
        taken_back += claims.num_rows - claims["taken_back"].null_count
    return Contents(
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        areas=sorted(codes["pooling_area"]),
        insurance_types=sorted(codes["insurance_type"]),
        visit_types=sorted(codes["visit_type"]),
        persons=persons,
        recorded=recorded,
        taken_back=taken_back,
    )
