"""A history out of the audit tables of one engine or several.

Of each area the engine that decides for it is asked: copies of what another one decided are left
out, and counted. A claim that was cancelled or reversed stays, with the place in time at which it
was taken back. Recorded amounts are those of the settlement: what was adjusted later is no part of
them, and what an adjustment moved stands among the moves.

What takes a settlement back gives back what the settlement moved, as `settle.cancel` says: to a
relative's limit as long as the two are bound. What it moves besides is a move of the kind `cancel`
at that place in time:

- what an adjustment of the settlement had moved, but for the account, goes back with it;
- what came of the limit of a relative who is no longer bound goes to the relative's account. That
  is another person, whose claims may lie in another part, so it is a move of that person.

So the moves and the settlements of a history add up to the counters of the ledger.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from medsettle.audit.query import rows_of
from medsettle.audit.segments import AUDIT_TABLES
from medsettle.core import schema
from medsettle.core.counters import ACCOUNT
from medsettle.core.sql_text import quoted
from medsettle.errors import AuditCorrupt, Fault, InvalidRequest, Precondition
from medsettle.replay.audit_books import AuditBook, LedgerEnd
from medsettle.replay.history import History, HistoryWriter
from medsettle.replay.layout import (
    CLAIM,
    HISTORY_CLAIM,
    HISTORY_LINE,
    RECORDED,
    SPLIT,
    STAGE,
)
from medsettle.replay.sorting import (
    WHOLE,
    PartSize,
    Progress,
    Sorting,
    columns_of,
    nothing_told,
    places_within,
    sorting_in,
)
from medsettle.replay.spool import Spool

_OWN: Final = "side is null"
_OF_EVERYWHERE: Final = ("settlements", "relative_shares")
"""Tables that are read of all areas: a settlement of one gives back to relatives of another."""


def history_from_audit(
    books: Sequence[AuditBook],
    out: Path,
    *,
    areas: Collection[str] = (),
    as_of: int | None = None,
    size: PartSize = WHOLE,
    progress: Progress = nothing_told,
) -> History:
    """Make a history of what engines decided, by their audit tables.

    Args:
        books: The tables of each engine. Where several decided for one area, one after another,
            they come in this order.
        out: The folder of the history.
        areas: The pooling areas; all where none is named.
        as_of: The last entry of the ledger that counts, as if it had ended there; for one engine.
        size: How much a part has at most.
        progress: Is told how far it is.

    Raises:
        InvalidRequest: `as_of` is beyond the ledger or meant for several, a person has more than a
            part may have, or `out` has a history.
        Precondition: There is no claim of these areas.
        AuditCorrupt: A file cannot be read, or a settlement has no claim.
        StoreUnavailable: The disk failed or is full, or memory is, while DuckDB worked.
        OSError: The disk failed.
    """
    _check_as_of(books, as_of)
    source = asked_of_audit(books, areas, as_of)
    writer = HistoryWriter(out, source)
    with sorting_in(out) as sorting:
        try:
            _make_views(sorting.connection, books, areas, as_of)
            _find(sorting, areas)
            source |= _told(sorting.connection, areas)
            parts = sorting.parts(size)
            with sorting.spools(_SPOOLS, parts) as spools:
                for number, book in enumerate(books):
                    _deal(sorting, spools, number, book, areas)
                for number, (first, end) in enumerate(parts):
                    writer.add(_part(spools, number) | {"moves": sorting.moves(first, end)})
                    progress(end, parts[-1][1])
        except (duckdb.InvalidInputException, pa.ArrowException) as error:
            raise _unreadable(error) from error
        except duckdb.IOException as error:
            # To DuckDB a file that is gone and a disk that is full are one kind of error.
            if all(
                path.is_file() for book in books for each in book.files.values() for path in each
            ):
                raise
            raise _unreadable(error) from error
    return writer.finish()


def _unreadable(error: Exception) -> AuditCorrupt:
    return AuditCorrupt(
        "audit tables cannot be read; `medsettle audit verify` names the first file: "
        f"{str(error).splitlines()[0]}"
    )


def asked_of_audit(
    ends: Sequence[AuditBook | LedgerEnd], areas: Collection[str], as_of: int | None
) -> dict[str, object]:
    """Return of what a history is to be made, as it stands in its manifest."""
    return {
        "made_of": "audit tables",
        "ledgers": [{"last_seq": each.last_seq, "last_entry": each.digest} for each in ends],
        "areas": sorted(areas),
        "as_of": as_of,
    }


def _check_as_of(books: Sequence[AuditBook], as_of: int | None) -> None:
    if as_of is None:
        return
    if len(books) != 1:
        message = f"{as_of} is a place in one ledger, and {len(books)} are named; name one"
        raise InvalidRequest([Fault("as_of", message)])
    if not 1 <= as_of <= books[0].last_seq:
        message = f"{as_of} is no entry of the audit tables, which hold 1 to {books[0].last_seq}"
        raise InvalidRequest([Fault("as_of", message)])


# --- what is there -----------------------------------------------------------------------------


def _make_views(
    connection: duckdb.DuckDBPyConnection,
    books: Sequence[AuditBook],
    areas: Collection[str],
    as_of: int | None,
) -> None:
    """Make a view of each audit table over all books: `book`, its columns, and `"order"`.

    The order goes on from book to book, so a person whom two decided for has one order.
    """
    for table in AUDIT_TABLES:
        before, selects = 0, []
        for number, book in enumerate(books):
            rows = rows_of(table, [str(path) for path in book.files[table]])
            selects.append(f'select {number} as book, seq + {before} as "order", * from ({rows})')  # noqa: S608
            before += book.last_seq
        conditions = ["true"]
        if as_of is not None:
            conditions.append(f"seq <= {as_of}")
        if table not in _OF_EVERYWHERE:
            conditions.append(_within(areas))
        where = " and ".join(conditions)
        every = " union all ".join(selects)
        connection.execute(f"create view {table} as select * from ({every}) where {where}")  # noqa: S608


def _within(areas: Collection[str]) -> str:
    """Return the condition that a row is of some areas; of all where none is named."""
    return f"pooling_area in ({', '.join(map(quoted, sorted(areas)))})" if areas else "true"


def _find(sorting: Sorting, areas: Collection[str]) -> None:
    """Find the claims, number them, and find what was taken back."""
    sorting.connection.execute(f"""
        create table lines_of as
          select book, seq, count(*) as line_count from claim_lines group by book, seq;
        create table taken as
          select o.book, o.seq, min(c."order") as taken_back
          from (select book, seq, settlement from settlements where kind = 'settle' and {_OWN}) o
          join (select book, original, "order" from settlements
            where kind = 'cancel' and {_OWN}) c on c.book = o.book and c.original = o.settlement
          group by o.book, o.seq;
        create table found as
          select s.book, s.seq, s.pooling_area, s.person, s."order",
            coalesce(l.line_count, 0) as line_count, t.taken_back
          from settlements s left join lines_of l on l.book = s.book and l.seq = s.seq
          left join taken t on t.book = s.book and t.seq = s.seq
          where s.kind = 'settle' and s.{_OWN} and {_within(areas)};
        drop table lines_of;
    """)  # noqa: S608 - our own names
    _check_claims(sorting.connection, areas)
    sorting.number()
    sorting.connection.execute(_MOVES)


def _check_claims(connection: duckdb.DuckDBPyConnection, areas: Collection[str]) -> None:
    """Raise where there is no claim at all, or a settlement without one."""
    if connection.execute("select count(*) from found").fetchall() == [(0,)]:
        named = f" of {', '.join(sorted(areas))}" if areas else ""
        held = connection.execute(
            "select distinct pooling_area from settlements "  # noqa: S608 - our own names
            f"where {_OWN} and {_within(areas)} order by 1"
        ).fetchall()
        there = ", ".join(area for (area,) in held) or "none"
        raise Precondition(
            f"the audit tables hold no settlement{named} that was decided here; areas that were "
            f"asked and have records: {there}"
        )
    lacking = connection.execute("""
        select f.seq from found f anti join claim_facts c on c.book = f.book and c.seq = f.seq
        order by f.book, f.seq limit 1
    """).fetchall()
    for (seq,) in lacking:
        raise AuditCorrupt(
            f"the settlement at seq {seq} has no claim in the audit tables; make them again "
            "from the ledger",
            seq=str(seq),
        )


_MOVES: Final = f"""
create table all_moves as
with settled as (
  select book, seq, settlement from settlements where kind = 'settle' and {_OWN}),
