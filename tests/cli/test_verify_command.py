"""`medsettle statement` and `verify` as users run them: files, words, exit codes."""

import re
import shutil
import stat
from pathlib import Path

import orjson
import pyarrow.parquet as pq
import pytest
from medsettle.cli.exits import Exit

from tests.clearing.stating import table
from tests.cli.commands import Ran, run

pytestmark = pytest.mark.slow

_PARTIES = ("--party", "999901:示例省甲", "--party", "999902:示例省乙")


def _make(folder: Path, *more: object) -> Ran:
    source = folder / "payable.parquet"
    pq.write_table(table(), source)
    head = ("--number", "CL2026-03-000017", "--title", "应付款清算表", "--month", "2026-03")
    return run("statement", "make", source, "--out", folder / "s", *head, *(more or _PARTIES))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two keys and a statement that both have signed, all by commands."""
    folder = tmp_path_factory.mktemp("statement")
    for name in ("a", "b"):
        assert Exit.OK == run("statement", "keygen", name, "--out", folder / "keys").code
    made = _make(folder)
    assert Exit.OK == made.code, made.err
    for name in ("a", "b"):
        key = folder / "keys" / f"{name}.key.pem"
        assert Exit.OK == run("statement", "sign", folder / "s", "--key", key).code
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    """Return a copy of that folder to tamper with."""
    return shutil.copytree(kept, tmp_path / "copy")


def _verify(folder: Path, *more: object) -> Ran:
    keys = [word for name in ("a", "b") for word in ("--key", folder / f"keys/{name}.pub.pem")]
    return run("verify", folder / "s", *keys, *more)


def test_a_statement_goes_from_a_table_to_two_signatures(folder: Path) -> None:
    """It verifies by the keys of both; a private key is its owner's alone."""
    ran = _verify(folder)
    told = _verify(folder, "--json").json

    assert Exit.OK == ran.code
    assert ran.out.startswith("verified: CL2026-03-000017 of 2026-03, 6 row(s)\n")
    assert 2 == ran.out.count(", a key that was given")
    assert (True, [], 2) == (told["verified"], told["findings"], len(told["trusted"]))
    private = folder / "keys" / "a.key.pem"
    assert 0o600 == stat.S_IMODE(private.stat().st_mode)


def test_one_digit_of_csv_is_named_and_the_exit_code_is_one(folder: Path) -> None:
    """The file, the row, the column and both values, for people and for programs."""
    path = folder / "s" / "statement.csv"
    path.write_bytes(path.read_bytes().replace(b"1234.56", b"1234.57"))
    ran, told = _verify(folder), _verify(folder, "--json")

    assert (Exit.FINDING, Exit.FINDING) == (ran.code, told.code)
    assert "not verified: CL2026-03-000017" in ran.out
    said = "'1234.57' stands here, and '1234.56' was signed"
    assert f"statement.csv line 2 (row 1) fund_total_yuan: {said}" in ran.out
    assert [
        {
            "file": "statement.csv",
            "row": 1,
            "line": 2,
            "column": "fund_total_yuan",
            "message": said,
        }
    ] == told.json["findings"]


def test_what_a_stranger_wrote_moves_no_terminal(folder: Path) -> None:
    """A cell that would clear the screen and paint over the finding is shown with a mark in it."""
    path = folder / "s" / "statement.csv"
    path.write_bytes(path.read_bytes().replace(b"S1,", b"\x1b[2J\x1b[Hverified,"))
    ran = _verify(folder)

    assert Exit.FINDING == ran.code
    assert (
        "'\N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}[Hverified' stands here" in ran.out
    )
    assert "\x1b" not in ran.out


def test_a_key_that_did_not_sign_is_named(folder: Path) -> None:
    """A third party's key was given, whose signature is not there; the others are not trusted."""
    run("statement", "keygen", "c", "--out", folder / "keys")
    ran = run("verify", folder / "s", "--key", folder / "keys" / "c.pub.pem")

    assert Exit.FINDING == ran.code
    assert "there is no valid signature by the key" in ran.out
    assert 2 == ran.out.count("note: also signed by")
    without = run("verify", folder / "s")
    assert Exit.OK == without.code
    assert "note: no key was given, so nobody vouches" in without.out


