"""Settle a batch in memory: claims and counter values in, settlements and their postings out.

No store, no clock, no request ids: checkout, bulk and replay all come through here, and differ in
where the counter values come from and where the settlements go.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsettle import limits, phases
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT, MUTUAL_AID, CounterKey, CounterValues
from medsettle.core.outcome import Outcome, Rejection
from medsettle.core.relatives import LimitsOf, no_limits
from medsettle.core.settlement import Settlement
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.rule_book import DIGEST_CHARS, RuleBook
from medsettle.settle.assemble import Assembler, Forms
from medsettle.settle.claim_lines import Prepared
from medsettle.settle.counter_keys import counter_keys
from medsettle.settle.prepare import Preparer
from medsettle.settle.program_inputs import static_columns
from medsettle.settle.relatives import limits_for, moved_by
from medsettle.settle.settled import Settled
from medsettle.settle.settled_block import late_ones
from medsettle.settle.waterfall import Kernel, Work

__all__ = ["Settled", "Settler"]


@dataclass
class Settler:
    """Settles batches by a rule book; holds what is worked out once for each code and policy."""

    book: RuleBook
    kernel: Kernel = field(default_factory=Kernel)
    preparer: Preparer = field(init=False)
    _forms: Forms = field(default_factory=Forms)
    _digests: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with no combination of codes known."""
        self.preparer = Preparer(self.book)
        self._digests = {
            code: catalogue.digest[:DIGEST_CHARS]
            for code, catalogue in self.book.catalogues.items()
        }

    def run(
        self,
        claims: ClaimBatch,
        rows: Sequence[int],
        counters: CounterValues,
        *,
        refuse_gaps: bool,
        limits_of: LimitsOf = no_limits,
    ) -> dict[int, Settled | Rejection]:
        """Return the result of each claim at `rows`.

        Args:
            claims: A batch; rows with faults of form must not be among `rows`.
            rows: Positions to settle, rising; claims of one person are settled in this order.
            counters: Reads the values before the batch.
            refuse_gaps: Whether an amount that the policy cannot decide rejects its claim (when
                recording) or is answered with a notice (in a preview).
            limits_of: Reads what relatives set aside for a person, before the batch.

        Raises:
            InternalError: Shares do not add up to a total; the batch must not be recorded.
        """
        spared: set[int] = set()
        reader = _Reader(counters, limits_of)
        while True:
            results, prepared = self._attempt(claims, rows, reader, spared, refuse_gaps)
            refused = set(_first_refused(claims, results, prepared))
            if not refused:
                return results
            # What such a claim would have used up is there for the claims after it.
            spared |= refused

    def _attempt(
        self,
        claims: ClaimBatch,
        rows: Sequence[int],
        reader: "_Reader",
        spared: Collection[int],
        refuse_gaps: bool,
    ) -> tuple[dict[int, Settled | Rejection], Prepared]:
        """Return the results where the spared claims use up no limited items."""
        results: dict[int, Settled | Rejection] = {}
        phases.enter(phases.SCOPE)
        prepared = self.preparer.prepare(claims, rows, reader.counters, spared)
        results |= prepared.rejections
        by_policy = _by_policy([row for row in rows if row not in results], prepared)
        inputs = {
            id(policy): static_columns(policy, claims, own, prepared)
            for policy, own in by_policy.values()
        }
        keys = {
            id(policy): list(counter_keys(policy, claims, own, inputs[id(policy)]))
            for policy, own in by_policy.values()
        }
        aided = [row for policy, own in by_policy.values() if policy.aid_stages for row in own]
        granted = limits_for(claims, aided, reader.limits_of)
        held = reader.values({key for own in keys.values() for row in own for key in row.values()})
        held |= granted.sums()
        works: list[Work] = []
        slots: dict[CounterKey, int] = {}
        bound = _Bound(claims, held, by_policy.values())
        for policy, own in by_policy.values():
            full = bound.rejections(policy, own, keys[id(policy)])
            results |= full
            keys[id(policy)] = [
                row_keys
                for row, row_keys in zip(own, keys[id(policy)], strict=True)
                if row not in full
            ]
            left = [row for row in own if row not in full]
            if left:
                columns = inputs[id(policy)]
                if full:
                    kept = np.array([row not in full for row in own])
                    columns = {name: column[kept] for name, column in columns.items()}
                works.append(_work(policy, left, columns, keys[id(policy)], slots))
        state = np.array([held.get(key, 0) for key in slots], dtype=np.int64)
        persons = _person_numbers(claims)
        # A claim with a gap moves nothing in a preview either: the ones after it are shown what
        # they will get when this one is refused.
        phases.enter(phases.WATERFALL)
        self.kernel.settle(works, persons, state, refuse_gaps=True)
        phases.enter(phases.ASSEMBLE)
        shares = granted.divided(works, claims)
        assembler = Assembler(claims, prepared, self._digests, shares, self._forms)
        for work in works:
            moves = list(_moved(work, keys[id(work.policy)]))
            results |= _assembled(assembler, work, moves, refuse_gaps)
        phases.enter(phases.RECORD)
        return results, prepared


