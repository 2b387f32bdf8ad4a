"""Signatures of statements: who signs with which key, and what is said of each signature."""

import base64
import shutil
from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from medsettle import limits
from medsettle.clearing.statements.checks import verify_statement
from medsettle.clearing.statements.keys import signature_bytes, signature_name
from medsettle.clearing.statements.statements import (
    MANIFEST_FILE,
    StatedParty,
    StatementHead,
    make_statement,
    sign_statement,
)
from medsettle.errors import Precondition
from medsettle.signing_keys import fingerprint_of

from tests.clearing.stating import (
    HEAD,
    KEYS,
    Tampering,
    made,
    sign,
    signed_in,
    table,
    told_of,
    verified_by_both,
)


@pytest.fixture
def signed(tmp_path: Path) -> Tampering:
    """Return a statement that both parties have signed."""
    return signed_in(tmp_path / "s")


def test_a_signature_by_another_key_is_named(signed: Tampering) -> None:
    """A third key that signed is a note; a signature that says it is another's is a finding."""
    sign(signed.folder, KEYS[2])
    third = fingerprint_of(KEYS[2].public_key())
    also = f"also signed by {third}, a key that was not given; it is agreed with no party"
    assert ((), (also,)) == (
        verified_by_both(signed.folder).findings,
        verified_by_both(signed.folder).notes,
    )
    verified = verify_statement(signed.folder, [KEYS[2].public_key()])
    assert ((), 2) == (verified.findings, len(verified.notes))
    path = next(signed.folder.glob(f"*{third[:16]}*"))
    first = fingerprint_of(KEYS[0].public_key())
    other = next(signed.folder.glob(f"*{first[:16]}*"))
    stolen = orjson.loads(other.read_bytes()) | {
        "signature": orjson.loads(path.read_bytes())["signature"]
    }
    other.write_bytes(orjson.dumps(stolen))
    path.unlink()
    said_now = told_of(signed.folder)
    assert any(f"{other.name}: the key {first} did not sign" in each for each in said_now)
    other.write_bytes(b"{}")
    assert any("is no signature of a statement" in each for each in told_of(signed.folder))
    second = fingerprint_of(KEYS[1].public_key())
    valid = next(signed.folder.glob(f"*{second[:16]}*"))
    shutil.copy(valid, signed.folder / f"{MANIFEST_FILE}.0000.sig")
    assert any("says another fingerprint" in each for each in told_of(signed.folder))


def test_a_signature_is_what_others_can_check_without_us(signed: Tampering) -> None:
    """Ed25519 over a line of its own and the bytes of the manifest, named by SHA-256 of the key."""
    raw_key = KEYS[0].public_key().public_bytes_raw()
    fingerprint = sha256(raw_key).hexdigest()
    path = signed.folder / f"statement.json.{fingerprint[:16]}.sig"
    said = orjson.loads(path.read_bytes())
    manifest = (signed.folder / MANIFEST_FILE).read_bytes()

    signature = base64.b64decode(said["signature"])
    KEYS[0].public_key().verify(signature, b"medsettle statement 1\n" + manifest)
    assert (fingerprint, raw_key) == (said["fingerprint"], base64.b64decode(said["public_key"]))


def test_what_was_verified_is_signed_and_nothing_else(tmp_path: Path) -> None:
    """Somebody puts another manifest there between verifying and signing: it gets no signature."""
    raw = made(tmp_path / "s").raw
    verified = verify_statement(tmp_path / "s")
    path = tmp_path / "s" / MANIFEST_FILE
    path.write_bytes(raw.replace(b"CL2026-03-000017", b"CL2026-03-000018"))
    signature = orjson.loads(
        sign_statement(tmp_path / "s", verified.manifest, KEYS[0]).read_bytes()
    )

    signed = base64.b64decode(signature["signature"])
    KEYS[0].public_key().verify(signed, b"medsettle statement 1\n" + raw)
    key = fingerprint_of(KEYS[0].public_key())
    assert any(
        f"the key {key} did not sign this manifest" in each for each in told_of(tmp_path / "s")
    )


