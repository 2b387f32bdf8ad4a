"""A month as a clearing centre does it: books, differences, payables, a statement, prepayments."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.cli.commands import Ran, run

pytestmark = pytest.mark.slow

_MONTH = "2026-03"


def _done(code: int, *words: object) -> Ran:
    ran = run(*words, "--json")
    assert code == ran.code, ran.err
    return ran


def test_what_one_command_writes_the_next_one_reads(tmp_path: Path) -> None:
    """Nothing is lost between them: what agrees is payable, and what is payable is stated."""
    books, data, tables = tmp_path / "books", tmp_path / "data", tmp_path / "tables"
    make = ("--rows", 4_000, "--differences", 20, "--seed", 3)
    _done(0, "reconcile", "make-books", books, *make)
    sides = [word for side in ("insured", "care", "national")
             for word in (f"--{side}", books / f"{side}.parquet")]  # fmt: skip
    found = _done(1, "reconcile", "run", *sides, "--data", data).json
    assert 0 < found["differences"] <= 20

    book = books / "insured.parquet"
    closed = _done(0, "clear", "close", _MONTH, "--book", book, "--by", "A", "--data", data).json
    rows = pq.read_metadata(book).num_rows
    later = sum(f"{day:%Y-%m}" > _MONTH for day in pq.read_table(book)["record_date"].to_pylist())
    assert rows == closed["lines"] + closed["held"] + later

    payable = _done(0, "clear", "tables", _MONTH, "--data", data, "--out", tables).json
    made = ("--number", "1", "--title", "payable", "--month", _MONTH, "--out", tmp_path / "st")
    parties = ("--party", "91:A", "--party", "92:B")
    _done(0, "statement", "make", tables / "payable.parquet", *made, *parties)
    _done(0, "statement", "keygen", "A", "--out", tmp_path)
    _done(0, "statement", "sign", tmp_path / "st", "--key", tmp_path / "A.key.pem")
    verified = _done(0, "verify", tmp_path / "st", "--key", tmp_path / "A.pub.pem").json
    assert len(payable) == verified["rows"]
    manifest = json.loads((tmp_path / "st" / "statement.json").read_text("utf-8"))
    assert str(sum(row["net_fen"] for row in payable)) == manifest["sums_fen"]["net_fen"]

    owed: dict[tuple[str, str, str], int] = {}
    for row in payable:
        if row["insured_province"] != row["care_province"]:
            key = row["insured_province"], row["care_province"], row["fund_line"]
            owed[key] = owed.get(key, 0) + row["net_fen"]
    usage = ("--cleared", tables / "payable.parquet", "--data", data)
    told = _done(0, "prepay", "usage", _MONTH, *usage).json
    assert owed == {(row["insured"], row["care"], row["fund"]): row["cleared_fen"] for row in told}
    _done(0, "clear", "issue", _MONTH, "--by", "A", "--data", data)
    due = {
        (each["debtor"], each["creditor"], each["fund_line"]): each["due_fen"]
        for each in _done(0, "clear", "notices", "--data", data).json["notices"]
    }
    assert {key: fen for key, fen in owed.items() if fen > 0} == {
        key: fen for key, fen in due.items() if fen > 0
    }
