"""The cardholder's slip: one sheet that explains a settlement in Chinese."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

import pytest
from medsettle.core.money import yuan_from_fen
from medsettle.identity.roles import Role

from tests.console.conftest import AREA, Day, Window

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]


def test_every_payer_stands_on_the_slip(client_as: ClientAs, day: Day) -> None:
    """With what it pays and why; amounts of the recorded answer."""
    settlement = max(day.settled, key=lambda each: each.fen("fund_total_fen"))
    client = client_as(Role.CLEARING)
    content = client.get(f"/settlements/{settlement.columns['settlement']}/slip").content.decode()
    paid = [int(str(row["paid_fen"])) for row in settlement.payers]

    assert f"您需付现金<br><b>{yuan_from_fen(settlement.fen('cash_fen'))}</b>" in content
    assert [] == [fen for fen in paid if fen and yuan_from_fen(fen) not in content]
    assert "起付线" in content
    assert len(settlement.payers) + 1 == content.count("<li>")


def test_a_slip_is_chinese_whatever_the_console_speaks(client_as: ClientAs, day: Day) -> None:
    """Whoever was treated has not chosen the language of the clerk."""
    client = client_as(Role.CLEARING)
    there = f"/settlements/{day.settled[0].columns['settlement']}/slip"
    english = client.get(there, headers={"accept-language": "en"}).content
    chinese = client.get(there, headers={"accept-language": "zh-CN"}).content

    assert english == chinese


def test_an_institution_prints_no_slip_of_another(client_as: ClientAs, day: Day) -> None:
    """It is not found, in the words of one that does not exist."""
    pharmacy = f"P{AREA}00001"
    theirs = next(each for each in day.settled if each.columns["institution"] == pharmacy)
    settlement = str(theirs.columns["settlement"])
    client = client_as(Role.INSTITUTION, f"H{AREA}00001")
    other = client.get(f"/settlements/{settlement}/slip")
    never = client.get(f"/settlements/{settlement[::-1]}/slip")

    assert (404, 404) == (other.status_code, never.status_code)
    assert f"no settlement is recorded as &#x27;{settlement}&#x27;" in other.content.decode()


def test_a_cancel_gives_cash_back(client_as: ClientAs, day: Day) -> None:
    """Nobody is asked to pay less than nothing."""
    there = f"/settlements/{day.cancel.columns['settlement']}/slip"
    content = client_as(Role.CLEARING).get(there).content.decode()
    back = yuan_from_fen(-day.cancel.fen("cash_fen"))

    assert day.cancel.fen("cash_fen") < 0
    assert f"应退还您现金<br><b>{back}</b>元" in content
    assert "您需付现金" not in content


def test_a_slip_is_plain_chinese(client_as: ClientAs, day: Day) -> None:
    """No keyword of a document, no mark of half a width between Chinese words."""
    client = client_as(Role.CLEARING)
    stays = {str(each.columns["policy"]): each.columns["settlement"] for each in day.settled}
    for settlement in (*stays.values(), day.cancel.columns["settlement"]):
        content = client.get(f"/settlements/{settlement}/slip").content.decode()
        text = re.sub(r"<[^>]+>", "", content[content.index("<h1>") :])
        why = content[content.index("<ol>") : content.index("</ol>")]

        assert [] == re.findall(r"“[A-Za-z_0-9]+”", why)
        assert [] == re.findall(r"[一-鿿][,:;()]|[)][一-鿿]", text)


@pytest.mark.slow
def test_a_slip_can_be_read_on_a_phone(window: Window, day: Day) -> None:
    """A code of an item stands on one line; the lines scroll by keyboard too."""
    longest = max(day.settled, key=lambda each: len(each.lines))
    window.page.set_viewport_size({"width": 390, "height": 800})
    page = window.open(f"/settlements/{longest.columns['settlement']}/slip")
    code = page.locator(".lines tbody th").first.bounding_box()

    assert code is not None
    assert code["height"] < 40
    assert "0" == page.get_attribute(".lines", "tabindex")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.slow
def test_a_slip_is_one_sheet(window: Window, day: Day) -> None:
    """Also that of the bill with most lines."""
    longest = max(day.settled, key=lambda each: len(each.lines))
    page = window.open(f"/settlements/{longest.columns['settlement']}/slip")
    sheets = re.findall(rb"/Type\s*/Page\b", page.pdf(prefer_css_page_size=True))

    assert 1 == len(sheets)


def test_the_slip_of_what_was_taken_back_asks_for_nothing(client_as: ClientAs, day: Day) -> None:
    """At its top stand the id and day of the cancel; what was paid in cash is given back."""
    cancel = day.cancel.columns
    there = f"/settlements/{cancel['original']}/slip"
    content = client_as(Role.CLEARING).get(there).content.decode()
    head = content[: content.index("<dl>")]
    moment = cancel["create_time"]
    back = yuan_from_fen(-day.cancel.fen("cash_fen"))

    assert isinstance(moment, datetime)
    assert "本结算已撤销" in head
    assert str(cancel["settlement"]) in head
    assert f"{moment.astimezone(timezone(timedelta(hours=8))):%Y-%m-%d}" in head
    assert "您需付现金" not in content
    assert f"应退还您现金<br><b>{back}</b>元" in content
