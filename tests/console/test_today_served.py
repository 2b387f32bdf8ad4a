"""The page of today in a browser, of a console that a server began: everything is its own."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from medsettle.client import Client
from medsettle.errors import NotFound

from tests.cli.claim_files import stay
from tests.cli.server_beside import serving_beside
from tests.console.conftest import window_at
from tests.console.served import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


def test_a_server_and_its_console_tell_the_same(browser: "Browser", tmp_path: Path) -> None:
    """What was settled stands on the page with how long it took."""
    with serving_beside(tmp_path, "--console", "127.0.0.1:0") as server:
        address = server.said()["serving"]
        told = server.said()
        console = Served(
            f"http://{told['console']}",
            told["name"],
            told["password"],
            tmp_path / "data",
            server.process,
        )
        for window in window_at(browser, console):
            with Client(address) as client:
                client.settle(stay(1))
                client.settle(stay(2))
                with pytest.raises(NotFound):
                    client.get("110000ffffffffffffffffffff")
            page = window.open("/today/")
            card = page.locator(".card", has_text="settlements").first.locator("a")
            card.get_by_text("2", exact=True).wait_for()
            page.wait_for_selector("tr:has-text('CreateSettlement') td:text-is('2')")
            page.wait_for_selector("tr:has-text('GetSettlement') td:text-is('NOT_FOUND')")
            assert 4 == page.locator("dd .tag.good").count()
            found = Axe().run(page).response["violations"]
            assert [] == [each["id"] for each in found if each["impact"] in {"serious", "critical"}]
