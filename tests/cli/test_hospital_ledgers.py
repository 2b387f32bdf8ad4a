"""What `medsettle hospital` reads of an engine: its audit tables, and messages of its ledger."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle.cli.exits import Exit

from tests.clearing.hospital_claims import record
from tests.cli.claim_files import write_claims
from tests.cli.commands import run
from tests.cli.hospital_agency import (
    BY_CLERK,
    BY_DIRECTOR,
    BY_REVIEWER,
    done,
    hospital,
    written_book,
)
from tests.gateway.reconciled import HOSPITAL, open_counter, yuan
from tests.payments.paying import AREA as SHAPES_AREA
from tests.payments.paying import SHAPES, delivery

pytestmark = pytest.mark.slow


def test_a_book_out_of_audit_tables(tmp_path: Path) -> None:
    """Of what an engine settled in an area, its fund's share is to be paid to the hospital."""
    file = write_claims(tmp_path / "claims.json", [_json_claim(delivery(1))])
    settled = run("settle", file, "--json", "--rules", SHAPES, "--data", tmp_path / "data")
    assert Exit.OK == settled.code, settled.err
    columns = settled.json_lines[0]["settlement"]
    today = columns["create_time"][:10]
    words = ("report", "--area", SHAPES_AREA, "--first", "2000-01-01", "--last", "2099-12-31")
    first = done(tmp_path, *words, *BY_CLERK)
    again = done(tmp_path, *words, *BY_CLERK)
    found = done(tmp_path, "status", columns["settlement"])

    assert [(1, 0), (0, 1)] == [(each["added"], each["known"]) for each in (first, again)]
    # A delivery is a stay; the pool pays 3,700.00 of its bill (tests/payments).
    assert ("21", "390", 370_000) == (
        found["clearing_class"],
        found["insurance_type"],
        found["parts"][0]["rest_fen"],
    )
    assert today[:4] == found["day"][:4]
    other = done(tmp_path, *(*words[:2], "999999", *words[3:]), *BY_CLERK)
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
    done(tmp_path, "report", "--book", written_book(tmp_path / "book.json", rows), *BY_CLERK)
    ran = hospital(tmp_path, "declare", "2024-06", *BY_CLERK)
    (found,) = ran.json

    assert Exit.FINDING == ran.code
    assert (number, HOSPITAL, {"fund_fen": 1}, 2) == (
        found["declaration"],
        found["institution"],
        found["differences"],
        found["records"],
    )
    refused = hospital(tmp_path, "review", number, "--to", "accepted", *BY_REVIEWER)
    assert (Exit.FINDING, "INVALID_REQUEST") == (refused.code, refused.json["error"])
    words = ("review", number, "--to", "accepted", "--reason", "a fen too much", *BY_REVIEWER)
    assert 20 == done(tmp_path, *words)[0]["status"]


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
        book = written_book(tmp_path / "book.json", [_of_settlement(each) for each in settlements])
        done(tmp_path, "report", "--book", book, *BY_CLERK)
        first = done(tmp_path, "confirmations", "2024-06", *BY_CLERK)
        held = done(tmp_path, "held")
        done(tmp_path, "hold", held[0]["claim"], "--free", "--reason", "looked at", *BY_DIRECTOR)
        again = done(tmp_path, "confirmations", "2024-06", *BY_CLERK)
        counter.till.done("3262", {"data": month | {"otransid": "0"}})
        counter.till.done("3261", said)
        third = done(tmp_path, "confirmations", "2024-06", *BY_CLERK)
        counter.till.done("3262", {"data": month | {"otransid": "0"}})
        undone = done(tmp_path, "confirmations", "2024-06", *BY_CLERK)
        counter.till.done("3261", said)
        anew = done(tmp_path, "confirmations", "2024-06", *BY_CLERK)
        counter.till.done("3262", {"data": month | {"otransid": "0"}})
        said["detail"] = [row | {"cnfm_flag": "1"} for row in detail]
        counter.till.done("3261", said)
    second = done(tmp_path, "confirmations", "2024-06", *BY_CLERK)

    assert [{"held": 1, "freed": 0, "same": 1, "unknown": 0}] == first
    assert [rows[0]["setl_sn"]] == [each["claim"] for each in held]
    assert [{"held": 0, "freed": 0, "same": 2, "unknown": 0}] == again
    for held_again in (third, anew):
        assert [{"held": 1, "freed": 0, "same": 1, "unknown": 0}] == held_again
    for freed in (undone, second):
        assert [{"held": 0, "freed": 1, "same": 1, "unknown": 0}] == freed
    assert [] == done(tmp_path, "held")


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
