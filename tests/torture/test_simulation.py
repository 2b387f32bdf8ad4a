"""The simulation itself: one seed is one run, everywhere, and one that fails says how to see it."""

import io
import json
import subprocess
from dataclasses import replace
from random import Random

import pytest
from medsettle import limits
from medsettle.cli import torture_runs
from medsettle.cli.app import app
from medsettle.cli.exits import Exit, Quit
from medsettle.torture import seeds
from medsettle.torture.baton import Baton, Deadlock
from medsettle.torture.clockwork import SimulatedLoop, Stalled, simulated_loop
from medsettle.torture.parts import ON_FILES
from rich.console import Console
from typer.testing import CliRunner

from tests.cli.commands import ROOT, command, environment, run
from tests.torture import planted
from tests.torture.simulating import SHAPES
from tests.torture.simulating import run as run_seed

pytestmark = pytest.mark.slow


def test_a_seed_is_the_same_run_in_every_process() -> None:
    """Whatever order sets and hashes have in a process, the trace of a seed is the same."""
    words = command("torture", "--simulate", "--seed", 5, "--json", "--rules", SHAPES)
    traces = [
        json.loads(
            subprocess.run(
                words,
                capture_output=True,
                check=True,
                cwd=ROOT,
                env=environment() | {"PYTHONHASHSEED": hash_seed},
            ).stdout
        )["trace"]
        for hash_seed in ("1", "2")
    ]

    assert traces[0] == traces[1]
    assert list(run_seed(5).trace) == traces[0]
    assert any("answered" in line for line in traces[0])


def test_seeds_are_shared_by_processes() -> None:
    """Two processes come to the same sums as one, in the order of the seeds."""
    alone, shared = (seeds.run_seeds(SHAPES, range(6), processes) for processes in (1, 2))

    assert alone == shared
    assert 6 == alone.seeds


def test_the_sqlite_ledger_passes_as_the_one_in_memory() -> None:
    """With the store that is shipped the same histories keep every promise."""
    outcomes = [run_seed(seed, ON_FILES) for seed in range(3)]

    assert [()] * 3 == [each.violations for each in outcomes]
    assert 0 < sum(each.deaths for each in outcomes)


def test_a_failing_seed_prints_itself_and_replays(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed names the seed, what happened, the promise, and the command to see it."""
    monkeypatch.setattr(torture_runs, "REAL", planted.FORGETS_TOMBSTONES)
    said = io.StringIO()
    with pytest.raises(Quit) as quit_:
        torture_runs.simulate_seeds(
            Console(file=said, soft_wrap=True), SHAPES, range(8), 1, as_json=False
        )

    assert Exit.FINDING == quit_.value.code
    assert "let it never settle" in said.getvalue()
    assert "answered" in said.getvalue()
    again = next(line for line in said.getvalue().splitlines() if line.startswith("again: "))
    number = int(again.rpartition(" ")[2])
    assert "again: medsettle torture --simulate --seed" == again.rpartition(" ")[0]
    assert run_seed(number, planted.FORGETS_TOMBSTONES).violations
    assert not run_seed(number).violations


def test_the_command_says_how_many_kept_their_promises() -> None:
    """A clean simulation ends with 0; rules that lack the area, or wrong options, with 2."""
    ran = run("torture", "--simulate", "--seeds", 3, "--rules", SHAPES, "--json")
    assert (Exit.OK, 3, []) == (ran.code, ran.json["seeds"], ran.json["failed"])

    assert Exit.USAGE == _code("--simulate", "--rules", str(ROOT / "nowhere"))
    assert Exit.USAGE == _code("--ledger", "postgresql://somewhere/ledger")
    words = ("--simulate", "--seed", "1", "--rules", str(SHAPES), "--store")
    assert Exit.OK == _code(*words, "sqlite")
    assert Exit.USAGE == _code(*words, "postgres")


def _code(*words: str) -> int:
    result = CliRunner().invoke(app, ["torture", "--json", *words])
    return result.exception.code if isinstance(result.exception, Quit) else result.exit_code


@pytest.mark.parametrize(
    ("option", "largest"),
    [
        ("--seeds", limits.SEEDS_MAX),
        ("--processes", limits.SEED_PROCESSES_MAX),
        ("--rounds", limits.KILL_ROUNDS_MAX),
        ("--clients", limits.KILL_CLIENTS_MAX),
    ],
)
def test_options_have_bounds(option: str, largest: int) -> None:
    """The bound itself is in the range, one more is not; nor is none at all."""
    # An option that does not go with --seed is refused after its range, and nothing is run.
    words = ["torture", "--simulate", "--seed", "1", "--json", "--rules", str(SHAPES)]

    def refused(value: int) -> str:
        result = CliRunner().invoke(app, [*words, option, str(value)])
        assert 2 == result.exit_code
        return result.output

    assert "Input should be" not in refused(largest)
    assert f"Input should be less than or equal to {largest}" in refused(largest + 1)
    assert "Input should be greater than or equal to 1" in refused(0)


def test_the_traces_of_few_failed_seeds_are_kept() -> None:
    """As many as the bound, and not one more; all seeds are counted."""
    failed = replace(run_seed(0), violations=("broken",))
    tally = seeds.Tally()
    for _ in range(limits.FAILED_SEEDS_KEPT_MAX):
        tally.add(failed)
    assert limits.FAILED_SEEDS_KEPT_MAX == len(tally.failed)
    tally.add(failed)

    assert limits.FAILED_SEEDS_KEPT_MAX == len(tally.failed)
    assert limits.FAILED_SEEDS_KEPT_MAX + 1 == tally.seeds == tally.broken


def test_time_is_counted_and_not_waited_for() -> None:
    """A timer of a day comes at once, and where nothing is left to come that is said."""
    with simulated_loop(lambda *_: None) as loop:
        loop.run_until_complete(_day(loop))
        assert 86_400 <= loop.time() < 86_401
        with pytest.raises(Stalled):
            loop.run_until_complete(loop.create_future())


async def _day(loop: SimulatedLoop) -> None:
    future = loop.create_future()
    loop.call_later(86_400, future.set_result, None)
    await future


def test_works_that_wait_for_one_another_are_a_deadlock() -> None:
    """Two who each hold what the other wants are told apart from two who take turns."""

    def run_two(first: tuple[str, str], second: tuple[str, str]) -> None:
        baton, held = Baton(Random(1)), set[str]()

        def work(names: tuple[str, str]) -> None:
            for name in names:
                baton.wait_for(lambda: name not in held, name)  # noqa: B023 - asked at once
                held.add(name)
                baton.pass_on()
            held.difference_update(names)

        baton.run([lambda: work(first), lambda: work(second)])
        assert not held

    run_two(("a", "b"), ("a", "b"))
    with pytest.raises(Deadlock, match="process 0 waits for b; process 1 waits for a"):
        run_two(("a", "b"), ("b", "a"))
