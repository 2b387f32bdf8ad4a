"""Addresses and fields that no page has, and what a bug leaves in the log."""

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from medsettle.console.fault_log import FaultFormatter
from medsettle.identity.roles import Role

from tests.cli.commands import ROOT, environment

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
_LONG = "9" * 23
_LONGER = "9" * 5_000


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param(f"/settlements/?after={_LONG}", 200, id="after"),
        pytest.param(f"/settlements/?before={_LONG}", 200, id="before"),
        pytest.param("/settlements/?before=9223372036854775807", 200, id="greatest-before"),
        pytest.param("/settlements/?after=9223372036854775807", 200, id="greatest-after"),
        pytest.param("/audit/access/?day=9999-12-31", 400, id="last-day"),
        pytest.param("/audit/access/?day=0001-01-01", 400, id="first-day"),
        pytest.param("/audit/access/?day=2099-12-31", 200, id="last-day-that-may"),
        pytest.param("/audit/access/?day=1998-01-01", 200, id="first-day-that-may"),
        pytest.param("/audit/access/?day=2100-01-01", 400, id="day-after"),
        pytest.param("/audit/access/?day=1997-12-31", 400, id="day-before"),
        pytest.param("/audit/access/csv?day=9999-12-31", 400, id="csv"),
        pytest.param(f"/audit/segments/{_LONG}/", 404, id="segment"),
        pytest.param(f"/clearing/bank/files/{_LONG}.xml", 404, id="payment-file"),
        pytest.param(f"/clearing/bank/statements/{_LONG}", 404, id="statement"),
        pytest.param(f"/clearing/bank/statements/{_LONG}.csv", 404, id="statement-file"),
        pytest.param(f"/clearing/notices/{_LONG}", 404, id="notice"),
        pytest.param(f"/clearing/hospitals/batches/{_LONG}", 404, id="batch"),
        pytest.param(f"/clearing/bank/files/{_LONG[:18]}.xml", 404, id="greatest-number"),
    ],
)
def test_no_number_or_day_of_an_address_breaks_a_page(
    client_as: ClientAs, path: str, status: int
) -> None:
    """What could be none is told so."""
    assert status == client_as(Role.ADMINISTRATOR).get(path).status_code


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"json": "[{}, {}]", "which": _LONGER}, id="which"),
        pytest.param({"lines-TOTAL_FORMS": _LONGER, "more": "1"}, id="more-lines"),
        pytest.param({"lines-TOTAL_FORMS": _LONGER}, id="lines"),
    ],
)
def test_no_number_of_a_form_breaks_a_page(client_as: ClientAs, fields: dict[str, str]) -> None:
    """It is told beside the field, or is none."""
    answer = client_as(Role.ADMINISTRATOR).post("/trial/", fields)

    assert answer.status_code in {200, 400}


@pytest.mark.parametrize("until", ["9999-12-31", "0001-01-01", "2100-01-01"])
def test_a_replay_ends_on_a_day_that_may_be(client_as: ClientAs, until: str) -> None:
    """Else it is told beside the field."""
    answer = client_as(Role.ACTUARY).post("/replays/new", {"source": "recorded", "until": until})

    assert 400 == answer.status_code
    assert "Ensure this value is" in answer.content.decode()


def test_a_bug_leaves_its_place_and_nobody_in_the_log() -> None:
    """Kinds of exceptions and lines of code, also of what it was raised from; no message."""

    def inner() -> None:
        raise KeyError("Wang Wu")

    def outer() -> None:
        try:
            inner()
        except KeyError as error:
            raise ValueError("of Wang Wu") from error

    try:
        outer()
    except ValueError:
        raised = sys.exc_info()
    record = logging.LogRecord("a", logging.ERROR, "b", 1, "failed: %s", ("Wang Wu",), raised)
    said = FaultFormatter().format(record)

    assert "Wang" not in said.replace('raise KeyError("Wang Wu")', "").replace(
        'raise ValueError("of Wang Wu") from error', ""
    )
    assert "in outer" in said
    assert "in inner" in said
    assert "builtins.KeyError" in said
    assert said.endswith("builtins.KeyError")


_BROKEN = """
import sys
from pathlib import Path
from medsettle.console import framework
framework.set_up(Path(sys.argv[1]))
from django.test import Client
from django.urls import path
from medsettle.console import urls

def failing(request, person):
    raise LookupError(person)

urls.urlpatterns.append(path("failing/<str:person>", failing))
client = Client(raise_request_exception=False)
assert 500 == client.post("/failing/wangwu", {"name": "lisi"}).status_code
assert 404 == client.get("/nothing/wangwu").status_code
"""


def test_a_page_that_fails_is_told_on_the_error_stream(tmp_path: Path) -> None:
    """By the pattern of its address, with where it failed; once, and without what was asked."""
    done = subprocess.run(
        [sys.executable, "-c", _BROKEN, str(tmp_path)],
        capture_output=True, text=True, check=True, env=environment(), cwd=ROOT,
    )  # fmt: skip

    assert 1 == done.stderr.count("ERROR django.request: POST /failing/<str:person>\n")
    assert "in failing" in done.stderr
    assert done.stderr.endswith("builtins.LookupError\n")
    assert "wangwu" not in done.stderr
    assert "lisi" not in done.stderr
