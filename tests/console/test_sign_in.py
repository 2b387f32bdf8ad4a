"""Signing in: how often a password may be tried, and what somebody hears who tried too often."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from medsettle import limits
from medsettle.console import place
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.console.conftest import PASSWORD, Day

if TYPE_CHECKING:
    from django.test import Client

WAIT = "Too many wrong passwords. Try again in"
WRONG = "correct username and password"


@dataclass
class Clock:
    """A clock that goes on when a test says so."""

    now: datetime = datetime(2026, 3, 10, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        """Return the moment."""
        return self.now

    def later(self, seconds: float) -> None:
        """Let time go on."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock(looking: Holdings, day: Day) -> Iterator[Clock]:
    """Let the pages of this process have a clock of the test, and passwords that cost nothing."""
    from django.test import override_settings  # noqa: PLC0415 - Django is set up first

    clock = Clock()
    holdings = Holdings(day.place(), clock)
    place.put(holdings)
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield clock
    holdings.close()


def _sent(name: str, typed: str = "wrong", sender: str = "10.0.0.1") -> Any:  # noqa: ANN401 - as Django's
    from django.test import Client  # noqa: PLC0415 - Django is set up first

    given = {"username": name, "password": typed}
    return Client(REMOTE_ADDR=sender).post("/sign-in", given)


def _wrong(name: str, times: int, sender: str = "10.0.0.1") -> None:
    for _ in range(times):
        response = _sent(name, sender=sender)
        assert WRONG in response.content.decode()


@pytest.fixture
def somebody(client_as: "Callable[..., Client]", clock: Clock) -> str:
    """Return the name of somebody who may sign in with `PASSWORD`."""
    client_as(Role.AUDITOR, name="somebody")
    return "somebody"


def test_one_wrong_password_fewer_than_the_bound_costs_nothing(somebody: str) -> None:
    """The right one is taken at once, and the count begins anew."""
    for _ in range(2):
        _wrong(somebody, limits.SIGN_IN_WRONG_OF_NAME_MAX - 1)

        assert 302 == _sent(somebody, PASSWORD).status_code


def test_at_the_bound_also_the_right_password_waits(somebody: str, clock: Clock) -> None:
    """A second, after which it is taken."""
    _wrong(somebody, limits.SIGN_IN_WRONG_OF_NAME_MAX)

    waiting = _sent(somebody, PASSWORD)

    assert 429 == waiting.status_code
    assert f"{WAIT} 1 second." in waiting.content.decode()
    clock.later(1)
    assert 302 == _sent(somebody, PASSWORD).status_code


def test_a_name_that_nobody_has_waits_as_long(somebody: str) -> None:
    """From other addresses: who waits does not learn whether there is such an account."""
    said = []
    for name, sender in ((somebody, "10.0.0.2"), ("nobody", "10.0.0.3")):
        _wrong(name, limits.SIGN_IN_WRONG_OF_NAME_MAX, sender)
        said.append(_sent(name).content.decode().partition('role="alert">')[2].partition("</p>")[0])

    assert said[0] == said[1]
    assert said[0].startswith(WAIT)


def test_the_wait_doubles_up_to_its_bound(somebody: str, clock: Clock) -> None:
    """And is forgotten an hour after the last wrong password, not a second before."""
    _wrong(somebody, limits.SIGN_IN_WRONG_OF_NAME_MAX)
    for seconds in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900):
        clock.later(seconds - 0.5)
        assert 429 == _sent(somebody).status_code
        clock.later(0.5)
        _wrong(somebody, 1, "10.0.0.2")
    clock.later(limits.SIGN_IN_FORGOTTEN_SECONDS)
    _wrong(somebody, 1, "10.0.0.3")
    assert 429 == _sent(somebody).status_code
    clock.later(limits.SIGN_IN_FORGOTTEN_SECONDS + 1)
    _wrong(somebody, limits.SIGN_IN_WRONG_OF_NAME_MAX)


