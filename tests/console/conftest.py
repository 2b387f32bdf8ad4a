"""A day to look at, people in every role, and a browser in which pages are looked at."""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle.cli.local_desk import engine_at
from medsettle.console import framework, place
from medsettle.console.place import Holdings, Place
from medsettle.core.claims import ClaimBatch
from medsettle.core.settlement import Settlement
from medsettle.identity.roles import Role
from medsettle.policy.rule_book import RuleBook

from fixtures import claims as made
from tests.cli.commands import one_area
from tests.console.many import last_settlements, settle_many
from tests.console.served import Served, served

if TYPE_CHECKING:
    from django.test import Client
    from playwright.sync_api import Browser, Page

# Playwright drives its browser by an event loop on the thread of the test, where Django would
# refuse its database; nothing here runs at the same time.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

AREA = "110000"
"""The area whose rules are loaded."""
DAY = date(2026, 3, 10)
CLAIMS = 240
PASSWORD = "a-password-of-tests"
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True, slots=True)
class Day:
    """A day that was settled: its folder, its rules, and the settlements in ledger order."""

    data: Path
    rules: Path
    settled: tuple[Settlement, ...]
    cancel: Settlement

    def place(self, data: Path | None = None) -> Place:
        """Return the day as a console looks at it; `data` is another folder like its own."""
        where = data or self.data
        return Place(
            rules=self.rules,
            data=where,
            ledger=where / "ledger.db",
            state=where / "console",
            audit=where / "audit",
            clearing=where / "clearing",
        )


