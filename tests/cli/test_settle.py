"""`medsettle settle`, `explain`, `cancel` and `audit` with an embedded engine."""

import re
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from medsettle.cli.exits import Exit
from medsettle.core.arrow import claims_table
from rich.cells import cell_len

from tests.cli.claim_files import ENDINGS, stay, write_claims
from tests.cli.commands import RULES, run

pytestmark = pytest.mark.slow


def test_every_kind_of_file_is_previewed_alike(tmp_path: Path) -> None:
    """The same two claims from JSON, JSON lines, Parquet and Arrow get the same answers."""
    found = []
    for ending in ENDINGS:
        file = write_claims(tmp_path / f"claims{ending}", [stay(1), stay(2, visit_type="77")])
        ran = run("settle", file, "--preview", "--json", "--data", tmp_path / "data")
        assert (Exit.FINDING, "") == (ran.code, ran.err)
        found.append(ran.json_lines)

    assert ["SETTLED", "INVALID_REQUEST"] == [answer["outcome"] for answer in found[0]]
    assert [found[0]] * len(ENDINGS) == found


def test_a_claim_is_settled_explained_and_cancelled(tmp_path: Path) -> None:
    """One stay through every command, recorded once, with the audit tables behind it."""
    data = ("--data", tmp_path / "data")
    file = write_claims(tmp_path / "claims.arrow", [stay(1)])
    settled = run("settle", file, "--json", *data)
    again = run("settle", file, "--json", *data)
    settlement = settled.json["settlement"]["settlement"]

    assert [Exit.OK] * 2 == [settled.code, again.code]
    assert [False, True] == [settled.json["duplicate"], again.json["duplicate"]]
    assert settled.json["settlement"] == again.json["settlement"]

    explained = run("explain", settlement, "--json", *data)
    told = sum(sentence["amount_fen"] for sentence in explained.json["sentences"])
    assert settled.json["settlement"]["total_fen"] == told

    cancel = ("cancel", settlement, "--institution", "H11000000001", "--json", *data)
    cancelled, refused = (run(*cancel, "--request-id", name) for name in ("X1", "X2"))
    assert (Exit.OK, "cancel", settlement) == (
        cancelled.code,
        cancelled.json["settlement"]["kind"],
        cancelled.json["settlement"]["original"],
    )
    assert (Exit.FINDING, "ALREADY_CANCELLED") == (refused.code, refused.json["error"])

    shown = run("audit", "show", "--json", *data)
    assert {("settle", 1), ("cancel", 1)} == {
        (row["kind"], row["settlements"]) for row in shown.json
    }
    assert 0 == sum(row["total_fen"] for row in shown.json)
    verified = run("audit", "verify", "--json", *data)
    assert (Exit.OK, 2) == (verified.code, verified.json["last_seq"])


def test_people_are_shown_tables_and_sentences(tmp_path: Path) -> None:
    """Without --json a stay is a waterfall, several are a table, an explanation is sentences."""
    data = ("--data", tmp_path / "data")
    one = run("settle", write_claims(tmp_path / "one.json", [stay(1)]), *data)
    assert (Exit.OK, True) == (one.code, "pooled_fund 统筹基金" in one.out)

    rows = [stay(2), stay(3, person_type="9"), stay(4, visit_type="77")]
    many = run("settle", write_claims(tmp_path / "many.jsonl", rows), *data)
    assert Exit.FINDING == many.code
    assert "1 settled, 2 rejected" in many.out
    assert "CLASS_NOT_COVERED" in many.out
    assert "unknown code '77'" in many.out

    settlement = next(word for word in one.out.split() if word.startswith("110000"))
    explained = run("explain", settlement, *data)
    assert Exit.OK == explained.code
    assert "统筹基金支付" in explained.out
    assert "in all, the total of the bill" in explained.out

    query = "select count(*) as settled from settlements"
    assert [{"settled": 2}] == run("audit", "show", "--sql", query, "--json", *data).json
    assert "verified" in run("audit", "verify", *data).out


