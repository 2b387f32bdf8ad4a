"""`medsettle clear` as a clearing centre runs it: from a book to paid notices, in processes."""

from datetime import date, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from medsettle import limits
from medsettle.clearing.items.store import ItemStore
from medsettle.cli.exits import Exit

from tests.audit.area_books import AREA_A, AREA_B, ThreeBooks
from tests.audit.records import CREATE_TIME_US
from tests.clearing.bank_messages import Line, Message
from tests.clearing.differences import MOMENT, scope, table, unequal_amount
from tests.clearing.month_books import cancel, row, store_in, write_book
from tests.clearing.notices_made import bill, fiscal_accounts
from tests.cli.commands import Ran, run
from tests.payments.paying import write_accounts
from tests.payments.reading import read

pytestmark = pytest.mark.slow


def _clear(folder: Path, *words: object, json: bool = True) -> Ran:
    return run("clear", *words, "--data", folder / "data", *(["--json"] if json else []))


def _book(folder: Path) -> Path:
    old = row("S1", date(2024, 3, 20), total_fen=900_000, pooled_fund=850_000)
    new = bill("S2", date(2024, 4, 3), 105_000_000)
    other = bill("S3", date(2024, 4, 4), 70_000, pooling_area="989801", care_area="999901")
    return write_book(
        folder / "book.parquet", [old, new, other, cancel(old, "C1", date(2024, 4, 9))]
    )


def _closed(folder: Path) -> None:
    book = _book(folder)
    for month in ("2024-03", "2024-04"):
        ran = _clear(folder, "close", month, "--book", book, "--by", "A", "--unreconciled")
        assert Exit.OK == ran.code, ran.err


def test_a_month_goes_from_the_book_to_the_bank(tmp_path: Path) -> None:
    """The example of `clearing.md` 3.5: 1,041,500.00 is issued, paid, matched, and paid once."""
    _closed(tmp_path)
    accounts = write_accounts(tmp_path / "accounts.csv", fiscal_accounts())
    _clear(tmp_path, "issue", "2024-03", "--by", "A")
    issued = _clear(tmp_path, "issue", "2024-04", "--by", "A").json
    ours = next(each for each in issued if each["debtor"] == "99")
    for status in ("accepted", "reviewing", "reviewed", "cleared"):
        ran = _clear(tmp_path, "advance", ours["number"], status, "--by", "B")
        assert Exit.OK == ran.code, ran.out
    paid = _clear(tmp_path, "pay", "--accounts", accounts, "--out", tmp_path / "out").json
    again = _clear(tmp_path, "pay", "--accounts", accounts, "--out", tmp_path / "out").json
    (transfer,) = read(Path(paid["files"][0]["file"])).transfers
    statement = tmp_path / "statement.xml"
    statement.write_bytes(
        Message((Line(str(transfer.amount), transfer.end_to_end), Line("1.00", "X", "R2"))).xml()
    )
    words = ("match", statement, "--accounts", accounts, "--by", "C")
    first, second = _clear(tmp_path, *words), _clear(tmp_path, *words)
    shown = _clear(tmp_path, "notice", ours["number"]).json

    assert (104_150_000, 10) == (ours["due_fen"], ours["status"])
    # The 10th working day after the 5th after the last of May 2024, by the shipped calendar.
    assert "2024-06-24" == ours["due_on"]
    assert ("1041500.00", []) == (str(transfer.amount), again["files"])
    assert [Exit.FINDING] * 2 == [first.code, second.code]
    assert (1, ["booked", "unknown_id"]) == (
        first.json["booked"],
        [each["finding"] for each in first.json["lines"]],
    )
    assert (True, first.json["lines"]) == (second.json["repeated"], second.json["lines"])
    assert [10, 20, 30, 40, 50, 60] == [each["status"] for each in shown["steps"]]
    assert (104_150_000, 0) == (shown["paid_fen"], shown["open_fen"])


