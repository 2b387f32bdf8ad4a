"""What is open between areas, as a page counts it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from medsettle.errors import LedgerUnavailable
from medsettle.peers.case_counts import OpenWith, open_with
from medsettle.peers.open_cases import FILE_NAME, OpenCases, Unknown

_NOW = datetime(2026, 4, 1, tzinfo=UTC)
_NOW_US = int(_NOW.timestamp()) * 1_000_000


def test_a_folder_without_peers_has_nothing_open(tmp_path: Path) -> None:
    """And nothing is made in it."""
    assert [] == open_with(tmp_path, _NOW)
    assert [] == list(tmp_path.iterdir())


def test_cases_are_counted_by_area_while_a_server_has_them_open(tmp_path: Path) -> None:
    """The oldest first, with a trouble of one of them."""
    moment = [_NOW_US - 200_000_000]
    cases = OpenCases(tmp_path / FILE_NAME, lambda: moment[0], lambda low, high: low)
    try:
        cases.open_deliveries([("S1", "910001"), ("S2", "910001"), ("S3", "920001")], 3)
        moment[0] = _NOW_US - 60_000_000
        unknown = Unknown("H1", "R1", "SettleScoped", "920001", b"x", b"d", "P1")
        cases.open_unknown(unknown)
        cases.put_off_unknowns([unknown], "PEER_UNREACHABLE: nobody there")
        found = open_with(tmp_path, _NOW)
    finally:
        cases.close()

    assert [
        OpenWith("910001", "delivery", 2, 200, 0, ""),
        OpenWith("920001", "delivery", 1, 200, 0, ""),
        OpenWith("920001", "unknown", 1, 60, 1, "PEER_UNREACHABLE: nobody there"),
    ] == found


def test_what_is_no_list_of_cases_is_told(tmp_path: Path) -> None:
    """With what to look at."""
    (tmp_path / FILE_NAME).write_bytes(b"something else, longer than a header of SQLite" * 40)
    with pytest.raises(LedgerUnavailable, match=r"peers.db cannot be read: .*look at the disk"):
        open_with(tmp_path, _NOW)
