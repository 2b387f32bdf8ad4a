"""Registrations are recorded once, replaced by later ones, and refused with every fault."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import errors, limits
from medsettle.core.visits import Registration, RegistrationRequest, registration_of
from medsettle.engine import Engine

from tests.engine.engines import engine_on
from tests.engine.visits import AREA, SHAPES, pregnancy, recognition, register

pytestmark = pytest.mark.both_stores


@pytest.fixture(name="engine")
def _engine(tmp_path: Path) -> Iterator[Engine]:
    with engine_on(tmp_path, SHAPES) as engine:
        yield engine


def _request(registration: Registration, **changes: Any) -> RegistrationRequest:  # noqa: ANN401
    return replace(
        RegistrationRequest("AGENCY", "G1", AREA, "P1", registration),
        **changes,
    )


def _held(engine: Engine, person: str = "P1") -> list[Registration]:
    return [each.registration for each in engine.registrations.held(AREA, person)]


def test_a_registration_is_held_until_a_later_one_takes_its_place(tmp_path: Path) -> None:
    """The same kind and number again is a correction; another number is one more."""
    with engine_on(tmp_path, SHAPES) as engine:
        register(engine, recognition())
        register(engine, recognition(number="R-2", injured_part="hand"))
        ended = recognition(valid_until=date(2024, 12, 1))
        register(engine, ended)
        register(engine, pregnancy(), person="P2")
    with engine_on(tmp_path, SHAPES) as engine:
        assert [ended, recognition(number="R-2", injured_part="hand")] == _held(engine)
        assert [pregnancy()] == _held(engine, "P2")
        assert [] == _held(engine, "P3")


def test_a_repeated_registration_is_recorded_once(engine: Engine) -> None:
    """The same request again is a duplicate in its first place; other content is refused."""
    first = engine.registrations.record(_request(recognition()))
    again = engine.registrations.record(_request(recognition()))

    assert (False, True) == (first.duplicate, again.duplicate)
    assert (first.seq, first.create_time, first.registration) == (
        again.seq,
        again.create_time,
        again.registration,
    )
    with pytest.raises(errors.RequestIdReused):
        engine.registrations.record(_request(recognition(injured_part="hand")))


@pytest.mark.parametrize(
    ("registration", "says"),
    [
        (
            recognition(kind="recogniton"),
            r"registration\.kind: .*no kind 'recogniton'.*recognition",
        ),
        (recognition(timeliness=None), r"registration\.timeliness: missing"),
        (recognition(timeliness="late", event_date=None), r"registration\.event_date: missing"),
        (recognition(continues="R-0"), r"registration\.continues: .*goes on from none"),
        (recognition(kind="relapse"), r"registration\.continues: missing; name the recognition"),
        (recognition(kind="relapse", continues="R-9"), r"no recognition/R-9; register it first"),
    ],
)
def test_a_registration_that_its_routing_cannot_use_is_refused(
    engine: Engine, registration: Registration, says: str
) -> None:
    """The fault names the column and what to do, and nothing is recorded."""
    with pytest.raises(errors.InvalidRequest, match=says):
        engine.registrations.record(_request(registration))
    assert 0 == engine.ledger.last_seq()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"pooling_area": "999913"}, "no area '999913' with a routing.yaml or an"),
        ({"person": "P" * (limits.PERSON_CHARS_MAX + 1)}, "person: expected 1 to 64"),
        ({"request_id": ""}, "request_id: expected 1 to 36"),
    ],
)
def test_a_malformed_request_is_refused(engine: Engine, changes: dict[str, Any], says: str) -> None:
    """Area, person and the codes of the sender have the bounds of a claim."""
    with pytest.raises(errors.InvalidRequest, match=says):
        engine.registrations.record(_request(recognition(), **changes))


def test_rows_become_registrations() -> None:
    """Dates may be texts; what is left out is not known."""
    row = {"kind": "pregnancy", "number": "M-1", "valid_from": "2023-09-01"}

    assert pregnancy(valid_until=None) == registration_of(row)
    assert recognition() == registration_of(recognition().row())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"valid_from": "2023-9-1"}, "expected a date like 2024-05-01"),
        ({"valid_until": "2023-08-31"}, "lies before valid_from 2023-09-01"),
        ({"event_date": "2024-04-30", "accepted_date": "2024-04-29"}, "lies before event_date"),
        ({"number": ""}, "number: missing"),
        ({"colour": "red"}, "colour: unknown field"),
        ({"timeliness": "soon"}, "unknown code 'soon'; known are timely, late"),
        ({"diagnoses": ["O"] * (limits.REGISTRATION_CODES_MAX + 1)}, "65 codes, more than 64"),
    ],
)
def test_faulty_rows_are_refused(changes: dict[str, object], says: str) -> None:
    """Every column has its bound, and the fault its path."""
    row = {"kind": "pregnancy", "number": "M-1", "valid_from": "2023-09-01"} | changes
    with pytest.raises(errors.InvalidRequest, match=says):
        registration_of(row)


def test_rows_at_the_bounds_are_registrations() -> None:
    """The most codes there may be, and a registration that never held."""
    codes = [f"O{number}" for number in range(limits.REGISTRATION_CODES_MAX)]
    own = {"kind": "pregnancy", "number": "M-1", "valid_from": "2023-09-01"}
    row: dict[str, object] = {**own, "diagnoses": codes}
    same_day = registration_of(row | {"valid_until": "2023-09-01"})

    same = {"event_date": "2024-04-30", "accepted_date": "2024-04-30"}
    assert date(2024, 4, 30) == registration_of(row | same).accepted_date
    assert len(same_day.diagnoses) == limits.REGISTRATION_CODES_MAX
    assert not same_day.holds_on(date(2023, 9, 1))


@pytest.mark.slow
def test_a_person_has_so_many_registrations_and_no_more(engine: Engine) -> None:
    """One more is refused; a correction of one of them is not."""
    for number in range(limits.REGISTRATIONS_PER_PERSON_MAX):
        register(engine, pregnancy(number=f"M-{number}"))
    register(engine, pregnancy(number="M-0", valid_until=date(2024, 1, 1)))

    with pytest.raises(errors.InvalidRequest, match="has 256 already"):
        register(engine, pregnancy(number="more"))
    assert limits.REGISTRATIONS_PER_PERSON_MAX == len(_held(engine))