def test_tables_are_shown_drilled_and_written(tmp_path: Path) -> None:
    """Payables and receivables have the same sum; a figure shows its records; files can be read."""
    _closed(tmp_path)
    tables = {
        name: _clear(tmp_path, "tables", "2024-04", "--table", name).json
        for name in ("payable", "receivable", "employee", "resident")
    }
    rows = _clear(
        tmp_path,
        "tables",
        "2024-04",
        "--drill",
        "settlement_month=2024-03",
        "--out",
        tmp_path / "t",
    ).json
    unknown = _clear(tmp_path, "tables", "2024-04", "--drill", "city=x")
    stated = run(
        *("statement", "make", tmp_path / "t" / "payable.parquet", "--out", tmp_path / "s"),
        *("--number", "1", "--title", "Payables", "--month", "2024-04"),
        *("--party", "990000:A", "--party", "980000:B", "--json"),
    )

    assert [104_220_000] * 2 == [
        sum(each["net_fen"] for each in tables[name]) for name in ("payable", "receivable")
    ]
    assert (3, 0) == (len(tables["employee"]), len(tables["resident"]))
    assert [("C1", -850_000)] == [(each["settlement"], each["adjustments_fen"]) for each in rows]
    assert (Exit.FINDING, Exit.OK) == (unknown.code, stated.code), stated.out


def test_netting_is_shown_and_posts_nothing(tmp_path: Path) -> None:
    """1,041,500.00 one way and 700.00 the other: 1,040,800.00 would move."""
    _closed(tmp_path)
    view = _clear(tmp_path, "netting", "2024-04").json
    words = _clear(tmp_path, "netting", "2024-04", json=False)

    assert (104_220_000, 104_080_000, {"98": 104_080_000, "99": -104_080_000}) == (
        *(view["lines"]["employee"]["gross_fen"], view["over_all"]["multilateral_fen"]),
        view["over_all"]["positions_fen"],
    )
    assert "1,040,800.00" in words.out


def _reconciled(book: Path, other: Path, folder: Path, *words: object) -> None:
    ran = run(
        *("reconcile", "run", "--insured", book, "--care", other, "--data", folder / "data"),
        *(*words, "--json"),
    )
    assert ran.code in {Exit.OK, Exit.FINDING}, ran.out


def test_a_month_is_closed_of_the_book_that_was_reconciled(tmp_path: Path) -> None:
    """Days in no run, an amount changed afterwards, a row lost, the other book: told and refused.

    Runs of single days come to the month; so does a run that was made again.
    """
    first, second = row("S1", date(2024, 3, 1)), row("S2", date(2024, 3, 9))
    late = row("S0", date(2024, 2, 28))
    book = write_book(tmp_path / "book.parquet", [first, second, late])
    care = write_book(tmp_path / "care.parquet", [first | {"total_fen": 1}, second, late])
    close = ("close", "2024-03", "--by", "A", "--book")

    def said(path: Path) -> str:
        ran = _clear(tmp_path, *close, path)
        assert Exit.FINDING == ran.code, ran.out
        return str(ran.json["messages"][0])

    _reconciled(book, care, tmp_path, "--day", "2024-03-09")
    assert "no run that stands has 2024-02-28, 2024-03-01 (2 day(s)" in said(book)
    _reconciled(book, care, tmp_path, "--from", "2024-02-28", "--to", "2024-03-01")
    changed = write_book(tmp_path / "changed.parquet", [first, second | {"cash_fen": 1}, late])
    lost = write_book(tmp_path / "lost.parquet", [first, late])
    for path, number in ((changed, 1), (lost, 1), (care, 2)):
        assert f"{path} is not the book that run {number} compared" in said(path)

    _reconciled(changed, care, tmp_path, "--day", "2024-03-09")
    assert "is not the book that run 3 compared" in said(book)
    ran = _clear(tmp_path, *close, changed)
    assert (Exit.OK, {"open_difference": 2}) == (ran.code, ran.json["held_why"]), ran.out


def test_a_run_of_an_area_is_of_no_whole_book(tmp_path: Path) -> None:
    """Its digest is that of a part: refused with why, unless somebody goes without."""
    rows = [row("S1", date(2024, 3, 1)), row("S2", date(2024, 3, 1), care_area="989809")]
    book = write_book(tmp_path / "book.parquet", rows)
    _reconciled(book, book, tmp_path, "--care-area", "989802")
    close = ("close", "2024-03", "--by", "A", "--book", book)
    refused = _clear(tmp_path, *close)

    assert Exit.FINDING == refused.code
    assert "all areas of it, or say --unreconciled" in refused.json["messages"][0]
    assert Exit.OK == _clear(tmp_path, *close, "--unreconciled").code


