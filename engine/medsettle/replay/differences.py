"""Whether the baseline settles claims as they were recorded, and where it first does not."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from medsettle.core import codes
from medsettle.core.columns import Kind
from medsettle.core.outcome import Rejection
from medsettle.core.settlement import Row
from medsettle.replay.layout import AMOUNTS, DIFFERENCE, RECORDED, STAGE, arrow_schema
from medsettle.replay.part_columns import Column, Columns, Persons
from medsettle.replay.world_rows import SETTLED, WorldRows
from medsettle.settle.run import Settled, Settler

Explain = Callable[[Column, Settler, Callable[[int, Settled | Rejection], None]], None]
"""Settles all claims of some persons by the explaining way; see `WholeClaims.settle`."""

RECORDED_COLUMNS: Final = (f"{RECORDED}settlement", *(f"{RECORDED}{name}" for name in AMOUNTS))

_BEFORE_STAGES: Final = ("total_fen", *(f"{name}_fen" for name in codes.POT_NAMES))
_STAGE_COLUMNS: Final = tuple(
    column.name for column in STAGE if column.kind in {Kind.CODE, Kind.FEN}
)
_OUTCOME: Final = "outcome"


def first_differing(claims: Columns, rows: WorldRows) -> tuple[Column, Column]:
    """Return the claims that come to something else than was recorded, and where they first do.

    Args:
        claims: n claims of a history; those that were never settled are not looked at.
        rows: What they come to.

    Returns:
        Rows, rising, and for each the number of the first amount of `AMOUNTS` that differs, -1
        where the claim is refused now.
    """
    first = np.full(len(claims), len(AMOUNTS), dtype=np.int64)
    recorded = np.zeros(len(claims), dtype=np.bool_)
    for number in range(len(AMOUNTS) - 1, -1, -1):
        name = AMOUNTS[number]
        column = f"{RECORDED}{name}"
        if claims.array(column).null_count == len(claims):
            continue
        differs = claims.numbers(column) != rows.amounts[name]
        if claims.array(column).null_count:
            known = claims.known(column) > 0
            differs &= known
            recorded |= known
        else:
            recorded[:] = True
        first[differs] = number
    first[recorded & (rows.outcome != 0)] = -1
    found = np.flatnonzero(first < len(AMOUNTS))
    return found, first[found]


def difference_table(
    claims: Columns,
    stages: Columns | None,
    persons: Persons,
    rows: WorldRows,
    explain: Explain,
    settler: Settler,
) -> pa.Table:
    """Return the claims that the baseline does not settle as they were recorded: `DIFFERENCE`.

    Args:
        claims: The claims of a part.
        stages: What their stages paid, as recorded; None where no stages are to be told.
        persons: Whose they are.
        rows: What they come to now.
        explain: Settles all claims of some persons with all that is explained.
        settler: Settles by the baseline.
    """
    found, numbers = first_differing(claims, rows)
    told: dict[int, Row] = {}
    if len(found) and stages is not None and len(stages):
        wanted = {
            row: AMOUNTS[number]
            for row, number in zip(found.tolist(), numbers.tolist(), strict=True)
            if number >= 0
        }
        told = _stages_of(claims, stages, persons, wanted, explain, settler)
    table = []
    for row, number in zip(found.tolist(), numbers.tolist(), strict=True):
        before_stages = number >= 0 and AMOUNTS[number] in _BEFORE_STAGES
        stage = {} if before_stages else told.get(row, {})
        table.append(
            {
                "claim": int(claims.numbers("claim")[row]),
                "settlement": str(_value(claims, f"{RECORDED}settlement", row) or ""),
                **_of_settlement(claims, rows, row, number),
                **stage,
            }
        )
    return pa.Table.from_pylist(table, schema=arrow_schema(DIFFERENCE))


def _of_settlement(claims: Columns, rows: WorldRows, row: int, number: int) -> Row:
    if number < 0:
        now = rows.outcomes[rows.outcome[row]]
        return {"stage": None, "column": _OUTCOME, "recorded": SETTLED, "replayed": now}
    name = AMOUNTS[number]
    return {
        "stage": None,
        "column": name,
        "recorded": str(_value(claims, f"{RECORDED}{name}", row)),
        "replayed": str(int(rows.amounts[name][row])),
    }


def _value(claims: Columns, name: str, row: int) -> object:
    return claims.array(name)[row].as_py()


def _stages_of(
    claims: Columns,
    stages: Columns,
    persons: Persons,
    wanted: Mapping[int, str],
    explain: Explain,
    settler: Settler,
) -> dict[int, Row]:
    """Return the first stage of each claim that differs, where one does, with what differs in it.

    Where all stages come out as recorded, a column of the settlement is not what they add up to:
    of this one the first stage is told alone.

    Args:
        claims: The claims of a part.
        stages: What their stages paid, as recorded.
        persons: Whose they are.
        wanted: Rows of claims, each with the first column of its settlement that differs.
        explain: Settles all claims of some persons.
        settler: Settles by the baseline.
    """
    numbers, owners = claims.numbers("claim"), stages.numbers("claim")
    order = np.argsort(owners, kind="stable")
    owners = owners[order]
    found: dict[int, Row] = {}

    def take(row: int, settled: Settled | Rejection) -> None:
        if row not in wanted or isinstance(settled, Rejection):
            return
        first, end = np.searchsorted(owners, [numbers[row], numbers[row] + 1])
        recorded = stages.table.take(pa.array(order[first:end])).to_pylist()
        recorded.sort(key=lambda each: int(each["position"]))
        if differing := next(_differing(recorded, settled.settlement.payers), None):
            found[row] = differing
        elif adding := _adding_up_to(wanted[row], recorded):
            found[row] = {"stage": adding}

    every = np.array([*wanted], dtype=np.int64)
    explain(np.unique(persons.of_claim[every]), settler, take)
    return found


def _differing(recorded: Sequence[Row], now: Sequence[Row]) -> Iterator[Row]:
    """Yield what differs between the stages of a claim as recorded and now, in their order."""
    if not recorded:
        return
    for at in range(max(len(recorded), len(now))):
        before = recorded[at] if at < len(recorded) else {}
        after = now[at] if at < len(now) else {}
        stage = str((before or after)["stage"])
        for name in _STAGE_COLUMNS:
            if _text(before, name) != _text(after, name):
                yield {
                    "stage": stage,
                    "column": name,
                    "recorded": _text(before, name),
                    "replayed": _text(after, name),
                }


def _adding_up_to(column: str, stages: Sequence[Row]) -> str | None:
    """Return the first stage of those that a column of a settlement adds up; None for no stage's.

    A fund's share of the bill is what its stages paid, `payouts_fen` what was paid beside it, and
    `deductible_fen` the deductible of the first stage that met one. Sums of payers, cash and the
    balance of the account are nobody's alone.
    """
    of_bill = [each for each in stages if each["payee"] == codes.BILL]
    if column == "payouts_fen":
        found = [each for each in stages if each["payee"] != codes.BILL]
    elif column == "deductible_fen":
        found = [each for each in of_bill if int(str(each["deductible_fen"]))]
    else:
        found = [each for each in of_bill if f"{each['payer']}_fen" == column]
    return next((str(each["stage"]) for each in found), None)


def _text(row: Mapping[str, object], name: str) -> str | None:
    value = row.get(name)
    return None if value is None else str(value)
