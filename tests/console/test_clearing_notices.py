"""Notices, their steps and payments, the bank's messages, and files for the bank."""

import io
import re
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import Notice, Status, events, notice
from medsettle.clearing.notices.payments import payments
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.bank_messages import Line, Message
from tests.clearing.month_books import MARCH
from tests.clearing.notices_made import bill, cleared, issued
from tests.console.clearing_centre import accounts_csv, centre_at, sent, upload
from tests.console.conftest import Day

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
DAY = date(2024, 3, 10)


@pytest.fixture
def centre(looking: Holdings, day: Day, tmp_path: Path) -> Iterator[Path]:
    """Look at a centre in which 99 owes 98 200.00 yuan and 97 50.00; nothing is reviewed yet."""
    del looking
    with centre_at(day, tmp_path) as folder:
        with MonthStore(folder) as store:
            rows = [bill("S1", DAY, 20_000), bill("S2", DAY, 5_000, care_area="970001")]
            issued(store, MARCH, rows)
        yield folder


def _notice(centre: Path, number: int) -> Notice:
    with MonthStore(centre) as store:
        return notice(store, number)


def _owed_98(centre: Path) -> int:
    """Return the number of the notice of 200.00 yuan."""
    return next(n for n in (1, 2) if _notice(centre, n).creditor == "98")


def test_a_notice_goes_through_its_review_by_two_persons(client_as: ClientAs, centre: Path) -> None:
    """Who issued it may not approve the review; each step has its person, in the order taken."""
    number = _owed_98(centre)
    path = f"/clearing/notices/{number}"
    first, second = (client_as(Role.CLEARING, name=name) for name in ("clerk A", "li"))
    for act in ("accepted", "reviewing"):
        assert 302 == first.post(path, sent(act, reason="")).status_code
    refused = first.post(path, sent("reviewed", reason=""))
    assert 400 == refused.status_code
    assert "somebody else reviews it" in refused.content.decode()
    assert 302 == second.post(path, sent("reviewed", reason="sums agree")).status_code
    # What does not follow is not offered.
    assert 409 == second.post(path, sent("accepted", reason="")).status_code
    assert 302 == second.post(path, sent("cleared", reason="")).status_code
    with MonthStore(centre) as store:
        steps = [(each.status, each.who, each.reason) for each in events(store, number)]
    assert [
        (Status.APPLIED, "clerk A", ""),
        (Status.ACCEPTED, "clerk A", ""),
        (Status.REVIEWING, "clerk A", ""),
        (Status.REVIEWED, "li", "sums agree"),
        (Status.CLEARED, "li", ""),
    ] == steps


def test_a_rejected_notice_is_issued_anew(client_as: ClientAs, centre: Path) -> None:
    """A rejection needs a reason; the new notice names the old one."""
    client = client_as(Role.CLEARING)
    assert 400 == client.post("/clearing/notices/1", sent("rejected", reason="")).status_code
    client.post("/clearing/notices/1", sent("rejected", reason="sum in doubt"))
    said = client.post("/clearing/notices/1", sent("reissue"), follow=True).content.decode()
    assert "It is issued anew as notice 3." in said
    assert 3 == _notice(centre, 1).replaced_by


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"yuan": "1.234"}, "part of a fen", id="part of a fen"),
        pytest.param({"yuan": "0.00"}, "is 0; expected 1", id="nothing"),
        pytest.param({"yuan": "-5.00"}, "is -500; expected 1", id="below zero"),
        pytest.param({"reference": ""}, "This field is required", id="no reference"),
        pytest.param(
            {"reference": "R" * (limits.CLEARING_TEXT_CHARS_MAX + 1)},
            f"at most {limits.CLEARING_TEXT_CHARS_MAX}",
            id="long reference",
        ),
        pytest.param({"on": "2024-02-30"}, "Enter a valid date", id="no day"),
        pytest.param({"on": "2024-06-04"}, "after today, 2024-06-03", id="a day to come"),
        pytest.param({"yuan": "99999999.00"}, "that are open of notice 1", id="too much"),
    ],
)
def test_a_wrong_payment_is_told_beside_its_field(
    client_as: ClientAs, centre: Path, changed: dict[str, str], said: str
) -> None:
    """Nothing is registered, and what was typed stands there still."""
    with MonthStore(centre) as store:
        cleared(store, 1)
    given = {"yuan": "10.00", "reference": "R1", "on": "2024-05-20", "account": ""} | changed
    answer = client_as(Role.CLEARING).post("/clearing/notices/1", sent("register", **given))
    content = answer.content.decode()
    assert (400, True) == (answer.status_code, said in content), content
    assert 'details class="act" open' in content
    with MonthStore(centre) as store:
        assert [] == payments(store)


