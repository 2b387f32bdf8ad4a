"""Tokens: made once, kept as digests, counted while they hold."""

import asyncio
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.client import Client
from medsettle.engine import Engine
from medsettle.errors import InvalidRequest, NotAuthenticated, NotFound
from medsettle.identity.roles import Role
from medsettle.identity.tokens import Made, new_token, read_tokens, revoke_token

from tests.identity.known import AREA, H1, NOW, Known, known, soon, token
from tests.service.claims import claim


def _made(folder: Path, role: str = Role.AUDITOR, days: int = 30) -> Made:
    return new_token(folder / "tokens.json", "Li Wei", role, moment=NOW, days=days)


def test_a_token_is_kept_as_a_digest_that_only_its_owner_reads(tmp_path: Path) -> None:
    """Nothing in the file is or begins the secret; others may not read it."""
    made = _made(tmp_path)
    file = tmp_path / "tokens.json"
    secret = made.secret.rpartition("_")[2]

    assert made.secret not in file.read_text() and secret not in file.read_text()
    assert 0o600 == file.stat().st_mode & 0o777
    assert ("Li Wei", Role.AUDITOR) == (made.token.principal.name, made.token.principal.role)


def test_no_two_tokens_are_alike(tmp_path: Path) -> None:
    """Of a hundred each has an id and a secret of its own, no place of which can be foretold."""
    made = [_made(tmp_path) for _ in range(100)]
    secrets = [each.secret.split("_", 2)[2] for each in made]

    assert 100 == len(set(secrets)) == len({each.token.id for each in made})
    # 256 bits in 43 places of 6 bits each but the last: of 64 signs, and of 16 there.
    assert 10 < min(len(set(signs)) for signs in zip(*secrets, strict=True))
    assert {43} == set(map(len, secrets))
    assert 100 == len(read_tokens(tmp_path / "tokens.json").by_id)


def test_a_token_counts_until_its_last_second(tmp_path: Path) -> None:
    """At the moment at which it runs out it is none."""
    made = _made(tmp_path, days=1)
    tokens = read_tokens(tmp_path / "tokens.json")
    last = made.token.expires - timedelta(microseconds=1)

    assert "Li Wei" == tokens.principal(made.secret, last).name
    with pytest.raises(NotAuthenticated, match="ran out"):
        tokens.principal(made.secret, made.token.expires)


def test_a_wrong_token_is_told_nothing(tmp_path: Path) -> None:
    """An id that there is, with another secret, is told the same as one that there is not."""
    made, good = _made(tmp_path), _made(tmp_path)
    revoke_token(tmp_path / "tokens.json", made.token.id, NOW)
    tokens = read_tokens(tmp_path / "tokens.json")
    other = "A" * 43
    wrong = [f"medsettle_{id_}_{other}" for id_ in (made.token.id, good.token.id, "0" * 12)]
    wrong += ["", "x"]
    wrong += [made.secret[:-1], made.secret + "A", "m" * (limits.TOKEN_CHARS_MAX + 1)]
    told = set()
    for each in wrong:
        with pytest.raises(NotAuthenticated) as refused:
            tokens.principal(each, NOW)
        told.add((refused.value.message, *refused.value.metadata.items()))

    assert 1 == len(told)


def test_digests_are_compared_in_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole ones, by what takes as long wherever they differ, also where nobody has the id."""
    made = _made(tmp_path)
    tokens = read_tokens(tmp_path / "tokens.json")
    compared: list[tuple[int, int]] = []

    def compare(one: str, other: str) -> bool:
        compared.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert "Li Wei" == tokens.principal(made.secret, NOW).name
    for id_ in (made.token.id, "0" * 12):
        with pytest.raises(NotAuthenticated):
            tokens.principal(f"medsettle_{id_}_{'A' * 43}", NOW)

    assert [(64, 64)] * 3 == compared


@pytest.mark.parametrize(("days", "good"), [(0, False), (1, True), (366, True), (367, False)])
def test_a_token_holds_for_so_many_days(tmp_path: Path, days: int, good: bool) -> None:
    """From one to a year, and no more."""
    assert limits.TOKEN_DAYS_MAX == 366
    if good:
        assert NOW < _made(tmp_path, days=days).token.expires <= NOW + timedelta(days=days)
    else:
        with pytest.raises(InvalidRequest, match="days"):
            _made(tmp_path, days=days)


def test_everything_wrong_with_a_token_is_told_at_once(tmp_path: Path) -> None:
    """And nothing is written."""
    with pytest.raises(InvalidRequest) as refused:
        new_token(tmp_path / "t", "", "king", moment=NOW, days=0, institutions=("a/b",), area="1")

    paths = ["name", "role", "institution", "area", "days"]
    assert paths == [each.path for each in refused.value.faults]
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("number", "good"),
    [(limits.TOKEN_INSTITUTIONS_MAX, True), (limits.TOKEN_INSTITUTIONS_MAX + 1, False)],
)
def test_a_token_speaks_for_so_many_institutions(tmp_path: Path, number: int, good: bool) -> None:
    """As many as may be, and not one more."""
    codes = tuple(f"H{at}" for at in range(number))
    if good:
        (kept,) = read_tokens(_file_of(tmp_path, codes)).by_id.values()
        assert set(codes) == kept.principal.institutions
    else:
        with pytest.raises(InvalidRequest, match="at most"):
            _file_of(tmp_path, codes)


def _file_of(folder: Path, codes: tuple[str, ...]) -> Path:
    file = folder / "tokens.json"
    new_token(file, "chain", Role.INSTITUTION, moment=NOW, days=1, institutions=codes)
    return file


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda kept: kept[0].update(role="king"), "tokens[0].role: 'king' is no role"),
        (lambda kept: kept.append(kept[0]), "tokens[1].id"),
        (lambda kept: kept[0].update(expires="2030-01-01T00:00:00"), "tokens[0].expires"),
        (lambda kept: kept[0].update(rights=["settle"]), "is no list of tokens"),
        (lambda kept: kept.clear() or kept.append("x"), "is no list of tokens"),
    ],
)
def test_a_file_that_is_none_is_told(tmp_path: Path, change: object, says: str) -> None:
    """With the place of the fault."""
    _made(tmp_path)
    file = tmp_path / "tokens.json"
    kept = json.loads(file.read_text())
    assert callable(change)
    change(kept)
    file.write_text(json.dumps(kept))
    with pytest.raises(InvalidRequest) as refused:
        read_tokens(file)

    assert any(says in str(each) for each in refused.value.faults), refused.value.faults


@pytest.mark.parametrize("mode", [0o604, 0o620, 0o666])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    """Somebody else may have read what is in it, and may write it."""
    _made(tmp_path)
    (tmp_path / "tokens.json").chmod(mode)
    with pytest.raises(InvalidRequest, match="chmod 600"):
        read_tokens(tmp_path / "tokens.json")


def test_a_mounted_secret_is_read(tmp_path: Path) -> None:
    """A container's account reads it as its group, and nobody writes it."""
    _made(tmp_path)
    (tmp_path / "tokens.json").chmod(0o440)

    assert 1 == len(read_tokens(tmp_path / "tokens.json").by_id)


