"""What the claims of a history say when all of them are looked at: days, areas, persons."""

from dataclasses import dataclass
from datetime import date

import pyarrow.compute as pc

from medsettle.replay.history import History


@dataclass(frozen=True, slots=True)
class Contents:
    """What a history holds.

    Attributes:
        first_day: The first day of service; None where there is no claim.
        last_day: The last one.
        areas: The pooling areas, by code.
        visit_types: The types of visits, by code.
        persons: How many persons have claims.
        recorded: How many claims have a recorded settlement.
        taken_back: How many claims were taken back.
    """

    first_day: date | None
    last_day: date | None
    areas: list[str]
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
    areas: set[str] = set()
    visit_types: set[str] = set()
    persons = recorded = taken_back = 0
    names = ["pooling_area", "person", "visit_type", "service_date", "taken_back"]
    names.append("recorded_settlement")
    for part in history.parts:
        claims = history.read(part, "claims", names)
        if not claims.num_rows:
            continue
        ends = pc.min_max(claims["service_date"]).as_py()
        days += [ends["min"], ends["max"]]
        areas.update(claims["pooling_area"].unique().to_pylist())
        visit_types.update(claims["visit_type"].unique().to_pylist())
        # Each person is in one part.
        persons += claims.group_by(["pooling_area", "person"]).aggregate([]).num_rows
        recorded += claims.num_rows - claims["recorded_settlement"].null_count
        taken_back += claims.num_rows - claims["taken_back"].null_count
    return Contents(
        first_day=min(days, default=None),
        last_day=max(days, default=None),
        areas=sorted(areas),
        visit_types=sorted(visit_types),
        persons=persons,
        recorded=recorded,
        taken_back=taken_back,
    )
