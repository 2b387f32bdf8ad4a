"""The two tables that every figure is taken from: claims in both worlds, and persons.

Both are SQL over the folders of a history and of results, and are run part by part, since a person
lies in one part: memory is that of a part. Who runs the same text over all parts at once, as it
stands in `queries.sql`, gets the same rows.

A person is named by the first of their compared claims: nobody's token leaves the history. `person`
is a person in a calendar year of service, a person-year, as counters and burdens go by years;
`person_over_years` is the same number in all years.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.parquet as pq

from medsettle import durable
from medsettle.core import codes
from medsettle.core.sql_text import quoted
from medsettle.replay.compare_folders import Results
from medsettle.replay.layout import BASELINE, PAST, WRITTEN_BY

if TYPE_CHECKING:
    import duckdb

CLAIMS_FILE: Final = "claims.parquet"
PERSONS_FILE: Final = "persons.parquet"

PAYMENTS: Final[tuple[str, ...]] = (*codes.PAYER_NAMES, "cash")
"""Everyone among whom the bill is divided; these add up to the total."""
SUMS: Final[tuple[str, ...]] = ("fund_total", "person_total", "payouts", "deductible")
WORLDS: Final = ("baseline", "reform")
_EVERY_PART = "part-*"


def claims_sql(results: Results, reform: str, out: Path) -> str:
    """Return the query of claims in both worlds, with paths as `out` sees them.

    Claims that were taken back or that a world does not settle are left out (`left_out`).
    """
    names = [*PAYMENTS, *SUMS]
    amounts = ",\n".join(
        f"    {world[0]}.{name}_fen::bigint as {world}_{name}_fen"
        for name in names
        for world in WORLDS
    )
    past = ", ".join(f"{world[0]}.{name} as {world}_{name}" for name in PAST for world in WORLDS)
    return f"""\
select
    h.claim::bigint as claim,
    min(h.claim::bigint) over (
        partition by h.pooling_area, h.person, year(h.service_date)
    ) as person,
    min(h.claim::bigint) over (partition by h.pooling_area, h.person) as person_over_years,
    h.service_date,
    strftime(h.service_date, '%Y-%m') as month,
    h.pooling_area, h.insurance_type, h.visit_type, h.person_type, h.institution_level,
    coalesce(list_sort(h.benefit_groups), []) as benefit_groups,
    date_sub('year', h.birth_date, h.service_date) as age,
    b.policy as baseline_policy, r.policy as reform_policy,
    {past},
    b.total_fen::bigint as total_fen,
{amounts}
{_both(results, reform, out)}
where h.taken_back is null and b.outcome = 'settled' and r.outcome = 'settled'
order by h.claim"""


def left_out_sql(results: Results, reform: str, out: Path) -> str:
    """Return the query of claims that are not compared, by the reason."""
    return f"""\
select
    case when h.taken_back is not null then 'taken back' else b.outcome end as baseline,
    case when h.taken_back is not null then 'taken back' else r.outcome end as reform,
    count(*) as claims,
    sum(greatest(b.total_fen, r.total_fen))::bigint as total_fen
{_both(results, reform, out)}
where h.taken_back is not null or b.outcome <> 'settled' or r.outcome <> 'settled'
group by all order by all"""


def _both(results: Results, reform: str, out: Path) -> str:
    sources = (
        results.history_claims(out),
        results.claims(BASELINE, out),
        results.claims(reform, out),
    )
    history, baseline, other = (quoted(source) for source in sources)
    # Parts may have narrower numbers where these fit, and lack columns that no claim states.
    return f"""\
from (
    from read_parquet({history}, union_by_name = true)
    union all by name
    select null::bigint as taken_back, null::varchar[] as benefit_groups where false
) h
join read_parquet({baseline}, union_by_name = true) b on b.claim = h.claim
join read_parquet({other}, union_by_name = true) r on r.claim = h.claim"""


def persons_sql(reform: str) -> str:
    """Return the query of person-years over the claims of both worlds."""
    amounts = ",\n".join(
        f"    sum({world}_{name}_fen)::bigint as {world}_{name}_fen"
        for name in ("fund_total", "person_total", "cash")
        for world in WORLDS
    )
    return f"""\
select
    person,
    arg_min(age, claim) as age,
    count(*) as claims,
    sum(total_fen)::bigint as total_fen,
{amounts}
from {quoted(f"{reform}/{CLAIMS_FILE}")}
group by person
order by person"""  # noqa: S608


def write_tables(
    connection: "duckdb.DuckDBPyConnection", results: Results, reform: str, out: Path
) -> tuple[int, str, str]:
    """Write the claims and persons of a reform, part by part; return how many claims, and the SQL.

    Args:
        connection: It sees `out` as its folder.
        results: What is compared.
        reform: The world beside the baseline.
        out: The folder in which that of the reform is made.

    Raises:
        OSError: The disk failed.
        duckdb.Error: A file of the results is damaged.
    """
    own = out / reform
    durable.make_folder(own)
    claims = claims_sql(results, reform, out)
    persons = persons_sql(reform)
    # A cluster calls its files as it likes, and the claims of a part lie in any of them.
    worlds = () if WRITTEN_BY in results.manifest else (BASELINE, reform)
    sources = [results.history_claims(out), *(results.claims(world, out) for world in worlds)]
    compared = 0
    with _Growing(own / CLAIMS_FILE) as of_claims, _Growing(own / PERSONS_FILE) as of_persons:
        for part in results.history.parts:
            text = _of_part(claims, sources, part.number)
            found = connection.sql(text).to_arrow_table()
            compared += found.num_rows
            of_claims.add(found)
            connection.register("claims_of_a_part", found)
            source = quoted(f"{reform}/{CLAIMS_FILE}")
            text = persons.replace(f"from {source}", "from claims_of_a_part")
            of_persons.add(connection.sql(text).to_arrow_table())
            connection.unregister("claims_of_a_part")
    durable.sync_folder(own)
    return compared, claims, persons


def _of_part(claims: str, sources: Sequence[str], number: int) -> str:
    """Return the query of claims over one part of these sources."""
    for source in sources:
        folder, _, files = source.rpartition("/")
        own = f"{folder}/{files.replace(_EVERY_PART, f'part-{number:05d}')}"
        claims = claims.replace(quoted(source), quoted(own))
    return claims


class _Growing:
    """A Parquet file that grows by parts and has its name once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._unfinished = durable.unfinished_of(path)
        self._writer: pq.ParquetWriter | None = None

    def __enter__(self) -> "_Growing":
        return self

    def add(self, table: pa.Table) -> None:
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._unfinished, table.schema, **_encoded(table))
        self._writer.write_table(table)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if kind is None and self._writer is not None:
            with self._unfinished.open("r+b") as file:
                os.fsync(file.fileno())
            self._unfinished.replace(self._path)
        else:
            self._unfinished.unlink(missing_ok=True)


def _encoded(table: pa.Table) -> dict[str, object]:
    """Return how a table is written: texts by dictionary, numbers bytewise, as a history is."""
    numbers = [field.name for field in table.schema if pa.types.is_int64(field.type)]
    return {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": [field.name for field in table.schema if pa.types.is_string(field.type)],
        "column_encoding": dict.fromkeys(numbers, "BYTE_STREAM_SPLIT"),
        "write_statistics": ["claim", "person"],
    }
