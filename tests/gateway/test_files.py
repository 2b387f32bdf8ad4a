"""Files up and down: what is kept, who gets it, and what no file may do to a server."""

import base64
import io
import struct
import tracemalloc
import zipfile
from collections.abc import Iterator, MutableMapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest
from medsettle.gateway.app import Gateway
from medsettle.gateway.signatures import Unsigned
from medsettle.gateway.statement_files import packed as result_packed
from medsettle.gateway.statement_files import read_rows

from tests.gateway.reconciled import HOSPITAL, Counter, open_counter, packed, zipped

_LINE = "S1\tE1\tP1\t10.00\t5.00\t0.00\t0"


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    """Yield the till of a hospital with a new ledger."""
    with open_counter(tmp_path / "ledger.db") as opened:
        yield opened


def _up(data: object, **changes: object) -> dict[str, object]:
    said = {"in": data, "filename": "f.zip", "fixmedins_code": HOSPITAL}
    return {"fsUploadIn": said | changes}


def _down(number: str, **changes: object) -> dict[str, object]:
    said = {"file_qury_no": number, "filename": "f.zip", "fixmedins_code": HOSPITAL}
    return {"fsDownloadIn": said | changes}


_BYTES = bytes(range(256))


@pytest.mark.parametrize(
    "sent",
    [
        base64.b64encode(_BYTES).decode(),
        base64.encodebytes(_BYTES).decode(),
        list(_BYTES),
        [each - 256 if each > 127 else each for each in _BYTES],
    ],
    ids=["base64", "base64-in-lines", "numbers", "bytes-of-java"],
)
def test_a_file_comes_back_as_it_was_sent(counter: Counter, sent: object) -> None:
    """In whatever form its bytes were written, with its name, and until when it is kept."""
    up = counter.till.done("9101", _up(sent))
    assert ["file_qury_no", "filename", "dld_endtime"] == list(up)
    assert up["file_qury_no"].isalnum()
    assert len(up["file_qury_no"]) <= 30
    assert ("f.zip", "2024-06-10 10:00:00") == (up["filename"], up["dld_endtime"])

    for owner in (HOSPITAL, "plc"):
        reply = counter.reply("9102", _down(up["file_qury_no"], fixmedins_code=owner))
        assert (_BYTES, True) == reply


def test_an_office_may_enclose_files(tmp_path: Path) -> None:
    """Then their bytes are base64 in the output, with what was told when they were sent."""
    with open_counter(tmp_path / "ledger.db", enclosed=True) as counter:
        up = counter.till.done("9101", _up(list(_BYTES)))
        down = counter.till.done("9102", _down(up["file_qury_no"]))
        assert _BYTES == base64.b64decode(down.pop("file_byte"))
        assert up == down


def test_a_file_is_sent_as_one(counter: Counter) -> None:
    """Over HTTP it is a stream of bytes by its type, and a refusal is JSON."""
    number = counter.upload(_BYTES, "f.zip")
    app = Gateway(counter.till.dispatch, Unsigned(), {})
    expected = (
        (number, b"application/octet-stream", _BYTES),
        ("F9", b"application/json; charset=utf-8", None),
    )
    for asked, media, body in expected:
        sent = _posted(counter, app, orjson.dumps(counter.till.envelope("9102", _down(asked))))
        headers = dict(sent[0]["headers"])
        assert (200, media) == (sent[0]["status"], headers[b"content-type"])
        assert str(len(sent[1]["body"])).encode() == headers[b"content-length"]
        assert body == sent[1]["body"] or orjson.loads(sent[1]["body"])["infcode"] == -2


