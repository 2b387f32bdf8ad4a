"""`medsettle without`: what later settlements would have been, as a table and as JSON."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from medsettle.cli.desks import open_desk
from medsettle.cli.exits import told
from medsettle.cli.options import Data, Json, Ledger, Rules, Server
from medsettle.cli.show import grid, print_table
from medsettle.core.hindsight import COMPARED_PAYERS, Comparison
from medsettle.core.money import yuan_from_fen


def without(
    settlement: Annotated[str, typer.Argument(help="Id of a settlement, cancelled or not.")],
    server: Server = None,
    data: Data = Path("medsettle-data"),
    ledger: Ledger = None,
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Say what a person's later settlements would have been without one; nothing is recorded.

    A cancel leaves later settlements as they are. This settles each of them once more, in order,
    on the deductibles, caps and balances it would have seen, and shows who would have paid what.
    """
    console = Console()
    with told(console, as_json=as_json), open_desk(server, data, rules, ledger=ledger) as desk:
        comparison = desk.without(settlement)
    if as_json:
        found = asdict(comparison) | {"difference_fen": _differences(comparison)}
        console.out(orjson.dumps(found).decode(), highlight=False)
    else:
        _print(console, comparison)


def _differences(comparison: Comparison) -> dict[str, int]:
    sums = {payer: comparison.difference_fen(payer) for payer in COMPARED_PAYERS}
    return {payer: fen for payer, fen in sums.items() if fen}


def _print(console: Console, comparison: Comparison) -> None:
    if not comparison.later:
        console.print("the person has no later settlement that stands")
        return
    differing = [each for each in comparison.later if each.differs]
    console.print(
        f"{len(differing)} of {len(comparison.later)} later settlements would have been otherwise",
        highlight=False,
    )
    table: Table = grid("settlement", "payer", "recorded", "would be", "difference")
    # The day stands below its id, so that ids stay whole in eighty columns.
    table.columns[0].no_wrap = True
    for each in differing:
        firsts = iter((each.settlement, str(each.service_date)))
        for share in each.shares:
            if share.difference_fen:
                amounts = (share.recorded_fen, share.would_be_fen, share.difference_fen)
                table.add_row(next(firsts, ""), share.payer, *map(yuan_from_fen, amounts))
    for payer, fen in _differences(comparison).items():
        table.add_row("all", payer, "", "", yuan_from_fen(fen))
    if differing:
        print_table(console, table)
    for each in differing:
        if each.refusal:
            text = f"{each.settlement} would have been refused: {escape(each.refusal)}"
            console.print(text, soft_wrap=True, highlight=False)
    if not comparison.complete:
        console.print("There are more later settlements than are compared at once.")
