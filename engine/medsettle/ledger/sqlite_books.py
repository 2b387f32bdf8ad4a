"""All postings and counters of a SQLite ledger, page by page, for whoever checks the books."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import orjson

from medsettle import limits
from medsettle.core.counters import CounterKey

_POSTINGS = """
select seq, pooling_area, person, counter, period, delta from postings
where seq between ? and ? order by seq, pooling_area, person, counter, period
"""

_COUNTERS_AFTER = """
select pooling_area, person, counter, period, value from counters
where (pooling_area, person, counter, period) > (?, ?, ?, ?)
order by pooling_area, person, counter, period limit ?
"""

_TOTALS_BEFORE = """
select k.key, coalesce(sum(p.delta), 0) from json_each(?) k left join postings p
on p.pooling_area = k.value ->> 0 and p.person = k.value ->> 1 and p.counter = k.value ->> 2
and p.period = k.value ->> 3 and p.seq < ?
group by k.key
"""


class SqliteBooks:
    """The part of a reader that reads everything that was moved and everything that is held."""

    @abstractmethod
    def _rows(self, sql: str, values: Sequence[str | int]) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    def postings(self, first_seq: int, last_seq: int) -> list[tuple[int, CounterKey, int]]:
        """Return (seq, key, delta) of all postings of some entries, by seq and key."""
        rows = self._rows(_POSTINGS, (first_seq, last_seq))
        return [(seq, CounterKey(*key), delta) for seq, *key, delta in rows]

    def counters_after(self, key: CounterKey | None, *, limit: int) -> list[tuple[CounterKey, int]]:
        """Return up to `limit` counters with their values, in the order of their keys.

        Args:
            key: The last key of the page before; None for the first page.
            limit: At most `limits.PAGE_SIZE_MAX`.
        """
        assert 1 <= limit <= limits.PAGE_SIZE_MAX, limit
        after = key or CounterKey("", "", "", 0)
        rows = self._rows(_COUNTERS_AFTER, (*after, limit))
        return [(CounterKey(*found), value) for *found, value in rows]

    def totals_before(self, seq: int, keys: Sequence[CounterKey]) -> dict[CounterKey, int]:
        """Return what the postings before an entry add up to, for each of some counters."""
        asked = orjson.dumps([tuple(key) for key in keys]).decode()
        return {keys[index]: total for index, total in self._rows(_TOTALS_BEFORE, (asked, seq))}
