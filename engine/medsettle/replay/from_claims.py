"""A history out of Parquet files of claims, a row a claim with its lines as a list.

The columns are those of `schema.claim_schema()`, as the bulk interface takes them. Every claim is
checked as a checkout checks it; faulty ones are left out and listed in `refused.parquet`, with
file, row and fault. Nothing was recorded of these claims, so their recorded columns are null and no
stage is told.

A person's claims come in the order of a stated column, or else by day of service, day of admission
and request id. What people bring along stands in a file of its own and comes before all claims, or,
with a `move_date`, before the first claim whose day of service is that day or later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import file_digest
from pathlib import Path
from typing import Final

from medsettle.errors import Fault, InvalidRequest, NotFound, Precondition
from medsettle.replay.brought_along import MOVED, check_is_there, read_moves
from medsettle.replay.claim_reading import Reading
from medsettle.replay.history import History, HistoryWriter
from medsettle.replay.layout import HISTORY_CLAIM, HISTORY_LINE, arrow_schema
from medsettle.replay.refused_claims import RefusedClaims
from medsettle.replay.sorting import (
    WHOLE,
    PartSize,
    Progress,
    Sorting,
    columns_of,
    nothing_told,
    sorting_in,
)

REFUSED: Final = "refused.parquet"

_BY_DAY: Final = "service_date, admission_date, request_id"


@dataclass(frozen=True, slots=True)
class Made:
    """A history that was made of claims, and what was not taken.

    Attributes:
        history: The history.
        read: Claims that were read.
        refused: Claims that have faults.
        examples: The first faults, each as file, row and words.
    """

    history: History
    read: int
    refused: int
    examples: tuple[str, ...]


def history_from_claims(
    sources: Sequence[Path],
    out: Path,
    *,
    openings: Path | None = None,
    order_by: str | None = None,
    size: PartSize = WHOLE,
    progress: Progress = nothing_told,
) -> Made:
    """Make a history of Parquet files of claims.

    Args:
        sources: Files, or folders whose `.parquet` files are all taken.
        out: The folder of the history; `refused.parquet` is put there too.
        openings: A Parquet file of moves, see `brought_along`.
        order_by: A column by which the claims of a person come in order: one of the claim, or one
            that stands beside them, of whole numbers, days, moments or texts. Claims that are
            equal by it come in the order of the files.
        size: How much a part has at most.
        progress: Is told how far it is.

    Raises:
        NotFound: A source is not there, or a folder has no Parquet file.
        InvalidRequest: A file is no Parquet of claims, lacks `order_by`, a move is faulty, a person
            has more than a part may have, or `out` has a history.
        Precondition: No claim is without fault.
        StoreUnavailable: The disk failed or is full, or memory is, while DuckDB worked.
        OSError: The disk failed.
    """
    files = claim_files(sources)
    if openings is not None:
        check_is_there(openings)
    source = asked_of_claims(files, openings, order_by)
    writer = HistoryWriter(out, source)
    with sorting_in(out) as sorting, RefusedClaims(out / REFUSED) as refused:
        reading = Reading(sorting, refused, order_by)
        for number, path in enumerate(files):
            reading.read(number, path)
        reading.refuse_repeated(files)
        if refused.claims == reading.rows:
            shown = "; ".join(refused.examples) or "the files are empty"
            raise Precondition(f"no claim of {reading.rows} can be taken: {shown}")
        moved = _insert_moves(sorting, openings, order_by)
        _number(sorting, order_by)
        source |= {
            "claims_read": reading.rows,
            "claims_refused": refused.claims,
            "moves_of_others_left_out": moved - sorting.count("sorted_moves"),
        }
        parts = sorting.parts(size)
        with sorting.spools(("claims", "lines"), parts) as spools:
            reading.deal(spools)
            for number, (first, end) in enumerate(parts):
                claims, lines = (spools[name].part(number) for name in ("claims", "lines"))
                tables = {
                    "claims": columns_of(HISTORY_CLAIM, claims),
                    "lines": columns_of(HISTORY_LINE, lines),
                    "moves": sorting.moves(first, end),
                }
                writer.add(tables)
                progress(end, parts[-1][1])
    return Made(writer.finish(), reading.rows, refused.claims, tuple(refused.examples))


def asked_of_claims(
    files: Sequence[Path], openings: Path | None, order_by: str | None
) -> dict[str, object]:
    """Return of what a history is to be made, as it stands in its manifest.

    Files are told by their content: one that was written again is another one, however much is
    alike.

    Raises:
        OSError: A file is gone.
    """
    read = [*files, *([] if openings is None else [openings])]
    return {
        "made_of": "claims",
        "files": [{"name": path.name, "sha256": _digest(path)} for path in read],
        "order_by": order_by or _BY_DAY,
    }


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def claim_files(sources: Sequence[Path]) -> list[Path]:
    """Return the Parquet files that paths name: files as they are, those of folders by name.

    Raises:
        NotFound: A path is not there, or a folder has none.
    """
    files: list[Path] = []
    for path in sources:
        if not path.exists():
            raise NotFound(f"{path} is not there; name a Parquet file of claims, or a folder")
        found = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
        if not found:
            raise NotFound(f"{path} has no Parquet files; name a folder of claims")
        files += found
    return files


# --- in order ------------------------------------------------------------------------------------


def _insert_moves(sorting: Sorting, openings: Path | None, order_by: str | None) -> int:
    """Make the table `brought` of what people bring along, and return how many moves it has."""
    sorting.insert("brought", arrow_schema(MOVED).empty_table())
    count = 0
    for table in () if openings is None else read_moves(openings):
        if order_by is not None and table["move_date"].null_count < table.num_rows:
            message = (
                f"days of moves have no place in the order by {order_by}; leave move_date out, "
                "or let claims come by their days"
            )
            raise InvalidRequest([Fault("openings", message)])
        sorting.insert("brought", table)
        count += table.num_rows
    return count


def _number(sorting: Sorting, order_by: str | None) -> None:
    """Give all that happened to a person its place, and number the claims.

    A move without a day comes before everything, one with a day before the claims of that day.
    """
    by = "is_claim, place" if order_by else "day nulls first, is_claim, admission_date, request_id"
    sorting.connection.execute(f"""
        create table placed as
        select pooling_area, person, is_claim, seq,
          row_number() over (partition by pooling_area, person order by {by}, seq) as "order"
        from (
          select pooling_area, person, true as is_claim, service_date as day, admission_date,
            request_id, place, seq from keys
          union all by name
          select pooling_area, person, false as is_claim, move_date as day, rowid as seq
          from brought);
        create table found as
          select 0 as book, k.seq, k.pooling_area, k.person, p."order", k.line_count,
            null::bigint as taken_back
          from keys k join placed p on p.seq = k.seq and p.is_claim;
        drop table keys;
    """)  # noqa: S608 - our own names
    sorting.number()
    sorting.connection.execute("""
        create table sorted_moves as
        select n.claim, b.pooling_area, b.person, p."order", b.kind, b.counter, b.period, b.delta
        from brought b join placed p on p.seq = b.rowid and not p.is_claim
        join persons n on n.pooling_area = b.pooling_area and n.person = b.person
        order by n.claim, p."order", b.counter, b.period
    """)
