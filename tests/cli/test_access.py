"""`medsettle access` and the options of `serve` that say who is let in, as processes."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from medsettle.cli.exits import Exit
from medsettle.cli.identity_options import IdentityOptions
from medsettle.errors import InvalidRequest
from medsettle.identity.access_log import read_accesses

from tests.cli.claim_files import stay, write_claims
from tests.cli.commands import one_area, run, serving

pytestmark = pytest.mark.slow

_H = "H11000000001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with certificates of a server and of callers."""
    who = (
        "--server",
        "office",
        "--institution",
        _H,
        "--role",
        "auditor",
        "--role",
        "clearing@110000",
    )
    made = run("access", "certificates", "--out", tmp_path / "ca", *who)
    assert (Exit.OK, 10) == (made.code, len(made.out.splitlines()))
    return tmp_path


def _server_options(folder: Path) -> tuple[object, ...]:
    ca = folder / "ca"
    return (
        *("--tls-certificate", ca / "office.pem", "--tls-key", ca / "office.key"),
        *("--tls-authority", ca / "ca.pem"),
    )


def _shown(folder: Path, name: str) -> tuple[object, ...]:
    ca = folder / "ca"
    pair = ("--certificate", ca / f"{name}.pem", "--key", ca / f"{name}.key")
    return ("--tls-authority", ca / "ca.pem", *pair)


def test_a_day_under_mutual_tls(folder: Path) -> None:
    """Settled by certificate, looked at by token, refused to others, read again, and logged."""
    tokens = folder / "tokens.json"
    made = run(
        *("access", "token", "new", "--name", "Li Wei", "--role", "auditor"),
        *("--file", tokens, "--json"),
    )
    secret = made.json["token"]
    options = (*_server_options(folder), "--access-tokens", tokens, "--token-listen", "127.0.0.1:0")
    claims = write_claims(folder / "c.json", [stay(1)])
    with serving(folder / "data", one_area(folder), options) as server:
        at = ("--server", server.address, "--json")
        settled = run("settle", claims, *at, *_shown(folder, _H))
        record = settled.json["settlement"]["settlement"]
        looked = run("explain", record, *at, *_shown(folder, _H), "--token", secret)
        refused = run("settle", claims, *at, *_shown(folder, "auditor"))
        plain = run("explain", record, *at)
        asked = [
            run("health", "--server", server.address, *_shown(folder, _H)[:number])
            for number in (6, 2, 0)
        ]
        server.process.send_signal(signal.SIGHUP)
        assert server.process.stdout is not None
        told = [json.loads(server.process.stdout.readline()) for _ in range(2)]
        assert Exit.OK == server.stop()
    shown = run("access", "log", "--data", folder / "data")
    rows = run("access", "log", "--data", folder / "data", "--refused", "--json").json_lines

    assert (Exit.OK, Exit.OK) == (settled.code, looked.code)
    assert (Exit.FINDING, "NOT_PERMITTED") == (refused.code, refused.json["error"])
    assert (Exit.UNAVAILABLE, "UNAVAILABLE") == (plain.code, plain.json["error"])
    # gRPC says no more than "Socket closed", so what it may be is said with it.
    assert "it may speak TLS, ask for a certificate" in plain.json["messages"][0]
    assert {"identity": "reloaded"} in told
    # Health is told to whoever has a certificate, and no port is open to who has none.
    assert [Exit.OK, Exit.UNAVAILABLE, Exit.UNAVAILABLE] == [each.code for each in asked]
    assert "SERVING" in asked[0].out
    for each in asked[1:]:
        assert "UNREACHABLE" in each.out
        assert "The server cannot be reached (" in each.out
    assert ["CreateSettlement", "ExplainSettlement", "CreateSettlement"] == [
        each.method for each in read_accesses(folder / "data" / "access")
    ]
    assert f"Li Wei (auditor) ExplainSettlement poolingAreas/-/settlements/{record} OK" in shown.out
    assert [("auditor", "NOT_PERMITTED")] == [(each["who"], each["outcome"]) for each in rows]


def test_a_till_under_mutual_tls(folder: Path) -> None:
    """What was sealed settles by the institution's certificate, and by no other."""
    assert Exit.OK == run("statement", "keygen", "h1", "--out", folder).code
    store = ("--store", folder / "till.db", "--keys", folder / "keys")
    claims = write_claims(folder / "c.json", [stay(1)])
    private = ("--institution-key", folder / "h1.key.pem", "--institution", _H, "--till", "t1")
    sealed = run("offline", "record", claims, *store, *private)
    assert Exit.OK == sealed.code, sealed.err
    public = (*store, "--institution-key", folder / "h1.pub.pem")
    with serving(folder / "data", one_area(folder), _server_options(folder)) as server:
        at = (*public, "--server", server.address, "--json")
        plain = run("offline", "settle", *at)
        refused = run("offline", "settle", *at, *_shown(folder, "auditor"))
        settled = run("offline", "settle", *at, *_shown(folder, _H))
        told = run("offline", "reconcile", *at, *_shown(folder, _H))

    assert (Exit.UNAVAILABLE, "UNAVAILABLE") == (plain.code, plain.json["error"])
    assert (Exit.FINDING, "NOT_PERMITTED") == (refused.code, refused.json["error"])
    assert (Exit.OK, "settled") == (settled.code, settled.json["decided"]["state"]), settled.err
    assert (Exit.OK, "settled") == (told.code, told.json["fate"]), told.err


