"""`medsettle clear deduct` and `withdraw`: what a notice pays less, and what it pays after all."""

from typing import Annotated

import typer
from rich.console import Console

from medsettle.clearing.notices.deductions import Deduction, DeductionKind, deduct, withdraw
from medsettle.cli.clear_options import DATA, By, Data, Number, Reason, opened
from medsettle.cli.clear_words import deduction_row
from medsettle.cli.desks import now
from medsettle.cli.exits import told
from medsettle.cli.options import Json, fen_named
from medsettle.cli.show import print_json, print_rows
from medsettle.errors import Fault, InvalidRequest

deduction_commands = typer.Typer()


@deduction_commands.command(name="deduct")
def enter_deduction(
    number: Number,
    kind: Annotated[
        int,
        typer.Argument(help="10 review, 20 inspection, 30 prepayment, 40 reserve, 99 other."),
    ],
    yuan: Annotated[str, typer.Argument(help="Yuan such as 8500.00.")],
    by: By,
    reason: Reason,
    later: Annotated[
        bool, typer.Option("--later", help="More than is due: take the rest of later notices.")
    ] = False,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Enter a deduction; with --later what this notice cannot bear is taken of the next ones."""
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        kinds = {int(each): each for each in DeductionKind}
        if kind not in kinds:
            listed = ", ".join(map(str, kinds))
            raise InvalidRequest([Fault("kind", f"{kind} is none of {listed}")])
        found = deduct(
            *(store, number, kinds[kind], fen_named("yuan", yuan)),
            who=by,
            reason=reason,
            moment=now(),
            later=later,
        )
    _show_deduction(console, found, as_json=as_json)


@deduction_commands.command(name="withdraw")
def withdraw_deduction(
    deduction: Annotated[int, typer.Argument(help="Number of the deduction.")],
    by: By,
    reason: Reason,
    data: Data = DATA,
    as_json: Json = False,
) -> None:
    """Withdraw a deduction as far as no cleared notice took it; the notices are owed whole again.

    Whoever withdraws it neither approves the review of those notices nor clears them.
    """
    console = Console()
    with told(console, as_json=as_json), opened(data) as store:
        found = withdraw(store, deduction, who=by, reason=reason, moment=now())
    _show_deduction(console, found, as_json=as_json)


def _show_deduction(console: Console, found: Deduction, *, as_json: bool) -> None:
    if as_json:
        print_json(console, deduction_row(found))
    else:
        print_rows(console, [deduction_row(found)], "")
