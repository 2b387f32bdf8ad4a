"""What was recorded in each hour of a day, by institution, read from some segments at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from medsettle.audit.manifest import Segment
from medsettle.audit.query import rows_of
from medsettle.core import codes

TABLE: Final = "settlements"
HOUR_US: Final = 3_600_000_000
HOURS: Final = 24

AMOUNTS: Final = ("total_fen", *(f"{payer.name}_fen" for payer in codes.PAYERS), "cash_fen")
"""What is added up: the bill, the share of everyone who pays it, and the cash that is left."""

_SUMS: Final = ", ".join(f"sum({name})::bigint as {name}" for name in AMOUNTS)
_OF_DAY: Final = "epoch_us(create_time) - $begin"


@dataclass(frozen=True, slots=True)
class HourTotals:
    """What an institution had recorded of a kind in an hour; cancels count negative.

    `amounts` are fen in the order of `AMOUNTS`.
    """

    institution: str
    kind: str
    hour: int
    records: int
    amounts: tuple[int, ...]


def hour_totals(folder: Path, segments: Sequence[Segment], begin_us: int) -> list[HourTotals]:
    """Return what segments hold of the day that begins at a moment.

    Args:
        folder: The audit folder.
        segments: Some of its segments, in ledger order.
        begin_us: Where the day begins, in microseconds since 1970-01-01.

    Raises:
        OSError: A file is missing, or is no Parquet.
    """
    # Who only writes the tables needs no SQL.
    import duckdb  # noqa: PLC0415

    paths = [
        str((folder / file.path).resolve())
        for segment in segments
        for file in segment.files
        if file.table == TABLE
    ]
    if not paths:
        return []
    # A page is no reason to take all processors from those who settle.
    with duckdb.connect(
        ":memory:", config={"autoinstall_known_extensions": "false", "threads": "1"}
    ) as connection:
        connection.execute("set timezone = 'UTC'")
        try:
            found = connection.execute(
                f"select institution, kind, ({_OF_DAY}) // {HOUR_US} as hour, count(*), {_SUMS} "  # noqa: S608
                f"from ({rows_of(TABLE, paths)}) "
                f"where {_OF_DAY} >= 0 and {_OF_DAY} < {HOURS * HOUR_US} group by all",
                {"begin": begin_us},
            ).fetchall()
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise OSError(str(error).splitlines()[0]) from error
    return [
        HourTotals(str(institution), str(kind), int(hour), int(records), tuple(map(int, amounts)))
        for institution, kind, hour, records, *amounts in found
    ]
