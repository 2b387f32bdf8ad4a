"""The page of today: its numbers, what it says of the server, and what waits."""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle.clearing.prepayments.prepayment import Line, requirements
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.clearing.prepayments.terms import load_prepayment_rules
from medsettle.cli.local_desk import engine_at
from medsettle.console import place
from medsettle.console.place import Holdings, Place
from medsettle.console.today_counts import counts_of
from medsettle.core.claims import ClaimBatch
from medsettle.core.dates import CHINA_STANDARD_TIME
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Settlement
from medsettle.identity.roles import Role
from medsettle.peers.open_cases import FILE_NAME, OpenCases, Unknown

from fixtures import claims as made
from tests.console.conftest import AREA, DAY, Day, Window
from tests.console.served import Served

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]

_PARTS = ("/today/", "/today/day", "/today/server", "/today/waiting")
_NOON_OF_APRIL = datetime(2026, 4, 1, 4, tzinfo=UTC)


@contextmanager
def _at(where: Place, moment: datetime) -> Iterator[Holdings]:
    """Let the pages of this process look at a place, at a moment."""
    holdings = Holdings(where, lambda: moment)
    place.put(holdings)
    try:
        yield holdings
    finally:
        holdings.close()


def _counted(client: "Client", holdings: Holdings) -> str:
    """Return the page once everything there is has been counted."""
    client.get("/today/")
    holdings.kept(counts_of).wait()
    return str(client.get("/today/").content.decode())


def _moment(settlement: Settlement) -> datetime:
    """Return when a settlement was recorded."""
    moment = settlement.columns["create_time"]
    assert isinstance(moment, datetime)
    return moment


def _cards(content: str) -> dict[str, str]:
    """Return the values of the cards by what they are of."""
    found = re.findall(r'<p class="of">([^<]*)</p><p class="value">(?:<a [^>]*>)?([^<]*)', content)
    return dict(found)


