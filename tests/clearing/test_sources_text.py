"""Books out of text: CSV with our names or national ones, and the files of 3202."""

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from medsettle import limits
from medsettle.clearing.matching.book import Side
from medsettle.clearing.matching.sources import Book
from medsettle.clearing.matching.sources_text import csv_book, statement_book
from medsettle.errors import InvalidRequest


def _rows(book: Book) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = book.reader(book.columns).read_all().to_pylist()
    return rows


def _csv(folder: Path, text: str | bytes, **options: Any) -> Book:  # noqa: ANN401 - of csv_book
    path = folder / "day.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return csv_book(Side.CARE, path, folder, **options)


def _faults(folder: Path, text: str | bytes) -> list[str]:
    """Return what is said of a file, without the folder it is in."""
    with pytest.raises(InvalidRequest) as refused:
        _csv(folder, text)
    return [str(fault).replace(f"{folder}/", "") for fault in refused.value.faults]


# --- CSV -----------------------------------------------------------------------------------------


def test_our_names_hold_fen(tmp_path: Path) -> None:
    """Whole fen, dates and moments as ISO 8601 has them; an empty cell is no value."""
    book = _csv(
        tmp_path,
        "settlement,kind,original,record_time,record_date,total_fen,card\n"
        "s1,settle,,2026-03-31T09:10:00+08:00,2026-03-31,130050,\n"
        '"s2",cancel,s1,2026-04-01T00:00:00.5Z,2026-04-01,-130050, c1 \r\n',
    )

    first, second = _rows(book)
    assert ("s1", "settle", None, date(2026, 3, 31), 130_050, None) == (
        *(first["settlement"], first["kind"], first["original"], first["record_date"]),
        *(first["total_fen"], first["card"]),
    )
    assert "2026-03-31 01:10:00+00:00" == str(first["record_time"])
    assert ("s2", "s1", -130_050, "c1") == (
        *(second["settlement"], second["original"]),
        *(second["total_fen"], second["card"]),
    )
    assert "2026-04-01 00:00:00.500000+00:00" == str(second["record_time"])


def test_national_names_hold_yuan(tmp_path: Path) -> None:
    """Two decimals, one or none; the day follows from the time, and the kind from the sign."""
    book = _csv(
        tmp_path,
        b"\xef\xbb\xbfsetl_id,medfee_sumamt,fund_pay_sumamt,setl_time,psn_no,refd_setl_flag,local\n"
        b"s1,42180.37,25125,2026-03-31 23:59:59,p1,1,x\n"
        b"s2,-0.5,+0.00,2026-04-01 00:00:00,p2,1,x\n"
        b"s3,0,0,2026-04-01 00:00:00,p2,1,x\n"
        b"s4,0.00,0.1000,2026-04-01 00:00:00,p2,0,x",
    )

    assert [
        ("s1", "settle", 4_218_037, 2_512_500, date(2026, 3, 31)),
        ("s2", "cancel", -50, 0, date(2026, 4, 1)),
        ("s3", "cancel", 0, 0, date(2026, 4, 1)),
        ("s4", "settle", 0, 10, date(2026, 4, 1)),
    ] == [
        (
            *(each["settlement"], each["kind"], each["total_fen"], each["fund_total_fen"]),
            each["record_date"],
        )
        for each in _rows(book)
    ]
    assert ("local",) == book.passed_over


@pytest.mark.parametrize(
    ("header", "cells", "account"),
    [
        ("acct_pay,acct_mulaid_pay", "45.00,15.00", 3_000),
        ("acct_pay", "45.00", None),
        ("account_fen", "4500", 4_500),
    ],
)
def test_accounts_are_told_apart(
    tmp_path: Path, header: str, cells: str, account: int | None
) -> None:
    """National acct_pay includes what relatives pay: without that, it is nothing of ours."""
    (row,) = _rows(_csv(tmp_path, f"setl_id,{header}\ns1,{cells}\n"))

    assert account == row.get("account_fen")


