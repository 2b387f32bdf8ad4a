"""A person has one pseudonym under a key, no way leads back, and old ones are still looked up."""

import hmac
import re
import threading
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest, NotFound, Precondition
from medsettle.privacy import key_files
from medsettle.privacy.key_files import SecretKey
from medsettle.privacy.links import Following, rotate
from medsettle.privacy.pseudonyms import Kind, Pseudonyms, made_under, make_key

_PEOPLE = [(Kind.PERSON, "P1"), (Kind.PERSON, "P2"), (Kind.CARD, "P1"), (Kind.PERSON, "P1")]


@pytest.mark.parametrize(("algorithm", "hashed"), [("HMAC-SHA-256", "sha256"), ("HMAC-SM3", "sm3")])
def test_a_pseudonym_is_the_keyed_hash(tmp_path: Path, algorithm: str, hashed: str) -> None:
    """Key, kind and value make it, by either algorithm: 128 bits of the HMAC in hex."""
    key = make_key(tmp_path, algorithm, after=None)
    assert 256 == 8 * len(key.secret)
    digest = hmac.new(key.secret, b"person\0P1", hashed).digest()

    pseudonym = Pseudonyms(tmp_path).of(Kind.PERSON, "P1")

    assert f"{key.name}-{digest[:16].hex()}" == pseudonym
    assert re.fullmatch(r"k1-[0-9a-f]{6}-[0-9a-f]{32}", pseudonym)
    assert len(pseudonym) <= min(limits.PERSON_CHARS_MAX, limits.CODE_CHARS_MAX)
    assert key.name == made_under(pseudonym)


def test_kinds_and_people_are_told_apart(tmp_path: Path) -> None:
    """A card of the same number is another pseudonym; the relative in a counter is the person."""
    pseudonyms = Pseudonyms.opened(tmp_path)
    person = pseudonyms.of(Kind.PERSON, "P1")

    assert person != pseudonyms.of(Kind.CARD, "P1")
    assert person != pseudonyms.of(Kind.PERSON, "P2")
    assert person == Pseudonyms(tmp_path).of(Kind.PERSON, "P1")
    for prefix in ("limit", "used", "bound", "gives"):
        told = pseudonyms.of(Kind.COUNTER, f"mutual_aid.{prefix}:999902/P1")
        assert f"mutual_aid.{prefix}:999902/{person}" == told
    assert "310.pooled_paid" == pseudonyms.of(Kind.COUNTER, "310.pooled_paid")


