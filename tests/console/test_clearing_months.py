"""Months: the matrix, a pair with its records, closing, what was held back, and files."""

import html
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.items.store import ItemStore
from medsettle.clearing.months.months import MonthStore
from medsettle.clearing.notices.book import notices
from medsettle.console.jobs import Job, State
from medsettle.console.place import Holdings
from medsettle.identity.roles import Role

from tests.clearing.differences import MOMENT, scope, table
from tests.clearing.month_books import APRIL, MARCH, cancel, close, row, write_book
from tests.clearing.notices_made import bill
from tests.console.clearing_centre import centre_at, sent, upload
from tests.console.conftest import Day
from tests.console.waiting import ended

if TYPE_CHECKING:
    from django.test import Client

ClientAs = Callable[..., "Client"]
DAY = date(2024, 3, 10)


@pytest.fixture
def centre(looking: Holdings, day: Day, tmp_path: Path) -> Iterator[Path]:
    """Look at a clearing centre in which nothing has happened."""
    del looking
    with centre_at(day, tmp_path) as folder:
        yield folder


def _march(centre: Path) -> None:
    """Close a March in which 99 owes 98 300.00 and 40.00, 98 owes 99 100.00, 99 within 7.00."""
    rows = [
        bill("S1", DAY, 20_000),
        bill("S2", DAY, 10_000),
        bill("S3", DAY, 4_000, insurance_type="390"),
        bill("S4", DAY, 10_000, pooling_area="989802", care_area="999901"),
        bill("S5", DAY, 700, care_area="999902"),
        bill("S6", DAY, 500, care_area="970001"),
    ]
    with MonthStore(centre) as store:
        close(store, MARCH, [*rows, cancel(rows[5], "X6", DAY)])


_PATHS = (
    *("", "months/2024-03", "months/2024-03/figures", "months/2024-03/99/98"),
    *("months/2024-03/held", "close", "months/2024-03/tables/payable.csv", "notices", "notices/1"),
    *("closings/x", "closings/x/state", "closings/x/stop", "closings/x/delete"),
    *("bank", "bank/statements/1", "bank/files/1.xml", "prepayments"),
    *("prepayments/99/98/employee", "prepayments/99/98/employee/trend", "hospitals"),
    *("hospitals/accounts/H1", "hospitals/declarations/D1", "hospitals/claims/S1"),
    *("hospitals/batches/1", "hospitals/months/2024-03", "hospitals/months/2024-03.csv"),
    *("hospitals/batches/1/remittance.csv", "statements", "statements/a", "statements/a.zip"),
    *("statements/a/verified", "statements/a/files/statement.csv"),
)


def test_only_clearing_staff_opens_the_pages(client_as: ClientAs, centre: Path) -> None:
    """Who has not the right is refused, whether something is there or not."""
    del centre
    for role in (Role.ACTUARY, Role.INSTITUTION, Role.POLICY_OFFICER):
        client = client_as(role, institution="H1")
        answers = {path: client.get(f"/clearing/{path}").status_code for path in _PATHS}
        assert dict.fromkeys(_PATHS, 403) == answers, role


def test_an_empty_centre_says_what_to_do(client_as: ClientAs, centre: Path) -> None:
    """Each page stands before anything happened, and looking makes no store."""
    client = client_as(Role.CLEARING)
    for path, said in (
        ("", "No month is closed yet"),
        ("notices", "Notices are issued on the page of a closed month"),
        ("bank", "The bank was asked for nothing yet"),
        ("prepayments", "Nothing is prepaid yet"),
        ("hospitals", "No settlements of hospitals are read in yet"),
        ("statements", "No statement is kept here yet"),
    ):
        answer = client.get(f"/clearing/{path}")
        assert (200, True) == (answer.status_code, said in answer.content.decode()), path
    assert not list(centre.glob("*.db"))
    assert 404 == client.get("/clearing/months/2024-03").status_code
    assert 400 == client.get("/clearing/months/March").status_code


