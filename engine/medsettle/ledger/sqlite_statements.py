"""The statements of the SQLite ledger.

Keys come as one JSON array, so that thousands of them are one value.
"""

from typing import Final

from medsettle.ledger.listing import called_by
from medsettle.ledger.reading import ENTRY_COLUMNS, ReadStatements

# A batch is three statements, and one more for each 256 entries. Statement by statement, and row by
# row of an answer, SQLite gives up the interpreter lock and queues for it again behind whatever
# else computes, up to the switch interval of 5 ms each time. Rows come as JSON; bytes, which JSON
# cannot hold, as one blob that rows cut pieces from.
INSERT_ENTRIES: Final = f"""
insert into entries ({", ".join(ENTRY_COLUMNS)})
select k.value ->> 0, k.value ->> 1, k.value ->> 2, k.value ->> 3, k.value ->> 4, k.value ->> 5,
  k.value ->> 6, k.value ->> 7, k.value ->> 8, k.value ->> 9, k.value ->> 10,
  unhex(k.value ->> 11), substr(?2, k.value ->> 12, k.value ->> 13), k.value ->> 14
from jsonb_each(?1) k
"""  # noqa: S608 - names of our own columns

INSERT_POSTINGS: Final = """
insert into postings
select k.value ->> 0, k.value ->> 1, k.value ->> 2, k.value ->> 3, k.value ->> 4, k.value ->> 5
from jsonb_each(?1) k
"""

# Fed by the postings recorded a moment before: the counters cannot follow anything else. The new
# value is formed before the insert because SQLite checks CHECK constraints on the row proposed,
# where a bare negative change would never pass.
APPLY_POSTINGS: Final = """
insert into counters (pooling_area, person, counter, period, value)
select p.pooling_area, p.person, p.counter, p.period, sum(p.delta) + coalesce((
    select c.value from counters c
    where c.pooling_area = p.pooling_area and c.person = p.person
      and c.counter = p.counter and c.period = p.period), 0)
from postings p where p.seq between ? and ?
group by p.pooling_area, p.person, p.counter, p.period
on conflict do update set value = excluded.value
"""

_COLUMNS: Final = ", ".join(f"e.{name}" for name in ENTRY_COLUMNS)
_SELECT: Final = f"select {_COLUMNS} from entries e"  # noqa: S608 - our own column names
_KEYED: Final = f"select {_COLUMNS} from jsonb_each(?) k cross join entries e"  # noqa: S608

# The value before a page is the sum of the changes before it, so that no row stores a value that
# could differ from them.
_HISTORY: Final = """
select e.seq, e.create_time_us, e.kind, e.settlement, e.institution, p.delta,
  (select coalesce(sum(b.delta), 0) from postings b
   where b.pooling_area = ? and b.person = ? and b.counter = ? and b.period = ? and b.seq <= ?)
  + sum(p.delta) over (order by p.seq)
from postings p join entries e on e.seq = p.seq
where p.pooling_area = ? and p.person = ? and p.counter = ? and p.period = ? and p.seq > ?
order by p.seq limit ?
"""

_FIRST_MISMATCH: Final = """
select pooling_area, person, counter, period, sum(value), sum(delta) from (
  select pooling_area, person, counter, period, value, 0 as delta from counters
  union all
  select pooling_area, person, counter, period, 0, delta from postings)
group by pooling_area, person, counter, period
having sum(value) <> sum(delta)
order by pooling_area, person, counter, period
limit 1
"""

READ: Final = ReadStatements(
    mark="?",
    requests=f"{_KEYED} on e.institution = k.value ->> 0 and e.request_id = k.value ->> 1",
    institution_settlements="""
select e.institution, e.institution_settlement, e.settlement
from jsonb_each(?) k cross join entries e
  on e.institution = k.value ->> 0 and e.institution_settlement = k.value ->> 1
where e.kind in ('settle', 'visit')
""",
    # Thousands of counters are asked for in one go, so they come back as one row.
    counters="""
select json_group_array(json_array(k.key, c.value))
from jsonb_each(?) k cross join counters c
  on c.pooling_area = k.value ->> 0 and c.person = k.value ->> 1
  and c.counter = k.value ->> 2 and c.period = k.value ->> 3
""",
    events=f"""
{_KEYED} on e.person = k.value ->> 1 and e.pooling_area = k.value ->> 0 and e.kind = k.value ->> 2
where e.subject is not null order by e.seq
""",
    card_events=f"""
{_KEYED} on e.subject = k.value ->> 1 and e.pooling_area = k.value ->> 0
where e.kind = 'card' order by e.seq
""",
    messages=f"""
{_KEYED} on e.subject = k.value ->> 0 where e.kind = 'message' order by e.seq
""",
    settled_since=f"""
{_KEYED} on e.person = k.value ->> 1 and e.pooling_area = k.value ->> 0
  and e.service_day >= k.value ->> 2
where e.kind = 'settle'
  and not exists (select 1 from entries c where c.original = e.settlement)
order by e.seq
""",  # noqa: S608
    counters_named="""
select c.pooling_area, c.person, c.counter, c.period, c.value
from jsonb_each(?) k cross join counters c
  on c.pooling_area = k.value ->> 0 and c.person = k.value ->> 1
  and c.counter >= ? and c.counter < ?
where c.value > 0 order by c.pooling_area, c.person, c.period, c.counter
""",
    settlement=f"{_SELECT} where e.settlement = ?",
    cancel_of=f"{_SELECT} where e.original = ?",
    cancels_of=f"{_KEYED} on e.original = k.value ->> 0",
    page=f"{_SELECT} where e.seq > ?",
    latest=f"""
{_SELECT} where e.person = ? and e.pooling_area = ? and e.kind in ('settle', 'cancel', 'adjust')
  and e.kind <> 'message'
order by e.seq desc limit ?
""",
    called=called_by(_SELECT, "?"),
    person_counters="""
select counter, period, value from counters
where pooling_area = ? and person = ? order by counter, period
""",
    history=_HISTORY,
    moment="select create_time_us from entries where seq = ?",
    last_seq="select coalesce(max(seq), 0) from entries",
    first_mismatch=_FIRST_MISMATCH,
)
