"""Lives of persons of the example area, and how two folders of what they come to are compared.

They are as a reform would have recorded them, so that a replay of the baseline finds differences.
"""

from datetime import date
from pathlib import Path

import orjson
import pyarrow.parquet as pq
from medsettle.replay.layout import RESULTS_MANIFEST as MANIFEST
from medsettle.settle.run import Settled, Settler

from tests.replay.made import Cancel, Claim, Event, Life, Move, checked, one_by_one, recorded
from tests.replay.years import on
from tests.service.claims import claim

LONG = 5
"""A person with more claims than a batch."""


def life_of(number: int, settler: Settler) -> Life:
    """Return visits of a person over a year as the reform would have settled them.

    Every second person has an account, every third takes back their first visit, and every fourth
    has a line that takes back half of another.
    """
    count = 20 if number == LONG else 3 + number % 4
    life: list[Event] = [Move("account", 0, 30_000)] if number % 2 else []
    visits = []
    for at in range(count):
        day = date(2024, 1 + at * 12 // count, 3)
        fen, person = 10_000 + 777 * at + number, f"P{number:02d}"
        row = on(day, claim(100 * number + at, fen, person=person))
        if number % 4 == 0:
            (bill,) = row["lines"]
            half = {"quantity_e4": -5_000, "amount_fen": -(bill["amount_fen"] // 2)}
            back = {**bill, **half, "line_id": "back", "original_line": bill["line_id"]}
            row["lines"].append(back)
        visits.append(len(life))
        life.append(Claim(checked(row)))
        if at == 1 and number % 3 == 0:
            life.append(Cancel(visits[0]))
    results = one_by_one(settler, life)
    known: list[Event] = []
    for event in life:
        if not isinstance(event, Claim):
            known.append(event)
            continue
        found = next(results)
        assert isinstance(found, Settled)
        known.append(recorded(event.row, found.settlement))
    return known


TABLES = ("claims/baseline", "claims/higher-rate", "lines/baseline", "differences")


def assert_same(expected_: Path, found: Path) -> None:
    """Hold all tables to be the same rows in the same order, and the manifests to say the same.

    A cluster tells no files of parts, and may know the place of the history by an address.
    """
    for name in TABLES:
        one, other = (pq.read_table(folder / name) for folder in (expected_, found))
        assert one.num_rows
        assert one.schema.names == other.schema.names
        assert one.to_pylist() == other.to_pylist()
    one, other = (orjson.loads((folder / MANIFEST).read_bytes()) for folder in (expected_, found))
    assert all(part["files"] for part in one["finished"])
    own = [{**part, "files": []} for part in one["finished"]]
    other["history_lay"] = other["history_lay"].removeprefix("file://")
    assert {**one, "finished": own, "written_by": "spark"} == other
