"""The second of three stays is cancelled, and all that it took goes back at once.

Its number, its place in the bands, and what it took of a cap and of a deductible of the year are
there for the next stay again (shapes D22, B3, C1, P12). The stays are those of the example
`shapes-cancelled-stay`, where the arithmetic is written out.
"""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from medsettle.core.settlement import Settlement
from medsettle.engine import Engine
from medsettle.ledger.reading import EntryReader
from medsettle.policy.examples import read_examples
from medsettle.settle.prove import amounts_of

from tests.engine.engines import engine_on, id_of, settled
from tests.service.claims import claim, line

_SHAPES = Path(__file__).parents[2] / "fixtures" / "policies" / "shapes"
_AREA = "999914"
_CLASS_A = "009902000001000990200000100"


@pytest.fixture(name="shapes")
def _shapes(tmp_path: Path) -> Iterator[Engine]:
    """Yield an engine of the shape areas with a ledger of its own."""
    with engine_on(tmp_path, _SHAPES) as engine:
        yield engine


def _stay(number: int, day: str, yuan: int) -> dict[str, Any]:
    lines = [line(yuan * 100, item_code=_CLASS_A) | {"fee_date": day}]
    own = {"pooling_area": _AREA, "insurance_type": "390", "visit_type": "21", "person": "P"}
    days = {"service_date": day, "admission_date": day}
    return claim(number) | own | days | {"institution_level": "02", "lines": lines}


def _three(engine: Engine) -> list[Settlement]:
    stays = [("2024-02-01", 10_700), ("2024-04-01", 30_500), ("2024-06-01", 20_400)]
    return [settled(engine, _stay(n, day, yuan)) for n, (day, yuan) in enumerate(stays, 1)]


def _counters(engine: Engine) -> dict[str, int]:
    held = engine.person(_AREA, "P").counters
    return {name.removeprefix("390."): value for name, period, value in held if period == 2024}


def _shares(settlement: Settlement) -> list[int]:
    """Return the deductible and what fund, critical illness and person pay, in yuan."""
    names = ("deductible", "pooled_fund", "critical_illness", "cash")
    return [settlement.fen(f"{name}_fen") // 100 for name in names]


def test_the_fourth_stay_is_the_third_that_counts(shapes: Engine) -> None:
    """It has the number, the band, the cap and the deductible that the cancelled one gave back."""
    stays = _three(shapes)
    cancel = shapes.cancel("H1", "X1", id_of(stays[1]))
    fourth = settled(shapes, _stay(4, "2024-08-01", 33_400))

    assert [
        [700, 8_000, 0, 2_700],
        [500, 25_000, 0, 5_500],
        [400, 7_000, 5_760, 7_640],
        [-500, -25_000, 0, -5_500],
        [400, 25_000, 1_740, 6_660],
    ] == [_shares(each) for each in (*stays, cancel, fourth)]


def test_every_counter_is_the_sum_of_what_still_counts(shapes: Engine) -> None:
    """Before the cancel of three stays, after it of two, and then of two and the fourth."""
    stays = _three(shapes)
    of_three = _counters(shapes)
    shapes.cancel("H1", "X1", id_of(stays[1]))
    of_two = _counters(shapes)
    settled(shapes, _stay(4, "2024-08-01", 33_400))

    # Stays; scope in the bands; paid by the fund; met of 12,000; own part: first, second, third.
    assert {
        "admissions": 3,
        "year_scope": (10_000 + 30_000 + 20_000) * 100,
        "year_paid": (8_000 + 25_000 + 7_000) * 100,
        "critical_deductible": (2_700 + 5_500 + 3_800) * 100,
        "year_burden": (2_700 + 5_500 + 13_400) * 100,
    } == of_three
    assert {
        "admissions": 2,
        "year_scope": (10_000 + 20_000) * 100,
        "year_paid": (8_000 + 7_000) * 100,
        "critical_deductible": (2_700 + 3_800) * 100,
        "year_burden": (2_700 + 13_400) * 100,
    } == of_two
    assert {
        "admissions": 3,
        "year_scope": (10_000 + 20_000 + 33_000) * 100,
        "year_paid": (8_000 + 7_000 + 25_000) * 100,
        "critical_deductible": 12_000 * 100,
        "year_burden": (2_700 + 13_400 + 8_400) * 100,
    } == _counters(shapes)
    assert isinstance(shapes.ledger, EntryReader)
    assert shapes.ledger.verify() is None


def test_the_third_stays_as_it_was(shapes: Engine) -> None:
    """Its record is the same before and after, and is explained by what it found then."""
    stays = _three(shapes)
    before = shapes.explain(id_of(stays[2]))
    cancel = shapes.cancel("H1", "X1", id_of(stays[1]))
    settled(shapes, _stay(4, "2024-08-01", 33_400))

    assert stays[2] == shapes.get(id_of(stays[2]))
    assert before == shapes.explain(id_of(stays[2]))
    notice = f"cancelled since by {id_of(cancel)}: nothing of this settlement is owed"
    assert replace(stays[1], notices=(notice,)) == shapes.get(id_of(stays[1]))


def test_what_is_given_back_is_what_was_taken(shapes: Engine) -> None:
    """Every amount of the second stay and of its cancel together is nothing."""
    stays = _three(shapes)
    cancel = shapes.cancel("H1", "X1", id_of(stays[1]))
    given, taken = amounts_of(stays[1]), amounts_of(cancel)

    assert set(given) == set(taken)
    assert {0} == {given[name] + taken[name] for name in given}


def test_the_example_says_what_the_engine_does(shapes: Engine) -> None:
    """Every amount that the worked example expects stands in the recorded answers."""
    path = _SHAPES / _AREA / "cancelled-stay.examples.yaml"
    example = next(each for each in read_examples(path)[0] if each.name == "the-second-of-three")
    stays = _three(shapes)
    cancel = shapes.cancel("H1", "X1", id_of(stays[1]))
    answers = [*stays, cancel, settled(shapes, _stay(4, "2024-08-01", 33_400))]

    assert len(answers) == len(example.visits)
    for visit, answer in zip(example.visits, answers, strict=True):
        found = amounts_of(answer)
        assert visit.expect == {name: found[name] for name in visit.expect}