@pytest.mark.parametrize("columns", [40, 80])
def test_a_narrow_terminal_shows_every_amount(tmp_path: Path, columns: int) -> None:
    """A waterfall is wider than forty columns rather than without its last digits."""
    words = ("settle", write_claims(tmp_path / "one.json", [stay(1)]), "--preview")
    wide = run(*words, "--data", tmp_path / "data")
    narrow = run(*words, "--data", tmp_path / "data", columns=columns)
    amounts = re.findall(r"[\d,]+\.\d\d\b", wide.out)

    assert len(amounts) > 10
    assert amounts == re.findall(r"[\d,]+\.\d\d\b", narrow.out)
    table = narrow.out.partition("pays")[2].partition("cash 个人现金")[0]
    assert columns < 80 or max(map(cell_len, table.splitlines())) <= columns


def test_an_arrow_stream_is_read_like_an_arrow_file(tmp_path: Path) -> None:
    """Arrow files come in two forms, and either is accepted under the ending .arrow."""
    table = claims_table([stay(1)])
    path = tmp_path / "stream.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    ran = run("settle", path, "--preview", "--json", "--data", tmp_path / "data")

    assert (Exit.OK, "SETTLED") == (ran.code, ran.json["outcome"])


def test_what_is_no_claim_is_a_rejected_row(tmp_path: Path) -> None:
    """A number among the claims of a file is rejected as the others are settled."""
    path = tmp_path / "odd.json"
    path.write_text('[3, {"request_id": "R1"}, null]')
    ran = run("settle", path, "--preview", "--json", "--data", tmp_path / "data")

    paths = [[fault["path"] for fault in each["faults"]] for each in ran.json_lines]
    assert (Exit.FINDING, ["claim"], ["claim"]) == (ran.code, paths[0], paths[2])
    assert "institution" in paths[1]
    assert "request_id" not in paths[1]


def test_an_altered_audit_table_is_found(tmp_path: Path) -> None:
    """A byte changed in a file of the audit tables is told, with exit code 1."""
    data = tmp_path / "data"
    run("settle", write_claims(tmp_path / "one.json", [stay(1)]), "--data", data)
    segment = next((data / "audit").rglob("*.parquet"))
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(content)
    ran = run("audit", "verify", "--json", "--data", data)

    assert (Exit.FINDING, "AUDIT_CORRUPT") == (ran.code, ran.json["error"])
    told = run("audit", "verify", "--data", data)
    assert "Move the audit folder aside and keep it as evidence" in told.out + told.err


@pytest.mark.parametrize("content", [None, b"no table"], ids=["missing", "garbage"])
def test_a_query_over_a_damaged_table_says_so(tmp_path: Path, content: bytes | None) -> None:
    """A file of the audit tables that is gone or garbled is told, not a trace of our code."""
    data = tmp_path / "data"
    run("settle", write_claims(tmp_path / "one.json", [stay(1)]), "--data", data)
    segment = next((data / "audit").rglob("*.parquet"))
    segment.unlink()
    if content is not None:
        segment.write_bytes(content)
    ran = run("audit", "show", "--json", "--data", data)

    assert (Exit.FINDING, "AUDIT_CORRUPT") == (ran.code, ran.json["error"])


def test_another_revision_explains_what_it_settles_alike(tmp_path: Path) -> None:
    """A comment in the document is told and changes nothing; another rate needs the old rules."""
    data = ("--data", tmp_path / "data")
    settled = run("settle", write_claims(tmp_path / "one.json", [stay(1)]), "--json", *data)
    rules = tmp_path / "rules"
    shutil.copytree(RULES, rules)
    document = rules / "110000" / "employee-inpatient.yaml"
    text = document.read_text("utf-8") + "\n# Another revision.\n"
    document.write_text(text, "utf-8")
    columns = settled.json["settlement"]
    alike = run("explain", columns["settlement"], "--json", "--rules", rules, *data)
    document.write_text(text.replace("rows: {first: 1300元", "rows: {first: 1301元"), "utf-8")
    ran = run("explain", columns["settlement"], "--json", "--rules", rules, *data)

    first = alike.json["sentences"][0]["text_en"]
    assert first.startswith(f"Settled by revision {columns['policy_digest']}, explained by")
    assert columns["total_fen"] == sum(each["amount_fen"] for each in alike.json["sentences"])
    assert (Exit.FINDING, "POLICY_NOT_FOUND") == (ran.code, ran.json["error"])
    assert columns["policy_digest"] in ran.json["messages"][0]