def test_a_token_that_nobody_has_is_not_revoked(tmp_path: Path) -> None:
    """One that was revoked before stays revoked since then."""
    made = _made(tmp_path)
    file = tmp_path / "tokens.json"
    first = revoke_token(file, made.token.id, NOW)

    assert first == revoke_token(file, made.token.id, NOW + timedelta(days=1))
    with pytest.raises(NotFound, match="no token"):
        revoke_token(file, "0" * 12, NOW)


@pytest.fixture
def server(engine: Engine, loop: asyncio.AbstractEventLoop, tmp_path: Path) -> Iterator[Known]:
    """Yield a server on loopback that takes tokens, one of which there is."""
    token(tmp_path, Role.ACTUARY)
    with known(engine, loop, tmp_path, tls=False) as server:
        yield server


def test_a_new_token_counts_within_a_second_and_a_revoked_one_no_more(server: Known) -> None:
    """The running server looks at the file again by itself."""
    secret = token(server.folder, Role.INSTITUTION, H1)
    client = server.by_token(secret)
    soon(server.clock)
    client.settle(claim(1, institution=H1))
    kept = read_tokens(server.folder / "tokens.json").by_id.values()
    (made,) = (each for each in kept if each.institutions)
    revoke_token(server.folder / "tokens.json", made.id, NOW)
    soon(server.clock)
    with pytest.raises(NotAuthenticated, match="revoked"):
        client.settle(claim(2, institution=H1))


def test_a_token_that_ran_out_is_refused(server: Known) -> None:
    """Over a real socket, by the clock of the server."""
    client = server.by_token(token(server.folder, Role.AUDITOR, days=1))
    soon(server.clock)
    assert [] == list(client.list(pooling_area=AREA))
    server.clock.pass_by(86_400)
    with pytest.raises(NotAuthenticated, match="ran out"):
        list(client.list(pooling_area=AREA))


@pytest.mark.parametrize("shown", [None, f"medsettle_{'0' * 12}_{'A' * 43}", "Bearer"])
def test_a_wrong_token_is_refused(server: Known, shown: str | None) -> None:
    """Missing, unknown or no token at all: nobody is let in, and the log says so."""
    client = server.nobody() if shown is None else server.by_token(shown)
    with pytest.raises(NotAuthenticated):
        client.person(AREA, "P1")

    (access,) = server.accesses()
    assert ("anybody", "GetPerson", "NOT_AUTHENTICATED") == (
        *(access.who, access.method),
        access.outcome,
    )


def test_a_token_does_not_leave_this_machine_unencrypted() -> None:
    """The client refuses before it connects; to this machine it may go."""
    for address in ("192.0.2.1:50051", "insurance.example:50051", "0.0.0.0:50051"):
        with pytest.raises(InvalidRequest, match="unencrypted"):
            Client(address, token="t")
    for address in ("127.0.0.1:1", "localhost:1", "[::1]:1"):
        Client(address, token="t").close()


@pytest.mark.parametrize("bad", ["", "a\r\nx-other: 1", "令", "t" * (limits.TOKEN_CHARS_MAX + 1)])
def test_what_is_no_token_is_not_sent(bad: str) -> None:
    """Nothing in it becomes another header."""
    with pytest.raises(InvalidRequest, match="is none"):
        Client("127.0.0.1:1", token=bad)
