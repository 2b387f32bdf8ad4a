"""The log of accesses: what is in it, what is not, and what a death or a full disk leaves."""

import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.errors import InvalidRequest, NotPermitted
from medsettle.identity.access_log import AccessLog, read_accesses, resource_of
from medsettle.identity.principals import ANYBODY, Principal, principal_of
from medsettle.identity.roles import Role

from tests.identity.known import AREA, H1, Known
from tests.service.claims import claim

_MOMENT = datetime(2026, 3, 10, 1, 2, 3, tzinfo=UTC)
_WHO = principal_of("Li Wei", Role.AUDITOR, shown="token 1")


def _log(folder: Path, **bounds: int) -> AccessLog:
    return AccessLog(folder, lambda: _MOMENT, **bounds)


def _add(log: AccessLog, number: int, who: Principal = _WHO) -> None:
    log.add(who, f"Method{number}", "", "OK")


def test_what_is_taken_down_is_read_in_order(tmp_path: Path) -> None:
    """With who, when, what and how it ended; the folder and its files are private."""
    with closing(_log(tmp_path / "access")) as log:
        for number in range(3):
            _add(log, number)
        log.add(ANYBODY, "GetPolicy", "poolingAreas/-/policies/p", "NOT_FOUND")
    found = [*read_accesses(tmp_path / "access")]

    assert ["Method0", "Method1", "Method2", "GetPolicy"] == [each.method for each in found]
    assert (_MOMENT, "Li Wei", "auditor", "token 1", "OK") == (
        *(found[0].moment, found[0].who, found[0].role, found[0].shown),
        found[0].outcome,
    )
    assert ["Method2", "GetPolicy"] == [
        each.method for each in read_accesses(tmp_path / "access", newest=2)
    ]
    (file,) = (tmp_path / "access").iterdir()
    assert (0o700, 0o600) == (
        (tmp_path / "access").stat().st_mode & 0o777,
        file.stat().st_mode & 0o777,
    )


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("poolingAreas/110000/settlements/11000048e3cd1f563fae8172c0", None),
        ("poolingAreas/-/visits/11000048e3cd1f563fae8172c0", None),
        ("poolingAreas/110000/policies/城乡居民", None),
        ("poolingAreas/110000", None),
        ("poolingAreas/110000/persons/110101198001011234", "poolingAreas/110000/persons/*"),
        ("poolingAreas/110000/cards/6217001234567890", "poolingAreas/110000/cards/*"),
        (
            "poolingAreas/110000/settlements/110101198001011234X",
            "poolingAreas/110000/settlements/*",
        ),
        ("poolingAreas/110000/settlements/110000ab\nOK", "poolingAreas/110000/settlements/*"),
        ("poolingAreas/1101011980/persons/1", ""),
        ("Li Wei", ""),
    ],
)
def test_what_is_written_of_a_name(name: str, kept: str | None) -> None:
    """Ids of ours and policies are kept; whatever may be somebody is not."""
    assert resource_of(name) == (name if kept is None else kept)


def test_nothing_personal_is_in_the_log(server: Known) -> None:
    """Neither person, card nor request id of any call is in the bytes on disk; the methods are."""
    client, auditor = server.by_certificate(H1), server.by_certificate("auditor")
    person, card = "110101198001011234", "6217001234567890"
    row = claim(1, institution=H1, person=person, request_id="R-Li-Wei")
    settled = client.settle(row)
    client.preview(row)
    client.person(AREA, person)
    client.cards.check(AREA, card)
    list(auditor.list(pooling_area=AREA, person=person))
    client.get(str(settled.columns["settlement"]))
    with pytest.raises(NotPermitted):
        auditor.settle(row)
    server.log.close()
    raw = b"".join(each.read_bytes() for each in (server.folder / "access").iterdir())

    assert [
        *("CreateSettlement", "PreviewSettlement", "GetPerson", "CheckCard"),
        *("ListSettlements", "GetSettlement", "CreateSettlement"),
    ] == [each.method for each in server.accesses()]
    for personal in (person, card, "R-Li-Wei", "1980"):
        assert personal.encode() not in raw


def test_what_somebody_sends_breaks_no_line(tmp_path: Path) -> None:
    """A name with line ends and marks of a terminal is one line, and comes back as it was."""
    evil = 'x"\n{"who":"me"}\r\x1b[2J\u2028'
    with closing(_log(tmp_path)) as log:
        log.add(Principal(evil, None, frozenset()), evil, "", evil)
    (file,) = tmp_path.iterdir()

    assert 1 == file.read_bytes().count(b"\n")
    assert b"\x1b" not in file.read_bytes() and b"\r" not in file.read_bytes()
    (found,) = read_accesses(tmp_path)
    assert (evil, evil) == (found.who, found.method)