def _posted(counter: Counter, app: Gateway, body: bytes) -> list[dict[str, Any]]:
    """Return what the application sends for a body that is posted."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(dict(message))

    scope = {"type": "http", "path": "/fsi/api/fileupload/9102", "method": "POST", "headers": []}
    counter.till.loop.run_until_complete(app(scope, receive, send))
    return sent


def test_a_file_sent_twice_is_one(counter: Counter) -> None:
    """The same message has the same number, also with its bytes in another form; else it is not."""
    msgid = counter.till.msgid()
    first = counter.till.done("9101", _up([1, 2]), msgid)
    assert first == counter.till.done("9101", _up("AQI="), msgid)
    assert "[REQUEST_ID_REUSED]" in counter.till.refused("9101", _up([1, 3]), msgid)


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ("no base64!", "fsUploadIn.in"),
        ("QQ", "fsUploadIn.in"),
        ([1, 256], "256 is no byte"),
        ([1, -129], "-129 is no byte"),
        ([1, True], "True is no byte"),
        ([1, "2"], "2 is no byte"),
        ([], "0 bytes"),
        ({}, "0 bytes"),
        (7, "0 bytes"),
        ("", "fsUploadIn.in"),
        (None, "fsUploadIn.in"),
    ],
)
def test_what_is_no_file_is_refused(counter: Counter, sent: object, says: str) -> None:
    """The message names the field."""
    before = counter.engine.ledger.last_seq()
    message = counter.till.refused("9101", _up(sent))
    assert message.startswith("[INVALID_REQUEST]")
    assert says in message
    assert before == counter.engine.ledger.last_seq()


def test_a_file_has_a_size(counter: Counter) -> None:
    """At the bound it is kept; a byte more is refused."""
    most = limits.GATEWAY_FILE_BYTES_MAX
    assert "bytes" in counter.till.refused("9101", _up(base64.b64encode(bytes(most + 1)).decode()))
    up = counter.till.done("9101", _up(base64.b64encode(bytes(most)).decode()))
    assert bytes(most) == counter.download(up["file_qury_no"], "f.zip")


def test_a_file_is_its_institutions(counter: Counter) -> None:
    """Others are told what they would be told of a number that nobody has."""
    number = counter.upload(b"text", "f.zip")
    other = counter.till.at("H11000000003")
    assert "[NOT_FOUND]" in other.refused("9102", _down(number, fixmedins_code="H11000000003"))
    assert "[NOT_FOUND]" in other.refused("9102", _down(number, fixmedins_code="plc"))
    assert "fixmedins_code" in other.refused("9102", _down(number))
    assert "fixmedins_code" in other.refused("9101", _up([1]))
    assert "[NOT_FOUND]" in counter.till.refused("9102", _down("F9"))
    # The sign-in is a message too, and no file.
    assert "[NOT_FOUND]" in counter.till.refused("9102", _down(str(counter.till.sign_no)))


def test_a_file_expires(counter: Counter) -> None:
    """Up to the moment that was told it is given out, and not after."""
    number = counter.upload(b"text", "f.zip")
    counter.on("2024-06-10")
    assert b"text" == counter.download(number, "f.zip")
    counter.moment[0] += timedelta(seconds=1)
    assert "[FILE_EXPIRED]" in counter.till.refused("9102", _down(number))


# --- what a statement file holds ----------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        zipped(_LINE),
        zipped(_LINE, name="folder/any name.TXT"),
        packed(_LINE.encode()),
        packed(b"\xef\xbb\xbf" + _LINE.encode() + b"\r\n"),
        packed(_LINE.encode() + b"\tnull\n", method=zipfile.ZIP_STORED),
        _LINE.encode(),
    ],
    ids=["plain", "folder", "no-newline", "bom-and-crlf", "stored-extension", "not-packed"],
)
def test_statement_files_as_clients_write_them(data: bytes) -> None:
    """One row, whatever stands around it."""
    (row,) = read_rows(data, "f.zip")
    assert ("S1", "E1", "P1", 1_000, 500, 0, False) == (
        row.settlement,
        row.encounter,
        row.person,
        row.total_fen,
        row.fund_fen,
        row.account_fen,
        row.refund,
    )


@pytest.mark.parametrize(
    ("total", "flag", "refund"),
    [
        ("-1.00", "1", True),
        ("-1.00", "0", True),
        ("-1.00", "null", True),
        ("1.00", "1", False),
        ("0.00", "1", True),
        ("0", "0", False),
        ("0.00", "null", False),
    ],
)
def test_a_refund_is_told_by_its_amount(total: str, flag: str, refund: bool) -> None:
    """A settlement that was refunded has the flag on both rows; of nothing the flag decides."""
    cells = f"S1\tnull\tP1\t{total}\t0\t0\t{flag}"
    assert [refund] == [row.refund for row in read_rows(zipped(cells), "f.zip")]


def test_an_empty_file_is_a_day_without_settlements() -> None:
    """No line is no row."""
    assert [] == read_rows(zipped(), "f.zip") == read_rows(packed(b"\n"), "f.zip")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([_LINE, "S2\tE2"], "f.zip:2: has 2 fields"),
        ([_LINE + "\tnull\tnull"], "f.zip:1: has 9 fields"),
        ([""], "f.zip:1: has 1 fields"),
        ([_LINE.replace("10.00", "10.001")], "f.zip:1.medfee_sumamt"),
        ([_LINE.replace("10.00", "1e2")], "f.zip:1.medfee_sumamt"),
        ([_LINE.replace("10.00", "null")], "f.zip:1.medfee_sumamt"),
        ([_LINE.replace("S1", "")], "f.zip:1.setl_id"),
        ([_LINE.replace("S1", "S" * 31)], "f.zip:1.setl_id"),
        ([_LINE.replace("10.00", "9" * 30)], "f.zip:1.medfee_sumamt"),
    ],
)
def test_lines_that_are_not_read_are_named(lines: list[str], says: str) -> None:
    """Each fault has its line and field."""
    with pytest.raises(InvalidRequest) as refused:
        read_rows(zipped(*lines, *([_LINE] if lines == [""] else [])), "f.zip")
    assert says in "; ".join(str(fault) for fault in refused.value.faults)


def test_so_many_faults_are_told_and_the_rest_counted() -> None:
    """A file of another kind does not fill an answer."""
    shown = limits.FILE_FAULTS_SHOWN_MAX
    for extra, counted in ((0, False), (1, True)):
        with pytest.raises(InvalidRequest) as refused:
            read_rows(zipped(*["x"] * (shown + extra)), "f.zip")
        assert counted == (refused.value.faults[-1].message == "1 more faults")


def test_a_file_has_so_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound it is read; a line more is refused."""
    monkeypatch.setattr(limits, "STATEMENT_ROWS_MAX", 3)
    assert 3 == len(read_rows(zipped(*[_LINE] * 3), "f.zip"))
    with pytest.raises(InvalidRequest, match="4 lines; at most 3"):
        read_rows(zipped(*[_LINE] * 4), "f.zip")


