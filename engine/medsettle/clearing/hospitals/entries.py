"""Entries: what was recorded of a claim, and the shares that it adds to parts or takes off."""

from collections.abc import Mapping
from typing import TypeAlias

from medsettle.clearing.hospitals.deductions import give_way
from medsettle.clearing.hospitals.store import HospitalStore

Entry: TypeAlias = tuple[str, str, str, str, int, str, int, int, int, int, str]
"""Record, claim, institution, kind, day number, month, total, accounts, cash, funds (fen), why."""


def add_entry(store: HospitalStore, entry: Entry, shares: Mapping[str, int]) -> None:
    """Record what changes a claim, inside a change; what it no longer bears is undone first.

    Args:
        store: Where to.
        entry: The values of a row of `entries`.
        shares: What it adds to each payer's part, fen, not 0; no part may fall below 0.
    """
    store.rows("insert into entries values (?,?,?,?,?,?,?,?,?,?,?)", *entry)
    record, claim, day = entry[0], entry[1], entry[4]
    for payer, fen in shares.items():
        store.rows("insert or ignore into parts (claim, payer) values (?,?)", claim, payer)
        if fen < 0:
            give_way(store, store.part(claim, payer), -fen, day)
        store.rows("insert into shares values (?,?,?,?)", claim, payer, record, fen)
