"""Work that a page begins: it outlives the console, is bounded, and ends in one known way."""

import dataclasses
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.console.jobs import Job, Jobs, Kind, Progress, State
from medsettle.errors import NotFound, Overloaded, Precondition

from tests.cli.commands import environment
from tests.console.conftest import Day
from tests.console.waiting import ended, until

_MOMENT = datetime(2026, 3, 11, 8, 0, tzinfo=UTC)


@pytest.fixture
def jobs(day: Day, tmp_path: Path) -> Iterator[Jobs]:
    """Return the jobs of a console that has begun none; what still runs in the end is stopped."""
    place = dataclasses.replace(day.place(), state=tmp_path / "state")
    found = Jobs(place, lambda: _MOMENT)
    yield found
    for job in found.listed(Kind.VERIFICATION):
        if job.state is State.RUNNING:
            until((job.folder / "process").exists)
            found.stop(job, "a test")
            ended(job)


def _begun(jobs: Jobs, *steps: Sequence[str]) -> Job:
    return jobs.begin(Kind.VERIFICATION, "A", {"what": "tables"}, lambda _folder: steps)


def _lasting(day: Day) -> Sequence[str]:
    """Return a command that goes on until it is told to end."""
    place = ("--data", str(day.data), "--rules", str(day.rules))
    return ["console", *place, "--listen", "127.0.0.1:0"]


def _verified(day: Day) -> Sequence[str]:
    return ["audit", "verify", "--data", str(day.data), "--progress", "--json"]


def test_a_job_ends_with_what_its_commands_answered(jobs: Jobs, day: Day) -> None:
    """Each after the one before it; how far the last one came is what it said last."""
    job = _begun(jobs, ["--help"], _verified(day))

    assert State.DONE is ended(job)
    assert (0, 0) == (job.code(0), job.code(1))
    assert len(day.settled) + 1 <= job.told(1)["last_seq"]
    progress = job.progress(1)
    assert progress is not None
    assert ("segments", 100) == (progress.what, progress.percent)
    assert job.ended is not None


def test_what_comes_after_a_command_that_failed_is_not_begun(jobs: Jobs, day: Day) -> None:
    """And its words are those of the job."""
    job = _begun(jobs, ["audit", "verify", "--data", "no-such-folder", "--json"], _verified(day))

    assert State.FAILED is ended(job)
    assert ["no-such-folder holds no audit tables; name the folder with --data"] == job.faults
    assert not (job.folder / "step-1.out").exists()


def test_another_console_finds_a_job_and_stops_it(jobs: Jobs, day: Day) -> None:
    """Who stopped it is known then; it can be deleted, which a running one cannot."""
    job = _begun(jobs, _lasting(day), _verified(day))
    until((job.folder / "process").exists)
    again = Jobs(dataclasses.replace(day.place(), state=job.folder.parents[1]), lambda: _MOMENT)
    found = again.get(job.name, Kind.VERIFICATION)
    with pytest.raises(Precondition, match="stop it first"):
        again.delete(found)
    again.stop(found, "B")

    assert State.STOPPED is ended(found)
    assert "B" == found.stopped_by
    with pytest.raises(Precondition, match="has ended already"):
        again.stop(found, "C")
    again.delete(found)
    assert [] == again.listed(Kind.VERIFICATION)


def test_a_job_outlives_the_console_that_began_it(jobs: Jobs, day: Day, tmp_path: Path) -> None:
    """Its process ends with the job running; another one finds it and stops it."""
    begin = f"""
import dataclasses, sys
from datetime import UTC, datetime
from pathlib import Path
from medsettle.console.jobs import Jobs, Kind
from medsettle.console.place import Place
data, state = Path({str(day.data)!r}), Path({str(tmp_path / "state")!r})
place = Place(data, data, data / "ledger.db", state, data / "audit", data / "clearing")
steps = [{_lasting(day)!r}, ["--help"]]
jobs = Jobs(place, lambda: datetime.now(UTC))
print(jobs.begin(Kind.VERIFICATION, "A", {{}}, lambda folder: steps).name)
"""
    words = [sys.executable, "-c", begin]
    ran = subprocess.run(words, capture_output=True, check=True, text=True, env=environment())
    job = jobs.get(ran.stdout.strip(), Kind.VERIFICATION)
    until((job.folder / "process").exists)
    assert State.RUNNING is job.state
    jobs.stop(job, "B")

    assert State.STOPPED is ended(job)


