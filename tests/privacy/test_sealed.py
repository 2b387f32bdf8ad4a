"""What is sealed opens under its key, for what it was sealed for, unchanged, and not otherwise."""

from pathlib import Path

import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest, NotFound, Precondition
from medsettle.privacy import key_files
from medsettle.privacy.sealed import (
    ALGORITHMS,
    SealingKey,
    new_sealing_key,
    open_sealing_key,
    seal,
    sealed_by,
    unseal,
)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_is_sealed_opens(algorithm: str) -> None:
    """Both algorithms give back what was sealed; the sealed bytes show the key and no content."""
    key = new_sealing_key("offline-1", algorithm)
    plain = b"a claim of somebody" * 100

    sealed = seal(plain, key, b"till 7")

    assert plain == unseal(sealed, key, b"till 7")
    assert sealed_by(sealed) == "offline-1"
    assert b"somebody" not in sealed
    assert seal(plain, key, b"till 7") != sealed


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_changed_byte_is_found(algorithm: str) -> None:
    """A flipped bit anywhere, a lost end or an added byte opens nothing."""
    key = new_sealing_key("k", algorithm)
    sealed = seal(b"a claim", key, b"")
    changed = [
        sealed[:at] + bytes((sealed[at] ^ 1,)) + sealed[at + 1 :] for at in range(len(sealed))
    ]

    for each in (*changed, *(sealed[:size] for size in range(len(sealed))), sealed + b"\0"):
        with pytest.raises(Precondition):
            unseal(each, key, b"")


def test_another_purpose_or_key_opens_nothing() -> None:
    """Other associated bytes, another secret, name or algorithm of the key: refused."""
    key = new_sealing_key("k", "AES-256-GCM")
    sealed = seal(b"a claim", key, b"till 7")

    with pytest.raises(Precondition, match="sealed for something else"):
        unseal(sealed, key, b"till 8")
    with pytest.raises(Precondition, match="was changed"):
        unseal(sealed, new_sealing_key("k", "AES-256-GCM"), b"till 7")
    with pytest.raises(Precondition, match="sealed by key k, not other"):
        unseal(sealed, SealingKey("other", key.algorithm, key.secret), b"till 7")
    with pytest.raises(Precondition, match="was changed"):
        unseal(sealed, new_sealing_key("k", "SM4-GCM"), b"till 7")


def test_the_most_bytes_seal_and_one_more_does_not() -> None:
    """`SEALED_BYTES_MAX` bytes are sealed at once, and no more."""
    key = new_sealing_key("k")
    most = bytes(limits.SEALED_BYTES_MAX)

    assert len(seal(most, key, b"")) > limits.SEALED_BYTES_MAX
    with pytest.raises(InvalidRequest, match=str(limits.SEALED_BYTES_MAX)):
        seal(most + b"x", key, b"")


def test_a_key_of_a_folder_is_made_once(tmp_path: Path) -> None:
    """The first opening makes the key, 0600 in a folder 0700; later ones get the same."""
    first = open_sealing_key(tmp_path / "keys", "offline", "SM4-GCM")

    assert first == open_sealing_key(tmp_path / "keys", "offline")
    assert first.secret.hex() not in repr(first)
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "keys" / "offline.key").stat().st_mode & 0o777 == 0o600
    assert key_files.key_names(tmp_path / "keys") == ("offline",)


def test_whoever_makes_a_key_second_gets_the_first(tmp_path: Path) -> None:
    """A key never replaces another of its name."""
    first, second = new_sealing_key("k"), new_sealing_key("k")

    assert key_files.keep_key(tmp_path, first) == first
    assert key_files.keep_key(tmp_path, second) == first
    assert [path.name for path in tmp_path.iterdir()] == ["k.key"]


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o666])
def test_a_key_open_to_others_is_not_used(tmp_path: Path, mode: int) -> None:
    """A file that others may read or the group may write is refused, with what to do."""
    key_files.keep_key(tmp_path, new_sealing_key("k"))
    (tmp_path / "k.key").chmod(mode)

    with pytest.raises(Precondition, match="chmod 600"):
        key_files.read_key(tmp_path, "k")


def test_a_damaged_or_missing_key_is_told_without_its_content(tmp_path: Path) -> None:
    """What is no key is refused, and no message repeats a byte of it."""
    path = tmp_path / "k.key"
    damaged = [b"", b"c0ffee", b'{"name":"k"}', b'{"name":"j","algorithm":"a","secret":"c0ffee"}']
    damaged.append(b"c0ffee" * limits.KEY_FILE_BYTES_MAX)

    with pytest.raises(NotFound):
        key_files.read_key(tmp_path, "k")
    for content in damaged:
        path.write_bytes(content)
        path.chmod(0o600)
        with pytest.raises(Precondition) as raised:
            key_files.read_key(tmp_path, "k")
        assert "c0ffee" not in str(raised.value)


def test_a_key_file_has_so_many_bytes(tmp_path: Path) -> None:
    """At the bound it is read; with a byte more it is no key."""
    path = tmp_path / "k.key"
    key = key_files.keep_key(tmp_path, new_sealing_key("k"))
    content = path.read_bytes()
    path.write_bytes(content.ljust(limits.KEY_FILE_BYTES_MAX))
    assert key_files.read_key(tmp_path, "k") == key
    path.write_bytes(content.ljust(limits.KEY_FILE_BYTES_MAX + 1))

    with pytest.raises(Precondition, match="is no key"):
        key_files.read_key(tmp_path, "k")


def test_names_of_keys_are_bounded(tmp_path: Path) -> None:
    """A name has at most `KEY_NAME_CHARS_MAX` characters and reaches no other folder."""
    longest = "k" * limits.KEY_NAME_CHARS_MAX

    assert new_sealing_key(longest).name == longest
    for name in (longest + "k", "../k", "K", "", "1", "k/j"):
        with pytest.raises(Precondition):
            key_files.read_key(tmp_path, name)


def test_an_unknown_algorithm_is_refused() -> None:
    """What does not seal is refused with the list of what does."""
    with pytest.raises(InvalidRequest, match="AES-256-GCM, SM4-GCM"):
        new_sealing_key("k", "ROT13")
    with pytest.raises(Precondition, match="does not seal"):
        seal(b"", SealingKey("k", "SM4-GCM", b"short"), b"")