def _closed_port() -> str:
    """Return an address at which nobody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        return f"127.0.0.1:{taken.getsockname()[1]}"


def _sum(settlements: list[Settlement], *names: str) -> str:
    return yuan_from_fen(sum(each.fen(name) for each in settlements for name in names))


def test_the_numbers_of_today_are_those_of_the_answers(client_as: ClientAs, day: Day) -> None:
    """How many were settled and taken back, and fen for fen who pays; the cancel is subtracted."""
    client = client_as(Role.CLEARING)
    whole = [*day.settled, day.cancel]
    with _at(day.place(), _moment(day.settled[0])) as holdings:
        content = _counted(client, holdings)

    cards = _cards(content)
    assert (str(len(day.settled)), "1") == (cards["settlements"], cards["cancels"])
    assert _sum(whole, "total_fen") == cards["bills"]
    assert _sum(whole, "fund_total_fen") == cards["funds"]
    assert _sum(whole, "account_fen", "mutual_aid_fen") == cards["accounts"]
    assert _sum(whole, "cash_fen") == cards["cash"]
    pooled = _sum(whole, "pooled_fund_fen")
    assert f'<th scope="row">pooled fund</th><td class="number">{pooled}</td>' in content
    hour = f"{_moment(day.settled[0]).astimezone(CHINA_STANDARD_TIME):%H}:00"
    assert f'<th scope="row">{hour}</th>' in content
    assert "The audit tables have every entry of the ledger." in content


def test_another_day_has_nothing_of_this_one(client_as: ClientAs, day: Day) -> None:
    """Days begin at midnight of China Standard Time."""
    recorded = _moment(day.settled[0]).astimezone(CHINA_STANDARD_TIME)
    midnight = recorded.replace(hour=0, minute=0, second=0, microsecond=0)
    with _at(day.place(), midnight + timedelta(days=1)) as held:
        after = _counted(client_as(Role.CLEARING), held)
    with _at(day.place(), midnight + timedelta(days=1, microseconds=-1)) as held:
        before = _counted(client_as(Role.CLEARING), held)

    assert "Nothing has been recorded today yet." in after
    assert ("0", str(len(day.settled))) == (
        _cards(after)["settlements"],
        _cards(before)["settlements"],
    )


def test_an_institution_sees_its_own_numbers_alone(client_as: ClientAs, day: Day) -> None:
    """And nothing of the server, of other areas or of clearing, by whatever address."""
    hospital = f"H{AREA}00001"
    own = [each for each in day.settled if each.columns["institution"] == hospital]
    taken_back = [day.cancel] if day.cancel.columns["institution"] == hospital else []
    client = client_as(Role.INSTITUTION, hospital)
    with _at(day.place(), _moment(day.settled[0])) as holdings:
        content = _counted(client, holdings)
        others = [client.get(part).content.decode().strip() for part in _PARTS[2:]]

    assert 0 < len(own) < len(day.settled)
    assert str(len(own)) == _cards(content)["settlements"]
    assert _sum([*own, *taken_back], "total_fen") == _cards(content)["bills"]
    assert "/today/server" not in content
    assert ["", ""] == others


@pytest.mark.parametrize("path", _PARTS)
def test_who_may_not_look_is_told_so(client_as: ClientAs, path: str) -> None:
    """Whoever has not signed in is asked to."""
    from django.test import Client  # noqa: PLC0415 - Django is set up by the fixture

    assert 403 == client_as(Role.POLICY_OFFICER).get(path).status_code
    assert f"/sign-in?next={path}" == Client().get(path).headers["location"]


def test_parts_that_renew_themselves_are_not_written_down(client_as: ClientAs, day: Day) -> None:
    """The log says that a person opened the page, once."""
    from medsettle.console.models import Access  # noqa: PLC0415 - as above

    client = client_as(Role.AUDITOR, name="L")
    for path in _PARTS:
        client.get(path, headers={"X-Requested-With": "fetch"})
    assert ["/today/"] == list(
        Access.objects.filter(account="L", method="GET").values_list("path", flat=True)
    )


def test_a_server_that_nobody_named_is_said_to_be_unwatched(client_as: ClientAs) -> None:
    """With what to do about it."""
    content = client_as(Role.AUDITOR).get("/today/server").content.decode()

    assert 4 == content.count("not watched")
    assert "start the console with --server HOST:PORT" in content
    assert "start the server with --metrics HOST:PORT" in content


def test_a_server_that_does_not_answer_is_said_to_be_silent(client_as: ClientAs, day: Day) -> None:
    """The numbers of the ledger are shown all the same."""
    client = client_as(Role.AUDITOR)
    silent = replace(day.place(), server=_closed_port(), metrics=_closed_port())
    with _at(silent, _moment(day.settled[0])) as holdings:
        content = client.get("/today/server").content.decode()
        whole = _counted(client, holdings)

    assert 4 == content.count("no answer")
    assert "The server does not answer." in content
    assert "The measurements do not answer at the address that --metrics names." in content
    assert "How long calls take" not in content
    assert str(len(day.settled)) == _cards(whole)["settlements"]


def test_what_waits_is_counted_and_leads_to_its_page(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """Two cases with one area, one with another, and a notice of 26,400,000 yuan since February."""
    opened_us = int(_NOON_OF_APRIL.timestamp() * 1_000_000) - 90_000_000
    cases = OpenCases(tmp_path / FILE_NAME, lambda: opened_us)
    cases.open_deliveries([("S1", "920001"), ("S2", "920001")], 5)
    cases.open_unknown(Unknown("H1", "R1", "SettleScoped", "930002", b"x", b"d", "P1"))
    cases.close()
    with PrepaymentStore(tmp_path / "clearing") as store:
        rules = load_prepayment_rules()
        issued = date(2026, 1, 15)
        line = Line("91", "92", "employee")
        months = {(line, date(2025, month, 1)): 1_320_000_000 for month in range(1, 13)}
        needed = requirements(months, 2026, rules.on(date(2026, 1, 1)))
        store.recalculate(
            needed, rules.on(date(2026, 1, 1)), issued, date(2026, 2, 28), "chen", _NOON_OF_APRIL
        )
    where = replace(day.place(), data=tmp_path, clearing=tmp_path / "clearing")
    with _at(where, _NOON_OF_APRIL):
        content = client_as(Role.CLEARING).get("/today/waiting").content.decode()
        actuary = client_as(Role.ACTUARY).get("/today/waiting").content.decode()

    cards = _cards(content)
    assert "1" == cards["requests to other areas without an answer"]
    assert "2" == cards["records that another area has not taken yet"]
    assert 2 == content.count("the oldest for 0:01:30")
    assert "1" == cards["prepayment notices after their day"]
    assert f"{yuan_from_fen(sum(each.required_fen for each in needed))} yuan are open" in content
    assert 'href="/clearing/prepayments"' in content
    # Who may not clear is not told of it.
    assert "2" == _cards(actuary)["records that another area has not taken yet"]
    assert "prepayment" not in actuary


def test_a_ledger_without_its_tables_is_told_in_its_place(
    client_as: ClientAs, day: Day, tmp_path: Path
) -> None:
    """A manifest that somebody changed is named; the other parts stand beside it."""
    audit = tmp_path / "audit"
    audit.mkdir()
    (audit / "manifest.jsonl").write_bytes(b'{"number":1}\n')
    with _at(replace(day.place(), audit=audit), _moment(day.settled[0])):
        answer = client_as(Role.AUDITOR).get("/today/")

    content = answer.content.decode()
    assert 200 == answer.status_code
    assert "manifest.jsonl: the line at byte 0" in content
    assert "/today/server" in content


def _settle_more(day: Day, data: Path) -> int:
    """Settle other claims of the day, and return how many were recorded."""
    rows = made.day_of_claims(12, AREA, DAY + timedelta(days=1), 20)
    with engine_at(data, day.rules) as engine:
        answers = engine.settle(ClaimBatch.from_rows(rows))
    return sum(isinstance(each, Settlement) for each in answers)


@pytest.mark.slow
def test_the_page_renews_itself_under_the_hand_of_a_person(
    window: Window, served_day: Served, day: Day
) -> None:
    """A number grows by itself; the focus stays where it is, and charts are not drawn anew."""
    page = window.open("/today/")
    page.wait_for_selector("[data-drawn]")
    page.evaluate("document.querySelector('[data-drawn]').dataset.mine = 'yes'")
    settled = page.locator(".card", has_text="settlements").first.locator("a")
    before = int(settled.inner_text())
    settled.focus()
    more = _settle_more(day, served_day.data)
    page.wait_for_function(
        "expected => document.activeElement.innerText === expected", arg=f"{before + more:,}"
    )

    href = page.evaluate("document.activeElement.getAttribute('href')")
    assert "/settlements/?kind=settle" == href
    assert "yes" == page.evaluate("document.querySelector('[data-drawn]').dataset.mine")


@pytest.mark.slow
def test_a_lost_connection_is_told_until_it_is_there_again(window: Window) -> None:
    """What was said last stays."""
    page = window.open("/today/")
    page.wait_for_selector("text=requests to other areas")
    shown = page.locator(".cards.amounts").inner_text()
    page.context.set_offline(True)
    page.wait_for_selector("#lost:not([hidden])")
    assert shown == page.locator(".cards.amounts").inner_text()
    page.context.set_offline(False)
    page.wait_for_selector("#lost", state="hidden")
    # That a request failed is what was provoked.
    window.complaints.clear()


@pytest.mark.slow
def test_a_person_may_hold_the_page_as_it_is(window: Window) -> None:
    """By a button that says whether it is pressed, with the keyboard too."""
    button = window.open("/today/").get_by_role("button", name="Keep it as it is")
    assert "false" == button.get_attribute("aria-pressed")
    button.press("Enter")
    assert "true" == button.get_attribute("aria-pressed")
    button.press("Enter")
    assert "false" == button.get_attribute("aria-pressed")
