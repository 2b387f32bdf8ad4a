"""Pseudonyms of persons and cards: the same for the same person under one key, and no way back.

    k1-9f3a2c-5d41402abc4b2a76b9719d911017c592
    key       the first 128 bits of HMAC(secret, kind, value), in hex

The name of the key stands in front, so whoever holds several knows by which one a pseudonym was
made, and of two keys of different places no two have one name but by accident (1 in 16 million).
Persons and cards are kept apart by what goes into the function before the value.

Keys lie in a folder of their own (`key_files`). The newest makes pseudonyms; older ones only look
up. At a rotation a file `links-<newest>.parquet` beside the keys tells which pseudonym the persons
known by then have under the new key, so that a history follows them across it; there is no plain
number in it. Who has neither key nor links cannot tell that two pseudonyms are one person.
"""

import fcntl
import hmac
import os
import re
import secrets
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

from medsettle import durable, limits
from medsettle.core.relatives import renamed_relative
from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.privacy import key_files
from medsettle.privacy.key_files import SecretKey

KEYS_FOLDER: Final = "keys"
"""Where a data folder has its keys, unless they are kept elsewhere."""

ALGORITHMS: Final = {"HMAC-SHA-256": "sha256", "HMAC-SM3": "sm3"}
"""What pseudonyms can be made with, and the hash below it."""

DEFAULT_ALGORITHM: Final = "HMAC-SHA-256"

_KEY: Final = re.compile(r"k([1-9][0-9]*)-[0-9a-f]{6}")
_PSEUDONYM: Final = re.compile(rf"({_KEY.pattern})-[0-9a-f]{{32}}")
_LOCK: Final = "keys.lock"
_DIGEST_BYTES: Final = 16
_SECRET_BYTES: Final = 32


VARIABLE: Final = "MEDSETTLE_PSEUDONYM_KEYS"
"""The variable that names the folder of keys, where it is not within the data folder."""


def keys_folder(data: Path, named: Path | None = None) -> Path:
    """Return the folder of the keys of a data folder: as named, as the variable says, or within."""
    if named is not None:
        return named
    said = os.environ.get(VARIABLE)
    return Path(said) if said else data / KEYS_FOLDER


class Kind(StrEnum):
    """What a pseudonym stands for."""

    PERSON = "person"
    CARD = "card"
    COUNTER = "counter"
    """The name of a counter; where it names a relative, that is a person."""


Personal: TypeAlias = tuple[Kind, str]
"""A value that points at a person, with its kind."""


def made_under(value: str) -> str | None:
    """Return the name of the key that a pseudonym was made with; None for what is none.

    >>> made_under("k1-9f3a2c-" + "a" * 32), made_under("P1")
    ('k1-9f3a2c', None)
    """
    found = _PSEUDONYM.fullmatch(value)
    return None if found is None else found[1]


class Pseudonyms:
    """Makes pseudonyms with the newest key of a folder, and looks up with all of them."""

    def __init__(self, folder: Path) -> None:
        """Read the keys of a folder. One without any looks up nothing and makes nothing.

        Raises:
            Precondition: A key is open to others, damaged, or of an algorithm that the library
                here lacks.
            OSError: The folder cannot be read.
        """
        self.folder = folder
        self._keys: dict[str, SecretKey] = {}
        self._known: dict[Personal, str] = {}
        self.refresh()

    @classmethod
    def opened(cls, folder: Path) -> "Pseudonyms":
        """Return the pseudonyms of a folder, whose first key is made if it has none.

        Raises:
            Precondition, OSError: As for the folder itself, or it cannot be written.
        """
        found = cls(folder)
        if not found.keys:
            make_key(folder, DEFAULT_ALGORITHM, after=None)
            found.refresh()
        return found

    @property
    def keys(self) -> tuple[SecretKey, ...]:
        """The keys, the newest first."""
        return tuple(self._keys.values())

    @property
    def newest(self) -> str:
        """The name of the key that makes pseudonyms.

        Raises:
            NotFound: There is no key.
        """
        if not self._keys:
            raise NotFound(f"{self.folder} has no keys of pseudonyms; name the folder that has")
        return next(iter(self._keys))

    def refresh(self) -> None:
        """Read keys that have come to the folder since; what is read stays in memory.

        Raises:
            Precondition, OSError: As when the folder was opened.
        """
        names = pseudonym_key_names(self.folder)
        if names == tuple(self._keys):
            return
        self._keys = {name: self._keys.get(name) or _usable(self.folder, name) for name in names}
        self._known.clear()

    def of(self, kind: Kind, value: str) -> str:
        """Return the pseudonym of a value under the newest key.

        A counter that names nobody is returned as it is.

        Raises:
            NotFound: There is no key.
        """
        known = self._known.get((kind, value))
        if known is None:
            known = self.under(self.newest, kind, value)
            if len(self._known) >= limits.PSEUDONYMS_REMEMBERED_MAX:
                self._known.clear()
            self._known[kind, value] = known
        return known

    def under(self, key: str, kind: Kind, value: str) -> str:
        """Return the pseudonym of a value under the key of a name.

        Raises:
            NotFound: There is no such key here.
        """
        if kind is Kind.COUNTER:
            return renamed_relative(value, lambda person: self.under(key, Kind.PERSON, person))
        if key not in self._keys:
            raise NotFound(
                f"key {key} is not in {self.folder}; name the folder that has it with "
                "--pseudonym-keys",
                key=key,
            )
        return _pseudonym(self._keys[key], kind, value)

    def looked_up(self, kind: Kind, value: str) -> tuple[str, ...]:
        """Return everything under which tables may have a value: each key's, and itself.

        Itself is what tables have that were written without keys, and a pseudonym that was stated
        in place of the value.
        """
        return (*(self.under(key, kind, value) for key in self._keys), value)


