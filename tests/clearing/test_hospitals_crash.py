"""A process killed at any moment of a change leaves all of it or nothing, and goes on the same."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from medsettle.clearing.hospitals.batches import batches, pay
from medsettle.clearing.hospitals.deductions import ClaimDeduction, Code, deduct
from medsettle.clearing.hospitals.reports import report
from medsettle.clearing.hospitals.slices import instant, month
from medsettle.clearing.hospitals.status import verify
from medsettle.clearing.hospitals.store import HospitalStore
from medsettle.core.dates import day_number

from tests.clearing.hospital_claims import (
    BY,
    CLEARING,
    MARCH,
    NEXT,
    PAYER,
    application,
    because,
    cancel,
    opened,
    record,
    reviewed,
    terms,
)
from tests.payments.killing import Acknowledge, run_until

pytestmark = pytest.mark.slow

_WITHIN = ("medsettle/clearing/", "ledger/side_file.py")
_TABLES = ("entries", "shares", "parts", "statuses", "movements", "uses", "payments", "paid")
_PAID = record(1)


def _before(store: HospitalStore) -> None:
    """Leave a claim paid and then taken back, two more reviewed, and one of them deducted of."""
    report(store, [_PAID, record(2, 20_000), record(3, 30_000, insurance_type="390")], BY)
    instant(store, terms(), NEXT, BY)
    pay(store, NEXT, PAYER)
    report(store, [cancel(_PAID, 1)], BY)
    what = ClaimDeduction(Code.REVIEW, 5_000, day_number(NEXT))
    deduct(store, "S2", "pooled_fund", what, because("not indicated"))
    reviewed(store, application())


def _month(store: HospitalStore) -> object:
    return month(store, terms(), MARCH, CLEARING, BY)


def _pay(store: HospitalStore) -> object:
    return pay(store, CLEARING, PAYER)


def _pay_after_month(store: HospitalStore) -> None:
    _before(store)
    _month(store)


def _content(store: HospitalStore) -> dict[str, list[tuple[Any, ...]]]:
    """Return the rows of every table; ids of payments begin with the name of the installation."""
    ((name,),) = store.rows("select value from meta where name = 'installation'")
    return {
        table: [
            tuple(value.replace(name, "") if isinstance(value, str) else value for value in row)
            for row in store.rows(f"select * from {table} order by 1, 2")
        ]
        for table in _TABLES
    }


def _run(folder: Path, change: Callable[[HospitalStore], object], tell: Acknowledge) -> None:
    with opened(folder) as store:
        change(store)
        tell("done")


@pytest.mark.parametrize(
    ("prepare", "change"),
    [
        pytest.param(_before, _month, id="month"),
        pytest.param(_pay_after_month, _pay, id="pay"),
    ],
)
def test_a_killed_change_is_whole_or_absent(
    tmp_path: Path,
    prepare: Callable[[HospitalStore], None],
    change: Callable[[HospitalStore], object],
) -> None:
    """After a kill before each call that reaches the disk; run again, every row is the same."""
    with opened(tmp_path / "whole") as store:
        prepare(store)
        absent = _content(store)
        change(store)
        whole = _content(store)
    step, killed, seen = 0, True, set()
    while killed:
        folder = tmp_path / str(step)
        with opened(folder) as store:
            prepare(store)
        ended = run_until(step, partial(_run, folder, change), _WITHIN)
        killed = ended.killed
        with opened(folder) as store:
            assert [] == verify(store)
            left = _content(store)
            assert left in (absent, whole)
            # What was acknowledged is there.
            assert left == whole or not ended.acknowledged
            seen.add(left == whole)
            if left == absent:
                change(store)
            assert whole == _content(store)
            assert sum(each.sum_fen for each in batches(store)) == sum(
                fen for *_, fen in store.rows("select fen from payments")
            )
        step += 1

    assert {True, False} == seen
    assert step > 20
