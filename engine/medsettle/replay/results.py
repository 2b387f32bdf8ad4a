"""What a part comes to in a world, as the tables of `medsettle.replay.layout`."""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.core import codes
from medsettle.core.outcome import Rejection
from medsettle.replay.layout import (
    AMOUNTS,
    RESULT,
    RESULT_LINE,
    arrow_schema,
)
from medsettle.replay.part_columns import Column
from medsettle.replay.part_lines import PartSplits
from medsettle.replay.stage_limits import SettledPast
from medsettle.replay.world_rows import WorldRows, numbered
from medsettle.settle.run import Settled

_CLASSES: Final = [*codes.ITEM_CLASSES]
_POTS: Final = tuple(f"{name}_fen" for name in codes.POT_NAMES)


def write_settled(
    row: int,
    found: Settled | Rejection,
    into: WorldRows,
    past: SettledPast,
    lines: slice,
    splits: PartSplits | None,
) -> None:
    """Write what a claim came to that was settled by itself.

    Args:
        row: Its row in the part.
        found: What it came to.
        into: Takes its amounts.
        past: Tells past which limits it lies.
        lines: The places of its lines.
        splits: Takes their splits, where they are wanted.
    """
    if isinstance(found, Rejection):
        into.outcome[row] = numbered(into.outcomes, found.outcome.name)
        for name in AMOUNTS:
            into.amounts[name][row] = 0
        for own in into.past.values():
            own.numbers[row] = -1
        return
    columns = found.settlement.columns
    into.outcome[row] = 0
    into.policy[row] = into.policy_number(str(columns["policy"]), str(columns["policy_digest"]))
    for name in AMOUNTS:
        into.amounts[name][row] = found.settlement.fen(name)
    for name, text in past.of(found).items():
        into.past[name].numbers[row] = into.past[name].number(text)
    if splits is None or splits.parts is None:
        return
    assert splits.item_class is not None
    assert splits.pot is not None
    for at, line in enumerate(found.settlement.lines, lines.start):
        splits.parts[:, at] = [int(str(line[name])) for name in _POTS]
        splits.item_class[at] = _CLASSES.index(str(line["item_class"])) + 1
        splits.pot[at] = splits.pot_number(str(line["pot"]))


def result_table(claim: Column, rows: WorldRows) -> pa.Table:
    """Return the claims of a part in a world: `RESULT`.

    Args:
        claim: Shape (n,), their numbers in the history.
        rows: What they come to.
    """
    refused = rows.outcome != 0
    policy = np.where(refused, -1, rows.policy) if refused.any() else rows.policy
    columns = {
        "claim": pa.array(claim),
        "outcome": _coded(rows.outcomes, rows.outcome),
        "policy": _coded([name for name, _ in rows.policies], policy),
        **{name: pa.array(rows.amounts[name]) for name in AMOUNTS},
        **{name: _coded(each.texts, each.numbers) for name, each in rows.past.items()},
    }
    return _table(RESULT, columns)


def line_table(claim: Column, starts: Column, splits: PartSplits) -> pa.Table:
    """Return the lines of a part: `RESULT_LINE`.

    Args:
        claim: Shape (n,), the numbers of the claims in the history.
        starts: Shape (n + 1,), where the lines of each begin, and how many there are.
        splits: The splits of all lines.
    """
    assert splits.parts is not None
    assert splits.item_class is not None
    assert splits.pot is not None
    columns = {
        "claim": pa.array(np.repeat(claim, np.diff(starts))),
        "item_class": _coded(_CLASSES, splits.item_class - np.int8(1)),
        "pot": _coded(splits.pot_names, splits.pot),
        **{name: pa.array(splits.parts[at]) for at, name in enumerate(_POTS)},
    }
    return _table(RESULT_LINE, columns)


def _table(columns: tuple[object, ...], arrays: dict[str, pa.Array]) -> pa.Table:
    schema = arrow_schema(columns)  # type: ignore[arg-type]
    fields = [field.with_type(arrays[field.name].type) for field in schema]
    return pa.table([arrays[field.name] for field in schema], schema=pa.schema(fields))


def _coded(texts: list[str], numbers: NDArray[np.signedinteger[Any]]) -> pa.Array:
    """Return codes as a dictionary; numbers below zero are none."""
    missing = numbers < 0
    indices = pa.array(numbers, mask=missing if missing.any() else None)
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts or [""], pa.string()))
