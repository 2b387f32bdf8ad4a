"""`medsettle check-settlement`: which amounts of a stated settlement cannot be."""

from pathlib import Path

import orjson
from rich.console import Console
from rich.markup import escape

from medsettle.cli.exits import Exit, Quit, say, told
from medsettle.policy.book import load_rule_book
from medsettle.policy.receipts import FaultyReceipt, Receipt, read_receipt
from medsettle.settle.run import Settler
from medsettle.settle.stated import Check, checks
from medsettle.settle.stated_claim import policy_checks


def check_settlement(console: Console, file: Path, rules: Path, *, as_json: bool) -> None:
    """Print the amounts of a stated settlement that cannot be, and what can.

    Raises:
        Quit: An amount cannot be, the file has faults, or nothing of it can be checked.
    """
    with told(console, as_json=as_json):
        try:
            receipt = read_receipt(file)
        except FaultyReceipt as error:
            say(console, "USAGE", list(error.faults), as_json=as_json)
            raise Quit(Exit.USAGE) from error
        done = checks(receipt)
        if receipt.policy is not None:
            done += policy_checks(Settler(load_rule_book(rules)), receipt)
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
