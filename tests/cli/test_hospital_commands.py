"""`medsettle hospital` as an agency runs it: processes, files, exit codes."""

import csv
import json
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from medsettle import errors
from medsettle.cli.exits import Exit
from medsettle.cli.hospital_books import read_applications
from medsettle.payments.orders import Party, PartyType

from tests.clearing.hospital_claims import AREA, MARCH, TERMS, application, record
from tests.cli.claim_files import write_claims
from tests.cli.commands import Ran, run
from tests.gateway.reconciled import HOSPITAL, open_counter, yuan
from tests.payments.paying import AREA as SHAPES_AREA
from tests.payments.paying import SHAPES, accounts_of, delivery, write_accounts
from tests.payments.reading import read

pytestmark = pytest.mark.slow

_BY = ("--by", "clerk")
_TERMS = ("--terms", TERMS)


def _hospital(folder: Path, *words: object) -> Ran:
    return run("hospital", *words, "--data", folder / "data", "--json")


def _done(folder: Path, *words: object) -> Any:  # noqa: ANN401 - whatever a command prints
    ran = _hospital(folder, *words)
    assert Exit.OK == ran.code, ran.out + ran.err
    return ran.json


def _book(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Write a book in the kind of file that its ending says."""
    if path.suffix == ".json":
        path.write_text(json.dumps(rows, default=str), encoding="utf-8")
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    return path


def _applications(folder: Path, **changes: object) -> Path:
    said = asdict(application()) | {"stated": None, "month": MARCH.text} | changes
    sums = {"persons": 2, "total_fen": 45_000, "account_fen": 0, "cash_fen": 15_000}
    path = folder / "applications.json"
    path.write_text(json.dumps([said | sums | {"fund_fen": 30_000} | changes], default=str))
    return path


def test_every_fault_of_applications_is_told(tmp_path: Path) -> None:
    """A month in another form, with its place in the file; the commands write 2026-03."""
    with pytest.raises(errors.InvalidRequest) as refused:
        read_applications(_applications(tmp_path, month="202603"))
    assert [
        "applications[0].month: '202603' is no month of 1998 to 2099; write it like 2024-04"
    ] == [str(fault) for fault in refused.value.faults]
    (found,) = read_applications(_applications(tmp_path))
    assert MARCH == found.month


def test_a_month_from_the_book_to_the_bank(tmp_path: Path) -> None:
    """Instant slice, declaration, deduction, month, remittance, file to the bank, reserve."""
    book = _book(tmp_path / "book.json", [record(1), record(2, 20_000)])
    assert {"added": 2, "known": 0, "deductions": 0} == _done(
        tmp_path, "report", "--book", book, *_BY
    )
    (slice_,) = _done(tmp_path, "instant", "2026-03-11", *_TERMS, *_BY)
    assert (18_000, 6_000) == (slice_["slices_fen"], slice_["rate_bps"])
    (first,) = _done(tmp_path, "pay", "2026-03-11", *_BY)
    assert 18_000 == first["fen"]
    applied = _applications(tmp_path)
    (declared,) = _done(tmp_path, "declare", "2026-03", "--file", applied, *_BY)
    assert ({}, 10, "2026-03") == (
        declared["differences"],
        declared["status"],
        declared["month"],
    )
    for status in ("accepted", "reviewing", "reviewed"):
        _done(tmp_path, "review", "D1", "--to", status, *_BY)
    why = ("--reason", "not indicated", "--on", "2026-03-20")
    (cut,) = _done(tmp_path, "deduct", "--claim", "S1", "--yuan", "50", *why, *_BY)
    assert (10, 5_000) == (cut["state"], cut["open_fen"])
    _done(tmp_path, "month", "2026-03", "--on", "2026-04-20", *_TERMS, *_BY)
    (second,) = _done(tmp_path, "pay", "2026-04-20", *_BY)

    # 80.00 of the second claim less 10.00 reserve; 10.00 too much come back of the first.
    assert 6_000 == second["fen"]
    out = tmp_path / "remittance.csv"
    (told,) = _done(tmp_path, "remittance", "2", "--out", out)
    assert (7_000, -1_000) == (told["claims_fen"], told["adjustments_fen"])
    with out.open(encoding="utf-8", newline="") as file:
        assert 6_000 == sum(int(row["fen"]) for row in csv.DictReader(file))
    (released,) = _done(
        tmp_path, "release", "H1", "2026", "--grade", "B", "--approved-by", "director",
        *_TERMS, *_BY,
    )  # fmt: skip
    assert (800, 200, 0) == (
        released["released_fen"],
        released["forfeited_fen"],
        released["held_fen"],
    )
    (reserve,) = _done(tmp_path, "reserve", "2026")
    assert released == reserve
    found = _done(tmp_path, "status", "S1")
    assert ("month_paid", 5_000, 0) == (
        found["stage"],
        found["parts"][0]["paid_to_date_fen"],
        found["parts"][0]["rest_fen"],
    )
    (cut,) = _done(tmp_path, "deductions", "--all")
    assert (30, 0) == (cut["state"], cut["open_fen"])
    assert [] == _done(tmp_path, "deductions")
    assert [(1, 18_000), (2, 6_000)] == [
        (each["batch"], each["sum_fen"]) for each in _done(tmp_path, "batches")
    ]
    _export(tmp_path)
    words = ("returned", second["payment"], "--reason", "account closed", "--on", "2026-04-21")
    assert 6_000 == _done(tmp_path, *words, *_BY)[0]["returned_fen"]
    # With what was released of the reserve since.
    (third,) = _done(tmp_path, "pay", "2099-01-01", *_BY)
    assert 6_000 + 800 == third["fen"]
    assert [] == _done(tmp_path, "verify")


def _export(folder: Path) -> None:
    parties = (
        Party(PartyType.FUND, AREA, "pooled_fund"),
        Party(PartyType.INSTITUTION, AREA, "H1"),
    )
    accounts = write_accounts(folder / "accounts.csv", accounts_of(*parties))
    words = ("export", "2", "--insurance-type", "310", "--accounts", accounts)
    message = read(Path(_done(folder, *words, "--out", folder / "out")["file"]))
    assert (1, "60.00") == (message.count, f"{message.control_sum}")


@pytest.mark.parametrize("ending", [".json", ".csv", ".parquet"])
def test_a_book_is_read_out_of_every_kind_of_file(tmp_path: Path, ending: str) -> None:
    """The same rows, the same statement, to a file for people and one for machines."""
    book = _book(tmp_path / f"book{ending}", [record(1), record(2, 20_000)])
    _done(tmp_path, "report", "--book", book, *_BY)
    out = tmp_path / "statement.parquet"
    (found,) = _done(tmp_path, "statement", "2026-03", "--out", out)

    assert (2, 30_000, 30_000) == (found["claims"], found["declared_fen"], found["rest_fen"])
    assert [30_000] == pq.read_table(out)["declared_fen"].to_pylist()


def test_a_book_out_of_audit_tables(tmp_path: Path) -> None:
    """Of what an engine settled in an area, its fund's share is to be paid to the hospital."""
    file = write_claims(tmp_path / "claims.json", [_json_claim(delivery(1))])
    settled = run("settle", file, "--json", "--rules", SHAPES, "--data", tmp_path / "data")
    assert Exit.OK == settled.code, settled.err
    columns = settled.json_lines[0]["settlement"]
    today = columns["create_time"][:10]
    words = ("report", "--area", SHAPES_AREA, "--first", "2000-01-01", "--last", "2099-12-31")
    first = _done(tmp_path, *words, *_BY)
    again = _done(tmp_path, *words, *_BY)
    found = _done(tmp_path, "status", columns["settlement"])

    assert [(1, 0), (0, 1)] == [(each["added"], each["known"]) for each in (first, again)]
    # A delivery is a stay; the pool pays 3,700.00 of its bill (tests/payments).
    assert ("21", "390", 370_000) == (
        found["clearing_class"],
        found["insurance_type"],
        found["parts"][0]["rest_fen"],
    )
    assert today[:4] == found["day"][:4]
    other = _done(tmp_path, *(*words[:2], "999999", *words[3:]), *_BY)
    assert 0 == other["added"] + other["known"]


def _json_claim(row: dict[str, Any]) -> dict[str, Any]:
    lines = [line | {"fee_date": str(line["fee_date"])} for line in row["lines"]]
    days = {name: str(row[name]) for name in ("birth_date", "admission_date", "service_date")}
    return row | days | {"lines": lines}


def test_what_3203_recorded_is_declared(tmp_path: Path) -> None:
    """Of two applications of a month the one that stands; its sums are those of the counter."""
    folder = tmp_path / "data"
    folder.mkdir()
    with open_counter(folder / "ledger.db") as counter:
        counter.on("2024-06-03")
        settlements = [counter.settle(1, 50_001), counter.settle(2, 80_000)]
        counter.on("2024-07-05")
        said = {
            "clr_type": "11",
            "clr_way": "1",
            "setlym": "202406",
            "psntime": 2,
            "medfee_sumamt": yuan(sum(each.fen("total_fen") for each in settlements)),
            "med_sumfee": "0",
            "fund_appy_sum": yuan(sum(each.fen("fund_total_fen") for each in settlements) + 1),
            "cash_payamt": yuan(sum(each.fen("cash_fen") for each in settlements)),
            "acct_pay": yuan(sum(each.accounts_fen for each in settlements)),
            "begndate": "2024-06-01",
            "enddate": "2024-06-30",
        }
        withdrawn = counter.till.done("3203", {"data": said | {"psntime": 9}})
        counter.till.done("3204", {"data": withdrawn["result"]})
        number = counter.till.done("3203", {"data": said})["result"]["clr_appy_evt_id"]
        rows = [_of_settlement(each) for each in settlements]
    _done(tmp_path, "report", "--book", _book(tmp_path / "book.json", rows), *_BY)
    ran = _hospital(tmp_path, "declare", "2024-06", *_BY)
    (found,) = ran.json

    assert Exit.FINDING == ran.code
    assert (number, HOSPITAL, {"fund_fen": 1}, 2) == (
        found["declaration"],
        found["institution"],
        found["differences"],
        found["records"],
    )
    refused = _hospital(tmp_path, "review", number, "--to", "accepted", *_BY)
    assert (Exit.FINDING, "INVALID_REQUEST") == (refused.code, refused.json["error"])
    words = ("review", number, "--to", "accepted", "--reason", "a fen too much", *_BY)
    assert 20 == _done(tmp_path, *words)[0]["status"]


def test_what_3261_refused_is_on_hold(tmp_path: Path) -> None:
    """Of two settlements of persons insured elsewhere one is refused, undone, and confirmed."""
    folder = tmp_path / "data"
    folder.mkdir()
    month = {"trt_year": "2024", "trt_month": "06"}
    with open_counter(folder / "ledger.db") as counter:
        counter.on("2024-06-03")
        settlements = [counter.settle(1, 50_001), counter.settle(2, 80_000)]
        counter.on("2024-07-05")
        rows = counter.till.done("3260", {"data": month | {"startrow": 1}})["data"]
        detail = [_detail(row, str(number)) for number, row in enumerate(rows)]
        said = {"data": month | {"totalrow": 2}, "detail": detail}
        counter.till.done("3261", said)
        book = _book(tmp_path / "book.json", [_of_settlement(each) for each in settlements])
        _done(tmp_path, "report", "--book", book, *_BY)
        first = _done(tmp_path, "confirmations", "2024-06", *_BY)
        held = _done(tmp_path, "held")
        _done(tmp_path, "hold", held[0]["claim"], "--free", "--reason", "looked at", *_BY)
        again = _done(tmp_path, "confirmations", "2024-06", *_BY)
        counter.till.done("3262", {"data": month | {"otransid": "0"}})
        counter.till.done("3261", said)
        third = _done(tmp_path, "confirmations", "2024-06", *_BY)
        counter.till.done("3262", {"data": month | {"otransid": "0"}})
        undone = _done(tmp_path, "confirmations", "2024-06", *_BY)
        counter.till.done("3261", said)
        anew = _done(tmp_path, "confirmations", "2024-06", *_BY)
        counter.till.done("3262", {"data": month | {"otransid": "0"}})
        said["detail"] = [row | {"cnfm_flag": "1"} for row in detail]
        counter.till.done("3261", said)
    second = _done(tmp_path, "confirmations", "2024-06", *_BY)

    assert [{"held": 1, "freed": 0, "same": 1, "unknown": 0}] == first
    assert [rows[0]["setl_sn"]] == [each["claim"] for each in held]
    assert [{"held": 0, "freed": 0, "same": 2, "unknown": 0}] == again
    for held_again in (third, anew):
        assert [{"held": 1, "freed": 0, "same": 1, "unknown": 0}] == held_again
    for freed in (undone, second):
        assert [{"held": 0, "freed": 1, "same": 1, "unknown": 0}] == freed
    assert [] == _done(tmp_path, "held")


def _detail(row: dict[str, Any], flag: str) -> dict[str, Any]:
    """Return what 3261 says of a row of 3260."""
    names = ("certno", "mdtrt_id", "mdtrt_setl_time", "setl_sn")
    sums = {name: str(row[name]) for name in ("medfee_sumamt", "optins_pay_sumamt")}
    return {name: row[name] for name in names} | sums | {"cnfm_flag": flag}


def _of_settlement(settlement: Any) -> dict[str, Any]:  # noqa: ANN401 - a recorded settlement
    columns = settlement.columns
    row = record(1) | {
        name: columns[name] for name in record(1) if name in columns and columns[name] is not None
    }
    return row | {
        "care_area": columns["pooling_area"],
        "clearing_class": "11",
        "record_date": date(2024, 6, 3),
        "kind": "settle",
    }


def test_a_case_and_an_advance(tmp_path: Path) -> None:
    """A case is priced apart; an advance of half a month comes back in three instalments."""
    book = _book(tmp_path / "book.json", [record(1), record(2, 20_000)])
    _done(tmp_path, "report", "--book", book, *_BY)
    (case,) = _done(tmp_path, "case", "S1", "--way", "40", "--yuan", "115.00", *_BY)
    assert 1_500 == case["difference_fen"]
    month = _done(tmp_path, "status", "S1")["ledger"][-1]["day"][:7]
    (booked,) = _done(tmp_path, "cases", month)
    assert (10_000, 1_500) == (booked["receivable_fen"], booked["difference_fen"])
    fund = ("--institution", "H1", "--area", AREA, "--insurance-type", "310")
    (lent,) = _done(
        tmp_path, "advance", *fund, "--yuan", "100", "--back", "3", "--on", "2026-05-04",
        *_TERMS, *_BY,
    )  # fmt: skip
    assert 10_000 == lent["outstanding_fen"]
    assert [("2026-06-01", 3_334), ("2026-07-01", 3_333), ("2026-08-01", 3_333)] == [
        (each["from_day"], each["fen"]) for each in _done(tmp_path, "deductions")
    ]
    refused = _hospital(
        tmp_path, "advance", *fund, "--yuan", "300", "--back", "[[\"2026-06-01\", 30000]]",
        "--on", "2026-05-04", *_TERMS, *_BY,
    )  # fmt: skip
    assert (Exit.FINDING, "PRECONDITION") == (refused.code, refused.json["error"])


def test_targets_and_grades(tmp_path: Path) -> None:
    """A hospital of grade A is paid 80 % of outpatients the next day; one of two is half."""
    rows = [
        record(1, 30_000, clearing_class="11"),
        record(2, 10_000, institution="H2", clearing_class="11"),
    ]
    _done(tmp_path, "report", "--book", _book(tmp_path / "book.json", rows), *_BY)
    _done(tmp_path, "grade", "H1", "A", "--from", "2026-01-01", *_BY)
    _done(tmp_path, "instant", "2026-03-11", *_TERMS, *_BY)
    found = _done(tmp_path, "targets", "2026-03")

    assert ("2026-03", 7_500, 5_000, 24_000, False) == (
        found["month"],
        found["fund_bps"],
        found["institutions_bps"],
        found["slices_fen"],
        found["met"],
    )
    other = _hospital(tmp_path, "targets", "202603")
    assert "'202603' is no month of" in other.json["messages"][0]
    words = run("hospital", "targets", "2026-03", "--data", tmp_path / "data")
    assert "not both targets are met" in words.out


def test_a_dispute_and_an_appeal(tmp_path: Path) -> None:
    """A claim on hold is listed with its money and paid once freed; a deduction is given up."""
    book = _book(tmp_path / "book.json", [record(1)])
    _done(tmp_path, "report", "--book", book, *_BY)
    _done(tmp_path, "hold", "S1", "--reason", "card of another", *_BY)
    assert [] == _done(tmp_path, "instant", "2026-03-11", *_TERMS, *_BY)
    (found,) = _done(tmp_path, "held")
    assert ("S1", 10_000, "clerk") == (found["claim"], found["rest_fen"], found["decided_by"])
    _done(tmp_path, "hold", "S1", "--free", "--reason", "it was theirs", *_BY)
    assert [] == _done(tmp_path, "held")
    why = ("--reason", "not indicated", *_BY)
    (cut,) = _done(tmp_path, "deduct", "--claim", "S1", "--yuan", "50", *why)
    (lifted,) = _done(tmp_path, "lift", cut["number"], "--yuan", "20.00", *why)
    assert (3_000, 2_000) == (lifted["open_fen"], lifted["lifted_fen"])
    assert 7_000 == _done(tmp_path, "status", "S1")["parts"][0]["rest_fen"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("status", "S1"), Exit.USAGE, "holds nothing of what hospitals", id="none"),
        pytest.param(("report", *_BY), Exit.USAGE, "name a --book", id="no-book"),
        pytest.param(
            ("report", "--book", "pyproject.toml", *_BY), Exit.USAGE, "expected one of", id="kind"
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
    lacking = _hospital(tmp_path, "report", "--book", _book(tmp_path / "a.csv", rows), *_BY)
    assert "lacks the column(s) care_area" in lacking.json["messages"][0]
    pointed = _book(tmp_path / "b.csv", [record(1) | {"cash_fen": "50.00"}])
    assert (
        "cannot be read as csv"
        in (_hospital(tmp_path, "report", "--book", pointed, *_BY).json["messages"][0])
    )
    day = _book(tmp_path / "c.json", [record(1) | {"record_date": "2026-02-30"}])
    assert ["rows[0].record_date: is no date"] == (
        _hospital(tmp_path, "report", "--book", day, *_BY).json["messages"]
    )