def test_files_follow_one_another_and_the_oldest_go(tmp_path: Path) -> None:
    """So the log has a size: of many accesses the last are kept, none twice, in order."""
    for start in range(0, 60, 10):
        with closing(_log(tmp_path, file_bytes=600, files=3)) as log:
            for number in range(start, start + 10):
                _add(log, number)
    names = sorted(each.name for each in tmp_path.iterdir())
    methods = [each.method for each in read_accesses(tmp_path)]

    assert 3 == len(names) and names[0] > "accesses-00000001"
    assert [f"Method{number}" for number in range(60 - len(methods), 60)] == methods


def test_the_line_that_a_death_cut_off_harms_no_other(tmp_path: Path) -> None:
    """The next process begins a new line; the torn one is left out."""
    with closing(_log(tmp_path)) as log:
        _add(log, 1)
    (file,) = tmp_path.iterdir()
    with file.open("ab") as torn:
        torn.write(b'{"moment":"2026-')
    with closing(_log(tmp_path)) as log:
        _add(log, 2)

    assert ["Method1", "Method2"] == [each.method for each in read_accesses(tmp_path)]


def test_what_the_disk_does_not_take_is_counted(tmp_path: Path) -> None:
    """More than may wait: the newest are written once it takes them, after how many are missing."""
    folder = tmp_path / "access"
    with closing(AccessLog(folder, lambda: _MOMENT, seconds=3_600, waiting_max=3)) as log:
        for number in range(8):
            _add(log, number)
    found = [(each.method, each.outcome) for each in read_accesses(folder)]

    assert [("", "LOST 5"), *((f"Method{number}", "OK") for number in (5, 6, 7))] == found


def test_a_file_that_cannot_follow_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """An event says which folder takes nothing, and why; the file before it stays ours to close."""
    with closing(_log(tmp_path)) as log:
        _add(log, 0)
    with closing(AccessLog(tmp_path, lambda: _MOMENT, seconds=3_600, file_bytes=1)) as log:
        (tmp_path / "accesses-00000002.jsonl").mkdir()
        _add(log, 1)
    told = [each for each in caplog.messages if each.startswith("accesses_not_written")]

    assert 1 == len(told)
    assert f"folder={tmp_path} told=[Errno 21]" in told[0]


def test_strangers_push_nobody_out(tmp_path: Path) -> None:
    """Of a minute so many refusals have a line, the rest is counted; the next begins anew."""
    most, moments = limits.ACCESS_STRANGERS_PER_MINUTE, [_MOMENT]
    with closing(AccessLog(tmp_path, lambda: moments[0])) as log:
        for number in range(most + 2):
            log.add(ANYBODY, f"M{number}", "", "NOT_AUTHENTICATED")
        log.add(_WHO, "GetSettlement", "", "OK")
        moments[0] += timedelta(minutes=1)
        log.add(ANYBODY, "Next", "", "NOT_AUTHENTICATED")
    told = [(each.method, each.outcome) for each in read_accesses(tmp_path)]

    assert [f"M{number}" for number in range(most)] == [method for method, _ in told[:most]]
    assert [
        ("GetSettlement", "OK"),
        ("", "NOT_AUTHENTICATED 2 MORE"),
        ("Next", "NOT_AUTHENTICATED"),
    ] == told[most:]


_DYING = """
import os, signal, sys, threading
from datetime import UTC, datetime
from pathlib import Path
from medsettle.identity.access_log import AccessLog
from medsettle.identity.principals import ANYBODY
log = AccessLog(Path(sys.argv[1]), lambda: datetime(2026, 3, 10, tzinfo=UTC))
log.add(ANYBODY, "First", "", "OK")
file = next(Path(sys.argv[1]).iterdir())
while not file.stat().st_size:
    threading.Event().wait(0.01)
log.add(ANYBODY, "Second", "", "OK")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_loses_moments(tmp_path: Path) -> None:
    """What was handed to the system is there; what was asked for in the last moment is not."""
    done = subprocess.run([sys.executable, "-c", _DYING, str(tmp_path)], check=False)

    assert -9 == done.returncode
    assert ["First"] == [each.method for each in read_accesses(tmp_path)]


def test_a_folder_without_a_log_is_told(tmp_path: Path) -> None:
    """One that is misspelt must not pass as one in which nobody asked for anything."""
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InvalidRequest, match="no log of accesses"):
            list(read_accesses(folder))


def test_refusals_at_the_entrance_are_taken_down(server: Known) -> None:
    """With who was refused what, and why; the name of the institution is not the other's."""
    with pytest.raises(NotPermitted):
        server.by_certificate(H1).settle(claim(1, institution="H002"))
    (access,) = server.accesses()

    assert (H1, H1, "NOT_PERMITTED") == (access.who, access.institution, access.outcome)
