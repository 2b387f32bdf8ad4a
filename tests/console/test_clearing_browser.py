"""Clearing in a browser: the matrix that comes by itself, keys, forms that open, uploads."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Status, notice, notices

from tests.clearing.bank_messages import Line, Message
from tests.clearing.month_books import APRIL, MARCH, close
from tests.clearing.notices_made import bill, cleared, issued
from tests.console.clearing_centre import accounts_csv
from tests.console.conftest import Window
from tests.console.served import Served

pytestmark = pytest.mark.slow
DAY = date(2024, 3, 10)


@pytest.fixture
def centre(served_day: Served) -> Iterator[Path]:
    """Have a March that is noticed and an April that is closed in the served folder, once."""
    folder = served_day.data / "clearing"
    if not folder.exists():
        rows = [
            bill("S1", DAY, 20_000),
            bill("S2", DAY, 5_000, pooling_area="989802", care_area="999901"),
        ]
        with MonthStore(folder) as store:
            for found in issued(store, MARCH, rows):
                cleared(store, found.number)
            close(store, APRIL, [*rows, bill("S3", date(2024, 4, 3), 700)])
    yield folder


def test_a_month_is_a_matrix_that_leads_to_its_records(window: Window, centre: Path) -> None:
    """The page stands at once; the figures come, are drawn, and each leads to its records."""
    del centre
    page = window.open("/today/")
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/clearing/")
    page.click("a:text-is('2024-04')")
    page.wait_for_selector(".figure[data-drawn]")
    page.click("td a:text-is('7.00')")
    page.wait_for_url("**/clearing/months/2024-04/99/98")
    assert "S3" in page.inner_text("#records ~ .wide")


def test_a_form_opens_says_what_is_wrong_and_is_done(window: Window, centre: Path) -> None:
    """A payment with a wrong amount keeps what was typed; mended, it makes the notice paid."""
    with MonthStore(centre) as store:
        number = next(each.number for each in notices(store) if each.debtor == "98")
    page = window.open(f"/clearing/notices/{number}")
    page.click("summary:has-text('Register a payment')")
    form = page.locator("details[open] form")
    form.locator("[name=register-yuan]").fill("50.001")
    form.locator("[name=register-reference]").fill("REF-1")
    form.locator("[name=register-on]").fill("2024-05-20")
    form.locator("button[type=submit]").click()
    assert "part of a fen" in page.inner_text("details[open] .errorlist")
    assert "REF-1" == page.input_value("[name=register-reference]")
    window.complaints.clear()
    page.fill("[name=register-yuan]", "50.00")
    page.click("details[open] button[type=submit]")
    page.wait_for_selector("h1 .tag.good")
    with MonthStore(centre) as store:
        assert Status.PAID is notice(store, number).status


def test_a_message_of_the_bank_is_uploaded(window: Window, centre: Path, tmp_path: Path) -> None:
    """Two files in one form; what was booked is told, and the notice is paid."""
    with MonthStore(centre) as store:
        found = next(each for each in notices(store) if each.debtor == "99")
    (tmp_path / "camt.xml").write_bytes(Message((Line("200.00", found.payment_notice),)).xml())
    (tmp_path / "accounts.csv").write_bytes(accounts_csv())
    page = window.open("/clearing/bank")
    page.click("summary:has-text('Import a message of the bank')")
    page.set_input_files("[name=import-message]", tmp_path / "camt.xml")
    page.set_input_files("[name=import-accounts]", tmp_path / "accounts.csv")
    page.click("details[open] button[type=submit]")
    said = page.inner_text(".messagelist")
    assert "1 lines are booked, 0 are listed and wait for somebody." == said
    with MonthStore(centre) as store:
        assert Status.PAID is notice(store, found.number).status


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_pages_are_fit_for_everybody(window: Window, centre: Path, scheme: str) -> None:
    """Without a serious finding of axe, and no wider than a telephone but for tables."""
    del centre
    window.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    window.page.set_viewport_size({"width": 390, "height": 800})
    for path in ("", "months/2024-04", "months/2024-04/99/98", "notices", "notices/1", "bank",
                 "prepayments", "hospitals", "statements", "close"):  # fmt: skip
        page = window.open(f"/clearing/{path}")
        page.wait_for_load_state("networkidle")
        found = [
            (each["id"], [node["target"] for node in each["nodes"]])
            for each in Axe().run(page).response["violations"]
            if each["impact"] in {"serious", "critical"}
        ]
        width = page.evaluate("document.documentElement.scrollWidth")
        assert ([], 390) == (found, width), path
