"""Statements: made of a closed month, verified, changed by somebody, and handed out."""

import io
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.statements.checks import verify_statement
from medsettle.clearing.statements.statements import sign_statement
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.month_books import MARCH, close
from tests.clearing.notices_made import bill
from tests.console.clearing_centre import centre_at, sent
from tests.console.conftest import Day

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
NAME = "2024-03-payable-001"
MAKE = {
    "month": "2024-03",
    "table": "payable",
    "number": "2024-03-1",
    "first_area": "99",
    "first_name": "centre A",
    "second_area": "98",
    "second_name": "centre B",
}


@pytest.fixture
def centre(looking: Holdings, day: Day, tmp_path: Path) -> Iterator[Path]:
    """Look at a centre that closed a March of one bill of 200.00 yuan."""
    del looking
    with centre_at(day, tmp_path) as folder:
        with MonthStore(folder) as store:
            close(store, MARCH, [bill("S1", date(2024, 3, 10), 20_000)])
        yield folder


def test_a_statement_is_made_signed_and_verified(client_as: ClientAs, centre: Path) -> None:
    """Under a name of ours; a signature that somebody adds is seen, and a change is told."""
    client = client_as(Role.CLEARING)
    said = client.post("/clearing/statements", sent("make", **MAKE), follow=True).content.decode()
    assert "Statement 2024-03-1 with 1 rows is made" in said
    assert "0 / 2" in said
    folder = centre / "statements" / NAME
    part = client.get(f"/clearing/statements/{NAME}/verified")
    assert ("yes", True) == (part.headers["X-Done"], "verified</span>" in part.content.decode())
    sign_statement(folder, verify_statement(folder).manifest, Ed25519PrivateKey.generate())
    assert "1 / 2" in client.get("/clearing/statements").content.decode()
    packed = zipfile.ZipFile(io.BytesIO(client.get(f"/clearing/statements/{NAME}.zip").content))
    names = packed.namelist()
    assert {"statement.csv", "statement.json", "statement.parquet", "statement.xlsx"} < set(names)
    assert 5 == len(names)

    file = folder / "statement.csv"
    file.write_bytes(file.read_bytes().replace(b"200.00", b"200.01"))
    said = client.get(f"/clearing/statements/{NAME}/verified").content.decode()
    assert "This is not what was stated" in said
    assert "200.01" in said
    assert str(centre) not in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"first_area": "9"}, "is no area", id="area"),
        pytest.param({"second_name": ""}, "This field is required", id="name"),
        pytest.param({"month": "2024-04"}, "Select a valid choice", id="month"),
        pytest.param({"table": "../x"}, "Select a valid choice", id="table"),
    ],
)
def test_a_wrong_statement_is_not_made(
    client_as: ClientAs, centre: Path, changed: dict[str, str], said: str
) -> None:
    """With what is wrong, and no folder is left."""
    answer = client_as(Role.CLEARING).post("/clearing/statements", sent("make", **MAKE | changed))
    assert (400, True) == (answer.status_code, said in answer.content.decode())
    assert not list((centre / "statements").glob("*"))


def test_a_statement_is_made_once(client_as: ClientAs, centre: Path) -> None:
    """Sent twice it is answered with the first; its number is of no other statement."""
    client = client_as(Role.CLEARING)
    for _ in range(2):
        said = client.post("/clearing/statements", sent("make", **MAKE), follow=True)
        assert "Statement 2024-03-1 with 1 rows is made" in said.content.decode()
    assert [NAME] == [each.name for each in (centre / "statements").glob("*")]
    other = client.post("/clearing/statements", sent("make", **MAKE | {"second_name": "another"}))
    assert (400, True) == (
        other.status_code,
        f"2024-03-1 is the number of {NAME} already" in other.content.decode(),
    )
    client.post("/clearing/statements", sent("make", **MAKE | {"number": "2024-03-2"}))
    assert 2 == len(list((centre / "statements").glob("*")))


@pytest.mark.parametrize("name", ["none", "..", "..%2f..", "%2e%2e", ".hidden"])
def test_no_other_folder_is_opened(client_as: ClientAs, centre: Path, name: str) -> None:
    """A name that is none of a statement is not there, whatever it would lead to."""
    del centre
    client = client_as(Role.CLEARING)
    for path in (name, f"{name}.zip", f"{name}/files/statement.csv"):
        assert client.get(f"/clearing/statements/{path}").status_code in {404, 302}, path


def test_a_damaged_manifest_is_told(client_as: ClientAs, centre: Path) -> None:
    """In the list and on its page; nothing else falls with it."""
    client = client_as(Role.CLEARING)
    client.post("/clearing/statements", sent("make", **MAKE))
    (centre / "statements" / NAME / "statement.json").write_bytes(b"{")
    for path in ("", f"/{NAME}", f"/{NAME}/verified"):
        answer = client.get(f"/clearing/statements{path}")
        assert (200, True) == (answer.status_code, "is no manifest" in answer.content.decode())