def test_everybody_is_let_in_on_this_machine_alone(tmp_path: Path) -> None:
    """At an address that others reach, a server without authority or tokens does not start."""
    rules = ("--rules", one_area(tmp_path), "--data", tmp_path / "data")
    open_ = run("serve", *rules, "--listen", "0.0.0.0:0")

    assert Exit.FINDING == open_.code
    assert "is reached from other machines, and nobody is asked who they are" in open_.err
    assert not (tmp_path / "data").exists()


def test_who_says_insecure_is_believed() -> None:
    """Each way to listen elsewhere is checked: with everybody, with tokens, with certificates."""
    tls = (Path("certificate"), Path("key"), Path("authority"))
    elsewhere = "192.0.2.1:50051"
    IdentityOptions(insecure=True).check(elsewhere, has_peers_beside=True)
    IdentityOptions(*tls).check(elsewhere, has_peers_beside=False)
    IdentityOptions(*tls[:2], tokens=Path("t")).check(elsewhere, has_peers_beside=False)
    for options, peers, says in (
        (IdentityOptions(), False, "--listen"),
        # A certificate of the server alone says nothing of who calls.
        (IdentityOptions(*tls[:2]), False, "--listen"),
        (IdentityOptions(tokens=Path("t"), insecure=True), False, "--access-tokens"),
        (IdentityOptions(*tls), True, "--peers"),
    ):
        with pytest.raises(InvalidRequest) as refused:
            options.check(elsewhere, has_peers_beside=peers)
        assert [says] == [each.path for each in refused.value.faults]


def test_options_that_do_not_go_together_are_told_at_once(folder: Path) -> None:
    """All of them, before anything is made."""
    key, authority, revoked, tokens = (folder / name for name in "kart")
    for file in (key, authority, revoked, tokens):
        file.touch(mode=0o600)
    wrong = run(
        *("serve", "--data", folder / "data", "--rules", one_area(folder), "--json"),
        *("--tls-key", key, "--tls-authority", authority, "--revoked", revoked),
    )
    alone = run(
        *("serve", "--data", folder / "data", "--revoked", revoked, "--token-listen", "x:1"),
        "--json",
    )
    exposed = run(
        *("serve", "--data", folder / "data", "--rules", one_area(folder), "--json"),
        *("--listen", "0.0.0.0:0", "--access-tokens", tokens),
    )

    assert (Exit.USAGE, Exit.USAGE, Exit.FINDING) == (wrong.code, alone.code, exposed.code)
    assert ["--tls-key", "--tls-authority"] == _options(wrong.json)
    assert ["--revoked", "--token-listen", "--token-listen"] == _options(alone.json)
    assert ["--access-tokens"] == _options(exposed.json)
    assert not (folder / "data").exists()


def _options(told: dict[str, Any]) -> list[str]:
    return [each.partition(":")[0] for each in told["messages"]]


def test_tokens_are_made_listed_and_revoked(tmp_path: Path) -> None:
    """The list has no secret; what is wrong with a new one is told."""
    file = ("--file", tmp_path / "t.json")
    whose = ("--role", "institution", "--institution", _H)
    made = run("access", "token", "new", "--name", "HIS", *whose, *file)
    listed = run("access", "token", "list", *file)
    token = listed.out.split()[0]
    gone = run("access", "token", "revoke", token, *file)
    after = run("access", "token", "list", *file, "--json")
    wrong = run("access", "token", "new", "--name", "x", "--role", "institution", *file)
    none = run("access", "token", "revoke", "no", *file)

    assert (Exit.OK, Exit.OK) == (made.code, gone.code)
    assert made.out.startswith(f"medsettle_{token}_")
    assert made.out.strip().rpartition("_")[2] not in listed.out + after.out
    assert f"institution ({_H})" in listed.out
    assert after.json["revoked"] is not None
    assert (Exit.FINDING, Exit.FINDING) == (wrong.code, none.code)
    assert "somebody of an institution names it" in wrong.err


def test_certificates_are_added_by_the_authority_of_the_folder(folder: Path) -> None:
    """A second call adds to the first; what is there is not written over, and slips are told."""
    out = ("--out", folder / "ca")
    before = (folder / "ca" / "ca.pem").read_bytes()
    added = run("access", "certificates", *out, "--institution", "H2@110000")
    again = run("access", "certificates", *out, "--institution", "H2@110000")
    both = run("access", "certificates", *out, "--server", "new", "--institution", "H2@110000")
    slipped = ("--role", "king", "--server", "A B", "--institution", "../x")
    slips = run("access", "certificates", *out, *slipped)

    assert [folder / "ca" / f"H2-110000.{end}" for end in ("pem", "key")] == [
        Path(line) for line in added.out.splitlines()
    ]
    assert before == (folder / "ca" / "ca.pem").read_bytes()
    assert (Exit.OK, Exit.USAGE, Exit.FINDING) == (added.code, again.code, slips.code)
    said = f"{folder / 'ca' / 'H2-110000.pem'} is there already and stays as it is; leave that name"
    for refused in (again, both):
        assert said in refused.err.replace("\n", " ")
    assert not (folder / "ca" / "new.pem").exists()
    for wrong in ("king", "A B", "../x"):
        assert wrong in slips.err
    assert not (folder / "x.pem").exists()


def test_a_certificate_without_an_authority_is_told(folder: Path) -> None:
    """Without the authority nobody knows to whom the certificate would be shown."""
    ca = folder / "ca"
    pair = ("--certificate", ca / f"{_H}.pem", "--key", ca / f"{_H}.key")
    ran = run("explain", "x", "--server", "127.0.0.1:1", *pair)

    assert Exit.FINDING == ran.code
    assert "--tls-authority: missing" in ran.err