def test_the_matrix_has_what_each_owes_each(client_as: ClientAs, centre: Path) -> None:
    """Gross in each direction; within a province it stands apart; a fund line can be chosen."""
    _march(centre)
    client = client_as(Role.CLEARING)

    page = client.get("/clearing/months/2024-03").content.decode()
    assert "are being added up" in page
    part = client.get("/clearing/months/2024-03/figures")
    assert "yes" == part.headers["X-Done"]
    whole = " ".join(part.content.decode().split())
    assert "Between provinces 440.00 yuan, gross; within provinces 7.00 yuan." in whole
    for debtor, creditor, yuan in (("99", "98", "340.00"), ("98", "99", "100.00")):
        assert f'/months/2024-03/{debtor}/{creditor}">{yuan}</a>' in whole
    assert "over all fund lines together, which is not what is paid" in whole
    # 99 would pay 98 the difference alone.
    assert '<td>98</td><td class="number">240.00</td>' in whole
    # Of 440.00 gross 240.00 would move; each has what it pays and gets beside the difference.
    assert 2 == whole.count("200.00 yuan, 45.45 %, need not move")
    for name, payable, receivable, gets in (
        ("98", "100.00", "340.00", "240.00"),
        ("99", "340.00", "100.00", '<span class="bad">-240.00</span>'),
    ):
        cells = (f'<td class="number">{each}</td>' for each in (payable, receivable, gets))
        assert f'<th scope="row">{name}</th>{"".join(cells)}</tr>' in whole
    assert '"label": ["99 240.00", "98 240.00"]' in whole
    assert '"text": [["", "", ""], ["", "", "100.00"], ["0.00", "340.00", ""]]' in whole
    assert "Who owes whom" in client.get("/clearing/months/2024-03").content.decode()
    resident = client.get("/clearing/months/2024-03", {"fund": "resident"}).content.decode()
    assert '/months/2024-03/99/98?fund_line=resident">40.00</a>' in resident


@pytest.mark.parametrize(
    ("pair", "tiles"),
    [
        pytest.param("99/98", ["340.00", "100.00", "240.00"], id="pays-more"),
        pytest.param("98/99", ["100.00", "340.00", "-240.00"], id="gets-more"),
        pytest.param("99/99", ["7.00"], id="within-a-province"),
    ],
)
def test_a_pair_has_what_is_payable_receivable_and_net(
    client_as: ClientAs, centre: Path, pair: str, tiles: list[str]
) -> None:
    """Each amount with its word."""
    _march(centre)
    page = client_as(Role.CLEARING).get(f"/clearing/months/2024-03/{pair}").content.decode()
    found = re.findall(r'<p class="of">([^<]*)</p><p class="value">([^<]*)</p>', page)
    words = ["payable, yuan", "receivable, yuan", "net payable, yuan"]

    assert list(zip(words if len(tiles) > 1 else ["owed, yuan"], tiles, strict=True)) == found


def test_lines_that_were_changed_are_refused(client_as: ClientAs, centre: Path) -> None:
    """What was computed of others stays, and what is computed now is not shown."""
    _march(centre)
    file = centre / "months" / "2024-03" / "lines.parquet"
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b"0")
    client = client_as(Role.CLEARING)
    said = client.get("/clearing/months/2024-03/figures").content.decode()
    assert "it was changed or damaged" in said
    assert 400 <= client.get("/clearing/months/2024-03/tables/payable.csv").status_code


def test_a_pair_is_drilled_to_its_records(client_as: ClientAs, centre: Path) -> None:
    """Figures by payer, and the records in parts, each once and in order."""
    count = limits.CONSOLE_ROWS_SHOWN * 2 + 7
    with MonthStore(centre) as store:
        rows = [row(f"S{at:04d}", DAY, pooled_fund=6_000, account=100) for at in range(count)]
        close(store, MARCH, [*rows, bill("T1", DAY, 1, care_area="970001")])
    client = client_as(Role.CLEARING)
    page = client.get("/clearing/months/2024-03/99/98").content.decode()
    # 107 bills of 60.00 from the pool and 1.00 from accounts.
    for yuan in ("6,420.00", "107.00", "6,527.00"):
        assert yuan in page
    assert "T1" not in page
    base = "/clearing/months/2024-03/99/98"
    seen, path = [], f"{base}?payer=account"
    while path:
        content = client.get(path).content.decode()
        seen += re.findall(r'<th scope="row" class="mono">(S[0-9]{4})</th>', content)
        more = re.search(r'href="([^"]*)#records" rel="next"', content)
        path = f"{base}{html.unescape(more[1])}" if more else ""
    assert [f"S{at:04d}" for at in range(count)] == seen
    assert 404 == client.get("/clearing/months/2024-03/98/97").status_code


def _closed(client: "Client", state: Path, body: dict[str, object]) -> tuple[Job, str]:
    """Begin to close a month, wait for the end, and return the job with the page of it."""
    answer = client.post("/clearing/close", body)
    assert 302 == answer.status_code, answer.content.decode()
    there = answer.headers["location"]
    job = Job.read(state / "jobs" / there.rsplit("/", 1)[1])
    ended(job)
    return job, " ".join(client.get(there).content.decode().split())


