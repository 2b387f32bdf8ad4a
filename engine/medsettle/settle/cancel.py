"""The cancel of a settlement: every amount and every move of a counter the other way."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from medsettle.core.counters import ACCOUNT, CounterKey, CounterValues
from medsettle.core.money import yuan_from_fen
from medsettle.core.relatives import Person, Relation, received
from medsettle.core.settlement import Row, Settlement
from medsettle.errors import AccountSpent
from medsettle.settle.assemble import negated
from medsettle.settle.run import Settled

Moves: TypeAlias = tuple[tuple[CounterKey, int], ...]
"""Counters, each with the change of its value."""


def taken_back(original: Settled, values: CounterValues) -> Settled:
    """Return the cancel of a settlement.

    What a relative's limit paid goes back into it; where the relation was dissolved since, to the
    giver's account, also if the two are bound again.

    Args:
        original: The settlement, which has not been cancelled.
        values: Returns what counters hold now; only the person's account is asked for, and the
            relations whose limits paid.

    Raises:
        AccountSpent: The settlement put into the account what is no longer there.
    """
    columns = original.settlement.columns
    account = CounterKey(str(columns["pooling_area"]), str(columns["person"]), ACCOUNT, 0)
    relations = _relations(original.moved)
    asked = [key for each in relations.values() for key in (each.limit, each.bound)]
    held = values([account, *asked])
    moved = moved_back(original.moved, held)
    account_fen = held.get(account, 0)
    balance = account_fen + sum(delta for key, delta in moved if key == account)
    if balance < 0:
        raise _spent(original.settlement, account_fen, account_fen - balance)
    negative = negated(original.settlement)
    own: Row = {"kind": "cancel", "account_balance_fen": balance}
    negative = replace(
        negative,
        columns=negative.columns | own,
        relatives=_given_back(negative.relatives, relations, held, dict(moved)),
    )
    return Settled(negative, original.inputs, moved)


def moved_back(moved: Moves, held: Mapping[CounterKey, int]) -> Moves:
    """Return how the counters that a settlement moved are moved by what takes it back.

    Args:
        moved: What the settlement moved.
        held: What counters hold now, at least whether the relations are bound whose limits paid.
    """
    relations = _relations(moved)
    return tuple((_back_to(key, relations, held), -delta) for key, delta in moved)


def _relations(moved: Moves) -> dict[CounterKey, Relation]:
    """Return the relations whose limits paid, by the counter of the limit."""
    found = {}
    for key, _ in moved:
        receiver = Person(key.pooling_area, key.person)
        relation = received(receiver, key.counter, key.period)
        if relation is not None:
            found[key] = relation
    return found


def _back_to(
    key: CounterKey, relations: Mapping[CounterKey, Relation], held: Mapping[CounterKey, int]
) -> CounterKey:
    """Return the counter that gets back what was moved: of a limit that is gone, the account."""
    relation = relations.get(key)
    if relation is None or held.get(relation.bound):
        return key
    return relation.giver.account


def _given_back(
    rows: Sequence[Row],
    relations: Mapping[CounterKey, Relation],
    held: Mapping[CounterKey, int],
    moved: Mapping[CounterKey, int],
) -> tuple[Row, ...]:
    """Return the shares of relatives with where each went back to, and what limits hold then."""
    limits = {(*relation.giver, relation.number): relation.limit for relation in relations.values()}
    found = []
    for row in rows:
        limit = limits[str(row["giver_area"]), str(row["giver"]), int(str(row["relation"]))]
        back: Row = {
            "booked_on": "limit" if limit in moved else "account",
            "limit_left_fen": held.get(limit, 0) + moved.get(limit, 0),
        }
        found.append(row | back)
    return tuple(found)


def _spent(settlement: Settlement, account_fen: int, taken_fen: int) -> AccountSpent:
    # The visits of an example have no ids: whoever shows the refusal says which visit it is.
    own_id = str(settlement.columns.get("settlement") or "")
    which = f"settlement {own_id}" if own_id else "the settlement"
    return AccountSpent(
        f"{which} put {yuan_from_fen(taken_fen)} yuan into the account, which holds "
        f"{yuan_from_fen(account_fen)}; cancel the later settlements that spent it first, or lower "
        "the limits of relatives for whom it was set aside",
        settlement=own_id,
        account_fen=str(account_fen),
    )