def test_an_address_tries_no_more_names_than_its_bound(somebody: str, clock: Clock) -> None:
    """Another address goes on; of the sixth version of addresses a network counts as one."""
    most = limits.SIGN_IN_WRONG_OF_ADDRESS_MAX
    for number in range(most - 1):
        _wrong(f"name-{number}", 1)
        _wrong(f"other-{number}", 1, f"2001:db8::{number + 1}")
    assert 302 == _sent(somebody, PASSWORD).status_code
    _wrong("name", 1)
    _wrong("other", 1, "2001:db8::ffff")

    assert 429 == _sent(somebody, PASSWORD).status_code
    assert 429 == _sent(somebody, PASSWORD, "2001:db8::abcd").status_code
    assert 302 == _sent(somebody, PASSWORD, "2001:db8:0:1::1").status_code


def test_passwords_tried_at_once_are_few(somebody: str) -> None:
    """One more than are tried hears so at once, whatever its password is."""
    from django.test import RequestFactory  # noqa: PLC0415 - Django is set up first
    from medsettle.console.admission import trying  # noqa: PLC0415

    entered, leave = threading.Semaphore(0), threading.Event()

    def hold(number: int) -> None:
        with trying(RequestFactory().post("/sign-in"), f"held-{number}"):
            entered.release()
            leave.wait(60)

    held = [
        threading.Thread(target=hold, args=(number,))
        for number in range(limits.SIGN_IN_PASSWORDS_AT_ONCE)
    ]
    for thread in held[1:]:
        thread.start()
        entered.acquire()
    assert 302 == _sent(somebody, PASSWORD).status_code
    held[0].start()
    entered.acquire()
    try:
        refused = _sent(somebody, PASSWORD)
    finally:
        leave.set()
        for thread in held:
            thread.join()

    assert 429 == refused.status_code
    assert "Several people sign in at this moment" in refused.content.decode()
    assert 302 == _sent(somebody, PASSWORD).status_code


def test_the_log_takes_so_many_refusals_of_a_day(somebody: str) -> None:
    """One that had to wait is no row; one more than the bound is none either."""
    from django.utils import timezone  # noqa: PLC0415 - Django is set up first
    from medsettle.console.models import Access  # noqa: PLC0415

    row = {"method": "POST", "page": "sign-in", "path": "/sign-in", "subject": "sign-in"}
    there = limits.SIGN_IN_REFUSED_ROWS_MAX - 1
    Access.objects.bulk_create(
        Access(moment=timezone.now(), account="x", status=401, **row) for _ in range(there)
    )

    counts = []
    for _ in range(2):
        _wrong(somebody, 1)
        counts.append(Access.objects.filter(status=401).count())
    Access.objects.update(moment=timezone.now() - timedelta(days=1, seconds=1))
    _wrong(somebody, limits.SIGN_IN_WRONG_OF_NAME_MAX - 2)
    assert 429 == _sent(somebody).status_code

    assert [there + 1, there + 1] == counts
    written = limits.SIGN_IN_WRONG_OF_NAME_MAX - 2
    assert there + 1 + written == Access.objects.filter(status=401).count()


def test_counters_are_bounded(somebody: str, clock: Clock) -> None:
    """The oldest are forgotten, and no other."""
    from medsettle.console.models import WrongPasswords  # noqa: PLC0415 - Django is set up first

    there = limits.SIGN_IN_COUNTERS_MAX - 2
    WrongPasswords.objects.bulk_create(
        WrongPasswords(of=f"name {number}", count=1, until=clock.now, last=clock.now)
        for number in range(there)
    )
    clock.later(1)
    _wrong(somebody, 1)
    assert there + 2 == WrongPasswords.objects.count()
    _wrong("another", 1)

    assert there + 2 == WrongPasswords.objects.count()
    assert not WrongPasswords.objects.filter(of="name 0").exists()
    assert WrongPasswords.objects.filter(of="name 1").exists()
