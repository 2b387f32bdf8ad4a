"""Visits over several schemes and what routes them, over a real connection."""

import threading
from asyncio import AbstractEventLoop as Loop
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from medsettle import errors, limits
from medsettle.client import Claim, ClaimLine, Client
from medsettle.core.claims import ClaimBatch
from medsettle.core.visits import Registration, RegistrationRequest, Visit
from medsettle.engine import Engine

from tests.engine.engines import engine_on
from tests.engine.visits import AREA, SHAPES, injury_stay, pregnancy, recognition
from tests.service.serving import altered, serving


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """Yield an engine of the area that routes visits, behind the server of this file."""
    with engine_on(tmp_path_factory.mktemp("ledger"), SHAPES) as engine:
        yield engine


def _register(
    client: Client, person: str, registration: Registration, request_id: str = ""
) -> None:
    own = request_id or f"{person}-{registration.subject}"
    client.registrations.record(RegistrationRequest("AGENCY", own, AREA, person, registration))


def test_the_worked_split_comes_out_to_the_fen(client: Client) -> None:
    """18,600: work injury pays 15,700 of 16,200, basic insurance gets the 2,400 of diabetes.

    Source: `domain/clearing.md` §4.3. Basic: (2,400 - 1,000) at 80 %; food is 30 for 10 days.
    """
    _register(client, "P1", recognition())

    visit = client.visits.settle(injury_stay(request_id="V1", person="P1"))

    names = ("total", "other_fund", "pooled_fund", "account", "cash", "payouts")
    assert [
        ("410", 1_620_000, 1_570_000, 0, 0, 50_000, 30_000),
        ("310", 240_000, 0, 112_000, 0, 128_000, 0),
    ] == [
        (part.columns["insurance_type"], *(part.fen(f"{name}_fen") for name in names))
        for part in visit.settlements
    ]
    assert 1_860_000 == visit.fen("total_fen")
    assert ["work_injury"] * 4 + ["basic"] == [route.scheme for route in visit.routes]


def test_the_client_gets_the_visit_as_the_engine_has_it(client: Client, engine: Engine) -> None:
    """Every settlement, route, column and time arrives as recorded, and so does its cancel."""
    _register(client, "P2", recognition(timeliness="late"))
    visit = client.visits.settle(injury_stay(request_id="V2", person="P2"))

    assert engine.visits.get(str(visit.visit)) == visit == client.visits.get(str(visit.visit))
    assert {"employer", ""} == {route.earmark for route in visit.routes}
    cancel = client.visits.cancel(str(visit.visit), institution="H1", request_id="X2")
    assert engine.visits.get(str(cancel.visit)) == cancel == client.visits.get(str(cancel.visit))
    assert (visit.visit, -1_860_000) == (cancel.original, cancel.fen("total_fen"))
    (notice,) = client.visits.get(str(visit.visit)).notices
    assert notice.startswith(f"cancelled since by {cancel.visit}")


def test_each_part_is_a_settlement_that_is_explained(client: Client) -> None:
    """Under its own id a part is found, listed, explained, and names the visit."""
    _register(client, "P3", recognition())
    visit = client.visits.settle(injury_stay(request_id="V3", person="P3"))

    assert list(visit.settlements) == list(client.list(person="P3"))
    for part in visit.settlements:
        own = str(part.columns["settlement"])
        assert (part, visit.visit) == (client.get(own), part.columns["visit"])
        assert part.fen("total_fen") == client.explain(own).total_fen()


def test_a_preview_records_nothing(client: Client, engine: Engine) -> None:
    """A preview equals the engine's, has no id, and leaves nothing in the ledger."""
    _register(client, "P4", recognition())
    before = engine.ledger.last_seq()
    row = injury_stay(request_id="V4", person="P4")

    preview = client.visits.preview(row)

    assert engine.visits.preview(ClaimBatch.from_rows([row])) == preview
    assert (None, None, None) == (preview.visit, preview.seq, preview.create_time)
    assert before == engine.ledger.last_seq()


def test_a_repeated_visit_gets_the_recorded_answer(client: Client) -> None:
    """Also where a registration since would route it otherwise, and also a repeated cancel."""
    row = injury_stay(request_id="V5", person="P5")
    first = client.visits.settle(row)
    _register(client, "P5", recognition())

    again = client.visits.settle(row)

    assert (1, True) == (len(again.settlements), again.duplicate)
    assert replace(first, duplicate=True) == again
    once, twice = (
        client.visits.cancel(str(first.visit), institution="H1", request_id="X5") for _ in "12"
    )
    assert replace(once, duplicate=True) == twice


def test_a_visit_as_objects_is_the_same_as_a_mapping(client: Client) -> None:
    """The dataclasses and the dictionaries of the same values are the same content."""
    _register(client, "P6", recognition())
    row = injury_stay(request_id="V6", person="P6")
    del row["stay_days"]
    lines = [ClaimLine(**each) for each in row["lines"]]
    first = client.visits.settle(Claim(**(row | {"lines": lines})))

    assert replace(first, duplicate=True) == client.visits.settle(row)


