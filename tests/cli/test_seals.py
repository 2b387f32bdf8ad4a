"""`medsettle audit` as operators, auditors and witnesses use it."""

import random
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from medsettle.audit import Projector, read_segments
from medsettle.audit.seals import checkpoint_paths, read_seals
from medsettle.cli.exits import Exit
from medsettle.ledger import SqliteLedger

from tests.audit.tampering import change_cell, fill_days
from tests.cli.commands import run, serving
from tests.console.waiting import until

pytestmark = pytest.mark.slow

_ORIGIN = "example.cn/audit/999900"
_WITNESS = "example.cn/witness-b"
_DAYS = 3


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with keys of a log and a witness, and the data of some past days."""
    base = tmp_path_factory.mktemp("seals")
    data = base / "data"
    data.mkdir()
    with SqliteLedger(data / "ledger.db") as ledger:
        fill_days(ledger, 60, _DAYS)
        with Projector(ledger, data / "audit") as projector:
            while projector.run_once(20):
                pass
    for name, origin in (("log", _ORIGIN), ("witness", _WITNESS)):
        made = run("audit", "key", name, "--origin", origin, "--out", base, "--json")
        assert Exit.OK == made.code
    return base


@pytest.fixture
def base(kept: Path, tmp_path: Path) -> Path:
    """Return a copy of them that the test may change."""
    shutil.copytree(kept, tmp_path / "own")
    return tmp_path / "own"


def _audit(base: Path, *words: object, data: bool = True) -> Any:  # noqa: ANN401 - JSON
    """Return what a command answered as JSON, which must have gone well."""
    ran = run("audit", *words, *(("--data", base / "data") if data else ()), "--json")
    assert Exit.OK == ran.code, ran.out
    return ran.json


def _sealed(base: Path) -> Any:  # noqa: ANN401 - JSON
    return _audit(base, "seal", "--key", base / "log.key.pem", "--origin", _ORIGIN)


def test_a_key_is_for_its_owner_alone(base: Path) -> None:
    """The private file is, and another key of the same name is refused."""
    private = base / "log.key.pem"
    again = run("audit", "key", "log", "--out", base, "--json")

    assert 0o600 == stat.S_IMODE(private.stat().st_mode)
    assert (Exit.USAGE, "USAGE") == (again.code, again.json["error"])
    assert Exit.USAGE == run("audit", "key", "k", "--origin", "a b", "--out", base).code


def test_days_are_sealed_signed_and_verified(base: Path) -> None:
    """One checkpoint a day that ended, all under the key; a second run has nothing to do."""
    first, second = _sealed(base), _sealed(base)
    verified = _audit(base, "verify", "--key", base / "log.pub.pem")

    assert (60, 60, [20, 40, 60]) == (
        *(first["entries"], first["sealed"]),
        [each["size"] for each in first["signed"]],
    )
    assert (0, 60, []) == (second["entries"], second["sealed"], second["signed"])
    assert (60, 3, []) == (verified["sealed"], verified["checkpoints"], verified["findings"])
    assert verified["root"] == first["signed"][-1]["root"]
    plain = run("audit", "verify", "--data", base / "data").out
    assert "sealed: 60 entries" in plain
    assert _ORIGIN in plain


def test_what_was_altered_is_said_with_its_place(base: Path) -> None:
    """In words and as JSON, with the exit code of a finding, and only the first time it is new."""
    _sealed(base)
    noted = base / "noted.txt"
    _audit(base, "verify", "--key", base / "log.pub.pem", "--note", noted)
    folder = base / "data" / "audit"
    segment = read_segments(folder)[1]
    expected = change_cell(folder, segment.files[0], random.Random(1))
    key = ("--key", base / "log.pub.pem")
    words = run("audit", "verify", "--data", base / "data", *key)
    told = run("audit", "verify", "--data", base / "data", *key, "--json")
    since = run("audit", "verify", "--data", base / "data", *key, "--since", noted)

    (finding,) = told.json["findings"]
    assert (Exit.FINDING, Exit.FINDING, Exit.OK) == (words.code, told.code, since.code)
    assert expected.values == {name: finding[name] for name in expected.values}
    assert {"row changed": 1} == told.json["counts"]
    assert f"row {finding['row']} of {finding['path']}, entry {finding['seq']}" in words.err
    assert noted.read_bytes() == checkpoint_paths(folder)[-1].read_bytes()


def test_a_proof_goes_where_nothing_else_is(base: Path, tmp_path: Path) -> None:
    """Of a settlement, checked in another folder by file and key; one changed byte is refused."""
    _sealed(base)
    file = tmp_path / "17.tlog-proof"
    _audit(base, "prove", "S17", "--out", file)
    key = ("--key", base / "log.pub.pem")
    proven = _audit(base, "check-proof", file, *key, data=False)
    other = run("audit", "check-proof", file, "--key", base / "witness.pub.pem", "--json")
    file.write_bytes(file.read_bytes().replace(b"index 16", b"index 15"))
    wrong = run("audit", "check-proof", file, *key, "--json")
    file.write_bytes(b"nothing")
    none = run("audit", "check-proof", file, *key, "--json")

    assert (17, _ORIGIN, 60) == (proven["seq"], proven["origin"], proven["size"])
    assert {"settlements", "payers"} <= {each["table"] for each in proven["tables"]}
    assert [Exit.FINDING, Exit.FINDING, Exit.USAGE] == [other.code, wrong.code, none.code]
    unknown = run("audit", "prove", "S1000", "--data", base / "data", "--json")
    assert (Exit.FINDING, "NOT_FOUND") == (unknown.code, unknown.json["error"])


def test_the_other_province_countersigns(base: Path) -> None:
    """It sees that the log grew, its signature is kept, and verification asks for it."""
    _sealed(base)
    witness = ("--key", base / "witness.key.pem", "--log-key", base / "log.pub.pem")
    seen = (*witness, "--name", _WITNESS, "--state", base / "state.json")
    note, proof = base / "returned.txt", base / "growth.txt"
    asked = (*("verify", "--witness", base / "witness.pub.pem"), "--data", base / "data")
    before = run("audit", *asked, "--json")
    _audit(base, "consistency", 0, 20, "--out", proof)
    _audit(base, "countersign", proof, *seen, "--out", note, data=False)
    grown = _audit(base, "consistency", note, "--out", proof)
    answer = _audit(base, "countersign", proof, *seen, "--out", note, data=False)
    _audit(base, "countersigned", note, "--witness", base / "witness.pub.pem")
    after = run("audit", *asked, "--json")

    assert (Exit.FINDING, ["signature missing"]) == (before.code, [*before.json["counts"]])
    assert (20, 60) == (grown["old"], grown["new"])
    assert (20, 60) == (answer["before"], answer["size"])
    assert (Exit.OK, [_ORIGIN, _WITNESS]) == (after.code, after.json["signatures"])
    back = checkpoint_paths(base / "data" / "audit")[0]
    refused = run("audit", "countersign", back, *seen, "--json")
    assert (Exit.FINDING, "AUDIT_CORRUPT") == (refused.code, refused.json["error"])
    assert "went back" in refused.json["messages"][0]


def test_options_that_belong_together(base: Path) -> None:
    """A key without an origin, and the other way round, is a wrong call; so is what is no key."""
    key = base / "log.key.pem"
    words = ("audit", "seal", "--data", base / "data")
    assert Exit.USAGE == run(*words, "--key", key).code
    assert Exit.USAGE == run(*words, "--origin", _ORIGIN).code
    assert Exit.USAGE == run(*words, "--now").code
    assert Exit.USAGE == run(*words, "--key", base / "log.pub.pem", "--origin", _ORIGIN).code
    assert Exit.USAGE == run("serve", "--seal-key", key).code
    assert Exit.USAGE == run("audit", "seal", "--data", base / "nowhere").code


def test_a_server_seals_and_signs_days_that_ended(base: Path) -> None:
    """Begun over past days, it seals them by itself and signs each under its key and origin."""
    audit = base / "data" / "audit"
    options = ("--seal-key", base / "log.key.pem", "--seal-origin", _ORIGIN)
    with serving(base / "data", options=options) as server:
        until(lambda: len(checkpoint_paths(audit)) == _DAYS)
        assert Exit.OK == server.stop()

    assert [60] == [seal.last_seq for seal in read_seals(audit)]
    assert 60 == _audit(base, "verify", "--key", base / "log.pub.pem")["sealed"]


def test_a_server_without_a_key_seals_and_signs_nothing(base: Path) -> None:
    """Leaves are there, by which what is altered is named; no checkpoint is."""
    audit = base / "data" / "audit"
    with serving(base / "data") as server:
        until(lambda: read_seals(audit))
        assert Exit.OK == server.stop()

    assert 60 == _audit(base, "verify")["sealed"]
    assert [] == checkpoint_paths(audit)
