"""Secret keys as files: one key a file, for the eyes of one account only.

    DATA/keys/k1.key        {"name": "k1", "algorithm": "HMAC-SHA-256", "secret": "<hex>"}

A key is made once and never written again. Who makes it first has made it: the file gets its name
by a link, which fails where the name is taken, so that of two processes that start together both
work with the same key.
"""

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import orjson

from medsettle import durable, limits
from medsettle.errors import NotFound, Precondition

SUFFIX: Final = ".key"
FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600

_NAME: Final = re.compile(r"[a-z][a-z0-9-]*")


@dataclass(frozen=True, slots=True)
class SecretKey:
    """A key with the name by which what was made with it says so, and the algorithm it is for."""

    name: str
    algorithm: str
    secret: bytes = field(repr=False)


def new_key(name: str, algorithm: str, secret_bytes: int) -> SecretKey:
    """Return a key of that many random bytes.

    Raises:
        Precondition: The name is none that a key can have.
    """
    _check_name(name)
    return SecretKey(name, algorithm, secrets.token_bytes(secret_bytes))


def keep_key(folder: Path, key: SecretKey) -> SecretKey:
    """Write a key into a folder, which is made if need be, and return the one of its name there.

    Returns:
        The key itself, or the one that had the name already.

    Raises:
        Precondition: A key of the name is there and cannot be read.
        OSError: The folder cannot be written.
    """
    _check_name(key.name)
    durable.make_folder(folder, FOLDER_MODE)
    path = folder / f"{key.name}{SUFFIX}"
    told = {"name": key.name, "algorithm": key.algorithm, "secret": key.secret.hex()}
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        durable.put(unfinished, orjson.dumps(told) + b"\n", FILE_MODE)
        os.link(unfinished, path)
    except FileExistsError:
        return read_key(folder, key.name)
    finally:
        unfinished.unlink(missing_ok=True)
    durable.sync_folder(folder)
    return key


def read_key(folder: Path, name: str) -> SecretKey:
    """Return the key of a name in a folder.

    Raises:
        NotFound: There is no such key.
        Precondition: Its file is open to others, or no key.
        OSError: It cannot be read.
    """
    _check_name(name)
    path = folder / f"{name}{SUFFIX}"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(limits.KEY_FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise NotFound(f"{path}: there is no such key", key=name) from error
    if mode & durable.TOO_OPEN:
        raise Precondition(
            f"{path} has mode {mode & 0o777:o}, open to others; `chmod 600` it, and make a new key "
            "if somebody may have read it",
            key=name,
        )
    key = _told(content)
    if key is None or key.name != name:
        # Nothing of a key file is repeated in a message, whatever is wrong with it.
        raise Precondition(f"{path} is no key of that name; put back what was made", key=name)
    return key


def _told(content: bytes) -> SecretKey | None:
    """Return the key that a file tells; None where it tells none."""
    if len(content) > limits.KEY_FILE_BYTES_MAX:
        return None
    try:
        told = orjson.loads(content)
        return SecretKey(str(told["name"]), str(told["algorithm"]), bytes.fromhex(told["secret"]))
    except (KeyError, TypeError, ValueError):
        return None


def key_names(folder: Path) -> tuple[str, ...]:
    """Return the names of the keys in a folder, in order; none where there is no folder."""
    names = (path.name.removesuffix(SUFFIX) for path in folder.glob(f"[a-z]*{SUFFIX}"))
    return tuple(sorted(names))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > limits.KEY_NAME_CHARS_MAX:
        raise Precondition(
            f"{name!r} is no name of a key: a small letter, then small letters, digits and -, at "
            f"most {limits.KEY_NAME_CHARS_MAX}",
            key=name[: limits.KEY_NAME_CHARS_MAX],
        )
