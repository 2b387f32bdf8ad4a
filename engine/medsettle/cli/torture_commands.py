"""`medsettle torture`: prove by faults that nothing is lost and nothing happens twice."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle import limits
from medsettle.cli.exits import Exit, Quit, told
from medsettle.cli.options import Json
from medsettle.torture.seeds import Tally, rule_book, run_seeds
from medsettle.torture.simulation import Outcome, simulate

_Seed = Annotated[
    int | None, typer.Option(min=0, help="Run this seed alone and print what happens in it.")
]


def torture(
    simulate_: Annotated[
        bool, typer.Option("--simulate", help="Simulate a deployment, seed by seed.")
    ] = False,
    seed: _Seed = None,
    seeds: Annotated[int, typer.Option(min=1, max=limits.SEEDS_MAX, help="How many.")] = 1_000,
    first: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    processes: Annotated[
        int, typer.Option(min=1, max=limits.SEED_PROCESSES_MAX, help="Processes that share them.")
    ] = 1,
    rules: Annotated[
        Path, typer.Option(help="Rules with the invented area of the requests.")
    ] = Path("fixtures/policies/shapes"),
    as_json: Json = False,
) -> None:
    """Prove by faults that nothing is lost and nothing happens twice.

    A seed decides everything of a simulated run: what tills ask, which messages are lost, where the
    server dies and the store fails. A seed that breaks a promise is printed with what happened, and
    `--seed` runs it again.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        if seed is not None:
            _replay(console, rules, seed, as_json=as_json)
        else:
            _simulate(console, rules, range(first, first + seeds), processes, as_json=as_json)


def _replay(console: Console, rules: Path, seed: int, *, as_json: bool) -> None:
    outcome = simulate(seed, rule_book(rules))
    if as_json:
        _print_json(console, {"seed": seed, **_failure(outcome)})
    else:
        _print_outcome(console, outcome)
    if outcome.violations:
        raise Quit(Exit.FINDING)


def _simulate(
    console: Console, rules: Path, seeds: range, processes: int, *, as_json: bool
) -> None:
    begun = time.monotonic()
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("simulating", total=len(seeds))
        advance: Callable[[Outcome], None] = lambda _: progress.advance(task)  # noqa: E731
        tally = run_seeds(rules, seeds, processes, advance)
    seconds = time.monotonic() - begun
    if as_json:
        _print_json(console, _tally(tally, seconds))
    else:
        _print_tally(console, tally, seconds)
    if tally.failed:
        raise Quit(Exit.FINDING)


def _tally(tally: Tally, seconds: float) -> dict[str, object]:
    return {
        "seeds": tally.seeds,
        "asked": tally.asked,
        "acknowledged": tally.acknowledged,
        "recorded": tally.recorded,
        "deaths": tally.deaths,
        "audited": tally.audited,
        "contended": tally.contended,
        "seconds": round(seconds, 1),
        "failed": [{"seed": each.seed, **_failure(each)} for each in tally.failed],
    }


def _failure(outcome: Outcome) -> dict[str, object]:
    return {"violations": outcome.violations, "trace": outcome.trace}


def _print_json(console: Console, body: dict[str, object]) -> None:
    console.out(orjson.dumps(body).decode(), highlight=False)


def _print_outcome(console: Console, outcome: Outcome) -> None:
    console.print(f"seed {outcome.seed}: {outcome.swarm or 'several processes on one store'}")
    for line in outcome.trace:
        console.print(escape(line), highlight=False)
    for violation in outcome.violations:
        console.print(f"[bold red]violation[/] {escape(violation)}", highlight=False)
    if not outcome.violations:
        console.print(
            f"{outcome.acknowledged} acknowledged, {outcome.recorded} recorded, "
            f"{outcome.deaths} deaths: every promise kept"
        )


def _print_tally(console: Console, tally: Tally, seconds: float) -> None:
    for outcome in tally.failed:
        _print_outcome(console, outcome)
        console.print(f"again: medsettle torture --simulate --seed {outcome.seed}")
    console.print(
        f"{tally.seeds} seeds in {seconds:.0f} s: {tally.asked} requests, "
        f"{tally.acknowledged} acknowledged, {tally.recorded} entries, {tally.deaths} deaths; "
        f"{tally.audited} with audit tables, {tally.contended} with several processes"
    )
    failed = [str(each.seed) for each in tally.failed]
    console.print(f"violations in seeds {', '.join(failed)}" if failed else "every promise kept")