def test_signatures_beyond_the_bound_are_told(signed: Tampering) -> None:
    """As many as may be are looked at; one more is told, and is no reason to look at none."""
    original = next(signed.folder.glob("*.sig"))
    for number in range(limits.STATED_SIGNATURES_MAX - 2):
        shutil.copy(original, signed.folder / f"{MANIFEST_FILE}.zz{number:03d}.sig")
    said = told_of(signed.folder)
    assert limits.STATED_SIGNATURES_MAX - 2 == len(said)
    shutil.copy(original, signed.folder / f"{MANIFEST_FILE}.zzz.sig")
    assert "statement.json: 65 signatures; at most 64 are looked at" in told_of(signed.folder)


def _agreed(folder: Path, keys: list[Ed25519PrivateKey]) -> StatementHead:
    """Return the head of a statement, its first parties with the keys agreed upon."""
    prints = [fingerprint_of(key.public_key()) for key in keys]
    prints += [""] * (len(HEAD.parties) - len(keys))
    named = tuple(
        StatedParty(each.area, each.name, own)
        for each, own in zip(HEAD.parties, prints, strict=True)
    )
    head = StatementHead(HEAD.number, HEAD.title, HEAD.month, named)
    make_statement(folder, table(), head)
    return head


def test_parties_may_name_their_keys(tmp_path: Path) -> None:
    """Only keys that the manifest names sign it, and who has not is told until he has."""
    _agreed(tmp_path / "s", KEYS[:2])
    with pytest.raises(Precondition, match="use the one agreed upon"):
        sign(tmp_path / "s", KEYS[2])
    sign(tmp_path / "s", KEYS[0])
    verified = verify_statement(tmp_path / "s")

    assert () == verified.findings
    assert "999902 示例省乙 has not signed it yet" in verified.notes
    assert "give --key" in verified.notes[0]
    sign(tmp_path / "s", KEYS[1])
    assert 1 == len(verify_statement(tmp_path / "s").notes)
    second = fingerprint_of(KEYS[1].public_key())
    by_one = verify_statement(tmp_path / "s", [KEYS[0].public_key()])
    also = f"also signed by {second}, a key that was not given; it is agreed with 999902 示例省乙"
    assert ((), (also,)) == (by_one.findings, by_one.notes)


def test_a_signature_by_no_party_is_a_note(tmp_path: Path) -> None:
    """Somebody put one beside those that were agreed upon: they hold as before."""
    _agreed(tmp_path / "s", KEYS[:2])
    for key in KEYS[:2]:
        path = sign(tmp_path / "s", key)
    third = fingerprint_of(KEYS[2].public_key())
    raw = (tmp_path / "s" / MANIFEST_FILE).read_bytes()
    path.with_name(signature_name(MANIFEST_FILE, third)).write_bytes(signature_bytes(raw, KEYS[2]))

    verified = verify_statement(tmp_path / "s")
    assert () == verified.findings
    assert f"signed by {third}, a key agreed with no party" in verified.notes
    (by_third,) = verify_statement(tmp_path / "s", [KEYS[2].public_key()]).notes[2:]
    assert f"signed by {third}, a key agreed with no party" == by_third


def test_a_party_without_an_agreed_key_signs_with_any(tmp_path: Path) -> None:
    """The first party's key is agreed and the second's is not: any other key is the second's."""
    head = _agreed(tmp_path / "s", KEYS[:1])
    for key in KEYS[:2]:
        sign(tmp_path / "s", key)

    first, second = (fingerprint_of(key.public_key()) for key in KEYS[:2])
    assert (head.parties[:1], head.parties[1:]) == (head.signers(first), head.signers(second))
    both = verified_by_both(tmp_path / "s")
    assert ((), ()) == (both.findings, both.notes)
    (missing,) = verify_statement(tmp_path / "s", [KEYS[2].public_key()]).findings
    assert "there is no valid signature by the key" in missing.message


def test_an_unsigned_statement_says_so(tmp_path: Path) -> None:
    """It agrees with itself, and that proves nothing else."""
    made(tmp_path / "s")

    assert "nobody has signed it" in verify_statement(tmp_path / "s").notes[0]