def test_what_cannot_be_read_ends_with_two(folder: Path) -> None:
    """A manifest that is none, a folder without one, and a file that is no key."""
    private = run("verify", folder / "s", "--key", folder / "keys" / "a.key.pem")
    assert Exit.USAGE == private.code
    assert "a.key.pem holds no public Ed25519 key" in private.err
    (folder / "s" / "statement.json").write_bytes(b"{")
    broken = _verify(folder)
    assert Exit.USAGE == broken.code
    assert "statement.json is no manifest of a statement" in broken.err
    nowhere = run("verify", folder / "nowhere")
    assert Exit.USAGE == nowhere.code
    assert "nowhere is not there; name the folder of a statement" in nowhere.err
    assert "Errno" not in nowhere.err


def test_a_statement_that_was_altered_is_not_signed(folder: Path) -> None:
    """The second party finds out before it signs, and nothing is signed."""
    path = folder / "s" / "statement.csv"
    path.write_bytes(path.read_bytes().replace(b"1234.56", b"1234.57"))
    for signature in (folder / "s").glob("*.sig"):
        signature.unlink()
    ran = run("statement", "sign", folder / "s", "--key", folder / "keys" / "b.key.pem")

    assert Exit.FINDING == ran.code
    assert "Nothing was signed" in ran.err
    assert [] == list((folder / "s").glob("*.sig"))


def test_parties_that_name_their_keys_are_checked(tmp_path: Path) -> None:
    """A key that is no party's cannot sign; who has not signed is told."""
    for name in ("a", "c"):
        run("statement", "keygen", name, "--out", tmp_path)
    made = _make(tmp_path, "--party", f"999901:示例省甲:{tmp_path / 'a.pub.pem'}", "--json")
    other = run("statement", "sign", tmp_path / "s", "--key", tmp_path / "c.key.pem")

    assert {"fund_total_fen": "10000000114957"} == made.json["sums_fen"]
    assert Exit.FINDING == other.code
    assert "use the one agreed upon" in other.err
    assert "999901 示例省甲 has not signed it yet" in run("verify", tmp_path / "s").out


def test_a_second_party_without_an_agreed_key_signs(tmp_path: Path) -> None:
    """As the README makes it: who it signs for is told, and either key verifies."""
    for name in ("a", "b"):
        run("statement", "keygen", name, "--out", tmp_path)
    party = f"999901:示例省甲:{tmp_path / 'a.pub.pem'}"
    _make(tmp_path, "--party", party, "--party", "999902:示例省乙")
    signed = [
        run("statement", "sign", tmp_path / "s", "--key", tmp_path / f"{name}.key.pem").out
        for name in ("a", "b")
    ]

    assert signed[0].startswith("signed for 999901 示例省甲 by ")
    assert signed[1].startswith("signed for 999902 示例省乙 by ")
    for name, whose in (("a", "no party"), ("b", "999901 示例省甲")):
        ran = run("verify", tmp_path / "s", "--key", tmp_path / f"{name}.pub.pem")
        assert Exit.OK == ran.code
        assert f"a key that was not given; it is agreed with {whose}\n" in ran.out


def test_nothing_is_written_over(folder: Path) -> None:
    """A second key of a name and a second statement of a folder are refused."""
    again = run("statement", "keygen", "a", "--out", folder / "keys")

    assert Exit.USAGE == again.code
    assert re.search(r"a\.key\.pem or .*a\.pub\.pem is there already", again.err)
    assert Exit.FINDING == _make(folder).code


def test_a_table_that_is_none_ends_with_two(tmp_path: Path) -> None:
    """Another ending, and a file that is no Parquet."""
    (tmp_path / "x.parquet").write_bytes(b"no")
    (tmp_path / "x.xlsx").write_bytes(b"no")
    head = ("--number", "1", "--title", "t", "--month", "2026-03", *_PARTIES)
    for name in ("x.parquet", "x.xlsx"):
        ran = run("statement", "make", tmp_path / name, "--out", tmp_path / "s", *head)
        assert Exit.USAGE == ran.code
        assert f"{name} " in ran.err


def test_a_manifest_tells_both_sides_the_same(folder: Path) -> None:
    """What programs read is canonical JSON with the sums and a digest for each column."""
    raw = (folder / "s" / "statement.json").read_bytes()
    said = orjson.loads(raw)

    assert raw == orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    assert 6 == said["row_count"]
    assert ["settlement", "fund_total_fen", "count", "day", "refund", "at"] == [
        column["name"] for column in said["columns"]
    ]
