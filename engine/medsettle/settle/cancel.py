"""The cancel of a settlement: every amount and every move of a counter the other way."""

from dataclasses import replace

from medsettle.core.counters import ACCOUNT, CounterKey, CounterValues
from medsettle.core.money import yuan_from_fen
from medsettle.core.settlement import Row, Settlement
from medsettle.errors import AccountSpent
from medsettle.settle.assemble import negated
from medsettle.settle.run import Settled


def taken_back(original: Settled, values: CounterValues) -> Settled:
    """Return the cancel of a settlement.

    Args:
        original: The settlement, which has not been cancelled.
        values: Returns what counters hold now; only the person's account is asked for.

    Raises:
        AccountSpent: The settlement put into the account what is no longer there.
    """
    columns = original.settlement.columns
    account = CounterKey(str(columns["pooling_area"]), str(columns["person"]), ACCOUNT, 0)
    moved = tuple((key, -delta) for key, delta in original.moved)
    account_fen = values([account]).get(account, 0)
    balance = account_fen + sum(delta for key, delta in moved if key == account)
    if balance < 0:
        raise _spent(original.settlement, account_fen, account_fen - balance)
    negative = negated(original.settlement)
    own: Row = {"kind": "cancel", "account_balance_fen": balance}
    return Settled(replace(negative, columns=negative.columns | own), original.inputs, moved)


def _spent(settlement: Settlement, account_fen: int, taken_fen: int) -> AccountSpent:
    # The visits of an example have no ids: whoever shows the refusal says which visit it is.
    own_id = str(settlement.columns.get("settlement") or "")
    which = f"settlement {own_id}" if own_id else "the settlement"
    return AccountSpent(
        f"{which} put {yuan_from_fen(taken_fen)} yuan into the account, which holds "
        f"{yuan_from_fen(account_fen)}; cancel the later settlements that spent it first",
        settlement=own_id,
        account_fen=str(account_fen),
    )