def test_what_is_remembered_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past `PSEUDONYMS_REMEMBERED_MAX` all is forgotten, and computed again to the same."""
    monkeypatch.setattr(limits, "PSEUDONYMS_REMEMBERED_MAX", 3)
    pseudonyms = Pseudonyms.opened(tmp_path)

    first = [pseudonyms.of(Kind.PERSON, f"P{number}") for number in range(10)]

    assert first == [pseudonyms.of(Kind.PERSON, f"P{number}") for number in range(10)]
    assert len(pseudonyms._known) <= 3


def test_processes_that_begin_at_once_make_one_key(tmp_path: Path) -> None:
    """Whoever opens a folder first makes its key, and all others find that one."""
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(Pseudonyms.opened(tmp_path).newest))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [found[0]] * 8 == found
    assert (found[0],) == key_files.key_names(tmp_path)


def test_after_a_rotation_old_pseudonyms_are_followed(tmp_path: Path) -> None:
    """Whoever was known has a link from each older key; whoever was not keeps the old one."""
    before = Pseudonyms.opened(tmp_path)
    oldest = {each: before.of(*each) for each in _PEOPLE}
    unknown = before.of(Kind.PERSON, "P9")
    _, links = rotate(tmp_path, "HMAC-SM3", lambda: _PEOPLE)
    assert 3 == links
    before.refresh()
    older = {each: before.of(*each) for each in _PEOPLE}
    newest, links = rotate(tmp_path, "HMAC-SHA-256", lambda: _PEOPLE)
    assert 6 == links

    now = Pseudonyms(tmp_path)
    following = Following(now)

    for each in _PEOPLE:
        kind, value = each
        assert {oldest[each], older[each], now.of(*each), value} == {*now.looked_up(kind, value)}
        for told in (value, oldest[each], older[each], now.of(*each)):
            assert now.of(*each) == following.now(kind, told)
    assert unknown == following.now(Kind.PERSON, unknown)
    counter = f"mutual_aid.limit:999902/{oldest[_PEOPLE[0]]}"
    told = f"mutual_aid.limit:999902/{now.of(Kind.PERSON, 'P1')}"
    assert told == following.now(Kind.COUNTER, counter)
    assert newest.name == now.newest
    assert b"P1" not in (tmp_path / f"links-{newest.name}.parquet").read_bytes()


def test_a_rotation_that_a_crash_cut_is_finished(tmp_path: Path) -> None:
    """With a key and no links nothing is followed; the next rotation writes them, and no key."""
    first = Pseudonyms.opened(tmp_path)
    old = first.of(Kind.PERSON, "P1")
    second = make_key(tmp_path, "HMAC-SHA-256", after=first.newest)

    with pytest.raises(NotFound, match="privacy rotate"):
        Following(Pseudonyms(tmp_path))

    finished, links = rotate(tmp_path, "HMAC-SM3", lambda: _PEOPLE)
    assert (second, 3) == (finished, links)
    assert Pseudonyms(tmp_path).of(Kind.PERSON, "P1") == Following(Pseudonyms(tmp_path)).now(
        Kind.PERSON, old
    )


def test_a_destroyed_key_unlinks_for_good(tmp_path: Path) -> None:
    """Without the old key and the links nobody can say whose an old pseudonym is.

    The new key makes others, so that whoever has taken the old one is told nothing by it.
    """
    old = Pseudonyms.opened(tmp_path)
    pseudonym = old.of(Kind.PERSON, "P1")
    rotate(tmp_path, "HMAC-SHA-256", lambda: _PEOPLE)
    (tmp_path / f"{old.newest}.key").unlink()
    for path in tmp_path.glob("links-*"):
        path.unlink()

    now = Pseudonyms(tmp_path)

    assert pseudonym not in now.looked_up(Kind.PERSON, "P1")
    assert pseudonym.split("-")[-1] != now.of(Kind.PERSON, "P1").split("-")[-1]
    assert pseudonym == Following(now).now(Kind.PERSON, pseudonym)
    with pytest.raises(NotFound, match="--pseudonym-keys"):
        now.under(old.newest, Kind.PERSON, "P1")


def test_after_a_key_and_the_links_went_another_rotation_links_the_rest(tmp_path: Path) -> None:
    """What is missing is told with what makes it, and that makes no new key."""
    make_key(tmp_path, "HMAC-SM3", after=None)
    for _ in range(2):
        rotate(tmp_path, "HMAC-SM3", lambda: _PEOPLE)
    newest, middle, oldest = (each.name for each in Pseudonyms(tmp_path).keys)
    for path in (*tmp_path.glob(f"{oldest}*"), *tmp_path.glob("links-*")):
        path.unlink()
    with pytest.raises(NotFound, match="removed with an old key; `medsettle privacy rotate` makes"):
        Following(Pseudonyms(tmp_path))

    rotate(tmp_path, "HMAC-SM3", lambda: _PEOPLE)

    now = Pseudonyms(tmp_path)
    assert [newest, middle] == [each.name for each in now.keys]
    older = now.under(middle, Kind.PERSON, "P1")
    assert now.of(Kind.PERSON, "P1") == Following(now).now(Kind.PERSON, older)


def test_what_makes_no_pseudonyms_is_refused(tmp_path: Path) -> None:
    """An unknown algorithm, a short secret, or a folder without keys."""
    with pytest.raises(InvalidRequest, match="HMAC-SHA-256, HMAC-SM3"):
        make_key(tmp_path, "MD5", after=None)
    with pytest.raises(NotFound, match="no keys"):
        Pseudonyms(tmp_path).of(Kind.PERSON, "P1")
    key_files.keep_key(tmp_path, SecretKey("k1-000000", "HMAC-SHA-256", b"short"))
    with pytest.raises(Precondition, match="makes no pseudonyms"):
        Pseudonyms(tmp_path)
