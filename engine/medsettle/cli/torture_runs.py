"""What `medsettle torture` runs, and how it says what came of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from medsettle.cli.exits import Exit, Quit, UnreadableFile
from medsettle.torture.kills import Report, kill_rounds
from medsettle.torture.parts import ON_FILES, REAL, Parts
from medsettle.torture.provinces import ProvincesReport, province_rounds
from medsettle.torture.seeds import Tally, rule_book, run_seeds
from medsettle.torture.simulation import Outcome, simulate
from medsettle.torture.stores import PostgresStore, SqliteStore, Store


@contextmanager
def opened_store(kind: str, url: str) -> Iterator[Store]:
    """Yield the store of a kind.

    Raises:
        UnreadableFile: The options do not go together, or a package is missing.
    """
    if kind == "sqlite":
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


def kill_servers(
    console: Console,
    store: Store,
    rules: Path,
    rounds: int,
    clients: int,
    seed: int,
    *,
    as_json: bool,
) -> None:
    """Kill servers, and print what came of it; end with exit code 1 where a promise was broken."""
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


def fail_between(console: Console, rules: Path, rounds: int, seed: int, *, as_json: bool) -> None:
    """Let processes and links of two areas fail, and print what came of it.

    End with exit code 1 where a promise was broken.
    """
    begun = time.monotonic()
    with _bar("failing", rounds, as_json=as_json) as advance:
        report = province_rounds(rules.resolve(), rounds, seed, lambda _: advance())
    seconds = time.monotonic() - begun
    if as_json:
        _print_json(console, {**asdict(report), "faults": dict(report.faults), "seconds": seconds})
    else:
        _print_provinces(console, report, seconds)
    if report.violations:
        raise Quit(Exit.FINDING)


def _print_provinces(console: Console, report: ProvincesReport, seconds: float) -> None:
    for violation in report.violations:
        console.print(f"[bold red]violation[/] {escape(violation)}", highlight=False)
    listed = ", ".join(f"{count} {name}" for name, count in report.faults.most_common())
    console.print(f"{report.rounds} rounds in {seconds:.0f} s ({listed})")
    console.print(
        f"{report.asked} requests, {report.settled} acknowledged settlements, {report.elsewhere} "
        f"elsewhere, {report.acknowledged} acknowledged in all, {report.recorded} entries: "
        f"{report.lost} lost, {report.doubled} doubled, {report.unresolved} unresolved, "
        f"{len(report.violations)} violations; no case open {report.seconds_open_max:.1f} s after "
        "healing"
    )


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


def replay(console: Console, rules: Path, seed: int, store: str | None, *, as_json: bool) -> None:
    """Run one seed and print what happens in it; end with exit code 1 where it breaks a promise."""
    outcome = simulate(seed, rule_book(rules), _parts(store))
    if as_json:
        _print_json(console, {"seed": seed, **_failure(outcome)})
    else:
        _print_outcome(console, outcome)
    if outcome.violations:
        raise Quit(Exit.FINDING)


def simulate_seeds(
    console: Console,
    rules: Path,
    seeds: range,
    processes: int,
    store: str | None = None,
    *,
    as_json: bool,
) -> None:
    """Run seeds, and print what came of them; end with exit code 1 where one broke a promise."""
    begun = time.monotonic()
    with _bar("simulating", len(seeds), as_json=as_json) as advance:
        tally = run_seeds(rules, seeds, processes, _parts(store), lambda _: advance())
    seconds = time.monotonic() - begun
    if as_json:
        _print_json(console, _tally(tally, seconds))
    else:
        _print_tally(console, tally, seconds, f" --store {store}" if store else "")
    if tally.failed:
        raise Quit(Exit.FINDING)


def _parts(store: str | None) -> Parts:
    if store == "postgres":
        raise UnreadableFile("a simulation keeps its ledger in memory, or in files with sqlite")
    return ON_FILES if store == "sqlite" else REAL


def _tally(tally: Tally, seconds: float) -> dict[str, object]:
    return {
        "seeds": tally.seeds,
        "asked": tally.asked,
        "acknowledged": tally.acknowledged,
        "recorded": tally.recorded,
        "deaths": tally.deaths,
        "audited": tally.audited,
        "contended": tally.contended,
        "broken": tally.broken,
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


def _print_tally(console: Console, tally: Tally, seconds: float, again: str) -> None:
    for outcome in tally.failed:
        _print_outcome(console, outcome)
        console.print(f"again: medsettle torture --simulate --seed {outcome.seed}{again}")
    console.print(
        f"{tally.seeds} seeds in {seconds:.0f} s: {tally.asked} requests, "
        f"{tally.acknowledged} acknowledged, {tally.recorded} entries, {tally.deaths} deaths; "
        f"{tally.audited} with audit tables, {tally.contended} with several processes"
    )
    failed = ", ".join(str(each.seed) for each in tally.failed)
    said = f"violations in {tally.broken} seeds, first in {failed}"
    console.print(said if tally.broken else "every promise kept")
