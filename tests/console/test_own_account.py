"""What an auditor and the insurance office of a hospital see of clearing, and do not do there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle.clearing.hospitals.declarations import Status, declaration, declare
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.hospital_claims import BY, application, record
from tests.console.clearing_centre import centre_at, sent
from tests.console.conftest import Day

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


@pytest.fixture
def centre(looking: Holdings, day: Day, tmp_path: Path) -> Iterator[Path]:
    """Look at an agency with a claim of 100.00 yuan of H1 and one of 7.00 of H2, each declared."""
    del looking
    other = record(2, 700, institution="H2")
    with centre_at(day, tmp_path) as folder:
        with HospitalStore(folder) as store:
            report(store, [record(1), other], BY)
            declare(store, application(10_000), BY)
            declare(store, application(700, declaration="D2", institution="H2"), BY)
        yield folder


def test_an_office_sees_its_own_hospital_alone(client_as: ClientAs, centre: Path) -> None:
    """Its declaration and sums, and nothing of the other's; pages of clearing are not open."""
    office = client_as(Role.INSTITUTION, "H1")
    page = office.get("/own-account/")
    shown = page.content.decode()
    assert 200 == page.status_code
    assert "100.00" in shown
    assert "D1" in shown
    assert 'href="/own-account/"' in shown
    for others in ("D2", "H2", "7.00", "/clearing/"):
        assert others not in shown
    assert 'method="post"' not in shown.partition("<main")[2]
    other = office.get("/own-account/?institution=H2&month=2026-03").content.decode()
    assert "D2" not in other
    for path in ("H1", "H2"):
        assert 403 == office.get(f"/clearing/hospitals/accounts/{path}").status_code
    assert 404 == office.get("/own-account/H2").status_code


def test_an_office_of_which_nothing_is_known_reads_so(client_as: ClientAs, centre: Path) -> None:
    """And nobody of no institution has such a page."""
    page = client_as(Role.INSTITUTION, "H9").get("/own-account/")

    assert 200 == page.status_code
    assert "No settlements of this hospital are read in." in page.content.decode()
    for role in set(Role) - {Role.INSTITUTION}:
        assert 403 == client_as(role).get("/own-account/").status_code


def test_an_auditor_looks_at_clearing_and_does_nothing(client_as: ClientAs, centre: Path) -> None:
    """Buttons are not there, and what is sent all the same is refused and changes nothing."""
    auditor = client_as(Role.AUDITOR)
    paths = ["", "notices", "bank", "prepayments", "statements", "hospitals"]
    paths += ["hospitals/accounts/H1", "hospitals/declarations/D1", "hospitals/claims/S1"]
    for path in paths:
        page = auditor.get(f"/clearing/{path}")
        content = page.content.decode().partition("<main")[2]

        assert (path, 200) == (path, page.status_code)
        assert 'method="post"' not in content
        assert "/clearing/close" not in content
        assert 403 == auditor.post(f"/clearing/{path}", sent("accepted", reason="x")).status_code
    assert 403 == auditor.get("/clearing/close").status_code
    assert 403 == auditor.post("/clearing/close").status_code
    with HospitalStore(centre) as store:
        assert Status.APPLIED is declaration(store, "D1").status
