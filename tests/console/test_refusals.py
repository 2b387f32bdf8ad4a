"""What somebody reads whose form is not taken: rights are named only where they are missing."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.console.conftest import PASSWORD

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_RIGHTS = "Your role may not open this page"


def test_a_form_of_an_old_page_is_told_as_such(client_as: ClientAs, looking: Holdings) -> None:
    """One without the token of its session, and one with the token before somebody signed in."""
    from django.test import Client  # noqa: PLC0415 - Django is set up first

    client_as(Role.ADMINISTRATOR, name="A")
    client = Client(enforce_csrf_checks=True)
    client.get("/sign-in")
    old = client.cookies["csrftoken"].value
    signing = {"username": "A", "password": PASSWORD, "csrfmiddlewaretoken": old}
    assert 302 == client.post("/sign-in", signing).status_code
    for token in ({}, {"csrfmiddlewaretoken": old}):
        answer = client.post("/people/", {"username": "B"} | token)
        said = answer.content.decode()

        assert 403 == answer.status_code
        assert "Nothing was done: the form you sent is too old" in said
        assert _RIGHTS not in said
        assert "Not yours to see" not in said


def test_a_missing_right_is_told_as_such(client_as: ClientAs, looking: Holdings) -> None:
    """Also where the form was sent from nowhere."""
    answer = client_as(Role.ACTUARY).post("/people/", {"username": "B"})

    assert 403 == answer.status_code
    assert _RIGHTS in answer.content.decode()
