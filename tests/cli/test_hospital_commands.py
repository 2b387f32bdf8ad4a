"""`medsettle hospital` as an agency runs it: processes, files, exit codes."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from medsettle import errors
from medsettle.cli.exits import Exit
from medsettle.cli.hospital_books import read_applications
from medsettle.payments.orders import Party, PartyType

from tests.clearing.hospital_claims import AREA, MARCH, record
from tests.cli.commands import run
from tests.cli.hospital_agency import (
    BY_CLERK,
    BY_DIRECTOR,
    BY_REVIEWER,
    BY_TREASURER,
    WITH_TERMS,
    done,
    hospital,
    supplied,
    written_applications,
    written_book,
)
from tests.payments.paying import accounts_of, write_accounts
from tests.payments.reading import read

pytestmark = pytest.mark.slow


def test_every_fault_of_applications_is_told(tmp_path: Path) -> None:
    """A month in another form, with its place in the file; the commands write 2026-03."""
    with pytest.raises(errors.InvalidRequest) as refused:
        read_applications(written_applications(tmp_path, month="202603"))
    assert ["applications[0].month: '202603' is no month; write it like 2026-03"] == [
        str(fault) for fault in refused.value.faults
    ]
    (found,) = read_applications(written_applications(tmp_path))
    assert MARCH == found.month


def test_a_month_from_the_book_to_the_bank(tmp_path: Path) -> None:
    """Instant slice, declaration, deduction, month, remittance, file to the bank, reserve."""
    book = written_book(tmp_path / "book.json", [record(1), record(2, 20_000)])
    assert {"added": 2, "known": 0, "deductions": 0} == done(
        tmp_path, "report", "--book", book, *BY_CLERK
    )
    supplied(tmp_path)
    (slice_,) = done(tmp_path, "instant", "2026-03-11", *WITH_TERMS, *BY_CLERK)
    assert (18_000, 6_000) == (slice_["slices_fen"], slice_["rate_bps"])
    (first,) = done(tmp_path, "pay", "2026-03-11", *BY_TREASURER)
    assert 18_000 == first["fen"]
    applied = written_applications(tmp_path)
    (declared,) = done(tmp_path, "declare", "2026-03", "--file", applied, *BY_CLERK)
    assert ({}, 10, "2026-03") == (
        declared["differences"],
        declared["status"],
        declared["month"],
    )
    for status in ("accepted", "reviewing", "reviewed"):
        done(tmp_path, "review", "D1", "--to", status, *BY_REVIEWER)
    why = ("--reason", "not indicated", "--on", "2026-03-20")
    (cut,) = done(tmp_path, "deduct", "--claim", "S1", "--yuan", "50", *why, *BY_CLERK)
    assert (10, 5_000) == (cut["state"], cut["open_fen"])
    done(tmp_path, "month", "2026-03", "--on", "2026-04-20", *WITH_TERMS, *BY_CLERK)
    (second,) = done(tmp_path, "pay", "2026-04-20", *BY_TREASURER)

    # 80.00 of the second claim less 10.00 reserve; 10.00 too much come back of the first.
    assert 6_000 == second["fen"]
    out = tmp_path / "remittance.csv"
    (told,) = done(tmp_path, "remittance", "2", "--out", out)
    assert (7_000, -1_000) == (told["claims_fen"], told["adjustments_fen"])
    with out.open(encoding="utf-8", newline="") as file:
        assert 6_000 == sum(int(row["fen"]) for row in csv.DictReader(file))
    (released,) = done(
        tmp_path, "release", "H1", "2026", "--grade", "B", "--approved-by", "director",
        *WITH_TERMS, *BY_CLERK,
    )  # fmt: skip
    assert (800, 200, 0) == (
        released["released_fen"],
        released["forfeited_fen"],
        released["held_fen"],
    )
    (reserve,) = done(tmp_path, "reserve", "2026")
    assert released == reserve
    found = done(tmp_path, "status", "S1")
    assert ("month_paid", 5_000, 0) == (
        found["stage"],
        found["parts"][0]["paid_to_date_fen"],
        found["parts"][0]["rest_fen"],
    )
    (cut,) = done(tmp_path, "deductions", "--all")
    assert (30, 0) == (cut["state"], cut["open_fen"])
    assert [] == done(tmp_path, "deductions")
    assert [(1, 18_000), (2, 6_000)] == [
        (each["batch"], each["sum_fen"]) for each in done(tmp_path, "batches")
    ]
    _export(tmp_path)
    words = ("returned", second["payment"], "--reason", "account closed", "--on", "2026-04-21")
    assert 6_000 == done(tmp_path, *words, *BY_CLERK)[0]["returned_fen"]
    # With what was released of the reserve since.
    (third,) = done(tmp_path, "pay", "2099-01-01", *BY_TREASURER)
    assert 6_000 + 800 == third["fen"]
    assert [] == done(tmp_path, "verify")


def _export(folder: Path) -> None:
    parties = (
        Party(PartyType.FUND, AREA, "pooled_fund"),
        Party(PartyType.INSTITUTION, AREA, "H1"),
    )
    accounts = write_accounts(folder / "accounts.csv", accounts_of(*parties))
    words = ("export", "2", "--insurance-type", "310", "--accounts", accounts)
    message = read(Path(done(folder, *words, "--out", folder / "out")["file"]))
    assert (1, "60.00") == (message.count, f"{message.control_sum}")


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([5], "rows[0]: is no object; a row of a book has its columns"),
        ([record(1), ["S2"]], "rows[1]: is no object; a row of a book has its columns"),
        ([record(1, kind=["settle"])], "rows[0].kind: is none of "),
        ([record(1, kind={})], "rows[0].kind: is none of "),
    ],
    ids=["number", "list", "kind-list", "kind-object"],
)
def test_json_that_is_no_book_is_a_fault(tmp_path: Path, rows: list[Any], told: str) -> None:
    """Whatever JSON there is in place of a row or a kind, and nothing is recorded of it."""
    book = tmp_path / "book.json"
    book.write_text(json.dumps(rows, default=str), encoding="utf-8")
    ran = hospital(tmp_path, "report", "--book", book, *BY_CLERK)
    assert Exit.FINDING == ran.code, ran.err
    assert any(each.startswith(told) for each in ran.json["messages"])
    done(tmp_path, "report", "--book", written_book(book, [record(1)]), *BY_CLERK)


@pytest.mark.parametrize(
    "words",
    [("pay",), ("instant", *WITH_TERMS), ("grade", "H1", "A", "--from")],
    ids=lambda words: words[0],
)
def test_a_day_outside_the_years_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    """As by every command that takes a day."""
    book = written_book(tmp_path / "book.json", [record(1)])
    done(tmp_path, "report", "--book", book, *BY_CLERK)
    for day in ("1997-12-31", "2100-01-01"):
        ran = hospital(tmp_path, *words, day, *BY_CLERK)
        said = f"day: {day} lies outside the years 1998 to 2099; correct it"
        assert (Exit.FINDING, [said]) == (ran.code, ran.json["messages"])


@pytest.mark.parametrize("ending", [".json", ".csv", ".parquet"])
def test_a_book_is_read_out_of_every_kind_of_file(tmp_path: Path, ending: str) -> None:
    """The same rows, the same statement, to a file for people and one for machines."""
    book = written_book(tmp_path / f"book{ending}", [record(1), record(2, 20_000)])
    done(tmp_path, "report", "--book", book, *BY_CLERK)
    out = tmp_path / "statement.parquet"
    (found,) = done(tmp_path, "statement", "2026-03", "--out", out)

    assert (2, 30_000, 30_000) == (found["claims"], found["declared_fen"], found["rest_fen"])
    assert [30_000] == pq.read_table(out)["declared_fen"].to_pylist()


def test_a_case_and_an_advance(tmp_path: Path) -> None:
    """A case is priced apart; an advance of half a month comes back in three instalments."""
    book = written_book(tmp_path / "book.json", [record(1), record(2, 20_000)])
    done(tmp_path, "report", "--book", book, *BY_CLERK)
    (case,) = done(tmp_path, "case", "S1", "--way", "40", "--yuan", "115.00", *BY_CLERK)
    assert 1_500 == case["difference_fen"]
    month = done(tmp_path, "status", "S1")["ledger"][-1]["day"][:7]
    (booked,) = done(tmp_path, "cases", month)
    assert (10_000, 1_500) == (booked["receivable_fen"], booked["difference_fen"])
    fund = ("--institution", "H1", "--area", AREA, "--insurance-type", "310")
    (lent,) = done(
        tmp_path, "advance", *fund, "--yuan", "100", "--back", "3", "--on", "2026-05-04",
        *WITH_TERMS, *BY_CLERK,
    )  # fmt: skip
    assert 10_000 == lent["outstanding_fen"]
    assert [("2026-06-01", 3_334), ("2026-07-01", 3_333), ("2026-08-01", 3_333)] == [
        (each["from_day"], each["fen"]) for each in done(tmp_path, "deductions")
    ]
    refused = hospital(
        tmp_path, "advance", *fund, "--yuan", "300", "--back", "[[\"2026-06-01\", 30000]]",
        "--on", "2026-05-04", *WITH_TERMS, *BY_CLERK,
    )  # fmt: skip
    assert (Exit.FINDING, "PRECONDITION") == (refused.code, refused.json["error"])


def test_targets_and_grades(tmp_path: Path) -> None:
    """A hospital of grade A is paid 80 % of outpatients the next day; one of two is half."""
    rows = [
        record(1, 30_000, clearing_class="11"),
        record(2, 10_000, institution="H2", clearing_class="11"),
    ]
    done(tmp_path, "report", "--book", written_book(tmp_path / "book.json", rows), *BY_CLERK)
    done(tmp_path, "grade", "H1", "A", "--from", "2026-01-01", *BY_CLERK)
    supplied(tmp_path)
    done(tmp_path, "instant", "2026-03-11", *WITH_TERMS, *BY_CLERK)
    found = done(tmp_path, "targets", "2026-03")

    assert ("2026-03", 7_500, 5_000, 24_000, False) == (
        found["month"],
        found["fund_bps"],
        found["institutions_bps"],
        found["slices_fen"],
        found["met"],
    )
    other = hospital(tmp_path, "targets", "202603")
    assert "'202603' is no month; write it" in other.json["messages"][0]
    words = run("hospital", "targets", "2026-03", "--data", tmp_path / "data")
    assert "not both targets are met" in words.out


def test_a_dispute_and_an_appeal(tmp_path: Path) -> None:
    """A claim on hold is listed with its money and paid once freed; a deduction is given up."""
    book = written_book(tmp_path / "book.json", [record(1)])
    done(tmp_path, "report", "--book", book, *BY_CLERK)
    done(tmp_path, "hold", "S1", "--reason", "card of another", *BY_CLERK)
    supplied(tmp_path)
    assert [] == done(tmp_path, "instant", "2026-03-11", *WITH_TERMS, *BY_CLERK)
    (found,) = done(tmp_path, "held")
    assert ("S1", 10_000, "clerk") == (found["claim"], found["rest_fen"], found["decided_by"])
    done(tmp_path, "hold", "S1", "--free", "--reason", "it was theirs", *BY_DIRECTOR)
    assert [] == done(tmp_path, "held")
    why = ("--reason", "not indicated", *BY_CLERK)
    (cut,) = done(tmp_path, "deduct", "--claim", "S1", "--yuan", "50", *why)
    appealed = ("--reason", "records were found", *BY_DIRECTOR)
    (lifted,) = done(tmp_path, "lift", cut["number"], "--yuan", "20.00", *appealed)
    assert (3_000, 2_000) == (lifted["open_fen"], lifted["lifted_fen"])
    assert 7_000 == done(tmp_path, "status", "S1")["parts"][0]["rest_fen"]


def test_what_is_late(tmp_path: Path) -> None:
    """60.00 due on 11 March are paid on the 13th: two days late, by claim and by month."""
    book = written_book(tmp_path / "book.json", [record(1)])
    done(tmp_path, "report", "--book", book, *BY_CLERK)
    supplied(tmp_path)
    done(tmp_path, "instant", "2026-03-11", *WITH_TERMS, *BY_CLERK)
    done(tmp_path, "pay", "2026-03-13", *BY_TREASURER)
    (found,) = done(tmp_path, "late", "2026-03", *WITH_TERMS, "--on", "2026-03-31")
    assert ("2026-03-10", "2026-03-11", "2026-03-13", 2, 6_000) == (
        *(found["day"], found["due"], found["paid_on"], found["days_late"], found["fen"]),
    )
    assert [found] == done(tmp_path, "status", "S1", *WITH_TERMS, "--on", "2026-03-31")["late"]
    assert [] == done(tmp_path, "status", "S1", "--on", "2026-03-31")["late"]
    words = run("hospital", "late", "2026-03", *WITH_TERMS, "--data", tmp_path / "data")
    assert "days_late" in words.out
    none = run("hospital", "late", "2026-02", "--data", tmp_path / "data")
    assert "nothing of 2026-02 is late" in none.out


def test_a_claim_older_than_the_calendar_has_a_status(tmp_path: Path) -> None:
    """What is late of it is not known, and said so; the shipped calendar begins with 2023."""
    day = date(2022, 12, 10)
    book = written_book(tmp_path / "book.json", [record(1, record_date=day)])
    done(tmp_path, "report", "--book", book, *BY_CLERK)
    applied = written_applications(tmp_path, month="2022-12", first=day, last=day)
    words = ("hospital", "declare", "2022-12", "--file", applied, *BY_CLERK)
    assert Exit.FINDING == run(*words, "--data", tmp_path / "data").code
    found = done(tmp_path, "status", "S1")
    assert ("declared", None) == (found["stage"], found["late"])
    told = run("hospital", "status", "S1", "--data", tmp_path / "data")
    assert "what is late is not known" in told.out


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("status", "S1"), Exit.USAGE, "holds nothing of what hospitals", id="none"),
        pytest.param(("report", *BY_CLERK), Exit.USAGE, "name a --book", id="no-book"),
        pytest.param(
            ("report", "--book", "pyproject.toml", *BY_CLERK),
            Exit.USAGE,
            "expected one of",
            id="kind",
        ),
        pytest.param(("pay", "2026-03-11"), Exit.USAGE, "--by", id="nobody"),
    ],
)
def test_wrong_calls(tmp_path: Path, words: tuple[str, ...], code: Exit, said: str) -> None:
    """Each says what is missing, and makes nothing."""
    ran = run("hospital", *words, "--data", tmp_path / "data")
    assert code == ran.code
    assert said in ran.out + ran.err


def test_a_book_that_lacks_a_column_is_refused(tmp_path: Path) -> None:
    """With the names of the columns; amounts with a point and days that are none are, too."""
    rows = [record(1)]
    del rows[0]["care_area"]
    lacking = hospital(
        tmp_path, "report", "--book", written_book(tmp_path / "a.csv", rows), *BY_CLERK
    )
    assert "lacks the column(s) care_area" in lacking.json["messages"][0]
    pointed = written_book(tmp_path / "b.csv", [record(1) | {"cash_fen": "50.00"}])
    assert (
        "cannot be read as csv"
        in (hospital(tmp_path, "report", "--book", pointed, *BY_CLERK).json["messages"][0])
    )
    day = written_book(tmp_path / "c.json", [record(1) | {"record_date": "2026-02-30"}])
    assert ["rows[0].record_date: is no date"] == (
        hospital(tmp_path, "report", "--book", day, *BY_CLERK).json["messages"]
    )
