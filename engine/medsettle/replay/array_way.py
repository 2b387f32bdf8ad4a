"""One world of a part by arrays: the waterfall over all claims, rank by rank.

Everybody's first claim is settled, then everybody's second, and so on; between two ranks stands
what happened to the persons meanwhile. What a cancel gives back is what its claim moved here.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes
from medsettle.core.counters import ACCOUNT, BALANCES, MUTUAL_AID
from medsettle.core.outcome import Outcome
from medsettle.errors import InternalError
from medsettle.policy.compiled import CompiledPolicy
from medsettle.replay.counter_slots import Claims, CounterSlots, Slots, counters_of
from medsettle.replay.events import Events
from medsettle.replay.part_columns import Column, Columns, Persons
from medsettle.replay.stage_limits import limits_of, outputs_of, past_of
from medsettle.replay.world_rows import Decided, WorldRows, numbered
from medsettle.settle import waves
from medsettle.settle.blocks import BlockRunner
from medsettle.settle.program_inputs import ProgramInputs

_SHARES: Final = (*(f"payer:{name}" for name in codes.PAYER_NAMES), "cash")
_OUTPUTS: Final = (*_SHARES, "deductible", "payouts")
_FUNDS: Final = tuple(f"payer:{name}" for name in codes.FUND_NAMES)
_PERSONAL: Final = (*(f"payer:{name}" for name in codes.PERSONAL_NAMES), "cash")
_IN_SCOPE: Final = codes.POT_NAMES.index("in_scope")


@dataclass(frozen=True, slots=True)
class _OfPart:
    """What some claims of a part state (`medsettle.settle.program_inputs.Stated`)."""

    table: Columns
    rows: Column
    combination: Column
    by_combination: Column

    def days(self, name: str) -> Column:
        return self.table.days(name)[self.rows]

    def numbers(self, name: str) -> Column:
        return self.table.numbers(name)[self.rows]

    def known(self, name: str) -> Column:
        return self.table.known(name)[self.rows]

    def counts(self, name: str) -> Column:
        return self.table.counts(name)[self.rows]

    def classes(self, position: int) -> Column:
        found: Column = self.by_combination[self.combination, position]
        return found


@dataclass
class Runners:
    """The programs of policies, lowered once; a thread has its own."""

    _held: dict[tuple[int, bool], tuple[CompiledPolicy, BlockRunner]] = field(default_factory=dict)

    def of(self, policy: CompiledPolicy, *, moves: bool) -> BlockRunner:
        """Return what runs a policy's program.

        Args:
            policy: The policy.
            moves: Whether what each claim moves of its counters is wanted.
        """
        # Holding the policy keeps its id from being another one's.
        key = id(policy), moves
        if key not in self._held:
            counters = counters_of(policy)
            every = policy.program.outputs
            names = [name for name in every if name.startswith("gap:")]
            names += outputs_of(limits_of(policy))
            if moves or f"counter:{ACCOUNT}" in every:
                own = counters if moves else (ACCOUNT,)
                names += [f"counter:{name}" for name in own if f"counter:{name}" in every]
            runner = BlockRunner(policy.program, [*_OUTPUTS, *names], counters, refuse_gaps=True)
            self._held[key] = policy, runner
        return self._held[key][1]


@dataclass(eq=False)
class _Work:
    """The claims of one policy, everybody's first ones before the second ones, and so on.

    `edges` say where the claims of each rank begin, and where the last end; `balance` takes the
    account as each claim met it.
    """

    policy: CompiledPolicy
    claims: Claims
    shown: dict[str, int]
    runner: BlockRunner
    columns: dict[str, Column]
    results: NDArray[np.int64]
    edges: Column
    balance: Column
    slots: dict[str, Column] = field(default_factory=dict)

    def result(self, name: str) -> Column | None:
        number = self.runner.results.get(name)
        return None if number is None else self.results[number]


@dataclass(frozen=True, eq=False)
class Part:
    """What all worlds of a part share: its claims, whose they are, and what happened between.

    `combination` (n,) is the combination of each claim, `pots` (k, n) what its lines came to.
    """

    claims: Columns
    persons: Persons
    events: Events
    combination: Column
    pots: NDArray[np.int64]

    @cached_property
    def totals(self) -> Column:
        """Bill of each claim, shape (n,)."""
        found: Column = self.pots.sum(axis=0)
        return found

    @cached_property
    def in_scope(self) -> Column:
        """What is in scope of each claim, in special pots too, shape (n,)."""
        found: Column = self.pots[_IN_SCOPE:].sum(axis=0)
        return found


def settle_rows(
    part: Part, decided: Decided, rows: Column, runners: Runners, into: WorldRows
) -> Column:
    """Settle claims of a part in one world.

    Args:
        part: The part.
        decided: What its combinations decide in this world.
        rows: Which claims, rising; all of each person's, or none.
        runners: The programs.
        into: Takes what they come to.

    Returns:
        The persons whose counters fell below zero in this world, or may pass their bound: what
        `into` has of them means nothing.

    Raises:
        InternalError: Shares do not add up to a total.
    """
    works = list(_works(part, decided, rows, runners))
    _refused(part, decided, rows, into)
    if not works:
        return _NOBODY
    slots = _slotted(part, works)
    state = np.zeros(slots.size, dtype=np.int64)
    odd = _run(part, works, slots, state, rows)
    for work in works:
        _assert_conserved(part, work)
        _write(part, work, into)
    return odd


def _works(part: Part, decided: Decided, rows: Column, runners: Runners) -> Iterator[_Work]:
    chosen = decided.policy[part.combination[rows]]
    moves = bool(len(part.events.cancelled))
    highest = int(part.persons.rank[rows].max())
    for number, policy in enumerate(decided.policies):
        mine = rows[chosen == number]
        if not len(mine):
            continue
        # Columns are made in the order in which claims are settled, so that none is put into
        # another order on the way.
        by_rank = np.empty(len(mine), dtype=np.uint32)
        edges = np.empty(highest + 2, dtype=np.int64)
        waves.order_by_rank(part.persons.rank[mine].astype(np.uint32), by_rank, edges)
        own = mine[by_rank]
        stated = _OfPart(part.claims, own, part.combination[own], decided.classes[number])
        inputs = ProgramInputs(policy, stated, part.pots[:, own].T)
        runner = runners.of(policy, moves=moves)
        yield _Work(
            policy=policy,
            claims=Claims(own, part.persons.of_claim[own], inputs),
            shown={},
            runner=runner,
            columns={name: inputs.column(name) for name in runner.inputs},
            results=np.empty((runner.result_count, len(own)), dtype=np.int64),
            edges=edges,
            balance=np.empty(len(own), dtype=np.int64),
        )


def _slotted(part: Part, works: Sequence[_Work]) -> Slots:
    """Give every counter of some works its slots."""
    numbers = CounterSlots(len(part.persons), part.claims)
    for work in works:
        work.shown = numbers.show(work.policy, work.claims)
    slots = numbers.settled()
    for work in works:
        work.slots = {name: slots.of(shown) for name, shown in work.shown.items()}
    return slots


def _run(part: Part, works: Sequence[_Work], slots: Slots, state: Column, rows: Column) -> Column:
    """Run all works rank by rank; return the persons for whom this way does not do."""
    events, persons = part.events, part.persons
    where = slots.find(events.person, events.name, events.period)
    order = np.argsort(events.before, kind="stable")
    order = order[where[order] >= 0]
    turns = events.before[order]
    cancels = np.argsort(events.cancelled_before, kind="stable")
    cancel_turns = events.cancelled_before[cancels]
    own = _places_of_rows(works, len(part.combination)) if len(cancels) else None
    highest = int(persons.rank[rows].max())
    bound = [
        work.runner.bound(work.columns, work.slots, state, (work.results, {ACCOUNT: work.balance}))
        for work in works
    ]
    low: list[Column] = []
    for rank in range(highest + 1):
        first, end = np.searchsorted(turns, [rank, rank + 1])
        if end > first:
            at = where[order[first:end]]
            np.add.at(state, at, events.delta[order[first:end]])
            low.append(events.person[order[first:end]][state[at] < 0])
        first, end = np.searchsorted(cancel_turns, [rank, rank + 1])
        if end > first:
            assert own is not None
            gone = events.cancelled[cancels[first:end]]
            low.append(_give_back(works, own, gone, state, persons))
        for work, claims in zip(works, bound, strict=True):
            own_edges = work.edges[rank : rank + 2]
            if own_edges[0] < own_edges[1]:
                claims.settle(waves.Waves(waves.AS_THEY_STAND, own_edges))
    low.append(_near_bound(part, works))
    return np.unique(np.concatenate(low))


def _places_of_rows(works: Sequence[_Work], count: int) -> tuple[NDArray[np.int32], Column]:
    """Return in which work each claim of a part is, -1 for none, and where in it."""
    number = np.full(count, -1, dtype=np.int32)
    place = np.zeros(count, dtype=np.int64)
    for at, work in enumerate(works):
        number[work.claims.rows] = at
        place[work.claims.rows] = np.arange(len(work.claims.rows))
    return number, place


def _give_back(
    works: Sequence[_Work],
    own: tuple[NDArray[np.int32], Column],
    gone: Column,
    state: Column,
    persons: Persons,
) -> Column:
    """Undo what claims moved; return the persons whose counters fall below zero by that."""
    number, place = own
    low = []
    for at, work in enumerate(works):
        mine = gone[number[gone] == at]
        places = place[mine]
        refused = _refused_in(work)
        if refused is not None:
            mine, places = mine[~refused[places]], places[~refused[places]]
        for name, slot in work.slots.items():
            moved = work.result(f"counter:{name}")
            if moved is None or name == MUTUAL_AID or not len(places):
                continue
            sign = 1 if name in BALANCES else -1
            np.add.at(state, slot[places], sign * moved[places])
            low.append(persons.of_claim[mine[state[slot[places]] < 0]])
    return np.concatenate([_NOBODY, *low])


_NOBODY: Final = np.zeros(0, dtype=np.int64)


def _refused_in(work: _Work) -> NDArray[np.bool_] | None:
    """Return which claims have an amount their policy cannot decide; None where it has no gaps."""
    gaps = [name for name in work.runner.results if name.startswith("gap:")]
    if not gaps:
        return None
    found = np.zeros(len(work.claims.rows), dtype=np.bool_)
    for name in gaps:
        found |= work.results[work.runner.results[name]] > 0
    return found


def _near_bound(part: Part, works: Sequence[_Work]) -> Column:
    """Return the persons with whose claims some counter could pass its bound.

    No amount that a counter adds up can pass all bills of the person together, and what is paid
    beside them.
    """
    persons, events = part.persons, part.events
    most = np.add.reduceat(part.totals, persons.first[:-1])
    most += np.diff(persons.first) * max(work.policy.payouts_fen_max for work in works)
    np.add.at(most, events.person, np.abs(events.delta))
    terms = [
        len(counter.sums) for work in works for counter in work.policy.policy.counters.values()
    ]
    return np.flatnonzero(most > limits.AMOUNT_FEN_MAX // max([1, *terms]))


def _refused(part: Part, decided: Decided, rows: Column, into: WorldRows) -> None:
    """Write the outcome of claims that their codes refuse, which come to nothing."""
    combination = part.combination[rows]
    numbers = np.array([numbered(into.outcomes, name) for name in decided.outcomes])
    outcome = numbers[decided.outcome[combination]]
    into.outcome[rows] = outcome
    refused = rows[outcome != 0]
    if len(refused):
        for column in into.amounts.values():
            column[refused] = 0
        for past in into.past.values():
            past.numbers[refused] = -1


def _assert_conserved(part: Part, work: _Work) -> None:
    paid = _summed(work, _SHARES)
    cash = work.results[work.runner.results["cash"]]
    broken = (paid != part.totals[work.claims.rows]) | (cash < 0)
    if broken.any():
        at = int(work.claims.rows[np.flatnonzero(broken)[0]])
        row = int(part.claims.numbers("claim")[at])
        name = work.policy.policy.name
        raise InternalError(f"shares of claim {row} under {name} do not add up to its total")


def _write(part: Part, work: _Work, into: WorldRows) -> None:
    """Write what the claims of a work come to."""
    rows = work.claims.rows
    into.policy[rows] = into.policy_number(work.policy.policy.name, work.policy.digest)
    refused = _refused_in(work)
    if refused is not None and refused.any():
        into.outcome[rows[refused]] = numbered(into.outcomes, Outcome.POLICY_GAP.name)
    else:
        refused = None
    for name, column in _amounts(part, work):
        # Most payers pay nothing under most policies.
        if not column.any():
            into.amounts[name][rows] = 0
        else:
            into.amounts[name][rows] = column if refused is None else np.where(refused, 0, column)
    results = work.runner.named(work.results)
    for name, own in limits_of(work.policy).items():
        past = into.past[name]
        found = past_of(own, results, past)
        past.numbers[rows] = found if refused is None else np.where(refused, -1, found)


def _amounts(part: Part, work: _Work) -> Iterator[tuple[str, Column]]:
    """Yield the amounts of settlements, by the names of `AMOUNTS`."""
    rows, results = work.claims.rows, work.runner.results
    yield "total_fen", part.totals[rows]
    for at, name in enumerate(codes.POT_NAMES[:_IN_SCOPE]):
        yield f"{name}_fen", part.pots[at][rows]
    yield "in_scope_fen", part.in_scope[rows]
    for name in ("deductible", "cash", "payouts"):
        yield f"{name}_fen", work.results[results[name]]
    for name in codes.PAYER_NAMES:
        yield f"{name}_fen", work.results[results[f"payer:{name}"]]
    yield "fund_total_fen", _summed(work, _FUNDS)
    yield "person_total_fen", _summed(work, _PERSONAL)
    taken = work.result(f"counter:{ACCOUNT}")
    yield "account_balance_fen", work.balance if taken is None else work.balance - taken


def _summed(work: _Work, names: Sequence[str]) -> Column:
    """Return the sum of some results; those that nobody pays are one, and are not added."""
    found = np.zeros(len(work.claims.rows), dtype=np.int64)
    numbers = Counter(work.runner.results[name] for name in names)
    for number, times in numbers.items():
        column = work.results[number]
        if times == 1:
            found += column
        elif column.any():
            found += column * times
    return found