def _assembled(
    assembler: Assembler,
    work: Work,
    moves: Sequence[Sequence[tuple[CounterKey, int]]],
    refuse_gaps: bool,
) -> dict[int, Settled | Rejection]:
    """Return what each claim of a work came to, by row; with `refuse_gaps` it is to be recorded."""
    claims, prepared, shares = assembler.batch, assembler.prepared, assembler.shares
    found: dict[int, Settled | Rejection] = {}
    if refuse_gaps:
        found |= late_ones(assembler, work, moves, {*prepared.used, *shares, *claims.scopes})
    if len(found) == len(work.rows):
        return found
    settled = assembler.settlements(work)
    for row, settlement, given, moved in zip(
        work.rows.tolist(), settled, _inputs(work), moves, strict=True
    ):
        if row in found:
            continue
        used = (*prepared.used.get(row, ()), *moved_by(shares.get(row, ())))
        found[row] = Settled(settlement, given, (*moved, *used), claims.scopes.get(row))
        if refuse_gaps and settlement.notices:
            found[row] = _gap(settlement)
    return found


def _by_policy(
    rows: Iterable[int], prepared: Prepared
) -> dict[int, tuple[CompiledPolicy, list[int]]]:
    """Return the policies of claims, each with its rows in order, by what tells them apart."""
    found: dict[int, tuple[CompiledPolicy, list[int]]] = {}
    for row in rows:
        fact = prepared.facts[row]
        if fact is not None:
            found.setdefault(id(fact.policy), (fact.policy, []))[1].append(row)
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads what stands before the batch."""

    counters: CounterValues
    limits_of: LimitsOf

    def values(self, keys: Collection[CounterKey]) -> dict[CounterKey, int]:
        return dict(self.counters(list(keys)))


def _first_refused(
    claims: ClaimBatch, results: Mapping[int, Settled | Rejection], prepared: Prepared
) -> Iterator[int]:
    """Yield the first claim of each person that used up items and then moves nothing at all."""
    seen = set()
    for row in sorted(prepared.used):
        result = results[row]
        person = (claims.rows[row]["pooling_area"], claims.rows[row]["person"])
        if person not in seen and (isinstance(result, Rejection) or result.undecided):
            seen.add(person)
            yield row


class _Bound:
    """Refuses claims with which a counter could pass the bound the kernel is proved for."""

    def __init__(
        self,
        claims: ClaimBatch,
        held: Mapping[CounterKey, int],
        by_policy: Iterable[tuple[CompiledPolicy, Sequence[int]]],
    ) -> None:
        self._held = held
        totals = np.zeros(len(claims), dtype=np.int64)
        np.add.at(totals, claims.line_claim, claims.amount_fen)
        # No amount that a counter sums can pass a person's bills of the whole batch, and what is
        # paid beside them.
        self._most: dict[tuple[str, str], int] = {}
        persons = list(_persons(claims))
        for person, total in zip(persons, totals.tolist(), strict=True):
            self._add(person, total)
        for policy, own in by_policy:
            if most := policy.payouts_fen_max:
                for position in own:
                    self._add(persons[position], most)

    def _add(self, person: tuple[str, str], fen: int) -> None:
        self._most[person] = self._most.get(person, 0) + fen

    def rejections(
        self, policy: CompiledPolicy, rows: Sequence[int], keys: Sequence[dict[str, CounterKey]]
    ) -> dict[int, Rejection]:
        """Return a rejection for each claim whose counters leave too little room."""
        terms = {name: len(counter.sums) for name, counter in policy.policy.counters.items()}
        terms[ACCOUNT] = int(policy.credits_account)
        found: dict[int, Rejection] = {}
        # Hardly ever is anything near the bound, which few numbers tell of all claims at once.
        most = max(self._most.values(), default=0) * max(terms.values())
        if max(self._held.values(), default=0) <= limits.AMOUNT_FEN_MAX - most:
            return found
        for row, row_keys in zip(rows, keys, strict=True):
            for name, key in row_keys.items():
                growth = self._most[key.pooling_area, key.person] * terms.get(name, 0)
                if self._held.get(key, 0) > limits.AMOUNT_FEN_MAX - growth:
                    found[row] = _full(key, self._held.get(key, 0))
        return found


def _full(key: CounterKey, value: int) -> Rejection:
    return Rejection(
        Outcome.COUNTER_FULL,
        f"counter {key.counter!r} of this person stands at {value}; with these claims it could "
        f"pass {limits.AMOUNT_FEN_MAX}. Check the amounts recorded before",
        metadata={"counter": key.counter, "value": str(value)},
    )


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
        for name in key_rows[0]
    }
    return Work(
        policy=policy,
        rows=np.array(rows, dtype=np.int64),
        columns=columns,
        slots={name: np.array(own, dtype=np.int64) for name, own in positions.items()},
    )


def _person_numbers(claims: ClaimBatch) -> NDArray[np.int64]:
    """Return a dense number for the person of each claim; faulty claims have one too."""
    numbers: dict[tuple[str, str], int] = {}
    found = [numbers.setdefault(person, len(numbers)) for person in _persons(claims)]
    return np.array(found, dtype=np.int64)


def _persons(claims: ClaimBatch) -> Iterator[tuple[str, str]]:
    """Return area and person of each claim; of faulty claims they mean nothing."""
    areas, persons = claims.column("pooling_area"), claims.column("person")
    return zip(map(str, areas), map(str, persons), strict=True)


def _inputs(work: Work) -> Iterator[dict[str, int]]:
    """Yield the inputs of the program for each claim, the counters as it met them among them."""
    columns = work.columns | {f"counter:{name}": held for name, held in work.before.items()}
    for row in zip(*(column.tolist() for column in columns.values()), strict=True):
        yield dict(zip(columns, row, strict=True))


def _moved(
    work: Work, key_rows: Sequence[Mapping[str, CounterKey]]
) -> Iterator[list[tuple[CounterKey, int]]]:
    """Yield the change of every counter that each claim moves."""
    # What limits hold together is no counter of its own: the limits are moved.
    columns = {
        name: (-column if name == ACCOUNT else column).tolist()
        for name in (key_rows[0] if key_rows else ())
        if name != MUTUAL_AID and (column := work.results.get(f"counter:{name}")) is not None
    }
    for position, keys in enumerate(key_rows):
        amounts = [(keys[name], column[position]) for name, column in columns.items()]
        yield [(key, amount) for key, amount in amounts if amount]


def _gap(settlement: Settlement) -> Rejection:
    return Rejection(
        Outcome.POLICY_GAP,
        "; ".join(settlement.notices),
        metadata={"policy": str(settlement.columns["policy"])},
    )
