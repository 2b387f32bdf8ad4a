"""`medsettle payments sandbox`: the bank for trying things out."""

from pathlib import Path

import orjson
from rich.console import Console

from medsettle.cli.show import print_rows_table
from medsettle.core.money import fen_from_yuan
from medsettle.core.settlement import Row
from medsettle.errors import Fault, InvalidRequest
from medsettle.payments.sandbox_bank import Mode, SandboxBank


def run_sandbox(
    console: Console,
    folder: Path,
    account: str,
    deposit: str | None,
    mode: Mode | None,
    script: list[Mode],
    *,
    as_json: bool,
) -> None:
    """Pay in, set how the bank behaves, and list its accounts.

    Raises:
        InvalidRequest: The deposit is no amount, or out of bounds.
        StoreUnavailable: The bank's store cannot be opened.
    """
    with SandboxBank(folder) as bank:
        if deposit is not None:
            bank.deposit(account, _fen(deposit))
        if mode is not None or script:
            bank.behave(account, mode or Mode.OK, script)
        rows: list[Row] = [
            {
                "account": state.account,
                "deposited_fen": state.deposited_fen,
                "balance_fen": state.balance_fen,
            }
            for state in bank.accounts()
        ]
    if as_json:
        console.out(orjson.dumps(rows).decode(), highlight=False)
    elif rows:
        print_rows_table(console, rows)
    else:
        console.print("the bank has no accounts; open one with --account NAME --deposit YUAN")


def _fen(text: str) -> int:
    try:
        return fen_from_yuan(text)
    except ValueError as error:
        raise InvalidRequest([Fault("deposit", str(error))]) from error