def test_a_month_is_closed_of_an_uploaded_book(client_as: ClientAs, centre: Path) -> None:
    """By the person who is signed in; without a reconciliation only where that is said."""
    book = write_book(centre.parent / "own" / "b.parquet", [bill("S1", DAY, 20_000)]).read_bytes()
    client, state = client_as(Role.CLEARING, name="wang"), centre.parent / "state"
    given = {"month": "2024-03", "source": "upload", "late_months": 12}

    def asked(**more: object) -> dict[str, object]:
        file = {"close-file": upload(book, "../../b.parquet")}
        return sent("close", **given, **more) | file

    refused = client.post("/clearing/close", asked())
    assert "No reconciliation is recorded here" in refused.content.decode()
    job, said = _closed(client, state, asked(unreconciled="on"))
    assert State.DONE is job.state
    assert "2024-03 is closed: 1 lines that owe 200.00 yuan" in said
    with MonthStore(centre) as store:
        (closed,) = store.months()
    assert ("wang", MARCH, 1) == (closed.who, closed.month, closed.lines)
    again = client.post("/clearing/close", asked(unreconciled="on"))
    assert (400, True) == (again.status_code, "the open month is 2024-04" in again.content.decode())
    assert not list(state.rglob("upload*"))


def test_a_month_is_closed_of_the_audit_tables(client_as: ClientAs, centre: Path) -> None:
    """Nobody of another area was settled here, so it has no line; nothing is uploaded."""
    client = client_as(Role.CLEARING)
    given = {"month": "2024-03", "source": "here", "late_months": 2, "unreconciled": "on"}
    _job, said = _closed(client, centre.parent / "state", sent("close", **given))
    assert "2024-03 is closed: 0 lines that owe 0.00 yuan" in said
    part = client.get("/clearing/months/2024-03/figures").content.decode()
    assert "Nothing is owed between areas." in part


def test_a_book_with_faults_closes_nothing(client_as: ClientAs, centre: Path) -> None:
    """Its fault is told by the name that it was uploaded under, and by no path of this machine."""
    given = {"month": "2024-03", "source": "upload", "late_months": 12, "unreconciled": "on"}
    body = sent("close", **given) | {"close-file": upload(b"x", "book.parquet")}
    job, said = _closed(client_as(Role.CLEARING), centre.parent / "state", body)

    assert State.DONE is not job.state
    assert "Nothing was closed:" in said
    assert ("failed" in said, "found something" in said) == (True, False)
    assert "book.parquet" in said
    assert str(centre.parent) not in said
    assert not list((job.folder / "given").iterdir())
    with MonthStore(centre) as store:
        assert [] == store.months()


def test_a_book_that_was_not_reconciled_is_told_in_words_of_the_page(
    client_as: ClientAs, centre: Path
) -> None:
    """By the names of the files, no path of this machine, and the box of the form, no option."""
    state = centre.parent / "state"
    compared = scope(first=DAY)
    theirs = str(state / "jobs" / "earlier" / "given" / "insured.parquet")
    books = tuple(replace(each, name=theirs, columns=("settlement",)) for each in compared.books)
    with ItemStore(centre) as store:
        store.record_run(replace(compared, books=books), table(), 9, MOMENT)
    book = write_book(centre.parent / "own" / "b.parquet", [bill("S1", DAY, 20_000)]).read_bytes()
    given = {"month": "2024-03", "source": "upload", "late_months": 12}
    body = sent("close", **given) | {"close-file": upload(book, "wrong.parquet")}
    client = client_as(Role.CLEARING)
    _job, said = _closed(client, state, body)

    assert "wrong.parquet is not the book that run 1 compared" in said
    assert "and insured.parquet had 10" in said
    assert "or choose “close without a reconciliation”" in said
    assert ("--unreconciled" in said, str(centre.parent) in said) == (False, False)
    listed = client.get("/clearing/close").content.decode()
    assert ("failed" in listed, "found something" in listed) == (True, False)


