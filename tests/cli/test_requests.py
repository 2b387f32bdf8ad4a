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


def _file(folder: Path, row: dict[str, Any]) -> Path:
    path = folder / f"{row['request_id']}.json"
    path.write_bytes(orjson.dumps(row))
    return path


def _through_every_state(folder: Path, *at: object) -> None:
    """Ask, settle, reverse and ask again, by one way to the engine."""
    row = _file(folder, claim(1))
    unknown = run("request", "show", *_SENDER, "R1", *at, "--json")
    assert (Exit.OK, "unknown") == (unknown.code, unknown.json["status"])
    assert "send it again with the same id" in unknown.json["advice"]
    settled = run("settle", row, *at, "--json").json["settlement"]["settlement"]
    shown = run("request", "show", *_SENDER, "R1", *at)
    assert f"settle {settled}, recorded at" in shown.out

    first = run("reverse", *_SENDER, "R1", *at, "--json").json
    assert ("reversed", settled, False) == (
        first["original"]["status"],
        first["original"]["entry"],
        first["duplicate"],
    )
    again = run("reverse", *_SENDER, "R1", "--own-request-id", "X1", *at)
    assert Exit.OK == again.code
    assert f"taken back by {first['original']['taken_back_by']}" in again.out
    assert "It was so before; nothing was recorded now." in again.out

    assert "tombstone" in run("reverse", *_SENDER, "R2", *at).out
    late = run("settle", _file(folder, claim(2)), *at)
    assert (Exit.FINDING, True) == (late.code, "REQUEST_REVERSED" in late.out)

    refused = _file(folder, stay(3, institution_level="09"))
    told = [run("settle", refused, *at).out for _ in "12"]
    assert [False, True] == ["as it was answered before" in out for out in told]
    rejected = run("request", "show", *_SENDER, "R3", *at).out
    assert "rejected" in rejected
    assert "CLASS_NOT_COVERED: " in rejected
    assert "a new request needs a new id" in rejected
    cannot = run("reverse", *_SENDER, "X9", "--own-request-id", "X9", *at)
    assert (Exit.FINDING, True) == (cannot.code, "is the id of the original" in cannot.err)


def test_a_lost_answer_is_asked_for_and_reversed_on_a_data_folder(tmp_path: Path) -> None:
    """Every command says what became of the request and what to do next."""
    settled = run("settle", _file(tmp_path, claim(9)), "--data", tmp_path, "--rules", RULES)
    assert Exit.OK == settled.code
    _through_every_state(tmp_path, "--data", tmp_path, "--rules", RULES)
    verified = run("audit", "verify", "--json", "--data", tmp_path)
    assert (Exit.OK, 5) == (verified.code, verified.json["last_seq"])


@pytest.mark.slow
def test_a_lost_answer_is_asked_for_and_reversed_at_a_server(tmp_path: Path) -> None:
    """The same words over gRPC."""
    with serving(tmp_path / "data", RULES) as served:
        at = ("--server", served.address)
        assert "tombstone" in run("reverse", *_SENDER, "R1", *at).out
        shown = run("request", "show", *_SENDER, "R1", *at, "--json").json
    assert ("tombstone", "R1", 1) == (shown["status"], shown["request_id"], shown["seq"])


def test_what_would_have_been_is_a_table(tmp_path: Path) -> None:
    """Three visits: without the first the second meets the deductible of 100 yuan.

    The third then has all its 400 from the fund, where 280 were left of the 1,000 of the year.
    """
    at = ("--data", tmp_path, "--rules", RULES)
    ids = [
        run("settle", _file(tmp_path, row), *at, "--json").json["settlement"]["settlement"]
        for row in (claim(number, 50_000, person="P", account_used=False) for number in (1, 2, 3))
    ]
    run("cancel", ids[0], *_SENDER, "X1", *at)
    told, found = run("without", ids[0], *at), run("without", ids[0], *at, "--json")

    assert (Exit.OK, Exit.OK) == (told.code, found.code)
    assert "2 of 2 later settlements would have been otherwise" in told.out
    for said in (ids[1], ids[2], "-80.00", "120.00", "-120.00", "40.00"):
        assert said in told.out
    assert {"pooled_fund": 4_000, "cash": -4_000} == found.json["difference_fen"]
    assert [ids[1], ids[2]] == [each["settlement"] for each in found.json["later"]]
    assert "no later settlement that stands" in run("without", ids[2], *at).out
    unknown = run("without", "nothing", *at)
    assert (Exit.FINDING, True) == (unknown.code, "NOT_FOUND" in unknown.err)


def test_nothing_is_reversed_where_no_ledger_is(tmp_path: Path) -> None:
    """To ask needs a ledger; a wrong folder is told and not made."""
    shown = run("request", "show", *_SENDER, "R1", "--data", tmp_path / "no", "--rules", RULES)

    assert (Exit.USAGE, True) == (shown.code, "holds no ledger" in shown.err)
    assert not (tmp_path / "no").exists()
