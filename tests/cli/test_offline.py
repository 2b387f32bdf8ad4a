"""`medsettle offline`, as a till's operator gives it while the engine is away and after."""

from pathlib import Path
from typing import Any

import orjson
import pytest
from medsettle.cli.exits import Exit

from tests.cli.commands import Ran, run, serving
from tests.engine.engines import RULES
from tests.service.claims import claim


def _keys(folder: Path) -> tuple[object, ...]:
    assert Exit.OK == run("statement", "keygen", "h1", "--out", folder).code
    return ("--store", folder / "till.db", "--keys", folder / "keys")


def _claims(folder: Path, name: str, *numbers: int, **changes: Any) -> Path:  # noqa: ANN401
    path = folder / name
    path.write_bytes(b"\n".join(orjson.dumps(claim(number, **changes)) for number in numbers))
    return path


def _record(folder: Path, at: tuple[object, ...], file: Path, *options: object) -> Ran:
    of_till = ("--institution-key", folder / "h1.key.pem", "--institution", "H1", "--till", "t1")
    return run("offline", "record", file, *at, *of_till, *options)


@pytest.mark.slow
def test_a_till_goes_through_an_outage(tmp_path: Path) -> None:
    """Sealed while nobody answers, settled once the server is there, and accounted for."""
    at = _keys(tmp_path)
    public = (*at, "--institution-key", tmp_path / "h1.pub.pem")
    sealed = _record(tmp_path, at, _claims(tmp_path, "two.jsonl", 1, 2), "--json")
    assert Exit.OK == sealed.code, sealed.err
    assert [1, 2] == [each["seq"] for each in sealed.json_lines]
    one = _record(tmp_path, at, _claims(tmp_path, "one.jsonl", 3), "--paid", "120.50")
    assert "paid 120.50; not settled yet, the difference is given back" in one.out
    refused = _record(tmp_path, at, _claims(tmp_path, "no.jsonl", 4, pooling_area="999901"))
    assert Exit.OK == refused.code

    away = run("offline", "settle", *public, "--server", "127.0.0.1:1")
    assert Exit.UNAVAILABLE == away.code
    waiting = run("offline", "reconcile", *public)
    assert (Exit.FINDING, True) == (waiting.code, "4 records, 4 to see to" in waiting.out)

    with serving(tmp_path / "data", RULES) as served:
        server = ("--server", served.address)
        settled = run("offline", "settle", *public, *server, "--json")
        assert Exit.FINDING == settled.code
        states = [each["decided"]["state"] for each in settled.json_lines]
        assert ["settled", "settled", "settled", "refused"] == states
        again = run("offline", "settle", *public, *server, "--json")
        assert (Exit.FINDING, "") == (again.code, again.out)
        more = "run `medsettle offline reconcile`, which says what to do"
        in_words = run("offline", "settle", *public, *server)
        assert f"0 sent, 1 to see to (1 refused): {more}\n" == in_words.out
        assert Exit.OK == run("statement", "keygen", "h2", "--out", tmp_path).code
        other = (*at, "--institution-key", tmp_path / "h2.pub.pem")
        foreign = run("offline", "settle", *other, *server)
        assert f"0 sent, 4 to see to (4 tampered): {more}\n" == foreign.out
        beyond = run("offline", "close", 5, *at[:2], "--by", "Li", "--note", "typo")
        assert (Exit.FINDING, True) == (beyond.code, "store knows is 4" in beyond.err)
        closed = ("--by", "Li", "--note", "billed by hand")
        assert Exit.OK == run("offline", "close", 4, *at[:2], *closed).code
        receipts = tmp_path / "receipts.txt"
        printed = [each["receipt"] for each in sealed.json_lines] + [one.out, refused.out]
        receipts.write_text("\n".join(printed))
        told = run("offline", "reconcile", *public, *server, "--receipts", receipts)
    assert Exit.OK == told.code, told.out
    ids = [each["decided"]["settlement"] for each in settled.json_lines]
    assert f"R1: settled {ids[0]}. give back 320.00\n" in told.out
    assert f"R3: settled {ids[2]}. ask for 59.50\n" in told.out
    for said in ("R1: settled", "R4: refused", "seen to by Li: billed by hand", "0 to see to"):
        assert said in told.out


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """No store, a word that is no receipt, and cash for a file of several claims."""
    at = _keys(tmp_path)
    public = (*at, "--institution-key", tmp_path / "h1.pub.pem")
    missing = run("offline", "reconcile", *public)
    assert (Exit.USAGE, True) == (missing.code, "name the file that offline" in missing.err)
    several = _record(tmp_path, at, _claims(tmp_path, "two.jsonl", 1, 2), "--paid", "1")
    assert (Exit.USAGE, True) == (several.code, "holds 2 claims; --paid is of one" in several.err)
    receipts = tmp_path / "receipts.txt"
    receipts.write_text("1-0123456789abcdef 7")
    word = run("offline", "reconcile", *public, "--receipts", receipts)
    assert (Exit.USAGE, True) == (word.code, "line 1: '7' is no receipt" in word.err)
    receipts.write_text("99999-0123456789abcdef")
    far = run("offline", "reconcile", *public, "--receipts", receipts)
    assert (Exit.USAGE, True) == (far.code, "is of no record" in far.err)