def pseudonym_key_names(folder: Path) -> tuple[str, ...]:
    """Return the names of the keys of pseudonyms in a folder, the newest first."""
    names = (name for name in key_files.key_names(folder) if _KEY.fullmatch(name))
    return tuple(sorted(names, key=_number, reverse=True))


def make_key(folder: Path, algorithm: str, *, after: str | None) -> SecretKey:
    """Make the key that comes after another, and return it, or what another process made there.

    Args:
        folder: Is made if need be.
        algorithm: One of `ALGORITHMS`.
        after: The newest key there; None makes the first.

    Raises:
        InvalidRequest: There is no such algorithm.
        Precondition: The library here lacks it.
        OSError: The folder cannot be written.
    """
    if algorithm not in ALGORITHMS:
        known = ", ".join(ALGORITHMS)
        raise InvalidRequest(
            [Fault("algorithm", f"{algorithm!r} makes no pseudonyms; there is {known}")]
        )
    durable.make_folder(folder, key_files.FOLDER_MODE)
    # Two processes that begin at once would else make a key each, and a person two pseudonyms.
    with (folder / _LOCK).open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        names = pseudonym_key_names(folder)
        newest = names[0] if names else None
        if newest is not None and newest != after:
            return _usable(folder, newest)
        number = 1 if newest is None else _number(newest) + 1
        name = f"k{number}-{secrets.token_hex(3)}"
        key = key_files.new_key(name, algorithm, _SECRET_BYTES)
        _check(key)
        return key_files.keep_key(folder, key)


def _number(name: str) -> int:
    found = _KEY.fullmatch(name)
    assert found is not None, name
    return int(found[1])


def _usable(folder: Path, name: str) -> SecretKey:
    key = key_files.read_key(folder, name)
    _check(key)
    return key


def _check(key: SecretKey) -> None:
    """Check that a key makes pseudonyms here.

    Raises:
        Precondition: It is for something else, or the library lacks its hash.
    """
    if key.algorithm not in ALGORITHMS or len(key.secret) != _SECRET_BYTES:
        raise Precondition(
            f"key {key.name} ({key.algorithm}, {len(key.secret)} bytes) makes no pseudonyms; "
            f"there is {', '.join(ALGORITHMS)}",
            key=key.name,
        )
    try:
        hmac.digest(key.secret, b"", ALGORITHMS[key.algorithm])
    except ValueError as error:
        raise Precondition(
            f"the OpenSSL of Python here lacks what {key.algorithm} needs; run with one that has "
            f"it, or rotate to {DEFAULT_ALGORITHM}",
            key=key.name,
        ) from error


def _pseudonym(key: SecretKey, kind: Kind, value: str) -> str:
    content = b"%s\0%s" % (kind.encode(), value.encode())
    digest = hmac.digest(key.secret, content, ALGORITHMS[key.algorithm])
    return f"{key.name}-{digest[:_DIGEST_BYTES].hex()}"
