"""`medsettle card`: what a desk records and asks, and what a keeper publishes."""

import csv
import shutil
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from medsettle.cli.exits import Exit

from tests.cli.commands import RULES, Ran, run, serving

pytestmark = pytest.mark.slow

_AREA = ("--area", "110000")
_ON = "2026-03-02T09:00:00+08:00"


def _rules(folder: Path) -> Path:
    """Return a copy of the rules of one area that keeps cards."""
    shutil.copytree(RULES / "110000", folder / "110000")
    return folder


def _record(place: tuple[object, ...], number: int, action: str, *more: object) -> Ran:
    sender = ("--institution", "AGENCY", "--request-id", f"E{number}", "--at", _ON)
    return run("card", "record", action, "C1", *_AREA, *sender, *place, "--json", *more)


def _issue(place: tuple[object, ...], number: int = 1, person: str = "P1") -> Ran:
    return _record(place, number, "issue", "--person", person, "--kind", "physical")


def test_a_desk_records_shows_and_checks_a_card(tmp_path: Path) -> None:
    """Issued, activated and lost with an embedded engine; each answer is that of the card then."""
    place = ("--data", tmp_path / "data", "--rules", _rules(tmp_path / "rules"))
    issued = _issue(place)
    _record(place, 2, "activate")
    _record(place, 3, "report_temporary_loss")
    shown = run("card", "show", "C1", *_AREA, *place, "--json")
    before = run("card", "check", "C1", *_AREA, *place, "--at", _ON)
    later = ("--at", "2026-03-12T00:00:00+08:00")
    after = run("card", "check", "C1", *_AREA, *place, *later, "--json")

    assert (Exit.OK, "sealed", False) == (
        issued.code,
        issued.json["state"],
        issued.json["duplicate"],
    )
    # Monday 2 March; 3 to 6, 9, 10 and 11 March are seven working days.
    assert [
        ("issue", None),
        ("activate", None),
        ("report_temporary_loss", "2026-03-12T00:00:00+08:00"),
    ] == [(event["action"], event["lapse_time"]) for event in shown.json["events"]]
    assert Exit.FINDING == before.code
    assert "invalid since 2026-03-02 09:00:00+08:00: temporarily_lost, by level card" in before.out
    assert "请解挂" in before.out
    assert (Exit.OK, True, ["settle", "account"]) == (
        after.code,
        after.json["valid"],
        after.json["uses"],
    )


def test_a_repeated_request_is_marked_and_another_one_refused(tmp_path: Path) -> None:
    """The same id and content says so; other content, and what cannot happen, is an error."""
    place = ("--data", tmp_path / "data", "--rules", _rules(tmp_path / "rules"))
    _issue(place)
    again, other = _issue(place), _issue(place, person="P2")
    locked = _record(place, 2, "lock")

    assert (Exit.OK, True) == (again.code, again.json["duplicate"])
    assert (Exit.FINDING, "REQUEST_ID_REUSED") == (other.code, other.json["error"])
    assert (Exit.FINDING, "CARD_ACTION_REFUSED") == (locked.code, locked.json["error"])
    assert "possible now: activate" in locked.json["messages"][0]


def test_a_server_answers_the_same_commands(tmp_path: Path) -> None:
    """With an address the desk is the server's; the card that it records is told by it."""
    with serving(tmp_path / "data", _rules(tmp_path / "rules")) as server:
        place = ("--server", server.address)
        issued = _issue(place)
        shown = run("card", "show", "C1", *_AREA, *place)
        unknown = run("card", "show", "C2", *_AREA, *place, "--json")

    assert (Exit.OK, "sealed") == (issued.code, issued.json["state"])
    assert (Exit.OK, True) == (shown.code, "physical card C1 of P1: sealed since" in shown.out)
    assert (Exit.FINDING, "NOT_FOUND") == (unknown.code, unknown.json["error"])


def _keys(folder: Path) -> tuple[Path, Path]:
    """Return the private and the public key of the keeper of the nation's list."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    private, public = folder / "private.pem", folder / "keys" / "national.pem"
    public.parent.mkdir()
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return private, public


def _entries(path: Path, *rows: tuple[str, str, str]) -> Path:
    """Write the cards that a list is to name."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([("card", "reason", "since"), *rows])
    return path


def test_a_list_is_published_verified_and_asked(tmp_path: Path) -> None:
    """What a keeper publishes verifies by their key, and makes an active card invalid."""
    private, public = _keys(tmp_path)
    out = tmp_path / "lists" / "national.arrow"
    out.parent.mkdir()
    entries = _entries(tmp_path / "cards.csv", ("C1", "damaged", _ON), ("C2", "lost", _ON))
    keyed = ("--version", 7, "--key", private, "--json")
    published = run("card", "publish", entries, out, *keyed)
    verified = run("card", "verify", out, "--key", public, "--json")
    lists = ("--lists", out.parent, "--list-keys", public.parent)
    place = ("--data", tmp_path / "data", "--rules", _rules(tmp_path / "rules"))
    _issue(place)
    _record(place, 2, "activate")
    checked = run("card", "check", "C1", *_AREA, "--at", _ON, *place, *lists, "--json")

    assert {"list": "national", "version": 7, "entries": 2} == published.json == verified.json
    assert Exit.FINDING == checked.code
    assert ("national", "damaged", {"national": 7}) == (
        checked.json["level"],
        checked.json["reason"],
        checked.json["list_versions"],
    )
    assert b"C1" not in out.read_bytes()


def test_a_list_that_was_changed_does_not_verify(tmp_path: Path) -> None:
    """One byte of it, and the command says that it is not its keeper's."""
    private, public = _keys(tmp_path)
    out = tmp_path / "national.arrow"
    entries = _entries(tmp_path / "cards.csv", ("C1", "lost", _ON))
    run("card", "publish", entries, out, "--version", 1, "--key", private)
    content = bytearray(out.read_bytes())
    content[len(content) // 2] ^= 1
    out.write_bytes(content)
    verified = run("card", "verify", out, "--key", public, "--json")

    assert (Exit.FINDING, "INVALID_LIST_REJECTED") == (verified.code, verified.json["error"])


@pytest.mark.parametrize(
    "row",
    [("", "lost", _ON), ("C1", "gone", _ON), ("C1", "lost", "2026-03-02")],
    ids=["card", "reason", "since"],
)
def test_entries_that_are_none_are_told_with_their_line(
    tmp_path: Path, row: tuple[str, str, str]
) -> None:
    """Nothing is published, and the message says which line and what was expected."""
    private, _ = _keys(tmp_path)
    out = tmp_path / "national.arrow"
    entries = _entries(tmp_path / "cards.csv", row)
    ran = run("card", "publish", entries, out, "--version", 1, "--key", private, "--json")

    assert Exit.USAGE == ran.code
    assert "cards.csv:2: expected a card, a reason (lost, replaced" in ran.json["messages"][0]
    assert not out.exists()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("check", "C1", "--lists", "x"), "--lists and --list-keys go together"),
        (("check", "C1", "--at", "2026-03-02 09:00"), "no moment"),
        (("verify", "list.arrow", "--key", "k.pem"), "no list is called list.arrow"),
    ],
    ids=["half", "moment", "name"],
)
def test_a_wrong_call_says_how_to_write_it(words: tuple[str, ...], why: str) -> None:
    """Usage errors end with their own code before anything is opened."""
    ran = run("card", *words, *(_AREA if words[0] == "check" else ()))

    assert Exit.USAGE == ran.code
    assert why in " ".join(ran.err.split())
