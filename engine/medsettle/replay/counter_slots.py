"""Where the counters of a part's persons stand in the state of a world.

A counter is kept by its name and period. Most have few of both in a part, so each person has one
slot for each pair that occurs, side by side; the slot is worked out and nothing is looked up.
Counters that are split by identifiers have a name for nearly each claim: theirs are numbered by
person and name, behind the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from medsettle import limits
from medsettle.core.counters import ACCOUNT, BALANCES, MUTUAL_AID
from medsettle.core.dates import Period
from medsettle.core.settlement import Row
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.model import Counter
from medsettle.replay.part_columns import Codes, Column, Columns
from medsettle.settle.counter_keys import counter_periods, identifying, split_name
from medsettle.settle.program_inputs import ProgramInputs
from medsettle.settle.quantities import NO_DAY

NamedPeriod = tuple[str, int]

_NOWHERE: Final = -1


def counters_of(policy: CompiledPolicy) -> tuple[str, ...]:
    """Return the counters of a policy that claims meet, the account always among them.

    A settlement states the balance of the account also where its policy never asks the account.
    """
    return tuple(dict.fromkeys([*policy.counters, ACCOUNT]))


class Claims(NamedTuple):
    """Some claims of one policy: their rows in the part, whose they are, and their inputs."""

    rows: Column
    person: Column
    inputs: ProgramInputs


@dataclass(frozen=True, slots=True, eq=False)
class _Use:
    """The counters of some claims of one policy: for each a variant, -1 minus it where sparse."""

    person: Column
    variant: Column | int


@dataclass
class CounterSlots:
    """Numbers counters while claims are shown to it, then says where they stand.

    Args:
        persons: How many persons there are.
        claims: The claims of the part, for identifiers.
    """

    persons: int
    claims: Columns
    _dense: dict[NamedPeriod, int] = field(default_factory=dict)
    _sparse: dict[NamedPeriod, int] = field(default_factory=dict)
    _uses: list[_Use] = field(default_factory=list)

    def show(self, policy: CompiledPolicy, claims: Claims) -> dict[str, int]:
        """Number the counters of some claims; return what `slots` takes for each of them."""
        found = {}
        periods: dict[object, tuple[list[int], Column]] = {}
        for name in counters_of(policy):
            if name in BALANCES:
                use = _Use(claims.person, self._number(self._dense, (name, 0)))
            else:
                counter = policy.policy.counters[name]
                kind = counter.period, counter.dated_by, counter.since, counter.lasts
                if kind not in periods:
                    periods[kind] = self._periods(policy, counter, claims)
                use = self._use(policy, counter, claims, periods[kind])
            self._uses.append(use)
            found[name] = len(self._uses) - 1
        return found

    def _periods(
        self, policy: CompiledPolicy, counter: Counter, claims: Claims
    ) -> tuple[list[int], Column]:
        """Return the periods that occur, and which of them each claim falls into."""
        days = claims.inputs.days
        if counter.dated_by is not None:
            days = claims.inputs.claims.days(counter.dated_by)
        if counter.period is Period.TREATMENT_YEAR:
            assert counter.since is not None
            since = claims.inputs.claims.days(counter.since)
            coded = pa.array(counter_periods(policy, counter, days, since)).dictionary_encode()
            return coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)
        low = int(days.min())
        # The days of a part are few, so that each is asked for once.
        every = np.arange(low, int(days.max()) + 1)
        keys = counter_periods(policy, counter, every, np.full(len(every), NO_DAY))
        known, numbers = np.unique(keys, return_inverse=True)
        return known.tolist(), numbers.astype(np.int64)[days - low]

    def _use(
        self,
        policy: CompiledPolicy,
        counter: Counter,
        claims: Claims,
        periods: tuple[list[int], Column],
    ) -> _Use:
        names, name_of = self._names(policy, counter, claims)
        keys, period_of = periods
        sparse = bool(identifying(policy, counter))
        table = self._sparse if sparse else self._dense
        if len(names) == len(keys) == 1 and not sparse:
            return _Use(claims.person, self._number(table, (names[0], keys[0])))
        pair = name_of * len(keys) + period_of
        occurs = np.flatnonzero(np.bincount(pair, minlength=len(names) * len(keys)))
        numbers = np.zeros(len(names) * len(keys), dtype=np.int64)
        for each in occurs.tolist():
            name, key = divmod(each, len(keys))
            numbers[each] = self._number(table, (names[name], keys[key]))
        variant = numbers[pair]
        return _Use(claims.person, -1 - variant if sparse else variant)

    def _names(
        self, policy: CompiledPolicy, counter: Counter, claims: Claims
    ) -> tuple[list[str], Column]:
        """Return the names under which a counter is kept, and which of them each claim has."""
        key = np.zeros(len(claims.rows), dtype=np.int64)
        classes = [name for name in counter.split_by if name in policy.policy.dimensions]
        columns = {name: claims.inputs.column(f"dimension:{name}") for name in classes}
        held = {name: self.claims.codes(name) for name in identifying(policy, counter)}
        for name, column in columns.items():
            key = key * len(policy.policy.dimensions[name].values) + column
        for codes in held.values():
            key = _joined(key, codes, claims.rows)
        coded = pa.array(key).dictionary_encode()
        name_of = coded.indices.to_numpy().astype(np.int64)
        first = np.empty(len(coded.dictionary), dtype=np.int64)
        first[name_of[::-1]] = np.arange(len(name_of) - 1, -1, -1)
        names = []
        for at in first.tolist():
            row: Row = {name: codes.text(int(claims.rows[at])) for name, codes in held.items()}
            own = {f"dimension:{name}": int(column[at]) for name, column in columns.items()}
            names.append(split_name(policy, counter, row, own))
        return names, name_of

    @staticmethod
    def _number(table: dict[NamedPeriod, int], key: NamedPeriod) -> int:
        return table.setdefault(key, len(table))

    def settled(self) -> "Slots":
        """Return where all counters that were shown stand."""
        width = len(self._dense)
        dense = self.persons * width
        sparse = [use for use in self._uses if _is_sparse(use)]
        keys = [_sparse_keys(use.person, use.variant, len(self._sparse)) for use in sparse]
        known = pa.array([], pa.int64())
        if keys:
            known = pa.array(np.concatenate(keys)).unique()
        return Slots(dense + len(known), width, self._dense, self._sparse, known, self._uses)


@dataclass(frozen=True, slots=True, eq=False)
class Slots:
    """Where counters stand: a person's dense ones side by side, the others behind all of them.

    `size` is how many there are.
    """

    size: int
    _width: int
    _dense: Mapping[NamedPeriod, int]
    _sparse: Mapping[NamedPeriod, int]
    _known: pa.Array
    _uses: Sequence[_Use]

    def of(self, shown: int) -> Column:
        """Return the slot of a counter for each of the claims with which it was shown."""
        use = self._uses[shown]
        if not _is_sparse(use):
            return use.person * self._width + use.variant
        keys = _sparse_keys(use.person, use.variant, len(self._sparse))
        return self._behind(keys)

    def _behind(self, keys: Column) -> Column:
        at = pc.index_in(pa.array(keys), value_set=self._known).fill_null(_NOWHERE)
        places: Column = at.to_numpy().astype(np.int64)
        return np.where(places < 0, _NOWHERE, self.size - len(self._known) + places)

    def find(self, person: Column, names: Codes, periods: Column) -> Column:
        """Return the slots of counters by their names, -1 where no claim meets one of them.

        Args:
            person: Shape (n,), whose.
            names: The name of each of n counters.
            periods: Shape (n,), the period of each.
        """
        coded = pa.array(periods).dictionary_encode()
        keys, period_of = coded.dictionary.to_pylist(), coded.indices.to_numpy().astype(np.int64)
        dense = np.full((len(names) + 1, max(len(keys), 1)), _NOWHERE, dtype=np.int64)
        sparse = dense.copy()
        for name, text in enumerate(names.texts):
            for key, period in enumerate(keys):
                dense[name, key] = self._dense.get((text, period), _NOWHERE)
                sparse[name, key] = self._sparse.get((text, period), _NOWHERE)
        own = dense[names.numbers, period_of]
        found = np.where(own < 0, _NOWHERE, person * self._width + own)
        apart = sparse[names.numbers, period_of]
        places = np.flatnonzero(apart >= 0)
        if len(places):
            keyed = person[places] * len(self._sparse) + apart[places]
            found[places] = self._behind(keyed)
        return found


def _is_sparse(use: _Use) -> bool:
    return not isinstance(use.variant, int) and bool((use.variant[:1] < 0).all())


def _sparse_keys(person: Column, variant: Column | int, width: int) -> Column:
    return person * width - 1 - variant


def _joined(key: Column, codes: Codes, rows: Column) -> Column:
    """Return a key that also tells apart what some rows have of a column."""
    width = len(codes) + 1
    if len(key) and int(key.max()) > limits.INT64_MAX // width - 1:
        key = pa.array(key).dictionary_encode().indices.to_numpy().astype(np.int64)
    return key * width + codes.numbers[rows] + 1


assert {ACCOUNT, MUTUAL_AID} == {*BALANCES}
