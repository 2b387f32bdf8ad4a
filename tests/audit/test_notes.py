"""Notes and checkpoints are those that other tools read."""

from base64 import b64decode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from medsettle import limits
from medsettle.audit import notes
from medsettle.audit.notes import Checkpoint, NoNote

_ORIGIN = "example.cn/audit/110000"
_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_OTHER = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
_CHECKPOINT = Checkpoint(_ORIGIN, 5, b"r" * 32, ("day 2026-11-29", "segments 2 " + "0" * 64))

# The note and key of the documentation of golang.org/x/mod/sumdb/note, which others test with.
_PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNX"
    "gKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
_PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"


def test_a_published_note_is_read_and_its_signature_holds() -> None:
    """The example that Go's own package documents verifies here, key id and all."""
    note = notes.read_note(_PUBLISHED_NOTE.encode())
    key = Ed25519PublicKey.from_public_bytes(b64decode(_PUBLISHED_KEY.split("+", 2)[2])[1:])

    found = notes.signature_of(note, key, notes.LOG_KEY)
    assert _PUBLISHED_KEY == notes.verifier_key("PeterNeumann", notes.LOG_KEY, key)
    assert found == notes.Signers("PeterNeumann", None, genuine=True)
    assert _PUBLISHED_NOTE.encode() == note.content()


def test_a_checkpoint_is_written_and_read() -> None:
    """Origin, size, root and our own lines come back, and both signatures hold."""
    note = notes.cosigned(notes.signed(_CHECKPOINT, _KEY), "b.cn/w", _OTHER, 1_679_315_147)
    found = notes.read_note(note.content())

    assert _CHECKPOINT == notes.checkpoint_of(found)
    assert "2026-11-29" == _CHECKPOINT.told("day")
    assert found == note
    assert notes.signature_of(found, _KEY.public_key(), notes.LOG_KEY) == notes.Signers(
        _ORIGIN, None, genuine=True
    )
    assert notes.signature_of(found, _OTHER.public_key(), notes.WITNESS_KEY) == notes.Signers(
        "b.cn/w", 1_679_315_147, genuine=True
    )
    assert notes.signature_of(found, _OTHER.public_key(), notes.LOG_KEY) is None


def test_what_was_changed_is_forged() -> None:
    """With another origin, size, root or line a signature is there and does not hold."""
    note = notes.cosigned(notes.signed(_CHECKPOINT, _KEY), "b.cn/w", _OTHER, 7)
    origin = ("example.cn/audit/110000\n", "example.cn/audit/120000\n")
    for old, new in (origin, ("\n5\n", "\n6\n"), ("cnJy", "cnJz"), ("11-29", "11-28")):
        changed = notes.read_note(note.content().replace(old.encode(), new.encode(), 1))
        for key, kind in ((_KEY, notes.LOG_KEY), (_OTHER, notes.WITNESS_KEY)):
            found = notes.signature_of(changed, key.public_key(), kind)
            assert found is not None
            assert not found.genuine


def test_a_second_cosignature_takes_the_place_of_the_first() -> None:
    """A witness that signs again has one line."""
    note = notes.signed(_CHECKPOINT, _KEY)
    twice = notes.cosigned(notes.cosigned(note, "b.cn/w", _OTHER, 7), "b.cn/w", _OTHER, 8)

    assert 2 == len(twice.signatures)


_NOTE = notes.signed(_CHECKPOINT, _KEY).content().decode()


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param("\n5\n", "\n05\n", "number of leaves", id="leading-zero"),
        pytest.param("\n5\n", "\n-5\n", "number of leaves", id="negative"),
        pytest.param("\n5\n", f"\n{2**63}\n", "number of leaves", id="beyond-int64"),
        pytest.param("cnI=", "cnJy", "SHA-256", id="long-root"),
        pytest.param("day 2026-11-29\n", "\n", "three lines", id="empty-line"),
        pytest.param("\n\n", "\n", "empty line", id="no-empty-line"),
        pytest.param("\N{EM DASH} ", "- ", "no signature", id="hyphen"),
        pytest.param("day", "day\r", "control", id="carriage-return"),
    ],
)
def test_what_is_no_checkpoint_is_refused(old: str, new: str, told: str) -> None:
    """Whatever is not written exactly as a checkpoint is none."""
    with pytest.raises(NoNote, match=told):
        notes.checkpoint_of(notes.read_note(_NOTE.replace(old, new, 1).encode()))


def test_bounds_of_a_note() -> None:
    """A note of the most bytes, signatures and the longest name is read, one more is not."""
    most = limits.NOTE_NAME_CHARS_MAX
    assert "x" * most == notes.check_name("x" * most)
    with pytest.raises(NoNote, match="at most 255"):
        notes.check_name("x" * (most + 1))

    signature = notes.read_note(_NOTE.encode()).signatures[0].line() + "\n"
    most = limits.NOTE_SIGNATURES_MAX
    assert most == len(notes.read_note((_NOTE + signature * (most - 1)).encode()).signatures)
    with pytest.raises(NoNote, match="65 signatures"):
        notes.read_note((_NOTE + signature * most).encode())

    room = limits.NOTE_BYTES_MAX - len(_NOTE.encode())
    notes.read_note(("x" * room + _NOTE).encode())
    with pytest.raises(NoNote, match="more than any note"):
        notes.read_note(("x" * (room + 1) + _NOTE).encode())


def test_a_note_takes_the_most_signatures() -> None:
    """One signature more than the bound is refused before it is written."""
    note = notes.signed(_CHECKPOINT, _KEY)
    for number in range(limits.NOTE_SIGNATURES_MAX - 1):
        note = notes.cosigned(note, f"w{number}", _OTHER, 7)

    with pytest.raises(NoNote, match="at most 64"):
        notes.cosigned(note, "one-more", _OTHER, 7)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u3000b", "a\x00b"])
def test_names_with_spaces_or_plus_are_refused(name: str) -> None:
    """A name that other tools would read otherwise is none."""
    with pytest.raises(NoNote, match="without spaces"):
        notes.check_name(name)
