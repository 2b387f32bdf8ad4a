"""The statements of the PostgreSQL ledger.

Keys and rows come as one array for each column, so that a batch is a handful of statements however
many rows it has, sent together and answered together.
"""

from typing import Final

from medsettle.ledger.listing import called_by
from medsettle.ledger.reading import ENTRY_COLUMNS, ReadStatements

BEGIN: Final = "begin isolation level read committed read write"

# For a transaction that records nothing anybody is told of.
NO_SYNC: Final = "set local synchronous_commit = off"

INSERT_HOLDERS: Final = """
insert into holders (pooling_area, holder)
select * from unnest(%s::text[], %s::text[]) as k (pooling_area, holder) order by 1, 2
on conflict do nothing
"""

# In the order of their keys, as every writer does it: who waits for a row holds smaller ones only.
_LOCK: Final = """
select from unnest(%s::text[], %s::text[]) as k (pooling_area, holder)
join holders h on h.pooling_area = k.pooling_area and h.holder = k.holder
order by h.pooling_area, h.holder
"""
LOCK_TO_WRITE: Final = f"{_LOCK} for update of h"
LOCK_TO_READ: Final = f"{_LOCK} for share of h"

# Once a writer has this row it waits for nobody, so it is the last it takes; the next writer goes
# on when this one has committed, and finds its number and its entries.
TAKE_SEQS: Final = """
update ledger_head set last_seq = last_seq + %s returning last_seq
"""

INSERT_ENTRIES: Final = f"""
insert into entries ({", ".join(ENTRY_COLUMNS)})
select h.last_seq - %s + e.place, %s, e.kind, e.settlement, e.original, e.institution,
  e.request_id, e.institution_settlement, e.pooling_area, e.person, e.service_day,
  e.content_digest, e.record, e.subject
from ledger_head h, unnest(
    %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[],
    %s::text[], %s::bigint[], %b::bytea[], %b::bytea[], %s::text[]
  ) with ordinality as e (
    kind, settlement, original, institution, request_id, institution_settlement, pooling_area,
    person, service_day, content_digest, record, subject, place)
order by e.place
"""  # noqa: S608

INSERT_POSTINGS: Final = """
insert into postings (seq, pooling_area, person, counter, period, delta)
select h.last_seq - %s + p.place, p.pooling_area, p.person, p.counter, p.period, p.delta
from ledger_head h, unnest(
    %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]
  ) as p (place, pooling_area, person, counter, period, delta)
"""

# Fed by the postings recorded a moment before, as in `sqlite_statements`, and formed before the
# insert for the same reason: CHECK constraints are checked on the row proposed.
APPLY_POSTINGS: Final = """
insert into counters (pooling_area, person, counter, period, value)
select p.pooling_area, p.person, p.counter, p.period, sum(p.delta) + coalesce((
    select c.value from counters c
    where c.pooling_area = p.pooling_area and c.person = p.person
      and c.counter = p.counter and c.period = p.period), 0)
from postings p where p.seq > (select last_seq - %s from ledger_head)
group by p.pooling_area, p.person, p.counter, p.period
on conflict (pooling_area, person, counter, period) do update set value = excluded.value
"""

# One statement, so one moment: entries that are recorded meanwhile are counted on no side.
COUNT_ENTRIES: Final = """
select count(*), coalesce(max(seq), 0), (select last_seq from ledger_head) from entries
"""

_COLUMNS: Final = ", ".join(f"e.{name}" for name in ENTRY_COLUMNS)
_SELECT: Final = f"select {_COLUMNS} from entries e"  # noqa: S608


def _keyed(types: str, names: str) -> str:
    """Return the start of a statement about keys, one array for each of their columns."""
    arrays = ", ".join(f"%s::{each}[]" for each in types.split())
    return f"select {_COLUMNS} from unnest({arrays}) as k ({names}) join entries e"  # noqa: S608


READ: Final = ReadStatements(
    mark="%s",
    requests=f"""
{_keyed("text text", "institution, request_id")}
  on e.institution = k.institution and e.request_id = k.request_id
""",
    institution_settlements="""
select e.institution, e.institution_settlement, e.settlement
from unnest(%s::text[], %s::text[]) as k (institution, number) join entries e
  on e.institution = k.institution and e.institution_settlement = k.number
where e.kind in ('settle', 'visit')
""",
    counters="""
select k.place - 1, c.value
from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[])
  with ordinality as k (pooling_area, person, counter, period, place)
join counters c on c.pooling_area = k.pooling_area and c.person = k.person
  and c.counter = k.counter and c.period = k.period
""",
    events=f"""
{_keyed("text text text", "pooling_area, person, kind")}
  on e.person = k.person and e.pooling_area = k.pooling_area and e.kind = k.kind
where e.subject is not null order by e.seq
""",
    card_events=f"""
{_keyed("text text", "pooling_area, card")}
  on e.subject = k.card and e.pooling_area = k.pooling_area
where e.kind = 'card' order by e.seq
""",
    messages=f"""
{_keyed("text", "subject")} on e.subject = k.subject
where e.kind = 'message' order by e.seq
""",
    settled_since=f"""
{_keyed("text text bigint", "pooling_area, person, day")}
  on e.person = k.person and e.pooling_area = k.pooling_area and e.service_day >= k.day
where e.kind = 'settle'
  and not exists (select 1 from entries c where c.original = e.settlement)
order by e.seq
""",  # noqa: S608
    counters_named="""
select c.pooling_area, c.person, c.counter, c.period, c.value
from unnest(%s::text[], %s::text[]) as k (pooling_area, person) join counters c
  on c.pooling_area = k.pooling_area and c.person = k.person
  and c.counter >= %s and c.counter < %s
where c.value > 0 order by c.pooling_area, c.person, c.period, c.counter
""",
    settlement=f"{_SELECT} where e.settlement = %s",
    cancel_of=f"{_SELECT} where e.original = %s",
    cancels_of=f"{_keyed('text', 'original')} on e.original = k.original",
    page=f"{_SELECT} where e.seq > %s",
    latest=f"""
{_SELECT} where e.person = %s and e.pooling_area = %s and e.kind in ('settle', 'cancel', 'adjust')
  and e.kind <> 'message'
order by e.seq desc limit %s
""",
    called=called_by(_SELECT, "%s"),
    person_counters="""
select counter, period, value from counters
where pooling_area = %s and person = %s order by counter, period
""",
    # The value before a page is the sum of the changes before it, as in `sqlite_statements`.
    history="""
select e.seq, e.create_time_us, e.kind, e.settlement, e.institution, p.delta,
  ((select coalesce(sum(b.delta), 0) from postings b
    where b.pooling_area = %s and b.person = %s and b.counter = %s and b.period = %s
      and b.seq <= %s)
  + sum(p.delta) over (order by p.seq))::bigint
from postings p join entries e on e.seq = p.seq
where p.pooling_area = %s and p.person = %s and p.counter = %s and p.period = %s and p.seq > %s
order by p.seq limit %s
""",
    moment="select create_time_us from entries where seq = %s",
    last_seq="select coalesce(max(seq), 0) from entries",
    first_mismatch="""
select pooling_area, person, counter, period, sum(value), sum(delta) from (
  select pooling_area, person, counter, period, value, 0 as delta from counters
  union all
  select pooling_area, person, counter, period, 0, delta from postings) as both_sides
group by pooling_area, person, counter, period
having sum(value) <> sum(delta)
order by pooling_area, person, counter, period
limit 1
""",
)