def test_every_fault_is_named_with_its_line(tmp_path: Path) -> None:
    """One run shows them all, and counts lines of too few cells and blank ones on the way."""
    found = _faults(
        tmp_path,
        "settlement,kind,total_fen,record_date,person\n"
        "s1,settle,1.5,2026-03-31,p\n"
        "s2,settle,100,2026-02-30,p\n"
        "\n"
        "s3,settle\n"
        ",refund,1e3,20260331,p\n"
        f"s4,cancel,100,2026-03-31,{'p' * 65}\n",
    )

    assert {
        "day.csv:2.total_fen: '1.5' is no amount; write whole fen like 130050",
        "day.csv:3.record_date: '2026-02-30' is no day; write it like 2026-03-31",
        "day.csv:5: has 2 cells, not 5",
        "day.csv:6.settlement: missing",
        "day.csv:6.kind: 'refund' is none of settle, cancel, adjust, deduction",
        "day.csv:6.total_fen: '1e3' is no amount; write whole fen like 130050",
        "day.csv:6.record_date: '20260331' is no day; write it like 2026-03-31",
        "day.csv:7.total_fen: a cancel of 100 fen; write it below zero",
        "day.csv:7.person: has 65 characters; at most 64",
    } == set(found)


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("1.005", "'1.005' is no amount; write yuan like 1300.50"),
        ("1,5", None),
        ("", "missing"),
        ("ten", "'ten' is no amount; write yuan like 1300.50"),
        ("100000000000.01", "10000000000001 fen is beyond 10000000000000 fen"),
    ],
)
def test_yuan_that_are_none(tmp_path: Path, cell: str, told: str | None) -> None:
    """A part of a fen, a comma, nothing, words and too much are refused."""
    found = _faults(tmp_path, f"setl_id,medfee_sumamt\ns1,{cell}\n")

    assert [
        f"day.csv:2.medfee_sumamt: {told}" if told else "day.csv:2: has 3 cells, not 2"
    ] == found


def test_the_greatest_amount_is_taken(tmp_path: Path) -> None:
    """One fen less than the first that is refused above."""
    (row,) = _rows(_csv(tmp_path, "setl_id,medfee_sumamt\ns1,100000000000.00\n"))

    assert limits.AMOUNT_FEN_MAX == row["total_fen"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "day.csv:1: has no header; name the columns in the first line"),
        (
            "a,b\n1,2\n",
            "day.csv: has no column settlement (or setl_id), by which rows are compared",
        ),
        (
            "settlement,card\ns1,中\n".encode("gb18030"),
            "day.csv:2: is no UTF-8; save the file as UTF-8",
        ),
        (
            "settlement,setl_time\ns1,2026-03-31T25:00:00\n",
            "day.csv:2.setl_time: '2026-03-31T25:00:00' is no moment; write it like 2026-03-31 "
            "09:10:00",
        ),
        (
            "settlement,record_time\ns1,2026-03-31 09:10:00\n",
            "day.csv:2.record_time: '2026-03-31 09:10:00' is no moment; write it like "
            "2026-03-31T09:10:00+08:00",
        ),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, text: str | bytes, told: str) -> None:
    """Header, encoding and zones are said to be wrong where they are."""
    assert [told] == _faults(tmp_path, text)


