"""Pages in Chinese: what has a Chinese name is called by it."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from medsettle.core.codes import BILL
from medsettle.core.money import yuan_from_fen
from medsettle.identity.roles import Role

from tests.console.conftest import Day, Window
from tests.console.test_trial import _form, _line

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import FloatRect

ClientAs = Callable[..., "Client"]
_CHINESE = {"accept-language": "zh-CN"}


def _text(content: bytes) -> str:
    return re.sub(r"<[^>]+>", "|", content.decode())


def test_stages_and_kinds_are_chinese(client_as: ClientAs, day: Day) -> None:
    """Stages as the document titles them, also in the picture; a cancel by its word."""
    settlement = day.cancel.columns["settlement"]
    content = client_as(Role.CLEARING).get(f"/settlements/{settlement}", headers=_CHINESE).content
    stages = {str(row["stage"]) for row in day.cancel.payers}
    text = _text(content)

    assert [] == [stage for stage in stages if f"|{stage}|" in text]
    assert [] == [stage for stage in stages if f'"{stage}"' in content.decode()]
    assert "| 撤销 · " in text
    assert not re.search(r" (settle|cancel)\b", text)


def test_a_trial_names_stages_by_the_document(client_as: ClientAs) -> None:
    """Also side by side."""
    form = _form(_line(), against="in-force")
    content = client_as(Role.ACTUARY).post("/trial/", form, headers=_CHINESE).content

    assert "|退休人员统一补充医疗保险|" in _text(content)
    assert "|retiree_supplement|" not in _text(content)
    assert "|retiree supplement|" not in _text(content)


def test_grades_that_are_words_are_chinese(client_as: ClientAs) -> None:
    """Of a policy that rests on an assumption; letters stay what they are."""
    text = _text(client_as(Role.AUDITOR).get("/policies/", headers=_CHINESE).content)

    assert "|不确定|" in text
    assert "|uncertain|" not in text
    assert "|SW|" in text


def test_the_log_names_pages(client_as: ClientAs, day: Day) -> None:
    """What a view is called in code is no word for whoever reads the log."""
    client = client_as(Role.AUDITOR)
    client.get(f"/settlements/{day.cancel.columns['settlement']}/slip")
    text = _text(client.get("/audit/access/", headers=_CHINESE).content)

    assert "|持卡人结算单|" in text
    assert "|slip|" not in text


def test_what_is_left_names_its_visits(client_as: ClientAs, day: Day) -> None:
    """The same fund has a cap for stays and one for outpatient visits: each says which it is."""
    there = f"/settlements/{day.cancel.columns['settlement']}"
    text = _text(client_as(Role.CLEARING).get(there, headers=_CHINESE).content)
    left = text[text.index("剩余额度") :]

    assert "21 住院、22 外伤住院" in left


def test_examples_say_where_they_come_from(client_as: ClientAs) -> None:
    """Published, or derived from the rule."""
    there = "/policies/named/beijing-employee-inpatient/"
    text = _text(client_as(Role.POLICY_OFFICER).get(there, headers=_CHINESE).content)

    assert "|推导|" in text
    assert not re.search(r"\|(derived|published)\|", text)


def test_a_field_has_a_colon_of_its_language(client_as: ClientAs) -> None:
    """Of full width beside Chinese, of half beside English."""
    client = client_as(Role.CLEARING)
    there = "/settlements/"

    assert "医药机构：</label>" in client.get(there, headers=_CHINESE).content.decode()
    assert "institution:</label>" in client.get(there).content.decode()


@pytest.mark.slow
def test_labels_of_the_picture_stand_apart(window: Window, day: Day) -> None:
    """No label covers another, those of stages where there is room; on a phone tables stand alone.

    What has no label says what it is under a hand, and so does each link.
    """
    longest = max(day.settled, key=lambda each: len(each.lines))
    stages = [row for row in longest.payers if row["payee"] == BILL and row["paid_fen"]]
    paid = {yuan_from_fen(int(str(row["paid_fen"]))) for row in stages}
    # A browser that was told a language says so itself, whatever is set beside.
    window.page.context.add_cookies(
        [{"name": "django_language", "value": "zh-hans", "url": window.base}]
    )
    for width, there in ((1280, paid), (820, set())):
        window.page.set_viewport_size({"width": width, "height": 900})
        page = window.open(f"/settlements/{longest.columns['settlement']}")
        page.wait_for_selector(".figure .sankey-link title", state="attached")
        labels = [each for each in page.locator(".figure .node-label").all() if each.text_content()]
        boxes = [box for label in labels if (box := label.bounding_box())]

        assert len(boxes) > 2
        assert there == {
            amount for amount in paid for each in labels if amount in str(each.text_content())
        }
        pairs = [(a, b) for at, a in enumerate(boxes) for b in boxes[at + 1 :] if _meet(a, b)]
        assert [] == pairs
    titles = page.locator(".figure .sankey-link title, .figure .sankey-node title")
    told = titles.evaluate_all("all => all.map(each => each.textContent)")
    links = page.locator(".figure .sankey-link").count()
    assert links + page.locator(".figure .sankey-node").count() == len(told)
    assert links == sum(" → " in each for each in told)
    bill, total = "账单", yuan_from_fen(longest.fen("total_fen"))
    assert f"{bill} {total} 元" in told
    page.set_viewport_size({"width": 390, "height": 800})
    assert not page.is_visible(".flow")
    amounts = page.locator(".cards .value").all()
    assert [] == [
        each.inner_text() for each in amounts if each.evaluate("e => e.offsetHeight > 40")
    ]


def test_the_picture_tells_its_stages_to_who_does_not_see_it(client_as: ClientAs, day: Day) -> None:
    """Each with its amount, in what is heard of the picture."""
    settlement = max(day.settled, key=lambda each: each.fen("fund_total_fen"))
    there = f"/settlements/{settlement.columns['settlement']}"
    content = client_as(Role.CLEARING).get(there, headers=_CHINESE).content.decode()
    heard = content.partition('role="img" aria-label="')[2].partition('"')[0]

    stages = [row for row in settlement.payers if row["payee"] == BILL and row["paid_fen"]]
    assert stages
    assert [] == [
        row for row in stages if f" {yuan_from_fen(int(str(row['paid_fen'])))} 元" not in heard
    ]


def _meet(first: "FloatRect", second: "FloatRect") -> bool:
    beside = (
        first["x"] + first["width"] <= second["x"] or second["x"] + second["width"] <= first["x"]
    )
    above = (
        first["y"] + first["height"] <= second["y"] or second["y"] + second["height"] <= first["y"]
    )
    return not beside and not above
