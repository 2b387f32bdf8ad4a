"""Counters apart for each hospital, stay and treatment year, as the ledger holds them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors
from medsettle.core.settlement import Opening, Settlement
from medsettle.engine import Engine

from tests.engine.engines import engine_on, id_of, settled
from tests.service.claims import claim, line

_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_AREA = "999902"


@pytest.fixture(name="shapes")
def _shapes(tmp_path: Path) -> Iterator[Engine]:
    """Return an engine of the shape areas with a ledger of its own."""
    with engine_on(tmp_path, _SHAPES) as engine:
        yield engine


def _visit(number: int, day: str, yuan: int, **facts: object) -> dict[str, Any]:
    item = line(yuan * 100, item_code="009902000001000990200000100") | {"fee_date": day}
    own = {"pooling_area": _AREA, "person": "P", "institution_level": "02", "lines": [item]}
    return claim(number) | own | {"service_date": day, "admission_date": day} | facts


def _stay(number: int, day: str, encounter: str | None, days: int) -> dict[str, Any]:
    facts = {"visit_type": "22", "encounter": encounter, "stay_days": days}
    return _visit(number, day, 6_500, **facts)


def _paid(settlement: Settlement) -> tuple[int, int]:
    return settlement.fen("deductible_fen"), settlement.fen("pooled_fund_fen")


def test_each_stay_has_counters_of_its_own(shapes: Engine) -> None:
    """Interim settlements of one stay go on, another stay begins anew, at any hospital."""
    settled(shapes, _stay(1, "2024-03-01", "E1", 80))
    again = settled(shapes, _stay(2, "2024-03-10", "E1", 89))
    elsewhere = settled(shapes, _stay(3, "2024-03-20", "E1", 9) | {"institution": "H2"})

    # 4,000 of 6,500 fill the band of 10,000 at 80 %, the other 2,500 are paid at 90 %.
    assert (0, 545_000) == _paid(again)
    assert (50_000, 480_000) == _paid(elsewhere)
    names = {counter for counter, _, _ in shapes.person(_AREA, "P").counters}
    assert {
        f"310.{name}.{stay}"
        for name in ("long_stay_deductible", "stay_paid", "stay_scope")
        for stay in ("H1:E1", "H2:E1")
    } == names


def test_a_stay_that_is_not_stated_is_the_claim_itself(shapes: Engine) -> None:
    """Without an encounter every claim is a stay: it bears the deductible again."""
    first = settled(shapes, _stay(1, "2024-03-01", None, 9))
    second = settled(shapes, _stay(2, "2024-03-10", None, 9))

    assert (50_000, 480_000) == _paid(first) == _paid(second)


def test_a_stay_is_told_from_a_claim_with_its_number(shapes: Engine) -> None:
    """An encounter may have the number of an earlier request, and is another stay all the same."""
    alone = settled(shapes, _stay(1, "2024-03-01", None, 9))
    stay = settled(shapes, _stay(2, "2024-03-10", "R1", 9))

    assert (50_000, 480_000) == _paid(alone) == _paid(stay)


def test_names_of_counters_keep_their_parts_apart(shapes: Engine) -> None:
    """Whatever marks a code has, the hospital `H1:E` with stay `1` is not `H1` with stay `E:1`."""
    first = settled(shapes, _stay(1, "2024-03-01", "1", 9) | {"institution": "H1:E"})
    second = settled(shapes, _stay(2, "2024-03-10", "E:1", 9))

    assert (50_000, 480_000) == _paid(first) == _paid(second)
    names = {counter for counter, _, _ in shapes.person(_AREA, "P").counters}
    assert {"310.stay_paid.H1%3AE:1", "310.stay_paid.H1:E%3A1"} <= names


def _values(engine: Engine) -> dict[str, int]:
    return {counter: value for counter, _, value in engine.person(_AREA, "P").counters}


def test_cancelling_the_second_of_three_takes_back_what_it_moved(shapes: Engine) -> None:
    """Every split counter falls by what the second settlement had added, and by nothing else."""
    settled(shapes, _stay(1, "2024-03-01", "E1", 80))
    first = _values(shapes)
    second = settled(shapes, _stay(2, "2024-03-10", "E1", 85))
    added = {name: value - first[name] for name, value in _values(shapes).items()}
    settled(shapes, _stay(3, "2024-03-20", "E1", 95))
    third = _values(shapes)
    shapes.cancel("H1", "X1", id_of(second))

    assert {name: value - added[name] for name, value in third.items()} == _values(shapes)
    assert 545_000 == added["310.stay_paid.H1:E1"]


def test_a_cancelled_stay_gives_its_number_back(shapes: Engine) -> None:
    """After a cancel the next stay is the second again, and bears what a second stay bears."""
    facts = {"visit_type": "21"}
    settled(shapes, _visit(1, "2024-01-10", 5_000, encounter="A1", **facts))
    second = settled(shapes, _visit(2, "2024-02-10", 5_000, encounter="A2", **facts))
    shapes.cancel("H1", "X1", id_of(second))
    third = settled(shapes, _visit(3, "2024-03-10", 5_000, encounter="A3", **facts))

    assert [70_000, 70_000] == [each.fen("deductible_fen") for each in (second, third)]


def test_a_new_approval_begins_a_new_treatment_year(shapes: Engine) -> None:
    """The limit of a treatment year is that of its approval."""
    facts = {"visit_type": "15", "approval_date": "2023-03-15"}
    settled(shapes, _visit(1, "2023-11-01", 160_000, **facts))
    same = settled(shapes, _visit(2, "2024-03-01", 80_000, **facts))
    later = settled(
        shapes, _visit(3, "2024-03-02", 80_000, **(facts | {"approval_date": "2024-03-02"}))
    )

    assert [3_000_000, 6_000_000] == [each.fen("pooled_fund_fen") for each in (same, later)]


def test_what_a_person_brings_along_may_be_split(shapes: Engine) -> None:
    """An opening names the counter of a class; without one, or with a stranger's, it is refused."""
    brought = (("310.at_level.level_3", 2024, 60_000),)
    shapes.open_person(Opening("H1", "O1", _AREA, "P", 0, brought))
    visit = settled(shapes, _visit(1, "2024-05-01", 500))

    assert (20_000, 18_000) == _paid(visit)
    for name in ("310.at_level", "310.at_levels.level_3", "310.all_levels.level_3"):
        with pytest.raises(errors.InvalidRequest, match="no counter"):
            shapes.open_person(Opening("H1", "O2", _AREA, "P", 0, ((name, 2024, 1),)))