def test_faults_are_shown_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is counted, and nothing of the book is kept."""
    monkeypatch.setattr(limits, "FILE_FAULTS_SHOWN_MAX", 2)

    found = _faults(tmp_path, "settlement,total_fen\n" + "s1,x\n" * 5)

    assert 3 == len(found)
    assert "day.csv: 3 more faults" == found[-1]
    assert not (tmp_path / "care.parquet").exists()


@pytest.mark.parametrize("block", [64, 100, 1_000])
def test_blocks_end_with_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """However a file is cut into blocks, rows and the lines of faults are the same."""
    monkeypatch.setattr(limits, "BOOK_BLOCK_BYTES", block)
    lines = [f"s{number},{number}" for number in range(50)]

    good = _rows(_csv(tmp_path, "\n".join(["settlement,total_fen", *lines])))
    lines[41] = "s41,x"
    bad = _faults(tmp_path, "\n".join(["settlement,total_fen", *lines, ""]))

    assert list(range(50)) == [each["total_fen"] for each in good]
    assert ["day.csv:43.total_fen: 'x' is no amount; write whole fen like 130050"] == bad


@pytest.mark.parametrize(("length", "taken"), [(100, True), (101, False)])
def test_a_line_has_a_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, *, taken: bool
) -> None:
    """What has no end of a line for longer is no text file."""
    monkeypatch.setattr(limits, "BOOK_LINE_BYTES_MAX", 100)
    text = "settlement,x\n" + "s1,".ljust(length, "x")

    if taken:
        assert 1 == _csv(tmp_path, text).rows
    else:
        found = _faults(tmp_path, text)
        assert ["day.csv:2: is longer than 100 bytes; is this a text file?"] == found


def test_a_book_of_several_files(tmp_path: Path) -> None:
    """Files of a folder follow one another by name; one with another header is named."""
    folder = tmp_path / "days"
    folder.mkdir()
    (folder / "b.csv").write_text("settlement,total_fen\ns2,2\n", encoding="utf-8")
    (folder / "a.csv").write_text("setl_id,total_fen\ns1,1\n", encoding="utf-8")

    book = csv_book(Side.CARE, folder, tmp_path)
    assert [("s1", 1), ("s2", 2)] == [
        (each["settlement"], each["total_fen"]) for each in _rows(book)
    ]

    (folder / "c.csv").write_text("settlement\ns3\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match=r"c.csv: makes settlement, and the files before it"):
        csv_book(Side.CARE, folder, tmp_path)


def test_what_is_known_of_all_rows_is_stated(tmp_path: Path) -> None:
    """It is read as the cells of a file are, and stands in every row."""
    stated = {"pooling_area": "999001", "record_date": "2026-03-31"}
    rows = _rows(_csv(tmp_path, "setl_id,medfee_sumamt\ns1,1\ns2,2\n", stated=stated))

    assert [("999001", date(2026, 3, 31))] * 2 == [
        (each["pooling_area"], each["record_date"]) for each in rows
    ]


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"record_date": "yesterday"}, "stated:1.record_date: 'yesterday' is no day"),
        ({"court": "1"}, "stated: a book has no column court; state settlement, kind"),
    ],
)
def test_what_is_stated_wrongly_is_named(tmp_path: Path, stated: dict[str, str], told: str) -> None:
    """As a fault of the file would be."""
    with pytest.raises(InvalidRequest, match=told):
        _csv(tmp_path, "setl_id\ns1\n", stated=stated)


def test_a_header_alone_is_an_empty_book(tmp_path: Path) -> None:
    """A day without settlements can be compared with another."""
    book = _csv(tmp_path, "settlement,total_fen\n")

    assert (0, []) == (book.rows, _rows(book))


# --- 3202 ----------------------------------------------------------------------------------------

_LINES = (
    "S1\tM1\tP1\t42180.37\t25125.00\t4500.00\tnull\n"
    "S2\tnull\tP2\t100.00\t70.00\t0.00\t1\textension\n"
    "S2\tnull\tP2\t-100.00\t-70.00\t0.00\t1\n"
)


def _statement(folder: Path, text: str, **options: Any) -> Book:  # noqa: ANN401 - as above
    path = folder / "day.txt"
    path.write_text(text, encoding="utf-8")
    return statement_book(Side.CARE, path, folder, **options)


def test_a_statement_is_read(tmp_path: Path) -> None:
    """Seven fields or eight; a refund is told by its sign; accounts are a sum and not compared."""
    book = _statement(tmp_path, _LINES, stated={"clearing_class": "11"})

    assert sorted(
        [
            ("S1", "settle", "M1", "P1", 4_218_037, 2_512_500, "11"),
            ("S2", "settle", None, "P2", 10_000, 7_000, "11"),
            ("S2", "cancel", None, "P2", -10_000, -7_000, "11"),
        ],
        key=str,
    ) == sorted(
        (
            (
                *(each["settlement"], each["kind"], each["encounter"], each["person"]),
                *(each["total_fen"], each["fund_total_fen"], each["clearing_class"]),
            )
            for each in _rows(book)
        ),
        key=str,
    )
    assert "account_fen" not in book.columns


def test_accounts_without_relatives_are_compared(tmp_path: Path) -> None:
    """Where the sender is known not to count relatives among accounts."""
    book = _statement(tmp_path, _LINES, relatives_apart=True)

    assert 450_000 == next(
        each["account_fen"] for each in _rows(book) if each["settlement"] == "S1"
    )


def test_a_packed_statement_is_read(tmp_path: Path) -> None:
    """As the interface sends it: one text file in a ZIP archive."""
    path = tmp_path / "day.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("day.txt", _LINES)

    assert 3 == statement_book(Side.CARE, path, tmp_path).rows
    assert 3 == statement_book(Side.CARE, tmp_path, tmp_path).rows

    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("more.txt", _LINES)
    with pytest.raises(InvalidRequest, match="holds 2 files; pack one text file"):
        statement_book(Side.CARE, path, tmp_path)

    path.write_bytes(b"PK and nothing more")
    with pytest.raises(InvalidRequest, match="is no ZIP archive that can be read"):
        statement_book(Side.CARE, path, tmp_path)


def test_lines_of_a_statement_are_named(tmp_path: Path) -> None:
    """Fields that are too few or too many, and amounts that are none, each with its line."""
    text = _LINES + "S3\tM3\nS4\tM4\tP4\t1\t1\t1\t0\tx\ty\nS5\tM5\tnull\tx\t1\t1\t0\n"

    with pytest.raises(InvalidRequest) as refused:
        _statement(tmp_path, text)

    assert {
        ":4: has 2 cells, not 7 or 8",
        ":5: has 9 cells, not 7 or 8",
        ":6.psn_no: missing",
        ":6.medfee_sumamt: 'x' is no amount; write yuan like 1300.50",
    } == {str(fault).partition("day.txt")[2] for fault in refused.value.faults}
