"""Every bound of who is let in, one step either side."""

from datetime import timedelta
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.cli.access_commands import wanted_certificates
from medsettle.errors import InvalidRequest, NotAuthenticated
from medsettle.identity.admission import Admission
from medsettle.identity.certificates import shown_by
from medsettle.identity.principals import is_code, principal_faults
from medsettle.identity.revoked import read_revoked
from medsettle.identity.roles import Role
from medsettle.identity.tokens import new_token, read_tokens
from medsettle.identity.watched_file import WatchedFile

from tests.identity.known import H1, NOW, certificates


def _good(work: object) -> bool:
    assert callable(work)
    try:
        work()
    except (InvalidRequest, NotAuthenticated):
        return False
    return True


@pytest.mark.parametrize("beyond", [0, 1])
def test_names_and_codes(beyond: int) -> None:
    """Of a principal and of an institution."""
    name = "n" * (limits.PRINCIPAL_CHARS_MAX + beyond)

    assert bool(beyond) == bool(principal_faults(name, Role.AUDITOR, (), ""))
    assert bool(beyond) != is_code("H" * (limits.CODE_CHARS_MAX + beyond))


@pytest.mark.parametrize("beyond", [0, 1])
def test_serial_numbers_of_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beyond: int
) -> None:
    """So many, in so many bytes, of forty digits each."""
    file = tmp_path / "revoked"
    monkeypatch.setattr(limits, "REVOKED_SERIALS_MAX", 3)
    file.write_text("".join(f"{at:x}\n" for at in range(3 + beyond)), encoding="ascii")
    assert bool(beyond) != _good(lambda: read_revoked(file))
    file.write_text("f" * (40 + beyond), encoding="ascii")
    assert bool(beyond) != _good(lambda: read_revoked(file))
    monkeypatch.setattr(limits, "REVOKED_BYTES_MAX", 10)
    file.write_text("#" * (10 + beyond), encoding="ascii")
    assert bool(beyond) != _good(lambda: read_revoked(file))


def test_tokens_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as may be; one more is not made, and a file with more is not read."""
    file = tmp_path / "tokens"

    def made() -> None:
        new_token(file, "x", Role.AUDITOR, moment=NOW, days=1)

    monkeypatch.setattr(limits, "TOKENS_MAX", 2)
    assert [True, True, False] == [_good(made) for _ in range(3)]
    assert _good(lambda: read_tokens(file))
    monkeypatch.setattr(limits, "TOKENS_MAX", 1)
    assert not _good(lambda: read_tokens(file))
    monkeypatch.setattr(limits, "TOKENS_MAX", 2)
    size = file.stat().st_size
    for most, good in ((size, True), (size - 1, False)):
        monkeypatch.setattr(limits, "TOKEN_FILE_BYTES_MAX", most)
        assert good == _good(lambda: read_tokens(file))


def test_bytes_of_a_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the largest size is read; a byte less allowed and it is none."""
    certificates(tmp_path)
    pem = (tmp_path / f"{H1}.pem").read_bytes()
    for most, good in ((len(pem), True), (len(pem) - 1, False)):
        monkeypatch.setattr(limits, "CERTIFICATE_BYTES_MAX", most)
        assert good == _good(lambda: shown_by(pem))


def test_certificates_that_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond so many the first is read anew, and says the same."""
    certificates(tmp_path)
    monkeypatch.setattr(limits, "CERTIFICATES_REMEMBERED_MAX", 2)
    admission = Admission(lambda: NOW, certificates=True)
    pems = [(tmp_path / f"{name}.pem").read_bytes() for name in (H1, "auditor", "clearing")]
    first = admission.principal(pems[0], None)
    for pem in pems[1:]:
        admission.principal(pem, None)

    assert 2 == len(admission._shown)
    again = admission.principal(pems[0], None)
    assert first == again
    assert first is not again


@pytest.mark.parametrize("beyond", [0, 1])
def test_certificates_that_are_made_at_once(monkeypatch: pytest.MonkeyPatch, beyond: int) -> None:
    """So many in one call, for so many days."""
    monkeypatch.setattr(limits, "CERTIFICATES_MADE_MAX", 2)
    names = [f"s{at}" for at in range(2 + beyond)]
    days = limits.CERTIFICATE_DAYS

    assert bool(beyond) != _good(lambda: wanted_certificates(names, [], [], days))
    assert bool(beyond) != _good(lambda: wanted_certificates(["s"], [], [], days + beyond))
    assert bool(beyond) != _good(lambda: wanted_certificates(["s"], [], [], 1 - beyond))


def test_files_are_looked_at_once_in_so_long(tmp_path: Path) -> None:
    """A moment before a second has passed nothing is seen of a change; then it is."""
    file = tmp_path / "revoked"
    file.write_text("a\n", encoding="ascii")
    watched = WatchedFile(file, read_revoked)
    assert {10} == watched.at(100.0)
    file.write_text("a\nb\n", encoding="ascii")

    assert {10} == watched.at(100.0 + limits.ACCESS_FILES_SECONDS - 0.001)
    assert {10, 11} == watched.at(100.0 + limits.ACCESS_FILES_SECONDS)


def test_a_certificate_counts_from_its_first_second_to_its_last(tmp_path: Path) -> None:
    """By the clock of the server, a moment before and after either."""
    certificates(tmp_path, days=1)
    pem = (tmp_path / f"{H1}.pem").read_bytes()
    shown = shown_by(pem)
    moment = timedelta(microseconds=1)
    for at, good in (
        (shown.begins - moment, False),
        (shown.begins, True),
        (shown.ends - moment, True),
        (shown.ends, False),
    ):
        admission = Admission(lambda at=at: at, certificates=True)  # type: ignore[misc]
        assert good == _good(lambda known=admission: known.principal(pem, None))