def test_a_closing_is_kept_until_it_is_deleted(client_as: ClientAs, centre: Path) -> None:
    """Who may see clearing sees it, and only who may clear deletes it; the month stays closed."""
    client, state = client_as(Role.CLEARING), centre.parent / "state"
    given = {"month": "2024-03", "source": "here", "late_months": 2, "unreconciled": "on"}
    job, _said = _closed(client, state, sent("close", **given))
    there = f"/clearing/closings/{job.name}"
    auditor = client_as(Role.AUDITOR)

    assert f'href="{there}"' in client.get("/clearing/close").content.decode()
    assert "1" == client.get(f"{there}/state").headers["X-Done"]
    assert (200, 403) == (
        auditor.get(there).status_code,
        auditor.post(f"{there}/delete").status_code,
    )
    assert "has ended already" in client.post(f"{there}/stop").content.decode()
    assert "stays closed" in client.post(f"{there}/delete", follow=True).content.decode()
    assert 404 == client.get(there).status_code
    with MonthStore(centre) as store:
        assert [MARCH] == [each.month for each in store.months()]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"month": "2024-13"}, "is no month; write it like 2026-03", id="month"),
        pytest.param({"late_months": limits.LATE_MONTHS_MAX + 1}, "less than or equal", id="late"),
        pytest.param({"month": "2024-06"}, "month 2024-06 ends on 2024-06-30", id="not over"),
        pytest.param({"file": (b"x", "book.xml")}, "ends in &#x27;.xml&#x27;", id="ending"),
        pytest.param({"file": None}, "Choose the file of the book", id="no file"),
    ],
)
def test_a_wrong_close_says_what_is_wrong(
    client_as: ClientAs, centre: Path, changed: dict[str, object], said: str
) -> None:
    """Beside the field where there is one; no path of this machine is told, nothing is closed."""
    book = write_book(centre.parent / "own" / "b.parquet", [bill("S1", DAY, 2)]).read_bytes()
    given = {"month": "2024-03", "source": "upload", "late_months": 12, "unreconciled": "on"}
    file = changed.pop("file", (book, "b.parquet"))
    body = sent("close", **(given | changed))
    if file is not None:
        body["close-file"] = upload(*file)  # type: ignore[misc]
    answer = client_as(Role.CLEARING).post("/clearing/close", body)
    content = answer.content.decode()
    assert (400, True) == (answer.status_code, said in content), content
    assert str(centre.parent) not in content
    with MonthStore(centre) as store:
        assert [] == store.months()


def test_what_was_held_back_is_decided(client_as: ClientAs, centre: Path) -> None:
    """By somebody who may approve, for a record that was held back and no other."""
    with MonthStore(centre) as store:
        close(store, MARCH, [bill("S1", DAY, 10_000)])
        late = bill("OLD", date(2022, 1, 5), 900)
        close(store, APRIL, [bill("S1", DAY, 10_000), late])
    client = client_as(Role.CLEARING, name="li")
    path = "/clearing/months/2024-04/held"
    page = client.get(path).content.decode()
    assert "too late, to be decided" in page
    body = sent("decide", settlement="OLD", take="take", reason="the books agree now")
    assert "takes OLD" in client.post(path, body, follow=True).content.decode()
    with MonthStore(centre) as store:
        (decision,) = store.decisions().values()
    assert (True, "li", "the books agree now") == (
        decision.included,
        decision.who,
        decision.reason,
    )
    wrong = client.post(path, sent("decide", settlement="S9", take="take", reason="x"))
    assert 400 == wrong.status_code
    assert "no closed month held" in wrong.content.decode()


def test_the_notices_of_a_month_are_issued_once(client_as: ClientAs, centre: Path) -> None:
    """One for each direction and fund line, due on the day that is given, by who is signed in."""
    _march(centre)
    client = client_as(Role.CLEARING, name="chen")
    wrong = client.post("/clearing/months/2024-03", sent("issue", due="soon"))
    assert (400, True) == (wrong.status_code, "Enter a valid date" in wrong.content.decode())
    for past in ("2020-01-01", "2024-06-02"):
        late = client.post("/clearing/months/2024-03", sent("issue", due=past))
        assert (400, True) == (late.status_code, "before today" in late.content.decode())
    client.post("/clearing/months/2024-03", sent("issue", due="2024-06-20"))
    with MonthStore(centre) as store:
        found = notices(store)
    assert [
        ("98", "99", "employee", 10_000, date(2024, 6, 20)),
        ("99", "98", "employee", 30_000, date(2024, 6, 20)),
        ("99", "98", "resident", 4_000, date(2024, 6, 20)),
    ] == sorted((n.debtor, n.creditor, n.fund_line, n.due_fen, n.due_on) for n in found)
    # What was done already is told so, and no matter of rights.
    again = client.post("/clearing/months/2024-03", sent("issue", due="2024-06-20"))
    assert 409 == again.status_code
    assert "this can be done here no more" in again.content.decode()


def test_the_tables_of_a_month_are_files(client_as: ClientAs, centre: Path) -> None:
    """Parquet in fen, CSV in yuan, a workbook; and no others."""
    _march(centre)
    client = client_as(Role.CLEARING)
    base = "/clearing/months/2024-03/tables/payable"
    parquet = client.get(f"{base}.parquet")
    assert 'filename="payable-2024-03.parquet"' in parquet.headers["Content-Disposition"]
    rows = pq.read_table(io.BytesIO(parquet.content)).to_pylist()
    assert 44_700 == sum(each["net_fen"] for each in rows)
    # 300.00 of two bills in the employee line are one figure.
    assert b",300.00" in client.get(f"{base}.csv").content
    assert client.get(f"{base}.xlsx").content.startswith(b"PK")
    for path in (f"{base}.exe", "/clearing/months/2024-03/tables/secret.csv"):
        assert 404 == client.get(path).status_code
