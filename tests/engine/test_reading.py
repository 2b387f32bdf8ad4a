"""Settlements are found by id and by page; a page obeys every filter given."""

from dataclasses import replace

import pytest
from medsettle import errors
from medsettle.core.settlement import Opening, Row, Settlement
from medsettle.engine import Engine

from tests.engine.engines import id_of, settled
from tests.service.claims import AREA, INSTITUTION, claim


@pytest.fixture
def recorded(engine: Engine) -> list[Settlement]:
    """Return six records of two people at two institutions, with openings in between."""
    found = []
    for number in range(1, 6):
        opening = Opening(INSTITUTION, f"O{number}", AREA, f"P{number}", 10_000, ())
        engine.open_person(opening)
        person, institution = f"P{number % 2}", f"H{number % 3}"
        found.append(settled(engine, claim(number, person=person, institution=institution)))
    found.append(engine.cancel("H1", "X1", id_of(found[0])))
    return found


def test_what_is_recorded_is_read_back(engine: Engine, recorded: list[Settlement]) -> None:
    """Each id gives the settlement as it was answered, dates, times and all."""
    read = [engine.get(id_of(each)) for each in recorded]
    assert recorded == [replace(each, notices=()) for each in read]
    assert [bool(each.notices) for each in read] == [True] + [False] * 5


def test_an_unknown_settlement_is_not_found(engine: Engine) -> None:
    """Nothing is recorded under an id that no request made."""
    with pytest.raises(errors.NotFound) as refused:
        engine.get("999900ffffffffffffffffffff")

    assert {"settlement": "999900ffffffffffffffffffff"} == refused.value.metadata


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7, 1_000])
def test_pages_of_any_size_hold_everything_once(
    engine: Engine, recorded: list[Settlement], limit: int
) -> None:
    """Pages are full until the last, in ledger order, and openings leave no holes in them."""
    pages: list[list[Settlement]] = []
    after = 0
    while page := engine.page(after_seq=after, limit=limit):
        pages.append(page)
        after = page[-1].fen("seq")

    assert recorded == [each for page in pages for each in page]
    assert all(limit == len(page) for page in pages[:-1])


def test_every_filter_given_holds(engine: Engine, recorded: list[Settlement]) -> None:
    """Person, institution and area each narrow a page, alone and together."""
    for person, institution in (("P1", None), (None, "H1"), ("P1", "H1"), ("P0", "H9")):
        expected = [
            each
            for each in recorded
            if person in {None, each.columns["person"]}
            and institution in {None, each.columns["institution"]}
        ]
        assert expected == engine.page(pooling_area=AREA, person=person, institution=institution)
    assert [] == engine.page(pooling_area="999901")


def test_the_policies_are_listed(engine: Engine) -> None:
    """Every loaded policy is summed up with its dates, digest and weakest label."""
    found = {each.policy: each for each in engine.policies()}

    assert {f"example-{kind}" for kind in ("inpatient", "outpatient", "resident")} == set(found)
    stay = found["example-inpatient"]
    assert ("999900", "310", ("21",)) == (stay.pooling_area, stay.insurance_type, stay.visit_types)
    assert ("2024-01-01", "2025-01-01") == (str(stay.in_force_from), str(stay.in_force_until))
    assert (12, "invented") == (len(stay.digest), stay.confidence)


def test_a_claim_is_told_as_it_was_sent(engine: Engine) -> None:
    """A cancel has the claim of its original; nothing recorded has none."""
    settlement = settled(engine, claim(1))
    cancel = engine.cancel(INSTITUTION, "X1", id_of(settlement))
    found = engine.claim(id_of(settlement))

    assert ("R1", "2024-05-01", 50_000) == (
        found["request_id"],
        found["service_date"],
        _only_line(found)["amount_fen"],
    )
    assert found == engine.claim(id_of(cancel))
    with pytest.raises(errors.NotFound):
        engine.claim("S1")


def _only_line(found: Row) -> Row:
    lines: list[Row] = found["lines"]  # type: ignore[assignment]
    (line,) = lines
    return line
