"""`medsettle torture`: prove by faults that nothing is lost and nothing happens twice."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle import limits
from medsettle.cli.exits import Exit, Quit, UnreadableFile, told
from medsettle.cli.options import Json
from medsettle.torture.kills import Report, kill_rounds
from medsettle.torture.seeds import Tally, rule_book, run_seeds
from medsettle.torture.simulation import Outcome, simulate
from medsettle.torture.stores import PostgresStore, SqliteStore, Store


class StoreKind(StrEnum):
    """Where real servers keep their ledgers."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


def torture(
    simulate_: Annotated[
        bool, typer.Option("--simulate", help="Simulate a deployment, seed by seed.")
    ] = False,
    seeds: Annotated[
        int, typer.Option(min=1, max=limits.SEEDS_MAX, help="Simulated: how many seeds.")
    ] = 1_000,
    first: Annotated[int, typer.Option(min=0, help="Simulated: the first of them.")] = 0,
    processes: Annotated[
        int,
        typer.Option(min=1, max=limits.SEED_PROCESSES_MAX, help="Simulated: who share them."),
    ] = 1,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Simulated: this seed alone, with what happens. Real: of deaths."),
    ] = None,
    rounds: Annotated[
        int, typer.Option(min=1, max=limits.KILL_ROUNDS_MAX, help="Real: how many servers die.")
    ] = 20,
    clients: Annotated[
        int, typer.Option(min=1, max=limits.KILL_CLIENTS_MAX, help="Real: who ask at once.")
    ] = 4,
    store: Annotated[StoreKind, typer.Option(help="Real: where ledgers are.")] = StoreKind.SQLITE,
    ledger: Annotated[
        str, typer.Option(help="Real: a PostgreSQL of yours, with no ledger in it yet.")
    ] = "",
    rules: Annotated[
        Path, typer.Option(help="Rules with the invented area of the requests.")
    ] = Path("fixtures/policies/shapes"),
    as_json: Json = False,
) -> None:
    """Prove by faults that nothing is lost and nothing happens twice.

    Real servers are killed under load, at any moment and at named steps, and what they leave is
    held to what they acknowledged. With --simulate everything happens in one process, decided by a
    seed: what tills ask, which messages are lost, where the server dies and the store fails. A seed
    that breaks a promise is printed with what happened, and --seed runs it again.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        if not simulate_:
            with _store(store, ledger) as opened:
                _kill(console, opened, rules, rounds, clients, seed or 0, as_json=as_json)
        elif seed is not None:
            _replay(console, rules, seed, as_json=as_json)
        else:
            _simulate(console, rules, range(first, first + seeds), processes, as_json=as_json)


@contextmanager
def _store(kind: StoreKind, url: str) -> Iterator[Store]:
    if kind is StoreKind.SQLITE:
        if url:
            raise UnreadableFile("--ledger names a PostgreSQL; say --store postgres with it")
        yield SqliteStore()
        return
    try:
        with PostgresStore(url) as opened:
            yield opened
    except ImportError as error:
        raise UnreadableFile(
            f"{error}; install the packages of the dev extra, or name a server with --ledger"
        ) from error


def _kill(
    console: Console,
    store: Store,
    rules: Path,
    rounds: int,
    clients: int,
    seed: int,
    *,
    as_json: bool,
) -> None:
    begun = time.monotonic()
    with _bar("killing", rounds, as_json=as_json) as advance:
        report = kill_rounds(store, rules.resolve(), rounds, clients, seed, lambda _: advance())
    seconds = time.monotonic() - begun
    if as_json:
        _print_json(console, {**asdict(report), "kills": dict(report.kills), "seconds": seconds})
    else:
        _print_report(console, report, seconds)
    if report.violations:
        raise Quit(Exit.FINDING)


def _print_report(console: Console, report: Report, seconds: float) -> None:
    for violation in report.violations:
        console.print(f"[bold red]violation[/] {escape(violation)}", highlight=False)
    listed = ", ".join(f"{count} {name}" for name, count in report.kills.most_common())
    console.print(
        f"{report.rounds} rounds in {seconds:.0f} s, {report.kills.total()} kills ({listed})"
    )
    console.print(
        f"{report.asked} requests, {report.settled} acknowledged settlements, "
        f"{report.acknowledged} acknowledged in all, {report.recorded} entries: "
        f"{report.lost} lost, {report.doubled} doubled, {len(report.violations)} violations"
    )


@contextmanager
def _bar(what: str, total: int, *, as_json: bool) -> Iterator[Callable[[], None]]:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=as_json, transient=True) as progress:
        task = progress.add_task(what, total=total)
        yield lambda: progress.advance(task)


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
    with _bar("simulating", len(seeds), as_json=as_json) as advance:
        tally = run_seeds(rules, seeds, processes, lambda _: advance())
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