def test_payments_make_a_notice_paid_and_a_return_opens_it(
    client_as: ClientAs, centre: Path
) -> None:
    """In parts, by the bank's reference; a mistake is taken back, for no money moved."""
    number = _owed_98(centre)
    path = f"/clearing/notices/{number}"
    with MonthStore(centre) as store:
        cleared(store, number)
    client = client_as(Role.CLEARING, name="wang")
    day = {"on": "2024-05-20", "account": ""}
    longest = "R" * limits.CLEARING_TEXT_CHARS_MAX
    client.post(path, sent("register", yuan="150.00", reference="R1", **day))
    client.post(path, sent("register", yuan="50.00", reference=longest, **day))
    assert Status.PAID is _notice(centre, number).status
    again = client.post(path, sent("register", yuan="7.00", reference="R1", **day))
    assert "reference R1 stands for 15000 fen" in again.content.decode()
    back = {"payment": 1, "reference": "B1", "reason": "account closed"}
    client.post(path, sent("give-back", **back, **day))
    found = _notice(centre, number)
    assert (Status.CLEARED, 15_000) == (found.status, found.open_fen)
    listed = client.get("/clearing/notices", {"state": "returned"}).content.decode()
    assert f'href="/clearing/notices/{number}"' in listed
    client.post(path, sent("unregister", payment=2, reason="of another notice"))
    assert 20_000 == _notice(centre, number).open_fen
    with MonthStore(centre) as store:
        assert {"wang"} == {each.who for each in payments(store)}


def test_a_deduction_is_taken_before_a_notice_is_cleared(client_as: ClientAs, centre: Path) -> None:
    """What a notice cannot bear is carried, and the page says how much was taken."""
    number = _owed_98(centre)
    path = f"/clearing/notices/{number}"
    client = client_as(Role.CLEARING)
    given = {"kind": 20, "yuan": "250.00", "reason": "inspection"}
    asked = client.post(path, sent("deduct", **given))
    said = "200.00 yuan are due and can be deducted now; 50.00 yuan would wait for notices"
    assert (400, True) == (asked.status_code, said in asked.content.decode())
    assert 20_000 == _notice(centre, number).due_fen
    body = sent("deduct", **given, later="on")
    assert (
        "200.00 of 250.00 yuan are deducted now"
        in client.post(path, body, follow=True).content.decode()
    )
    assert 0 == _notice(centre, number).due_fen
    nothing = client.post(path, sent("deduct", **given)).content.decode()
    assert "0.00 yuan are due and can be deducted now; 250.00 yuan would wait" in nothing


def test_a_deduction_that_is_withdrawn_is_due_again(client_as: ClientAs, centre: Path) -> None:
    """By its number and with a reason; the page offers each once, and says what became of it."""
    number = _owed_98(centre)
    path = f"/clearing/notices/{number}"
    client = client_as(Role.CLEARING)
    assert 'value="withdraw"' not in client.get(path).content.decode()
    given = {"kind": 20, "yuan": "50.00", "reason": "mistyped"}
    client.post(path, sent("deduct", **given))
    assert "1: 50.00 mistyped" in client.get(path).content.decode()
    unknown = client.post(path, sent("withdraw", deduction=2, reason="twice"))
    assert (400, 15_000) == (unknown.status_code, _notice(centre, number).due_fen)
    body = sent("withdraw", deduction=1, reason="of another notice")
    said = client.post(path, body, follow=True).content.decode()

    assert "Deduction 1: 50.00 yuan are given up." in said
    assert 20_000 == _notice(centre, number).due_fen
    assert 'value="withdraw"' not in client.get(path).content.decode()


def test_a_deduction_that_is_sent_twice_is_taken_once(client_as: ClientAs, centre: Path) -> None:
    """By a click too many; another amount, and the form of a page that was opened anew, count."""
    number = _owed_98(centre)
    path = f"/clearing/notices/{number}"
    client = client_as(Role.CLEARING)

    def token() -> str:
        (found,) = re.findall(
            r'value="deduct"><input type="hidden" name="once" value="(\w+)"',
            client.get(path).content.decode(),
        )
        return str(found)

    def due(once: str, yuan: str) -> int:
        body = sent("deduct", kind=20, yuan=yuan, reason="inspection") | {"once": once}
        said = client.post(path, body, follow=True).content.decode()
        assert f"{yuan} of {yuan} yuan are deducted now" in said
        return _notice(centre, number).due_fen

    first, second = token(), token()
    assert [15_000, 15_000] == [due(first, "50.00") for _ in range(2)]
    assert [14_000, 9_000] == [due(first, "10.00"), due(second, "50.00")]


