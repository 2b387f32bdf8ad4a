"""Tokens of people and programs: random, shown once, and kept as digests.

A token is `medsettle_ID_SECRET`. The id finds its line, so that a secret is compared with one
digest, in the same time whatever it begins with, and a list or a log can name it. A secret has 256
bits, so its digest needs no salt and no slow function: there is nothing to guess.
"""

import fcntl
import hmac
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Final, NamedTuple

import msgspec

from medsettle import durable, limits
from medsettle.errors import Fault, InvalidRequest, NotAuthenticated, NotFound
from medsettle.identity.principals import Principal, principal_faults, principal_of
from medsettle.identity.roles import Role
from medsettle.identity.watched_file import bounded

_FORM: Final = re.compile(r"medsettle_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_PRIVATE: Final = 0o600
_NOBODY: Final = sha256(b"nobody").hexdigest()


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token as it is kept: whose it is, until when it holds, and the digest of its secret."""

    id: str
    name: str
    role: str
    digest: str
    expires: datetime
    institutions: tuple[str, ...] = ()
    area: str = ""
    revoked: datetime | None = None

    @property
    def principal(self) -> Principal:
        """Who comes with it."""
        return principal_of(
            self.name,
            Role(self.role),
            self.institutions,
            self.area,
            shown=f"token {self.id}",
            until=self.expires,
        )


class Made(NamedTuple):
    """A new token: what is kept, and what is shown once."""

    token: Token
    secret: str


class Tokens:
    """The tokens of a file."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        """Keep them by their ids."""
        self.by_id: Mapping[str, Token] = {each.id: each for each in tokens}
        self._principals = {each.id: each.principal for each in self.by_id.values()}

    def principal(self, text: str, moment: datetime) -> Principal:
        """Return who sends a token.

        Raises:
            NotAuthenticated: It is none, or it was revoked or has run out. Which of these is told
                only to who has the secret.
        """
        form = _FORM.fullmatch(text) if len(text) <= limits.TOKEN_CHARS_MAX else None
        found = self.by_id.get(form[1]) if form is not None else None
        digest = sha256((form[2] if form is not None else "").encode()).hexdigest()
        same = hmac.compare_digest(digest, found.digest if found is not None else _NOBODY)
        if found is None or not same:
            raise NotAuthenticated("The token is none of this server; ask for a new one.")
        if found.revoked is not None:
            raise NotAuthenticated("The token was revoked; ask for a new one.", token=found.id)
        if moment >= found.expires:
            text = f"The token ran out on {found.expires:%Y-%m-%d}; ask for a new one."
            raise NotAuthenticated(text, token=found.id)
        return self._principals[found.id]


def read_tokens(path: Path) -> Tokens:
    """Return the tokens of a file.

    Raises:
        InvalidRequest: All its faults; also that others than its owner and group may read it.
        OSError: It cannot be read.
    """
    mode = path.stat().st_mode
    if mode & durable.TOO_OPEN:
        text = f"others may read or write it (mode {mode & 0o777:o}); chmod 600 {path}"
        raise InvalidRequest([Fault(path.name, text)])
    try:
        kept = msgspec.json.decode(bounded(path, limits.TOKEN_FILE_BYTES_MAX), type=list[Token])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = f"is no list of tokens: {error}; `medsettle access token new` makes one"
        raise InvalidRequest([Fault(path.name, text)]) from None
    if faults := _faults(kept):
        raise InvalidRequest(faults[: limits.FAULTS_PER_CLAIM_MAX])
    return Tokens(kept)


def _faults(kept: list[Token]) -> list[Fault]:
    faults = []
    if len(kept) > limits.TOKENS_MAX:
        text = f"{len(kept)} of them; at most {limits.TOKENS_MAX}. Revoked ones may be taken out"
        faults.append(Fault("tokens", text))
    seen: set[str] = set()
    for at, each in enumerate(kept):
        wrong = principal_faults(each.name, each.role, each.institutions, each.area)
        faults += [Fault(f"tokens[{at}].{fault.path}", fault.message) for fault in wrong]
        if each.expires.tzinfo is None:
            faults.append(Fault(f"tokens[{at}].expires", "has no time zone; write one, such as Z"))
        if each.id in seen:
            faults.append(Fault(f"tokens[{at}].id", f"{each.id[:40]!r} stands there before"))
        seen.add(each.id)
    return faults


def new_token(
    path: Path,
    name: str,
    role: str,
    *,
    moment: datetime,
    days: int,
    institutions: tuple[str, ...] = (),
    area: str = "",
) -> Made:
    """Return a new token, after its digest was put into a file, which is made where it is missing.

    Raises:
        InvalidRequest: Everything that is wrong with what it is to be, or with the file.
        OSError: The file cannot be read or written.
    """
    faults = principal_faults(name, role, institutions, area)
    if not 1 <= days <= limits.TOKEN_DAYS_MAX:
        faults.append(Fault("days", f"{days}; 1 to {limits.TOKEN_DAYS_MAX} are allowed"))
    if faults:
        raise InvalidRequest(faults)
    secret = token_urlsafe(32)
    token = Token(
        id=token_hex(6),
        name=name,
        role=role,
        digest=sha256(secret.encode()).hexdigest(),
        expires=(moment + timedelta(days=days)).astimezone(UTC).replace(microsecond=0),
        institutions=institutions,
        area=area,
    )
    with _alone(path):
        kept = [*read_tokens(path).by_id.values()] if path.exists() else []
        if len(kept) >= limits.TOKENS_MAX:
            text = f"{path} has {len(kept)}, as many as may be; take revoked ones out"
            raise InvalidRequest([Fault("tokens", text)])
        _write(path, [*kept, token])
    return Made(token, f"medsettle_{token.id}_{secret}")


def revoke_token(path: Path, token_id: str, moment: datetime) -> Token:
    """Return a token after it was revoked; one that was stays as it was.

    Raises:
        InvalidRequest: The file has faults.
        NotFound: No token has the id.
        OSError: The file cannot be read or written.
    """
    with _alone(path):
        kept = dict(read_tokens(path).by_id)
        found = kept.get(token_id)
        if found is None:
            text = f"no token {token_id[:40]!r} is kept in {path}; list them"
            raise NotFound(text, token=token_id)
        if found.revoked is None:
            at = moment.astimezone(UTC).replace(microsecond=0)
            kept[token_id] = found = msgspec.structs.replace(found, revoked=at)
            _write(path, list(kept.values()))
    return found


def _write(path: Path, tokens: list[Token]) -> None:
    # Whole or not at all, and private from its first byte on.
    durable.put(path, msgspec.json.format(msgspec.json.encode(tokens)), _PRIVATE)
    durable.sync_folder(path.parent)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other commands off a file between reading and writing it."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, _PRIVATE)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