@pytest.mark.parametrize("local", [(), ("--local",)])
def test_a_run_with_local_care_is_of_the_same_audit_tables(
    tmp_path: Path, local: tuple[str, ...]
) -> None:
    """A month takes what is between areas; the run may have looked at the rest as well.

    What another engine decided is still not the book that was reconciled.
    """
    books = ThreeBooks(tmp_path)
    books.settle("S1", home=AREA_A, care=AREA_B)
    books.settle("S2", home=AREA_B, care=AREA_A)
    books.local("L1", AREA_A)
    folders = {book.name: book.folder for book in books.written()}
    _reconciled(folders["a"], folders["b"], tmp_path, *local)
    day = date(1970, 1, 1) + timedelta(days=CREATE_TIME_US // (24 * 3600 * 10**6))
    close = ("close", f"{day:%Y-%m}", "--by", "A", "--book")
    other = _clear(tmp_path, *close, folders["b"])
    ran = _clear(tmp_path, *close, folders["a"])

    assert (Exit.FINDING, True) == (other.code, "is not the book" in other.json["messages"][0])
    assert Exit.OK == ran.code, ran.out


def test_a_missing_file_is_more_than_its_name(tmp_path: Path) -> None:
    """What is wrong with it, and what to do."""
    gone = tmp_path / "nope.parquet"
    closed = _clear(tmp_path, "close", "2024-03", "--book", gone, "--by", "A", "--unreconciled")
    used = run("prepay", "usage", "2024-03", "--cleared", gone, "--data", tmp_path / "data")

    assert f"{gone}: does not exist; name the book" in closed.json["messages"][0]
    assert f"{gone} does not exist; name a file" in used.err


def test_what_differs_is_not_closed(tmp_path: Path) -> None:
    """A centre closes with its reconciliation, or says that it goes without one."""
    book = _book(tmp_path)
    other = write_book(tmp_path / "care.parquet", [row("S1", date(2024, 3, 20))])
    alone = _clear(tmp_path, "close", "2024-03", "--book", book, "--by", "A")
    _reconciled(book, other, tmp_path, "--from", "2024-03-01", "--to", "2024-03-31")
    with ItemStore(tmp_path / "data" / "clearing") as store:
        store.record_run(scope(), table(unequal_amount("S1")), 9, MOMENT)
    named = _clear(tmp_path, "close", "2024-03", "--book", book, "--by", "A")
    misspelt = _clear(
        *(tmp_path, "close", "2024-04", "--book", book, "--by", "A", "--items", tmp_path / "item")
    )

    assert (Exit.FINDING, Exit.OK, Exit.USAGE) == (alone.code, named.code, misspelt.code)
    assert "--unreconciled" in alone.json["messages"][0]
    assert ({"open_difference": 1}, 0) == (named.json["held_why"], named.json["lines"])


def test_what_is_late_is_decided(tmp_path: Path) -> None:
    """Held back and told; taken in, it is a line of the next month."""
    late = row("S1", date(2023, 9, 1))
    book = write_book(tmp_path / "book.parquet", [late])
    close = ("--book", book, "--by", "A", "--unreconciled")
    _clear(tmp_path, "close", "2024-03", *close)
    held = _clear(tmp_path, "held", "2024-03").json
    words = _clear(tmp_path, "held", "2024-03", json=False).out
    typo = _clear(tmp_path, "decide", "S11", "--take", "--by", "B", "--reason", "court order")
    _clear(tmp_path, "decide", "S1", "--take", "--by", "B", "--reason", "court order")
    closed = _clear(tmp_path, "close", "2024-04", *close).json
    ended = _clear(
        tmp_path, "year-end", 2023, "--book", book, "--unreconciled", "--on", "2024-04-01"
    )

    assert (Exit.FINDING, "NOT_FOUND") == (typo.code, typo.json["error"])
    assert "too_late: decide: medsettle clear decide ID" in words
    assert [("S1", "too_late")] == [(each["settlement"], each["held"]) for each in held]
    assert (1, 6_000) == (closed["lines"], closed["owed_fen"])
    # April has the record, and nobody was asked to pay for it yet.
    assert (Exit.FINDING, ["2024-04"], [], 1) == (
        *(ended.code, ended.json["unissued"], ended.json["not_cleared"]),
        ended.json["cleared"],
    )


def test_what_no_month_has_seen_is_decided_by_its_book(tmp_path: Path) -> None:
    """A refund gets its reason and a record is left out before the month closes; no typo is let in.

    An id is asked of the book that is named; without one, only of what months held back.
    """
    first, second = row("S1", date(2024, 3, 1)), row("S2", date(2024, 3, 2))
    refund = cancel(first, "C1", date(2024, 4, 2))
    other = row("S3", date(2024, 4, 3))
    book = write_book(tmp_path / "book.parquet", [first, second, refund, other])
    close = ("--book", book, "--by", "A", "--unreconciled")
    _clear(tmp_path, "close", "2024-03", *close)
    named = ("--by", "B", "--reason", "billed twice", "--book", book)
    alone = _clear(tmp_path, "decide", "C1", "--take", *named[:-2])
    typo = _clear(tmp_path, "decide", "C11", "--take", *named)
    taken = _clear(tmp_path, "decide", "C1", "--take", *named)
    left = _clear(tmp_path, "decide", "S3", "--leave", *named)
    closed = _clear(tmp_path, "close", "2024-04", *close).json
    lines = pq.read_table(
        tmp_path / "data" / "clearing" / "months" / "2024-04" / "lines.parquet"
    ).to_pylist()

    assert [Exit.FINDING] * 2 == [alone.code, typo.code]
    assert "'C1' back; name with --book the book that has it" in alone.json["messages"][0]
    assert f"'C11' back and {book} does not have it" in typo.json["messages"][0]
    assert [Exit.OK] * 2 == [taken.code, left.code]
    assert {"left_out": 1} == closed["held_why"]
    assert [("C1", "billed twice", "B")] == [
        (each["settlement"], each["reason"], each["approver"]) for each in lines
    ]


def test_a_deduction_beyond_what_is_due_is_asked_about_and_withdrawn(tmp_path: Path) -> None:
    """Of 8,500.00 due a fen more needs --later; withdrawn, the notice is due as it was."""
    _closed(tmp_path)
    _clear(tmp_path, "issue", "2024-03", "--by", "A")
    words = ("deduct", 1, 99, "8500.01", "--by", "C", "--reason", "mistyped")
    refused = _clear(tmp_path, *words)
    entered = _clear(tmp_path, *words, "--later").json
    gone = _clear(tmp_path, "withdraw", 1, "--by", "D", "--reason", "a digit too many").json
    again = _clear(tmp_path, "withdraw", 1, "--by", "D", "--reason", "a digit too many")
    (found,) = _clear(tmp_path, "notices").json["notices"]

    assert Exit.FINDING == refused.code
    assert "8,500.00 yuan are due of notice 1, and 0.01 would wait" in refused.json["messages"][0]
    assert (850_001, 850_000, 0) == tuple(
        entered[name] for name in ("amount_fen", "taken_fen", "withdrawn_fen")
    )
    assert (0, 850_001) == (gone["taken_fen"], gone["withdrawn_fen"])
    assert Exit.FINDING == again.code
    assert "deduction 1 was withdrawn before; nothing was changed" in again.json["messages"][0]
    assert 850_000 == found["due_fen"]


def test_payments_by_hand_deductions_and_returns(tmp_path: Path) -> None:
    """A reserve of 500.00, a part paid and given back, a rejected notice issued anew."""
    _closed(tmp_path)
    _clear(tmp_path, "issue", "2024-03", "--by", "A")
    taken = _clear(tmp_path, "deduct", 1, 40, "500.00", "--by", "C", "--reason", "reserve").json
    _clear(tmp_path, "advance", 1, "rejected", "--by", "B", "--reason", "wrong month")
    (anew,) = _clear(tmp_path, "reissue", 1, "--by", "A").json
    for status in ("accepted", "reviewing", "reviewed", "cleared"):
        _clear(tmp_path, "advance", 2, status, "--by", "B")
    seen = ("--reference", "R1", "--on", "2024-05-20", "--by", "C")
    part = _clear(tmp_path, "register", 2, "8000.00", *seen).json
    returned = ("--reference", "R2", "--on", "2024-05-21", "--by", "C", "--reason", "AC01")
    back = _clear(tmp_path, "give-back", part["payment"], *returned).json
    listed = _clear(tmp_path, "notices").json
    words = _clear(tmp_path, "notices", json=False)

    assert (50_000, 30) == (taken["taken_fen"], taken["state"])
    assert (850_000, 800_000, 1) == (anew["gross_fen"], anew["due_fen"], anew["replaces"])
    assert ("paid", 0) == (part["state"], part["open_fen"])
    assert ("cleared", 800_000) == (back["state"], back["open_fen"])
    assert 800_000 == sum(each["open_fen"] for each in listed["ageing"])
    assert (Exit.OK, True) == (words.code, "8,000.00" in words.out)


def test_what_the_bank_has_is_told_and_taken_back(tmp_path: Path) -> None:
    """A mistake leaves the file at the bank; a refusal lets the notice into another file."""
    _closed(tmp_path)
    accounts = write_accounts(tmp_path / "accounts.csv", fiscal_accounts())
    pay = ("pay", "--accounts", accounts, "--out", tmp_path / "out")
    _clear(tmp_path, "issue", "2024-03", "--by", "A")
    for status in ("accepted", "reviewing", "reviewed", "cleared"):
        _clear(tmp_path, "advance", 1, status, "--by", "B")
    first = _clear(tmp_path, *pay).json
    seen = ("--reference", "R1", "--on", "2024-05-20", "--by", "C")
    wrong = _clear(tmp_path, "register", 1, "8500.00", *seen).json
    taken = _clear(
        tmp_path, "unregister", wrong["payment"], "--by", "C", "--reason", "other notice"
    ).json
    again = _clear(tmp_path, *pay, json=False)
    (refused,) = _clear(tmp_path, "refused", 1, "--by", "C", "--reason", "AC04").json
    second = _clear(tmp_path, *pay).json
    shown = _clear(tmp_path, "notice", 1).json
    words = _clear(tmp_path, "notice", 1, json=False)

    assert [{"notice": 1, "under_way_fen": 850_000}] == first["under_way"]
    assert ("paid", "cleared", 850_000) == (wrong["state"], taken["state"], taken["open_fen"])
    assert "nothing to pay\n1 notice(s), 8,500.00 yuan, are under way at the bank" in again.out
    assert (0, "AC04", [2]) == (
        *(refused["under_way_fen"], refused["refused"]),
        [each["file_number"] for each in second["files"]],
    )
    assert [True] == [each["unregistered"] for each in shown["payments"]]
    assert [0, 850_000] == [each["under_way_fen"] for each in shown["files"]]
    assert (Exit.OK, True) == (words.code, "AC04" in words.out)


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("issue", "2024-03", "--by", "A"), "--due"),
        (("register", 1, "1.00", "--reference", "R1", "--by", "C"), "--on"),
        (("give-back", 1, "--reference", "R2", "--by", "C", "--reason", "AC01"), "--on"),
        (("year-end", 2023, "--unreconciled", "--book", "none"), "--on"),
    ],
    ids=lambda case: case[0] if isinstance(case, tuple) else "",
)
def test_a_day_outside_the_years_is_refused(
    tmp_path: Path, words: tuple[object, ...], option: str
) -> None:
    """As by every command that takes a day, and before anything else that is wrong."""
    with store_in(tmp_path / "data"):
        pass
    for day in ("1997-12-31", "2100-01-01"):
        ran = _clear(tmp_path, *words, option, day)
        said = f"day: {day} lies outside the years 1998 to 2099; correct it"
        assert (Exit.FINDING, [said]) == (ran.code, ran.json["messages"])


@pytest.mark.parametrize(
    "words",
    [
        *(("months",), ("notices",), ("close", "2024-13", "--book", "x", "--by", "A")),
        ("refused", str(limits.INT64_MAX + 1), "--by", "A", "--reason", "AC04"),
        ("unregister", "0", "--by", "A", "--reason", "typed wrongly"),
        ("notice", str(limits.INT64_MAX + 1)),
    ],
    ids=["no-months", "no-notices", "no-month", "no-file", "no-payment", "no-number"],
)
def test_a_wrong_call_makes_nothing(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A misspelt folder or month is told, and no store is made."""
    ran = _clear(tmp_path, *words)

    assert ran.code in {Exit.USAGE, Exit.FINDING}
    assert not (tmp_path / "data").exists()
