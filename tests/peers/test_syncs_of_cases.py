"""The list of open cases: what is in it, and for what of it the disk is waited for."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from medsettle.peers.open_cases import OpenCases, Unknown

from tests.power.disk import Disk, Sync
from tests.power.watching import watched

_AREA = "999941"


def _syncs(disk: Disk) -> int:
    return sum(isinstance(step, Sync) for step in disk.steps)


def _unknown(request_id: str) -> Unknown:
    return Unknown("H", request_id, "CancelScoped", _AREA, b"body", b"digest", "P")


def test_no_settlement_waits_for_the_list(tmp_path: Path) -> None:
    """Deliveries are opened and closed without a sync: they follow from the ledger."""
    with watched(tmp_path) as disk:
        cases = OpenCases(tmp_path / "peers.db", lambda: 0)
        before = _syncs(disk)

        cases.open_deliveries([("S1", _AREA)], 1)
        cases.open_unknown(_unknown("R1"))
        cases.close_deliveries(["S1"])
        cases.close_unknown(("H", "R1"))

        assert before == _syncs(disk)
        cases.close()


def test_what_is_final_once_sent_is_synced_before(tmp_path: Path) -> None:
    """A cancel is opened with a sync, and what comes after it without one again."""
    with watched(tmp_path) as disk:
        cases = OpenCases(tmp_path / "peers.db", lambda: 0)
        before = _syncs(disk)

        cases.open_unknown(_unknown("R1"), synced=True)
        synced = _syncs(disk)
        cases.open_deliveries([("S1", _AREA)], 1)

        assert before < synced == _syncs(disk)
        cases.close()


def test_the_log_is_moved_beside_the_claims(tmp_path: Path) -> None:
    """However long the log gets, no change waits for a sync; who moves it does, on any thread."""
    with watched(tmp_path) as disk:
        cases = OpenCases(tmp_path / "peers.db", lambda: 0)
        before = _syncs(disk)
        number = 0
        while not cases.log_is_long:
            number += 1
            cases.open_deliveries([(f"S{number}", _AREA)], number)
        assert before == _syncs(disk)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(cases.move_log).result()
        assert before < _syncs(disk)

        cases.open_deliveries([("last", _AREA)], number + 1)
        assert not cases.log_is_long
        assert number + 1 == len(cases.deliveries())
        cases.close()