def test_the_list_is_narrowed_and_read_in_parts(client_as: ClientAs, centre: Path) -> None:
    """By month, provinces and state; what is wrong in a filter is told beside it."""
    client = client_as(Role.CLEARING)

    def numbers(**query: str) -> list[str]:
        content = client.get("/clearing/notices", query).content.decode()
        return re.findall(r'href="/clearing/notices/(\d+)"', content)

    with MonthStore(centre) as store:
        cleared(store, 1)
    assert ["1", "2"] == numbers()
    assert ["1"] == numbers(state="to_pay")
    assert ["2"] == numbers(state="review")
    # Both were due on 31 May, and today is 3 June.
    assert ["1", "2"] == numbers(state="overdue")
    assert [str(_owed_98(centre))] == numbers(creditor="98")
    assert [] == numbers(month="2024-04")
    assert ["2"] == numbers(after="1")
    wrong = client.get("/clearing/notices", {"debtor": "x"}).content.decode()
    assert "Write the two digits of a province." in wrong
    assert 404 == client.get("/clearing/notices/99").status_code


def test_the_bank_is_asked_and_its_message_is_booked(client_as: ClientAs, centre: Path) -> None:
    """A file for each bank, one line booked and one listed, the same message again nothing."""
    number = _owed_98(centre)
    with MonthStore(centre) as store:
        cleared(store, number)
    client = client_as(Role.CLEARING)

    def do(act: str, **files: tuple[bytes, str]) -> str:
        sent_files = {f"{act}-{name}": upload(*file) for name, file in files.items()}
        body = sent(act, initiator="centre") | sent_files
        return client.post("/clearing/bank", body, follow=True).content.decode()

    header = accounts_csv().split(b"\n")[0] + b"\n"
    lacking = do("pay", accounts=(header, "none.csv"))
    assert "Nothing can be paid: 1 notices wait for an account." in lacking
    missing = "Accounts that are missing: 980000 employee funds; 990000 employee funds."
    assert missing in lacking
    accounts = (accounts_csv(), "accounts.csv")
    assert "1 files ask for 1 payments; 0 notices wait" in do("pay", accounts=accounts)
    asked = client.get("/clearing/bank/files/1.xml")
    id_ = _notice(centre, number).payment_notice
    assert f"<EndToEndId>{id_}</EndToEndId>".encode() in asked.content
    assert "application/xml" == asked.headers["Content-Type"]
    assert "0 notices wait for an account" in do("pay", accounts=accounts)

    lines = (Line("200.00", id_), Line("3.00", "nobody", reference="REF2"))
    message = (Message(lines).xml(), "camt.xml")
    assert "1 lines are booked, 1 are listed" in do("import", message=message, accounts=accounts)
    assert "It was imported before" in do("import", message=message, accounts=accounts)
    page = client.get("/clearing/bank/statements/1").content.decode()
    assert "no notice has its id" in page
    assert f'<a href="/clearing/notices/{number}">{number}</a>' in page
    assert Status.PAID is _notice(centre, number).status
    rows = pq.read_table(io.BytesIO(client.get("/clearing/bank/statements/1.parquet").content))
    assert [("booked", number), ("unknown_id", None)] == [
        (each["finding"], each["notice"]) for each in rows.to_pylist()
    ]
    assert b"unknown_id" in client.get("/clearing/bank/statements/1.csv").content
    assert 404 == client.get("/clearing/bank/statements/7").status_code
    assert 404 == client.get("/clearing/bank/files/7.xml").status_code


@pytest.mark.parametrize(
    ("message", "accounts", "said"),
    [
        pytest.param(b"<a>", None, "m.xml: is no XML that can be read", id="no XML"),
        pytest.param(b"", None, "The submitted file is empty", id="empty"),
        pytest.param(Message(()).xml(), b"a,b\n", "a.csv:1: expected the header", id="accounts"),
        pytest.param(Message(()).xml(), b"\xff", "byte 0 is no UTF-8", id="no UTF-8"),
    ],
)
def test_a_wrong_file_of_the_bank_is_told(
    client_as: ClientAs, centre: Path, message: bytes, accounts: bytes | None, said: str
) -> None:
    """With the name it was uploaded under, without any folder; nothing is imported."""
    body = sent("import") | {
        "import-message": upload(message, "../m.xml"),
        "import-accounts": upload(accounts or accounts_csv(), "/etc/a.csv"),
    }
    answer = client_as(Role.CLEARING).post("/clearing/bank", body)
    assert (400, True) == (answer.status_code, said in answer.content.decode())
    with MonthStore(centre) as store:
        assert [] == store.rows("select * from statements")