def test_a_visit_is_found_in_its_area_only(client: Client) -> None:
    """A name with another pooling area finds nothing; the right one and any area do."""
    visit = client.visits.settle(injury_stay(request_id="V7", person="P7"))
    wrong = f"poolingAreas/999913/visits/{visit.visit}"

    with pytest.raises(errors.NotFound):
        client.visits.get(wrong)
    with pytest.raises(errors.NotFound):
        client.visits.cancel(wrong, institution="H1", request_id="X7")
    for area in (AREA, "-"):
        assert visit == client.visits.get(f"poolingAreas/{area}/visits/{visit.visit}")


def test_a_registration_comes_back_as_recorded(client: Client, engine: Engine) -> None:
    """Every column arrives with its type, and the same request again is marked as duplicate."""
    for number, own in enumerate((recognition(items=("A1",)), pregnancy(valid_until=None))):
        request = RegistrationRequest("AGENCY", f"R8-{number}", AREA, "P8", own)
        first = client.registrations.record(request)

        assert (own, AREA, "P8", False) == (
            first.registration,
            first.pooling_area,
            first.person,
            first.duplicate,
        )
        assert replace(first, duplicate=True) == client.registrations.record(request)
        assert first in engine.registrations.held(AREA, "P8")


def test_registrations_are_listed_in_ledger_order(client: Client) -> None:
    """Pages of two hold what one page holds; one that was recorded again stands at its end."""
    for number in range(5):
        _register(client, "P9", recognition(number=f"R-{number}"))
    _register(client, "P9", recognition(number="R-1", valid_until=date(2024, 6, 1)), "R9-again")

    held = list(client.registrations.held(AREA, "P9", page_size=2))

    assert ["R-0", "R-2", "R-3", "R-4", "R-1"] == [each.registration.number for each in held]
    assert held == list(client.registrations.held(AREA, "P9"))
    assert [] == list(client.registrations.held(AREA, "nobody"))


def test_a_registration_during_a_list_hides_none(client: Client) -> None:
    """What is recorded again between two pages moves behind them and is told once more."""
    for number in range(3):
        _register(client, "P10", recognition(number=f"R-{number}"))
    held = client.registrations.held(AREA, "P10", page_size=2)
    first = next(held)
    _register(client, "P10", recognition(number="R-0", valid_until=date(2024, 6, 1)), "R10-again")

    told = [first.registration, *(each.registration for each in held)]
    assert ["R-0", "R-1", "R-2", "R-0"] == [each.number for each in told]
    assert (None, date(2024, 6, 1)) == (told[0].valid_until, told[-1].valid_until)


def test_a_lost_answer_is_found_by_asking_again(engine: Engine, loop: Loop) -> None:
    """An attempt that ran out of time was recorded; the second one gets that record."""
    slow = threading.Event()
    calls: list[str] = []

    class _Slow:
        def settle(self, claims: ClaimBatch) -> Visit:
            calls.append("settle")
            if len(calls) == 1:
                slow.wait(0.5)
            return engine.visits.settle(claims)

    behind = altered(engine)
    behind.visits = _Slow()  # type: ignore[assignment]
    row = injury_stay(request_id="V11", person="P11")
    with (
        serving(behind, loop) as served,
        Client(served.address, timeout=20, attempt_timeout=0.2) as client,
    ):
        answer = client.visits.settle(row)

    assert answer.duplicate
    assert replace(answer, duplicate=False) == engine.visits.get(str(answer.visit))
    assert len(calls) > 1


@pytest.mark.parametrize("what", ["visits", "registrations"])
def test_a_bug_in_a_write_stops_writes(engine: Engine, loop: Loop, what: str) -> None:
    """After a bug nobody knows what was recorded: later writes of any kind are refused."""

    class _Broken:
        def settle(self, _: ClaimBatch) -> Visit:
            raise ZeroDivisionError

        def record(self, _: RegistrationRequest) -> Visit:
            raise ZeroDivisionError

        held = engine.registrations.held

    behind = altered(engine)
    setattr(behind, what, _Broken())
    request = RegistrationRequest("AGENCY", "R12", AREA, "P12", recognition())
    row = injury_stay(request_id="V12", person="P12")
    with serving(behind, loop) as served, Client(served.address, timeout=0.5) as client:

        def write(of: str) -> object:
            if of == "visits":
                return client.visits.settle(row)
            return client.registrations.record(request)

        with pytest.raises(errors.InternalError):
            write(what)
        for each in ("visits", "registrations"):
            with pytest.raises(errors.LedgerUnavailable, match="until it is restarted"):
                write(each)
        assert [] == list(client.registrations.held(AREA, "P12"))
    assert [] == list(engine.page(person="P12", limit=limits.PAGE_SIZE_MAX))
