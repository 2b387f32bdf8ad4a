"""An upgrade and the way back, while tills go on asking: nothing lost, nothing doubled.

The version before this one comes out of the history. What is acknowledged is held to the checks of
`medsettle torture`: every answer is in the ledger, once, and the ledger is what one engine alone
makes of the same requests.
"""

import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from medsettle.torture.crowd import Crowd
from medsettle.torture.kills import area_alone
from medsettle.torture.seeds import rule_book
from medsettle.torture.stores import Place, PostgresStore, SqliteStore, Store

from tests.cli.commands import ROOT, environment
from tests.deployment.timed import Timed, broken
from tests.deployment.versions import Version, ending, free_port, older_source
from tests.torture.simulating import SHAPES

pytestmark = pytest.mark.slow

_log = logging.getLogger(__name__)

_CLIENTS = 4
_UPGRADE = ROOT / "engine" / "deployment" / "upgrade.py"
# A machine on which everything is tested at once is slow; nothing is timed here.
_FINISH_SECONDS_MAX = 180.0


@dataclass
class _Upgrades:
    """A ledger, the two versions that serve it in turn, and who asks meanwhile."""

    store: Store
    place: Place
    old: Version
    new: Version
    overlap: bool
    rules: Path
    crowd: Crowd = field(default_factory=lambda: Crowd(Random(7), _CLIENTS, Timed()))

    def changed(self, before: Version, after: Version) -> tuple[int, list[dict[str, object]]]:
        """Run the script; return its exit code and its steps."""
        which = (("new", after), ("old", before))
        words = [
            word
            for name, version in which
            for verb in ("start", "stop", "ready")
            for word in (f"--{verb}-{name}", getattr(version, verb))
        ]
        words += ["--overlap"] if self.overlap else []
        if "MEDSETTLE_TAKEOVER_SECONDS" in after.environment:
            words += ["--waiting-new", after.waiting]
        done = subprocess.run(
            [sys.executable, str(_UPGRADE), *words, "--seconds", "40"],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        )
        assert "" == done.stderr, done.stderr
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]

    @contextmanager
    def asked(self, answers: int) -> Iterator[None]:
        """Ask the whole time, and for so many answers before and after the block."""
        asking = [True]
        address = self.old.address
        if self.overlap:
            # Tills of servers that share a ledger know the addresses of all.
            address = f"ipv4:{self.old.address},{self.new.address}"
        pool = self.crowd.ask(address, lambda: asking[0])
        try:
            self._wait_for(answers)
            yield
            self._wait_for(answers)
        finally:
            asking[0] = False
            pool.shutdown()

    def _wait_for(self, more: int) -> None:
        came = self._timed.answers.wait_for(more, _FINISH_SECONDS_MAX)
        assert came, f"no answers: {self.old.said} {self.new.said}"

    @property
    def _timed(self) -> Timed:
        assert isinstance(self.crowd.known, Timed)
        return self.crowd.known

    def gap(self, begun: float) -> float:
        """Return the longest time without an answer since a moment."""
        return self._timed.answers.longest_gap(begun, time.monotonic())

    def check(self, last: Version) -> int:
        """Let the last version finish, hold everything to the checks, and count entries."""
        assert [] == self.crowd.finish(last.address, _FINISH_SECONDS_MAX)
        subprocess.run(["sh", "-c", last.stop], check=True)
        book, known = rule_book(self.rules), self.crowd.known
        with self.store.as_left(self.place) as ledger:
            faults, entries = broken(book, ledger, self.place.audit, known)
        assert [] == faults
        assert 0 < len(known.done) <= entries
        return entries


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the source of the version before this one."""
    source = older_source(tmp_path_factory.mktemp("older"))
    if source is None:
        pytest.skip("no history: the version before this one is unknown")
    return source


@contextmanager
def _versions(
    store: Store, folder: Path, source: Path, *, overlap: bool, told: Mapping[str, str] = {}
) -> Iterator[_Upgrades]:
    """Yield the version before this one, which serves, and this one, on one ledger."""
    with area_alone(SHAPES) as rules, store.ledger() as place:
        arguments = place.arguments(rules)[:-2] if not place.url else place.arguments(rules)
        arguments = [each for each in arguments if each not in {"--listen", "127.0.0.1:0"}]
        at = [f"127.0.0.1:{free_port()}" for _ in "12"]
        waits = {} if overlap else {"MEDSETTLE_TAKEOVER_SECONDS": "60"}
        old = Version(source, at[0], arguments, folder, "old")
        new = Version(
            ROOT / "engine",
            at[1] if overlap else at[0],
            arguments,
            folder,
            "new",
            {**waits, **told},
        )
        upgrades = _Upgrades(store, place, old, new, overlap, SHAPES)
        with ending(old, new):
            old.begin()
            yield upgrades


def _there_and_back(upgrades: _Upgrades) -> dict[str, float]:
    """Upgrade and go back while tills ask; return the longest time without an answer of each."""
    gaps = {}
    for name, before, after in (
        ("upgrade", upgrades.old, upgrades.new),
        ("rollback", upgrades.new, upgrades.old),
    ):
        with upgrades.asked(200):
            begun = time.monotonic()
            code, steps = upgrades.changed(before, after)
            said = f"{steps} {upgrades.old.said} {upgrades.new.said}"
            assert 0 == code, said
            _log.info("%s: %s", name, steps)
        gaps[name] = upgrades.gap(begun)
    return gaps


def test_an_upgrade_on_a_file_and_back_loses_nothing(tmp_path: Path, older: Path) -> None:
    """One writer: the next server waits for the ledger; tills see a pause within their patience."""
    with _versions(SqliteStore(), tmp_path, older, overlap=False) as upgrades:
        gaps = _there_and_back(upgrades)
        recorded = upgrades.check(upgrades.old)

    told = f"{len(upgrades.crowd.known.done)} acknowledged, {recorded} entries, longest {gaps}"
    _log.info(told)


def test_an_upgrade_on_postgres_and_back_loses_nothing(tmp_path: Path, older: Path) -> None:
    """Both versions serve one ledger for a while, and tills go to whichever is there."""
    with PostgresStore() as store, _versions(store, tmp_path, older, overlap=True) as upgrades:
        gaps = _there_and_back(upgrades)
        recorded = upgrades.check(upgrades.old)

    told = f"{len(upgrades.crowd.known.done)} acknowledged, {recorded} entries, longest {gaps}"
    _log.info(told)


def test_a_version_that_does_not_start_is_taken_back(tmp_path: Path, older: Path) -> None:
    """The old server serves again, and what tills were told meanwhile holds."""
    broken = {"MEDSETTLE_METRICS": "nowhere"}
    with _versions(SqliteStore(), tmp_path, older, overlap=False, told=broken) as upgrades:
        with upgrades.asked(50):
            code, steps = upgrades.changed(upgrades.old, upgrades.new)
        assert 1 == code, steps
        # The old one was never stopped: what cannot load is not waited for in vain.
        assert ["start new", "new waits", "stop new", "old is ready"] == [
            each["step"] for each in steps
        ]
        upgrades.check(upgrades.old)


def test_a_version_that_fails_with_the_ledger_in_hand_is_taken_back(
    tmp_path: Path, older: Path
) -> None:
    """It took the ledger and could not serve: the old one is started again and goes on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        told = {"MEDSETTLE_METRICS": f"127.0.0.1:{taken.getsockname()[1]}"}
        with _versions(SqliteStore(), tmp_path, older, overlap=False, told=told) as upgrades:
            with upgrades.asked(50):
                code, steps = upgrades.changed(upgrades.old, upgrades.new)
            assert 1 == code, steps
            assert ["stop new", "start old", "old is ready"] == [
                each["step"] for each in steps[-3:]
            ]
            upgrades.check(upgrades.old)
