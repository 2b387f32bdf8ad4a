"""`medsettle request`, `reverse` and `without`, as a till's operator gives them."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from medsettle.cli.exits import Exit

from tests.cli.commands import run, serving
from tests.engine.engines import RULES, stay
from tests.service.claims import claim

_SENDER = ("--institution", "H1", "--request-id")


def _file(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / f"{rows[0]['request_id']}.jsonl"
    path.write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return path


def test_a_lost_answer_is_asked_for_and_reversed_on_a_data_folder(tmp_path: Path) -> None:
    """Every command says what became of the request and what to do next."""
    at = ("--data", tmp_path, "--rules", RULES)
    refused = _file(tmp_path, claim(1), stay(3, institution_level="09"))
    told = [run("settle", refused, *at).out for _ in "12"]
    assert [False, True] == ["as it was answered before" in out for out in told]

    unknown = run("request", "show", *_SENDER, "R2", *at, "--json")
    assert (Exit.OK, "unknown") == (unknown.code, unknown.json["status"])
    assert "send it again with the same id" in unknown.json["advice"]
    rejected = run("request", "show", *_SENDER, "R3", *at).out
    for said in ("rejected", "CLASS_NOT_COVERED: ", "a new request needs a new id"):
        assert said in rejected

    first = run("reverse", *_SENDER, "R1", *at, "--json").json
    assert ("reversed", False) == (first["original"]["status"], first["duplicate"])
    again = run("reverse", *_SENDER, "R1", "--own-request-id", "X1", *at)
    assert Exit.OK == again.code
    for said in (
        f"settle {first['original']['entry']}, recorded at",
        f"taken back by {first['original']['taken_back_by']}",
        "It was so before; nothing was recorded now.",
    ):
        assert said in again.out
    verified = run("audit", "verify", "--json", "--data", tmp_path)
    assert (Exit.OK, 3) == (verified.code, verified.json["last_seq"])


@pytest.mark.slow
def test_a_reversal_overtakes_its_original_at_a_server(tmp_path: Path) -> None:
    """The same words over gRPC, and wrong ids are told."""
    with serving(tmp_path / "data", RULES) as served:
        at = ("--server", served.address)
        assert "tombstone" in run("reverse", *_SENDER, "R1", *at).out
        late = run("settle", _file(tmp_path, claim(1)), *at)
        assert (Exit.FINDING, True) == (late.code, "REQUEST_REVERSED" in late.out)
        cannot = run("reverse", *_SENDER, "X9", "--own-request-id", "X9", *at)
        assert (Exit.FINDING, True) == (cannot.code, "is the id of the original" in cannot.err)


def test_what_would_have_been_is_a_table(tmp_path: Path) -> None:
    """Three visits: without the first the second meets the deductible of 100 yuan.

    The third then has all its 400 from the fund, where 280 were left of the 1,000 of the year.
    """
    at = ("--data", tmp_path, "--rules", RULES)
    claims = (claim(number, 50_000, person="P", account_used=False) for number in (1, 2, 3))
    settled = run("settle", _file(tmp_path, *claims), *at, "--json").out.splitlines()
    ids = [orjson.loads(line)["settlement"]["settlement"] for line in settled]
    told, found = run("without", ids[0], *at), run("without", ids[0], *at, "--json")

    assert (Exit.OK, Exit.OK) == (told.code, found.code)
    assert "2 of 2 later settlements would have been otherwise" in told.out
    for said in (ids[1], ids[2], "-80.00", "120.00", "-120.00", "40.00"):
        assert said in told.out
    assert {"pooled_fund": 4_000, "cash": -4_000} == found.json["difference_fen"]
    assert [ids[1], ids[2]] == [each["settlement"] for each in found.json["later"]]
    unknown = run("without", "nothing", *at)
    assert (Exit.FINDING, True) == (unknown.code, "NOT_FOUND" in unknown.err)


def test_nobody_is_asked_where_no_ledger_is(tmp_path: Path) -> None:
    """To ask needs a ledger; a wrong folder is told and not made."""
    shown = run("request", "show", *_SENDER, "R1", "--data", tmp_path / "no", "--rules", RULES)

    assert (Exit.USAGE, True) == (shown.code, "holds no ledger" in shown.err)
    assert not (tmp_path / "no").exists()
