"""Prepayments as gauges: levels, forecast with its band, notices, increases by two persons."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.prepayments.increase import Increases, IncreaseState
from medsettle.clearing.prepayments.prepayment import Line
from medsettle.clearing.prepayments.store import PrepaymentStore
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.month_books import MARCH, close
from tests.clearing.notices_made import bill
from tests.clearing.prepaying import RULES, prepaid, recalculated
from tests.console.clearing_centre import centre_at, sent, upload
from tests.console.conftest import Day

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
LINE = Line("99", "98", "employee")
PATH = "/clearing/prepayments/99/98/employee"
NOW = datetime(2026, 3, 13, 1, tzinfo=UTC)


@pytest.fixture
def centre(looking: Holdings, day: Day, tmp_path: Path) -> Iterator[Path]:
    """Look at a centre on Friday 13 March 2026."""
    del looking
    with centre_at(day, tmp_path, NOW) as folder:
        yield folder


def _used(centre: Path, fen: int, standing_fen: int = 100_000) -> None:
    """Let 1,000.00 yuan stand on the line, of which March uses so much."""
    with PrepaymentStore(centre) as store:
        prepaid(store, LINE, standing_fen)
        store.record_usages([(LINE, date(2026, 3, 1), fen)], RULES, NOW)


@pytest.mark.parametrize(
    ("fen", "level", "width"),
    [
        pytest.param(69_999, "enough", 69, id="a fen below yellow"),
        pytest.param(70_000, "yellow", 70, id="yellow"),
        pytest.param(89_999, "yellow", 89, id="a fen below red"),
        pytest.param(90_000, "red", 90, id="red"),
        pytest.param(250_000, "red", 100, id="far above"),
    ],
)
def test_a_gauge_stands_where_the_terms_say(
    client_as: ClientAs, centre: Path, fen: int, level: str, width: int
) -> None:
    """70 % are yellow and 90 % red, to the fen; more than all fills the gauge."""
    _used(centre, fen)
    page = client_as(Role.CLEARING).get("/clearing/prepayments").content.decode()
    assert re.search(rf'<span class="tag \w+">{level}</span>', page)
    assert f'style="width: {width}%"' in page
    left_fen = 100_000 - fen
    assert f"{left_fen // 100 if left_fen >= 0 else -(-left_fen // 100):,}." in page
    assert "Yellow begins at 70 %, red at 90 %." in page


def test_an_increase_takes_two_persons(client_as: ClientAs, centre: Path) -> None:
    """Asked for at red, approved by another, noticed, and paid by a reference that counts once."""
    _used(centre, 95_000)
    first, second = (client_as(Role.CLEARING, name=name) for name in ("chen", "li"))
    assert 302 == first.post(PATH, sent("request", yuan="500.00")).status_code
    refused = first.post(PATH, sent("approve", reason="needed"))
    assert (400, True) == (
        refused.status_code,
        "somebody else reviews it" in refused.content.decode(),
    )
    assert 302 == second.post(PATH, sent("approve", reason="needed")).status_code
    issued = second.post(PATH, sent("notice"), follow=True).content.decode()
    number = re.findall(r"Notice (PP2026-\d+) is issued", issued)[0]
    pay = {"notice": number, "yuan": "500.00", "reference": "E2E-9", "on": "2026-03-13"}
    assert 302 == second.post(PATH, sent("pay", **pay)).status_code
    with PrepaymentStore(centre) as store:
        (increase,) = Increases(store, RULES).all()
        standing_fen = store.standing_fen(LINE)
    assert (IncreaseState.PAID, 150_000) == (increase.state, standing_fen)
    assert ["chen", "li", "li", "li"] == [step.who for step in increase.steps]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param(
            {"yuan": "1000.01"}, "1,000.00 yuan are open, not 1,000.01", id="more than is open"
        ),
        pytest.param({"yuan": "x"}, "is not an amount; write it like", id="no amount"),
        pytest.param({"on": "2026-01-01"}, "was issued on 2026-01-31", id="before the notice"),
        pytest.param({"notice": "PP2026-000099"}, "Select a valid choice", id="no notice"),
    ],
)
def test_a_wrong_payment_is_refused(
    client_as: ClientAs, centre: Path, changed: dict[str, str], said: str
) -> None:
    """With what is wrong, and nothing stands on the line after it."""
    with PrepaymentStore(centre) as store:
        (number,) = recalculated(store, (LINE, 100_000))
    pay = {"notice": number, "yuan": "1000.00", "reference": "R", "on": "2026-02-20"} | changed
    answer = client_as(Role.CLEARING).post(PATH, sent("pay", **pay))
    content = answer.content.decode()
    assert (400, True) == (answer.status_code, said in content), re.findall(
        r"error[^>]*>(.*?)</", content
    )
    with PrepaymentStore(centre) as store:
        assert 0 == store.standing_fen(LINE)


def test_the_month_is_forecast_of_the_days_that_were_given(
    client_as: ClientAs, centre: Path
) -> None:
    """100.00 a working day and 30.00 a weekend day: 460.00 by the 12th, 1,940.00 by the end."""
    _used(centre, 46_000, 80_000)
    client = client_as(Role.CLEARING, name="wang")
    rows = ["day,insured,care,fund,amount_yuan"]
    rows += [f"2026-03-{7 + at:02d},99,98,employee,{30 if at < 2 else 100}.00" for at in range(6)]
    body = sent("days", until="2026-03-12") | {
        "days-file": upload("\n".join(rows).encode(), "days.csv")
    }
    answer = client.post("/clearing/prepayments", body, follow=True).content.decode()
    assert "What each day cleared is known of 1 lines now." in answer
    part = client.get(f"{PATH}/trend")
    content = part.content.decode()
    assert "yes" == part.headers["X-Done"]
    # Thirteen working days and six days of weekends are left after the 12th.
    assert "1,940.00" in content
    assert ("2026-03-13" in content, "2026-03-16" in content) == (True, True)
    assert "was given by wang" in content
    what_if = client.get(f"{PATH}/trend", {"top_up": "100000.00"}).content.decode()
    assert "not this month" in what_if
    assert "not known" in client.get("/clearing/prepayments/97/98/x/trend").content.decode()


def test_wrong_days_are_told_and_nothing_is_kept(client_as: ClientAs, centre: Path) -> None:
    """With the row of the file, and its own name."""
    del centre
    body = sent("days", until="2026-03-12") | {
        "days-file": upload(b"day,insured,care,fund,amount_yuan\n2026-03-40,99,98,e,1\n", "d.csv")
    }
    client = client_as(Role.CLEARING)
    answer = client.post("/clearing/prepayments", body)
    assert (400, True) == (answer.status_code, "row 1" in answer.content.decode())
    assert "not known" in client.get(f"{PATH}/trend").content.decode()


def test_a_closed_month_is_recorded_as_usage(client_as: ClientAs, centre: Path) -> None:
    """What the payables of the month come to; a line on which nothing stands is red."""
    with MonthStore(centre) as store:
        close(store, MARCH, [bill("S1", date(2024, 3, 10), 12_345)])
    client = client_as(Role.CLEARING)
    said = client.post("/clearing/prepayments", sent("usage", month="2024-03"), follow=True)
    assert "2024-03 is recorded on 1 lines; 1 are red." in said.content.decode()
    with PrepaymentStore(centre) as store:
        (usage,) = store.usages(date(2024, 3, 1), RULES)
    assert (LINE, 12_345) == (usage.line, usage.cleared_fen)
    assert 400 == client.get("/clearing/prepayments", {"month": "x"}).status_code


def test_a_year_is_recalculated_of_a_file(client_as: ClientAs, centre: Path) -> None:
    """Two months' average of the last quarter; a month that is missing is told."""
    client = client_as(Role.CLEARING)
    months = "".join(f"2025-{at},99,98,employee,100.00\n" for at in (10, 11, 12))
    head = "month,insured,care,fund,amount_yuan\n"

    def give(rows: str) -> str:
        file = {"year-file": upload((head + rows).encode(), "c.csv")}
        body = sent("year", year=2026, on="2026-01-30") | file
        return client.post("/clearing/prepayments", body, follow=True).content.decode()

    assert "nothing is stated for 2025-12" in give(months[: 2 * len(months) // 3])
    assert "2026: 1 lines, 1 notices, to be paid by 2026-02-28." in give(months)
    with PrepaymentStore(centre) as store:
        (notice,) = store.notices()
    assert 20_000 == notice.open_fen
    page = client.get("/clearing/prepayments").content.decode()
    assert notice.number in page
    assert 404 == client.get("/clearing/prepayments/97/98/employee").status_code
    assert 400 == client.get("/clearing/prepayments/9/98/employee").status_code
