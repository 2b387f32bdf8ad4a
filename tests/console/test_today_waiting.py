"""What waits on the page of today: approvals, and notices of clearing after their day."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import notice
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.month_books import MARCH
from tests.clearing.notices_made import bill, issued
from tests.console.clearing_centre import centre_at
from tests.console.conftest import Day
from tests.console.reconciled import found, proposed, reconciled
from tests.console.test_today import _cards

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


def test_what_another_person_has_to_approve_waits(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """Of three differences one is proposed; who sees no differences is not told of it."""
    with reconciled(day, tmp_path, found()):
        client = client_as(Role.CLEARING)
        before = _cards(client.get("/today/waiting").content.decode())
        proposed(client)
        content = client.get("/today/waiting").content.decode()
        actuary = client_as(Role.ACTUARY).get("/today/waiting").content.decode()

    assert "0" == before["differences to approve"]
    assert "1" == _cards(content)["differences to approve"]
    assert 'href="/reconciliation/differences/?standing=to_approve" class="warn"' in content
    assert "differences to approve" not in actuary


def test_notices_after_their_day_wait(
    client_as: ClientAs, looking: Holdings, day: Day, tmp_path: Path
) -> None:
    """200.00 and 50.00 yuan are open two months after they were due; others are not told."""
    del looking
    with centre_at(day, tmp_path) as folder:
        with MonthStore(folder) as store:
            paid = date(2024, 3, 10)
            rows = [bill("S1", paid, 20_000), bill("S2", paid, 5_000, care_area="970001")]
            issued(store, MARCH, rows)
            due = notice(store, 1).due_on
        content = client_as(Role.CLEARING).get("/today/waiting").content.decode()
        actuary = client_as(Role.ACTUARY).get("/today/waiting").content.decode()

    assert due < date(2024, 6, 3)
    assert "2" == _cards(content)["clearing notices after their day"]
    assert "250.00 yuan are open" in content
    assert 'href="/clearing/notices?state=overdue" class="bad"' in content
    assert "clearing notices" not in actuary
