"""Accounts: added, changed, closed, given a password; and how long somebody is signed in."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from medsettle import limits
from medsettle.console import place
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.console.conftest import PASSWORD, Day

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_NEW = "another-password-7"


def _status(client: "Client", path: str = "/people/") -> int:
    return client.get(path).status_code


def _signs_in(name: str, password: str) -> bool:
    from django.test import Client  # noqa: PLC0415 - Django is set up first

    given = {"username": name, "password": password}
    return Client().post("/sign-in", given).status_code == 302


def test_a_reopened_account_has_none_of_its_old_sessions(
    client_as: ClientAs, looking: Holdings
) -> None:
    """Whoever has a cookie of before signs in again."""
    chief, other = client_as(Role.ADMINISTRATOR), client_as(Role.ADMINISTRATOR, name="other")
    assert 200 == _status(other)
    for _ in range(2):
        assert 302 == chief.post("/people/other/toggle").status_code

    assert 302 == _status(other)
    assert _signs_in("other", PASSWORD)


def test_a_role_is_changed(client_as: ClientAs, looking: Holdings) -> None:
    """At once; an institution is named by somebody of one, and nobody changes their own."""
    chief, other = client_as(Role.ADMINISTRATOR, name="chief"), client_as(Role.ACTUARY, name="o")
    assert 'href="/people/o/change"' in chief.get("/people/").content.decode()
    form = {"role": "institution", "institution": ""}
    refused = chief.post("/people/o/change", form)
    assert 400 == refused.status_code
    assert "Name the institution." in refused.content.decode()
    refused = chief.post("/people/o/change", {"role": "institution", "institution": "NO SUCH"})
    assert (400, True) == (refused.status_code, "No code of an institution" in str(refused.content))
    assert 302 == chief.post("/people/o/change", {"role": "administrator"}).status_code
    assert 200 == _status(other)
    chief.post("/people/chief/change", {"role": "actuary"})

    assert 200 == _status(chief)
    assert 404 == chief.get("/people/nobody/change").status_code


def test_only_who_adds_people_changes_them(client_as: ClientAs, looking: Holdings) -> None:
    """An auditor neither opens the page nor sends its forms."""
    client_as(Role.ADMINISTRATOR, name="chief")
    auditor = client_as(Role.AUDITOR, name="auditor")

    for name in ("chief", "auditor", "nobody"):
        assert 403 == auditor.get(f"/people/{name}/change").status_code
        sent = {"role": "administrator"}
        assert 403 == auditor.post(f"/people/{name}/change", sent).status_code


def test_somebody_gets_a_new_password(client_as: ClientAs, looking: Holdings) -> None:
    """The old one and its sessions are worth nothing more; one that is too easy is refused."""
    chief, other = client_as(Role.ADMINISTRATOR), client_as(Role.ADMINISTRATOR, name="other")

    def given(word: str) -> int:
        sent = {"new_password1": word, "new_password2": word}
        return chief.post("/people/other/change", sent).status_code

    assert 400 == given("1234")
    assert 200 == _status(other)
    assert 302 == given(_NEW)
    assert 302 == _status(other)
    assert (False, True) == (_signs_in("other", PASSWORD), _signs_in("other", _NEW))


@pytest.mark.parametrize("role", list(Role))
def test_everybody_changes_their_own_password(
    client_as: ClientAs, looking: Holdings, role: Role
) -> None:
    """Who knows the old one; the session goes on."""
    client = client_as(role, "H1" if role is Role.INSTITUTION else "", name="me")

    def sent(old: str) -> int:
        word = {"old_password": old, "new_password1": _NEW, "new_password2": _NEW}
        return client.post("/password", word).status_code

    assert 'href="/password"' in client.get("/", follow=True).content.decode()
    assert (200, True) == (sent("wrong"), _signs_in("me", PASSWORD))
    assert 302 == sent(PASSWORD)
    assert 200 == _status(client, "/password")
    assert _signs_in("me", _NEW)


def test_the_old_password_is_tried_only_so_often(
    client_as: ClientAs, looking: Holdings, day: Day
) -> None:
    """Whoever finds a browser open does not guess the password there."""
    holdings = Holdings(day.place(), lambda: datetime(2026, 3, 10, 1, tzinfo=UTC))
    place.put(holdings)
    client = client_as(Role.ACTUARY, name="me")
    word = {"old_password": "wrong", "new_password1": _NEW, "new_password2": _NEW}
    said = [
        "Too many wrong passwords" in client.post("/password", word).content.decode()
        for _ in range(limits.SIGN_IN_WRONG_OF_NAME_MAX + 1)
    ]
    holdings.close()

    assert [False] * limits.SIGN_IN_WRONG_OF_NAME_MAX + [True] == said


def test_a_session_ends_with_the_browser_and_after_so_long(
    client_as: ClientAs, looking: Holdings, day: Day
) -> None:
    """However often somebody asks meanwhile; a second before it is still good."""
    from django.test import Client  # noqa: PLC0415 - Django is set up first

    now = [datetime(2026, 3, 10, 1, tzinfo=UTC)]
    holdings = Holdings(day.place(), lambda: now[0])
    place.put(holdings)
    client_as(Role.ADMINISTRATOR, name="me")
    client = Client()
    client.post("/sign-in", {"username": "me", "password": PASSWORD})
    assert "" == client.cookies["sessionid"]["max-age"]
    begun = now[0]
    for seconds in (1, limits.CONSOLE_SESSION_SECONDS_MAX - 1):
        now[0] = begun + timedelta(seconds=seconds)
        assert 200 == _status(client)
    now[0] += timedelta(seconds=1)

    assert 302 == _status(client)
    holdings.close()


_FIRST = {
    Role.ADMINISTRATOR: "/today/",
    Role.CLEARING: "/today/",
    Role.ACTUARY: "/today/",
    Role.AUDITOR: "/today/",
    Role.POLICY_OFFICER: "/trial/",
    Role.INSTITUTION: "/today/",
}


@pytest.mark.parametrize("role", list(Role))
def test_everybody_begins_on_a_page_of_theirs(
    client_as: ClientAs, looking: Holdings, role: Role
) -> None:
    """The first that the role may open."""
    answer = client_as(role, "H1" if role is Role.INSTITUTION else "").get("/")

    assert _FIRST[role] == answer.headers["location"]
