"""`medsettle torture`: prove by faults that nothing is lost and nothing happens twice."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console

from medsettle import limits
from medsettle.cli.exits import told
from medsettle.cli.options import Json


class StoreKind(StrEnum):
    """Where real servers keep their ledgers."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


_SIMULATED: Final = ("seeds", "first", "processes")
_REAL: Final = ("rounds", "clients", "ledger")
_ONE_AREA: Final = ("clients", "store", "ledger")
_RULES: Final = Path("fixtures/policies/shapes")
_PROVINCES_RULES: Final = Path("fixtures/provinces")


Provinces = Annotated[
    bool, typer.Option("--provinces", help="Real: two areas and a hub, and links that fail.")
]
InventedRules = Annotated[
    Path | None,
    typer.Option(help="Rules with the invented areas of the requests; else those of fixtures."),
]


def torture(
    context: typer.Context,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Simulate a deployment, seed by seed.")
    ] = False,
    provinces: Provinces = False,
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
    store: Annotated[
        StoreKind | None,
        typer.Option(
            help="Where ledgers are: files unless said; simulated, in memory unless said."
        ),
    ] = None,
    ledger: Annotated[
        str, typer.Option(help="Real: a PostgreSQL of yours, with no ledger in it yet.")
    ] = "",
    rules: InventedRules = None,
    as_json: Json = False,
) -> None:
    """Prove by faults that nothing is lost and nothing happens twice.

    Real servers are killed under load, at any moment and at named steps, and what they leave is
    held to what they acknowledged. With --provinces there are two areas and a hub between them, of
    which one, or a link, fails in each round; once healed, their three books must agree, and be
    what one engine alone makes of it. With --simulate everything happens in one process, decided
    by a seed: what tills ask, which messages are lost, where the server dies and the store fails. A
    seed that breaks a promise is printed with what happened, and --seed runs it again.
    """
    _check(context, simulate=simulate, provinces=provinces, one=seed is not None)
    # A PostgreSQL server is started by a fork, which gRPC would comment on; read as it loads.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "false")
    from medsettle.cli import torture_runs  # noqa: PLC0415 - gRPC loads slowly

    console = Console(soft_wrap=True)
    rules = rules or (_PROVINCES_RULES if provinces else _RULES)
    with told(console, as_json=as_json):
        if provinces:
            torture_runs.fail_between(console, rules, rounds, seed or 0, as_json=as_json)
        elif not simulate:
            with torture_runs.opened_store(store or StoreKind.SQLITE, ledger) as opened:
                torture_runs.kill_servers(
                    console, opened, rules, rounds, clients, seed or 0, as_json=as_json
                )
        elif seed is not None:
            torture_runs.replay(console, rules, seed, store, as_json=as_json)
        else:
            wanted = range(first, first + seeds)
            torture_runs.simulate_seeds(console, rules, wanted, processes, store, as_json=as_json)


def _check(context: typer.Context, *, simulate: bool, provinces: bool, one: bool) -> None:
    """Refuse options that belong to another kind of torture than the one asked for.

    Raises:
        BadParameter: One of them was given.
    """
    if provinces:
        _refuse(context, ("simulate",), "runs in one process; --provinces starts three")
        _refuse(context, _ONE_AREA, "is for servers of one area; leave --provinces out")
    if not simulate:
        _refuse(context, _SIMULATED, "is for --simulate, without which real servers are killed")
        return
    _refuse(context, _REAL, "is for real servers; leave --simulate out, or the option")
    if one:
        _refuse(context, _SIMULATED, "is for many seeds, and --seed names one")


def _refuse(context: typer.Context, names: tuple[str, ...], why: str) -> None:
    """Refuse options that were given and would do nothing.

    Raises:
        BadParameter: One of them was given on the command line.
    """
    for name in names:
        # Typer has a click of its own, whose source of a parameter is another class.
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(why, context, param_hint=f"--{name}")
