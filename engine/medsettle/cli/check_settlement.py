"""`medsettle check-settlement`: which amounts of a stated settlement cannot be."""

from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from medsettle.cli.exits import Exit, Quit, say, told
from medsettle.cli.options import Json, Rules
from medsettle.policy.receipts import FaultyReceipt, Receipt, read_receipt
from medsettle.rule_cache import rule_book
from medsettle.settle.run import Settler
from medsettle.settle.stated import Check, checks
from medsettle.settle.stated_claim import policy_checks


def check_settlement(
    file: Annotated[Path, typer.Argument(help="A stated settlement, as a YAML document.")],
    rules: Rules = Path("rules"),
    as_json: Json = False,
) -> None:
    """Say which amounts of a receipt or a page cannot be, and what can.

    The sums are held to one another and to the rules printed beside them; where the document
    states the claim, also to what its policy settles.
    """
    console = Console()
    with told(console, as_json=as_json):
        try:
            receipt = read_receipt(file)
        except FaultyReceipt as error:
            say(console, "USAGE", list(error.faults), as_json=as_json)
            raise Quit(Exit.USAGE) from error
        done = checks(receipt)
        if receipt.policy is not None:
            done += policy_checks(Settler(rule_book(rules)), receipt)
        if not done:
            nothing = f"{file}: nothing of it can be checked; state `total`, payers or calculations"
            say(console, "USAGE", [nothing], as_json=as_json)
            raise Quit(Exit.USAGE)
        wrong = [each for each in done if not each.holds]
        _show(console, receipt, done, wrong, as_json=as_json)
    if wrong:
        raise Quit(Exit.FINDING)


def _show(
    console: Console, receipt: Receipt, done: list[Check], wrong: list[Check], *, as_json: bool
) -> None:
    if as_json:
        body = {
            "settlement": receipt.name,
            "checked": len(done),
            "findings": [
                {
                    "amount": each.amount,
                    "stated_fen": each.stated_fen,
                    "least_fen": each.least_fen,
                    "most_fen": each.most_fen,
                    "rule": each.rule,
                }
                for each in wrong
            ],
        }
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    for each in wrong:
        console.print(escape(str(each)), highlight=False, soft_wrap=True)
    console.print(f"{escape(receipt.name)}: {len(done)} checked, {len(wrong)} cannot be")