others as (
  select * from settlements where kind in ('cancel', 'adjust') and {_OWN}),
away as (
  select o."order", r.giver_area, r.giver, r.paid_fen
  from relative_shares r join others o on o.book = r.book and o.seq = r.seq
  where o.kind = 'cancel' and r.booked_on = 'account'),
moved as (
  select pooling_area, person, "order", kind, counter, period, delta from moves
  union all
  select m.pooling_area, m.person, t.taken_back, 'cancel', m.counter, m.period, -m.delta
  from moves m join others a on a.book = m.book and a.seq = m.seq and a.kind = 'adjust'
  join settled s on s.book = a.book and s.settlement = a.original
  join taken t on t.book = s.book and t.seq = s.seq
  where m.counter <> '{ACCOUNT}' and m."order" < t.taken_back
  union all
  select giver_area, giver, "order", 'cancel', '{ACCOUNT}', 0, -paid_fen from away)
select pooling_area, person, "order", kind, counter, period, sum(delta)::bigint as delta
from moved group by all having sum(delta) <> 0;
create table sorted_moves as
select p.claim, m.* from all_moves m
join persons p on p.pooling_area = m.pooling_area and p.person = m.person
order by p.claim, m."order", m.counter, m.period
"""  # noqa: S608


def _told(connection: duckdb.DuckDBPyConnection, areas: Collection[str]) -> dict[str, object]:
    """Return how much was left out, and what has to be known of the amounts."""
    within = _within(areas)
    (counted,) = connection.execute(f"""
        select count(*) filter (kind = 'settle' and not {_OWN}),
          count(*) filter (kind = 'adjust' and {_OWN}),
          (select count(*) from all_moves where {within}) - (select count(*) from sorted_moves)
        from settlements where {within}
    """).fetchall()  # noqa: S608 - our own names
    names = ("copies_left_out", "adjustments", "moves_of_others_left_out")
    return dict(zip(names, counted, strict=True))


# --- dealt out ---------------------------------------------------------------------------------

_RECORDED: Final = {
    column.name.removeprefix(RECORDED): column.name
    for column in HISTORY_CLAIM
    if column.name.startswith(RECORDED)
}
_FACTS: Final = [column.name for column in schema.CLAIM_FACTS]
_HERE: Final = [column.name for column in schema.CLAIM if column.name not in _FACTS]
_LINE_FACTS: Final = [column.name for column in schema.CLAIM_LINE]
_SPLIT_LINE: Final = [column.name for column in schema.LINE if column.name not in _LINE_FACTS]
_SPLIT: Final = [column.name for column in SPLIT if column.name.endswith("_fen")]

_WANTED: Final = {
    "settlements": ["seq", *_HERE, *_RECORDED],
    "claim_facts": _FACTS,
    "claim_lines": _LINE_FACTS,
    "line_splits": ["seq", *_SPLIT_LINE],
    "payers": ["seq", *(column.name for column in STAGE if column is not CLAIM)],
}
_SPOOLS: Final = (*_WANTED, "scopes", "scoped_lines")


def _deal(
    sorting: Sorting,
    spools: Mapping[str, Spool],
    number: int,
    book: AuditBook,
    areas: Collection[str],
) -> None:
    """Deal the rows of a book out to the parts."""
    for table, names in _WANTED.items():
        told = ("order", "line_count", "taken_back") if table == "settlements" else ()
        for rows in book.rows(table, names, areas):
            sorting.deal(spools[table], number, rows, numbers=told)
    for rows in book.rows("scopes", [column.name for column in schema.SCOPE], areas):
        sorting.deal(spools["scopes"], number, rows)
    seqs = [rows["seq"].to_numpy() for rows in book.rows("scopes", ["seq"], areas)]
    if not seqs:
        return
    split_away = np.concatenate(seqs)
    for rows in book.rows("line_splits", ["seq", "amount_fen", "item_class", *_SPLIT], areas):
        chosen = np.isin(rows["seq"].to_numpy(), split_away)
        sorting.deal(spools["scoped_lines"], number, rows.filter(pa.array(chosen)))


def _part(spools: Mapping[str, Spool], number: int) -> dict[str, pa.Table]:
    """Return the tables of a part."""
    settlements = spools["settlements"].part(number)
    names = [_RECORDED.get(name, name) for name in settlements.column_names]
    found = {
        "claims": columns_of(
            HISTORY_CLAIM, settlements.rename_columns(names), spools["claim_facts"].part(number)
        ),
        "lines": columns_of(
            HISTORY_LINE, spools["claim_lines"].part(number), spools["line_splits"].part(number)
        ),
        "stages": columns_of(STAGE, spools["payers"].part(number)),
    }
    scopes = spools["scopes"].part(number)
    lines = spools["scoped_lines"].part(number)
    # Of claims that have no lines, nothing was split.
    if lines.num_rows:
        found["splits"] = _splits(scopes, lines)
    return found


def _splits(scopes: pa.Table, lines: pa.Table) -> pa.Table:
    """Return the splits of lines that another engine split.

    Of such a line the parts are recorded, and not what left it to the person; it is taken for
    outside where none of it is left (`ledger.records.decode_scope`). The charge types are told once
    a claim, on its first line.
    """
    owner = lines["claim"].to_numpy()
    position = places_within(owner)
    scope = np.searchsorted(scopes["claim"].to_numpy(), owner)
    first = pa.array(position == 0)
    types = scopes["charge_types"].take(pa.array(scope))
    none = pa.scalar([], types.type)
    lines = lines.append_column("position", pa.array(position))
    lines = lines.append_column("outside", pc.equal(lines["own_expense_fen"], lines["amount_fen"]))
    lines = lines.append_column(
        "catalogue_digest", scopes["catalogue_digest"].take(pa.array(scope))
    )
    return columns_of(SPLIT, lines.append_column("charge_types", pc.if_else(first, types, none)))
