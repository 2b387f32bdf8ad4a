"""What the claims of a replay came to in short: those not settled, those decided otherwise."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from medsettle.replay.coded_files import read_coded
from medsettle.replay.history import History
from medsettle.replay.layout import BASELINE, RESULT
from medsettle.replay.reasons import Reason, reasons_of
from medsettle.replay.worlds import World

_SETTLED: Final = "settled"
_READ: Final = tuple(column for column in RESULT if column.name in {"outcome", "policy"})


@dataclass(slots=True)
class WorldOutcomes:
    """What the claims of a world came to.

    `refused` are those that are not settled, by outcome, and `reasons` why the first of each are
    not; `decided_otherwise` are those that another
    document decides than in the baseline, or none, or one where there was none.
    """

    refused: Counter[str] = field(default_factory=Counter)
    reasons: list[Reason] = field(default_factory=list)
    decided_otherwise: int = 0


def outcomes_in(
    folder: Path, history: History, worlds: Sequence[World]
) -> Mapping[str, WorldOutcomes]:
    """Return what the claims came to in each world of results that one machine wrote.

    Args:
        folder: Of the results.
        history: What was replayed.
        worlds: All of them, the baseline among them.

    Raises:
        OSError: A file is gone or cannot be read.
    """
    found = {world.name: WorldOutcomes() for world in worlds}
    for part in history.parts:
        name = f"part-{part.number:05d}.parquet"
        own = {world: read_coded(folder / "claims" / world / name, _READ) for world in found}
        before = _policies(own[BASELINE])
        for world, table in own.items():
            counted = table["outcome"].value_counts().to_pylist()
            found[world].refused.update(
                {each["values"]: each["counts"] for each in counted if each["values"] != _SETTLED}
            )
            differs = pc.sum(pc.not_equal(before, _policies(table)))
            found[world].decided_otherwise += differs.as_py() or 0
    for each in worlds:
        if found[each.name].refused:
            found[each.name].reasons = reasons_of(folder, history, each)
    return found


def _policies(table: pa.Table) -> pa.ChunkedArray:
    """Return the policy of each claim as a text, nothing where it is not settled."""
    return pc.fill_null(table["policy"].cast(pa.string()), "")