@pytest.fixture(scope="session")
def day(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Day:
    """Settle a day at a hospital and a pharmacy, and take its last settlement back.

    The year before it has as many settlements as `--console-settlements` says.
    """
    folder: Path = pytestconfig.getoption("--console-data") or tmp_path_factory.mktemp("day")
    folder.mkdir(parents=True, exist_ok=True)
    data, rules = folder / "data", one_area(folder)
    count: int = pytestconfig.getoption("--console-settlements")
    if count and not data.exists():
        settle_many(data, rules, count, DAY)
    recorded = last_settlements(data, CLAIMS + 1)
    if not recorded or recorded[-1].columns["kind"] != "cancel":
        settle_day(data, rules)
        recorded = last_settlements(data, CLAIMS + 1)
    return Day(data, rules, tuple(recorded[:-1]), recorded[-1])


def settle_day(data: Path, rules: Path) -> None:
    """Settle the day behind whatever a data folder has."""
    rows = made.day_of_claims(11, AREA, DAY, CLAIMS)
    with engine_at(data, rules) as engine:
        for opening in made.person_openings(11, AREA):
            engine.open_person(opening)
        answers = engine.settle(ClaimBatch.from_rows(rows))
        last = [each for each in answers if isinstance(each, Settlement)][-1].columns
        engine.cancel(str(last["institution"]), "CANCEL-1", str(last["settlement"]))


@pytest.fixture(scope="session")
def _set_up(tmp_path_factory: pytest.TempPathFactory) -> None:
    framework.set_up(tmp_path_factory.mktemp("console"))


@pytest.fixture(autouse=True)
def _no_language() -> Iterator[None]:
    """Leave no test the language that a page was asked for in the one before it.

    A server asks each request anew; the client of a test answers on the thread of the test.
    """
    from django.conf import settings  # noqa: PLC0415 - Django starts slowly
    from django.utils import translation  # noqa: PLC0415 - as above

    yield
    if settings.configured:
        translation.deactivate()


@pytest.fixture
def looking(day: Day, _set_up: None) -> Iterator[Holdings]:
    """Let the pages of this process look at the day; accounts and log are empty."""
    # Django is set up first.
    from medsettle.console.models import Access, Account, WrongPasswords  # noqa: PLC0415

    WrongPasswords.objects.all().delete()
    Account.objects.all().delete()
    Access.objects.all().delete()
    with looking_at(day.place()) as holdings:
        yield holdings


@contextmanager
def looking_at(where: Place) -> Iterator[Holdings]:
    """Let the pages of this process look at a place."""
    holdings = Holdings(where, lambda: datetime.now(UTC))
    place.put(holdings)
    try:
        yield holdings
    finally:
        holdings.close()


@cache
def _kept(hasher: str) -> str:
    """Return `PASSWORD` as an account keeps it: made slowly on purpose, and once for all tests."""
    from django.contrib.auth.hashers import make_password  # noqa: PLC0415 - as above

    return make_password(PASSWORD, hasher=hasher)


@pytest.fixture
def client_as(looking: Holdings) -> "Callable[..., Client]":
    """Return what signs somebody in: `client_as(Role.AUDITOR)` is a client of Django."""
    from django.contrib.auth.hashers import get_hasher  # noqa: PLC0415 - as above
    from django.test import Client  # noqa: PLC0415
    from medsettle.console.models import Account  # noqa: PLC0415

    def signed_in(role: Role, institution: str = "", name: str | None = None) -> Client:
        client = Client()
        account = Account.objects.create(
            username=name or f"{role}-{Account.objects.count()}",
            password=_kept(get_hasher().algorithm),
            role=role,
            institution=institution,
        )
        client.force_login(account)
        return client

    return signed_in


@pytest.fixture
def three(client_as: "Callable[..., Client]", day: Day, tmp_path: Path) -> Iterator[Holdings]:
    """Let pages look at three differences: number 1 of class 1, 2 and 3 of class 5."""
    del client_as  # which lets pages look at the day itself, and is asked for first
    from tests.console.reconciled import found, reconciled  # noqa: PLC0415 - imports this file

    with reconciled(day, tmp_path, found()) as holdings:
        yield holdings


@pytest.fixture(scope="session")
def served_day(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a console of its own process before a copy of the day; tests may write there."""
    data = tmp_path_factory.mktemp("served") / "data"
    shutil.copytree(day.data, data)
    with served(data, day.rules) as console:
        yield console


@pytest.fixture
def browser() -> "Iterator[Browser]":
    """Start a Chromium for one test: its driver's event loop may not outlive it."""
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip("no chromium: `apt-get install chromium` has pages shown by a browser")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - starts slowly

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Window:
    """A page of a browser, signed in; what it complains about, and what it asks of elsewhere."""

    page: "Page"
    base: str
    complaints: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    def open(self, path: str) -> "Page":
        """Open a page of the console by its path, and return it."""
        self.page.goto(self.base + path)
        return self.page

    def watch(self) -> None:
        """Write complaints and foreign requests down from now on."""
        self.page.on(
            "console",
            lambda said: self.complaints.append(said.text) if said.type == "error" else None,
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((self.base, "data:", "blob:"))
                else self.outside.append(asked.url)
            ),
        )


@pytest.fixture
def window(browser: "Browser", served_day: Served) -> Iterator[Window]:
    """Open a window before the served day, signed in as its administrator.

    When the test ends, nothing may have been complained about in the console of the browser, and
    nothing asked of another machine; a test that provokes a complaint clears the list.
    """
    yield from window_at(browser, served_day)


def window_at(browser: "Browser", console: Served) -> Iterator[Window]:
    """Open a window at a console, and check it at the end, as `window` does."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900}, locale="en-US", storage_state=console.session
    )
    window = Window(context.new_page(), console.base)
    window.watch()
    page = window.open("/today/")
    if "/sign-in" in page.url:
        # Nobody has signed in yet, or the test before has signed out.
        page.fill("#id_username", console.name)
        page.fill("#id_password", console.password)
        page.click("input[type=submit]")
        page.wait_for_url("**/today/")
        console.session = context.storage_state()
    yield window
    assert ([], []) == (window.complaints, window.outside)
    context.close()


def rules_of(day: Day) -> RuleBook:
    """Return the rules of a day, read without the console."""
    from medsettle.rule_cache import rule_book  # noqa: PLC0415

    return rule_book(day.rules)


@pytest.fixture
def own(
    day: Day, client_as: "Callable[..., Client]", tmp_path: Path
) -> "Iterator[tuple[Client, Holdings]]":
    """Return an auditor before a copy of the day, which the test may damage."""
    data = tmp_path / "data"
    shutil.copytree(day.data, data)
    client = client_as(Role.AUDITOR, name="auditor")
    with looking_at(day.place(data)) as holdings:
        yield client, holdings