def test_a_job_that_was_killed_is_lost(jobs: Jobs, day: Day) -> None:
    """With everything that belongs to it, as when the machine goes down."""
    job = _begun(jobs, _lasting(day))
    until((job.folder / "process").exists)
    os.killpg(int((job.folder / "process").read_bytes()), signal.SIGKILL)

    assert State.LOST is ended(job)
    assert None is job.ended


def test_a_job_lives_while_one_of_its_processes_does(jobs: Jobs, day: Day) -> None:
    """The first was killed; the command that it began goes on, and is stopped all the same."""
    job = _begun(jobs, _lasting(day))
    until((job.folder / "step-0.out").exists)
    os.kill(int((job.folder / "process").read_bytes()), signal.SIGKILL)
    assert State.RUNNING is job.state
    jobs.stop(job, "A")

    assert State.STOPPED is ended(job)


def test_no_more_run_than_may(jobs: Jobs, day: Day) -> None:
    """One more is refused, and may begin when another has ended."""
    running = [_begun(jobs, _lasting(day)) for _ in range(limits.CONSOLE_JOBS_RUNNING_MAX)]
    with pytest.raises(Overloaded, match="no more may at once"):
        _begun(jobs, _verified(day))
    until((running[0].folder / "process").exists)
    jobs.stop(running[0], "A")
    ended(running[0])

    assert State.DONE is ended(_begun(jobs, _verified(day)))


def test_no_more_are_kept_than_may(jobs: Jobs, day: Day) -> None:
    """Of one kind: another kind has room of its own."""
    first = _begun(jobs, ["--help"])
    ended(first)
    for number in range(1, limits.CONSOLE_JOBS_KEPT_MAX - 1):
        copy = first.folder.with_name(f"20260310T080000000000-verification-{number:08x}")
        copy.mkdir()
        (copy / "job.json").write_bytes((first.folder / "job.json").read_bytes())
    last = _begun(jobs, ["--help"])
    ended(last)
    with pytest.raises(Precondition, match="100 of these are kept"):
        _begun(jobs, ["--help"])
    part = jobs.listed(Kind.VERIFICATION)
    rest = jobs.listed(Kind.VERIFICATION, part[limits.CONSOLE_ROWS_SHOWN - 1].name)

    assert [limits.CONSOLE_ROWS_SHOWN + 1, limits.CONSOLE_ROWS_SHOWN] == [len(part), len(rest)]
    other = jobs.begin(Kind.REPLAY, "A", {}, lambda _folder: [["--help"]])
    assert State.DONE is ended(other)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../state", id="a-path"),
        pytest.param("20260311T080000000000-verification-00000000", id="none-of-that-name"),
        pytest.param("20260311T080000000000-replay-00000000", id="of-another-kind"),
        pytest.param("", id="nothing"),
    ],
)
def test_a_name_that_is_none_of_ours_is_no_path(jobs: Jobs, name: str) -> None:
    """It is not found, whatever lies there."""
    job = _begun(jobs, ["--help"])
    ended(job)
    shutil.copytree(job.folder, job.folder.parent.parent / "state")

    with pytest.raises(NotFound, match="no job"):
        jobs.get(name, Kind.VERIFICATION)


def test_what_raises_before_a_job_begins_leaves_nothing(jobs: Jobs) -> None:
    """Nor does what a console left that died at that moment."""

    def failing(folder: Path) -> Sequence[Sequence[str]]:
        raise FileNotFoundError(folder)

    with pytest.raises(FileNotFoundError) as error:
        jobs.begin(Kind.REPLAY, "A", {}, failing)
    folder = Path(str(error.value))
    left = folder.with_name("20260311T080000000000-replay-00000000")
    left.mkdir()
    ended(_begun(jobs, ["--help"]))

    assert (False, False) == (folder.exists(), left.exists())


def test_rate_and_time_left_follow_from_what_is_done() -> None:
    """Nothing is said of them before anything is done, or in no time."""
    assert (25, 50, 61) == _figures(Progress("claims", 1_000, 4_000, 20))
    assert (0, 0, None) == _figures(Progress("claims", 0, 4_000, 20))
    assert (100, 0, None) == _figures(Progress("claims", 4_000, 4_000, 0))
    assert (0, 0, None) == _figures(Progress("claims", 0, 0, 0))


def _figures(progress: Progress) -> tuple[int, int, int | None]:
    return progress.percent, progress.rate, progress.left_seconds