def _with_size(data: bytes, size: int) -> bytes:
    """Return an archive that lies about what its file unpacks to."""
    changed = bytearray(data)
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = changed.index(mark) + place
        changed[at : at + 4] = struct.pack("<I", size)
    return bytes(changed)


def _two_files() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("a.txt", _LINE)
        archive.writestr("b.txt", _LINE)
    return written.getvalue()


def _encrypted() -> bytes:
    changed = bytearray(packed(_LINE.encode()))
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        changed[changed.index(mark) + place] |= 1
    return bytes(changed)


_BOMB = packed(bytes(limits.STATEMENT_BYTES_MAX + 1))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_BOMB, "unpacks to more than"),
        (_with_size(_BOMB, 100), "f.zip"),
        (_two_files(), "holds 2 files"),
        (packed(b"x", method=zipfile.ZIP_LZMA), "rare way"),
        (packed(b"x", method=zipfile.ZIP_BZIP2), "rare way"),
        (_encrypted(), "encrypted"),
        (packed(_LINE.encode())[:-20], "no ZIP archive"),
        (b"PK\x03\x04" + bytes(40), "no ZIP archive"),
        (packed(_LINE.encode(), method=zipfile.ZIP_STORED).replace(b"10.00", b"99.00"), "CRC"),
        (packed("结算".encode("gbk")), "no UTF-8"),
    ],
    ids=[
        "bomb",
        "bomb-that-lies",
        "two-files",
        "lzma",
        "bzip2",
        "encrypted",
        "cut-off",
        "garbage",
        "damaged",
        "gbk",
    ],
)
def test_archives_that_would_hurt_are_refused(data: bytes, says: str) -> None:
    """By what they are, before they are unpacked any further."""
    assert len(data) < 100_000
    with pytest.raises(InvalidRequest, match=says):
        read_rows(data, "f.zip")


def test_a_bomb_is_unpacked_no_further_than_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty kilobytes that would be fifty megabytes take the memory of the bound."""
    bomb = packed(bytes(50_000_000))
    monkeypatch.setattr(limits, "STATEMENT_BYTES_MAX", 100_000)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidRequest, match="unpacks to more than"):
            read_rows(bomb, "f.zip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


def test_a_text_unpacks_to_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the bound it is read, packed or not; a byte more is refused."""
    line = _LINE.encode()
    monkeypatch.setattr(limits, "STATEMENT_BYTES_MAX", len(line))
    for data in (packed(line), line):
        assert 1 == len(read_rows(data, "f.zip"))
    for data in (packed(line + b"\n"), line + b"\n"):
        with pytest.raises(InvalidRequest, match="unpacks to more"):
            read_rows(data, "f.zip")


def test_results_are_the_same_bytes_and_stay_in_their_cells() -> None:
    """No present moment is in them, and what somebody sent breaks no row."""
    rows = [("a\tb\nc", None, ""), ("结算", "x", "y")]
    data = result_packed("result.txt", rows)
    assert data == result_packed("result.txt", rows)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert "a b c\tnull\tnull\n结算\tx\ty\n" == archive.read("result.txt").decode()


def test_a_file_with_faults_is_refused_by_3202(counter: Counter) -> None:
    """The operator reads which line, and nothing is recorded."""
    from_counter = counter.upload(zipped(_LINE, "S2"), "day.zip")
    before = counter.engine.ledger.last_seq()
    said = {
        "clr_type": "11",
        "setl_optins": "999900",
        "stmt_begndate": "2024-06-03",
        "stmt_enddate": "2024-06-03",
        "medfee_sumamt": "0",
        "fund_pay_sumamt": "0",
        "fixmedins_setl_cnt": 0,
        "file_qury_no": from_counter,
    }
    assert "day.zip:2: has 1 fields" in counter.till.refused("3202", {"data": said})
    assert before == counter.engine.ledger.last_seq()
