"""A console behind a proxy that speaks HTTPS: what it believes, and what browsers keep to then."""

import http.client
import re
import shutil
import urllib.parse
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.console.conftest import Day
from tests.console.served import Served, served

pytestmark = pytest.mark.slow

NAME = "console.test:8443"
_BY_HTTPS = {"Host": NAME, "X-Forwarded-Proto": "https", "X-Forwarded-For": "10.9.8.7"}
_Answer = tuple[int, dict[str, str], list[str], str]


@pytest.fixture(scope="module")
def behind(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a console that a proxy of this machine stands before."""
    data: Path = tmp_path_factory.mktemp("behind") / "data"
    shutil.copytree(day.data, data)
    with served(data, day.rules, ("--behind", NAME)) as console:
        yield console


def _asked(
    console: Served, method: str, path: str, headers: dict[str, str], body: str = ""
) -> _Answer:
    address = console.base.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=60)) as connection:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        found = {name.lower(): value for name, value in answer.getheaders()}
        cookies = answer.msg.get_all("Set-Cookie") or []
        return answer.status, found, cookies, answer.read().decode()


def _signed_in(console: Served, origin: str) -> _Answer:
    _, _, (cookie,), page = _asked(console, "GET", "/sign-in", _BY_HTTPS)
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert token is not None
    given = {"username": console.name, "password": console.password}
    body = urllib.parse.urlencode(given | {"csrfmiddlewaretoken": token[1]})
    headers = _BY_HTTPS | {
        "Origin": origin,
        "Cookie": cookie.partition(";")[0],
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return _asked(console, "POST", "/sign-in", headers, body)


def test_people_sign_in_through_the_proxy(behind: Served) -> None:
    """Their cookies leave by HTTPS alone; a form of another site is refused."""
    status, headers, cookies, _ = _signed_in(behind, f"https://{NAME}")

    assert 302 == status
    assert {"csrftoken", "sessionid"} == {each.partition("=")[0] for each in cookies}
    assert all("; Secure" in each for each in cookies)
    assert "max-age=31536000" == headers["strict-transport-security"]
    assert 403 == _signed_in(behind, "https://other.test")[0]


def test_the_proxy_is_believed_where_one_is_named(behind: Served, served_day: Served) -> None:
    """Without --behind nobody says that he speaks HTTPS, nor without the word of the proxy."""
    for console, headers, secure in (
        (behind, _BY_HTTPS, True),
        (behind, {"Host": NAME}, False),
        (served_day, {"X-Forwarded-Proto": "https"}, False),
    ):
        answered = _asked(console, "GET", "/sign-in", headers)[1]
        assert secure is ("strict-transport-security" in answered)


def test_another_machine_is_not_believed(day: Day, tmp_path: Path) -> None:
    """The proxy is at another address, so this one is none."""
    data = tmp_path / "data"
    shutil.copytree(day.data, data)
    with served(data, day.rules, ("--behind", NAME, "--proxy", "192.0.2.1")) as console:
        headers = _asked(console, "GET", "/sign-in", _BY_HTTPS)[1]

    assert "strict-transport-security" not in headers
