"""Settle a batch in memory: claims and counter values in, settlements and their postings out.

No store, no clock, no request ids: checkout, bulk and replay all come through here, and differ in
where the counter values come from and where the settlements go.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT, CounterKey
from medsettle.core.dates import period_key
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.settlement import Settlement
from medsettle.policy.book import RuleBook
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle.assemble import Assembler
from medsettle.settle.prepare import Preparer, rule_days, static_columns
from medsettle.settle.waterfall import Kernel, Work

CounterValues: TypeAlias = Callable[[Sequence[CounterKey]], Mapping[CounterKey, int]]
"""Returns the values of counters; a missing key means 0."""


@dataclass(frozen=True, slots=True)
class Settled:
    """One settled claim with what a ledger needs besides the answer.

    `inputs` are those of the policy's program, `moved` the change of every counter it touched.
    """

    settlement: Settlement
    inputs: dict[str, int]
    moved: tuple[tuple[CounterKey, int], ...]


@dataclass
class Settler:
    """Settles batches by a rule book; holds what is worked out once for each code and policy."""

    book: RuleBook
    kernel: Kernel = field(default_factory=Kernel)
    preparer: Preparer = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no combination of codes known."""
        self.preparer = Preparer(self.book)

    def run(
        self,
        claims: ClaimBatch,
        rows: Sequence[int],
        counters: CounterValues,
        *,
        refuse_gaps: bool,
    ) -> dict[int, Settled | Rejection]:
        """Return the result of each claim at `rows`.

        Args:
            claims: A batch; rows with faults of form must not be among `rows`.
            rows: Positions to settle, rising; claims of one person are settled in this order.
            counters: Reads the values before the batch.
            refuse_gaps: Whether an amount that the policy cannot decide rejects its claim (when
                recording) or is answered with a notice (in a preview).

        Raises:
            InternalError: Shares do not add up to a total; the batch must not be recorded.
        """
        results: dict[int, Settled | Rejection] = {}
        prepared = self.preparer.prepare(claims, rows)
        results |= prepared.rejections
        by_policy: dict[int, tuple[CompiledPolicy, list[int]]] = {}
        for row in rows:
            fact = prepared.facts[row]
            if row not in results and fact is not None:
                by_policy.setdefault(id(fact.policy), (fact.policy, []))[1].append(row)
        keys: list[list[dict[str, CounterKey]]] = []
        slots: dict[CounterKey, int] = {}
        works: list[Work] = []
        for policy, own in by_policy.values():
            key_rows = list(_counter_keys(policy, claims, own))
            columns = static_columns(policy, claims, own, prepared)
            works.append(_work(policy, own, columns, key_rows, slots))
            keys.append(key_rows)
        held = counters(list(slots))
        state = np.array([held.get(key, 0) for key in slots], dtype=np.int64)
        persons = _person_numbers(claims)
        self.kernel.settle(works, persons, state, refuse_gaps=refuse_gaps)
        digests = {code: catalogue.digest[:12] for code, catalogue in self.book.catalogues.items()}
        assembler = Assembler(claims, prepared, digests)
        for work, key_rows in zip(works, keys, strict=True):
            settled = assembler.settlements(work)
            for position, row in enumerate(work.rows.tolist()):
                results[row] = _settled(work, position, settled[position], key_rows[position])
                if refuse_gaps and settled[position].notices:
                    results[row] = _gap(settled[position])
        return results


def _work(
    policy: CompiledPolicy,
    rows: list[int],
    columns: dict[str, NDArray[np.int64]],
    key_rows: list[dict[str, CounterKey]],
    slots: dict[CounterKey, int],
) -> Work:
    """Return the work of one policy, giving every new counter key a slot."""
    positions = {
        name: [slots.setdefault(keys[name], len(slots)) for keys in key_rows]
        for name in policy.counters
    }
    return Work(
        policy=policy,
        rows=np.array(rows, dtype=np.int64),
        columns=columns,
        slots={name: np.array(own, dtype=np.int64) for name, own in positions.items()},
    )


def _counter_keys(
    policy: CompiledPolicy, claims: ClaimBatch, rows: Sequence[int]
) -> Iterator[dict[str, CounterKey]]:
    """Yield the keys of a policy's counters for each claim."""
    days = rule_days(policy, [claims.rows[row] for row in rows])
    document = policy.policy
    periods = {
        name: period_key(days, counter.period, document.year_start).tolist()
        for name, counter in document.counters.items()
    }
    stored = {name: stored_name(document.insurance_type, name) for name in periods}
    for position, row in enumerate(rows):
        person = str(claims.rows[row]["person"])
        yield {
            name: CounterKey(document.pooling_area, person, ACCOUNT, 0)
            if name == ACCOUNT
            else CounterKey(document.pooling_area, person, stored[name], periods[name][position])
            for name in policy.counters
        }


def stored_name(insurance_type: str, counter: str) -> str:
    """Return the name under which a policy's counter is kept.

    >>> stored_name("310", "pooled_paid")
    '310.pooled_paid'
    """
    return f"{insurance_type}.{counter}"


def _person_numbers(claims: ClaimBatch) -> NDArray[np.int64]:
    """Return a dense number for the person of each claim; faulty claims have one too."""
    numbers: dict[tuple[str, str], int] = {}
    found = [
        numbers.setdefault((str(row["pooling_area"]), str(row["person"])), len(numbers))
        for row in claims.rows
    ]
    return np.array(found, dtype=np.int64)


def _settled(
    work: Work, position: int, settlement: Settlement, keys: dict[str, CounterKey]
) -> Settled:
    inputs = {name: int(column[position]) for name, column in work.columns.items()}
    inputs |= {f"counter:{name}": int(held[position]) for name, held in work.before.items()}
    moved = []
    for name, key in keys.items():
        column = work.results.get(f"counter:{name}")
        amount = int(column[position]) if column is not None else 0
        if amount:
            moved.append((key, -amount if name == ACCOUNT else amount))
    return Settled(settlement, inputs, tuple(moved))


def _gap(settlement: Settlement) -> Rejection:
    return Rejection(
        Outcome.POLICY_GAP,
        "; ".join(settlement.notices),
        metadata={"policy": str(settlement.columns["policy"])},
    )
