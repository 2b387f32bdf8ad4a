"""A plain finder of odd rows by DuckDB, for tests of what is made of them."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from medsettle.clearing.book import NATURAL_KEYS, OWN, SAME_SERVICE, Side
from medsettle.clearing.odd_rows import OddRows


def find_odd_rows(books: Mapping[Side, Path]) -> OddRows:
    """Return the odd rows of books in Parquet files, and what shares a natural key with one."""
    columns = {side: pq.read_schema(path).names for side, path in books.items()}
    in_all = set.intersection(*(set(names) for names in columns.values()))
    in_two = {
        name
        for names in columns.values()
        for name in names
        if sum(name in other for other in columns.values()) > 1
    }
    sides = list(books)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        parts = []
        for side, path in books.items():
            connection.execute(f"create view {side} as from '{path}'")
            compared = sorted(in_two - OWN)
            texts = [
                f"coalesce({name}::varchar, '-')" if name in columns[side] else "'?'"
                for name in compared
            ]
            pairs = [
                f"""hash(concat_ws('|', {
                    ", ".join(
                        text
                        for name, text in zip(compared, texts, strict=True)
                        if name in columns[side] and name in columns[other]
                    )
                })) as with_{other}"""
                if other is not side
                else f"null::ubigint as with_{other}"
                for other in sides
            ]
            parts.append(f"select settlement, '{side}' as side, {', '.join(pairs)} from {side}")
        connection.execute(f"create table hashed as {' union all '.join(parts)}")
        unlike = " or ".join(
            f"any_value(with_{two}) filter (side = '{one}') <> "
            f"any_value(with_{one}) filter (side = '{two}')"
            for at, one in enumerate(sides)
            for two in sides[:at]
        )
        connection.execute(f"""
            create table odd as select settlement from hashed group by settlement
            having count(*) <> {len(sides)} or count(distinct side) <> {len(sides)} or {unlike}
        """)
        ids = _with_neighbours(connection, sides, in_all)
        return OddRows(
            {side: _rows(connection, side, ids) for side in sides},
            {side: frozenset(names) for side, names in columns.items()},
        )


def _with_neighbours(
    connection: duckdb.DuckDBPyConnection, sides: list[Side], in_all: set[str]
) -> pa.Table:
    selects = ["from odd"]
    for side in sides:
        for key in (*NATURAL_KEYS[1:], SAME_SERVICE):
            if set(key) <= in_all:
                names = ", ".join(key)
                selects.append(f"""
                    select settlement from {side} semi join
                    (select {names} from {side} semi join odd using (settlement)) using ({names})
                """)
        selects.append(f"""
            select settlement from {side} where original in (from odd)
        """)
    return connection.sql(" union ".join(f"({each})" for each in selects)).to_arrow_table()


def _rows(connection: duckdb.DuckDBPyConnection, side: Side, ids: pa.Table) -> pa.Table:
    assert ids.num_columns == 1
    return connection.sql(f"from {side} semi join ids using (settlement)").to_arrow_table()
