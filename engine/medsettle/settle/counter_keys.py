"""Which counters a claim reads and moves: whose, split by what, and in which period."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import ACCOUNT, BALANCES, CounterKey
from medsettle.core.dates import Period, YearStart, day_number, period_key, rolling_period
from medsettle.core.settlement import Row
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.keys import NONE
from medsettle.policy.model import Counter, Policy
from medsettle.settle.program_inputs import days_of, rule_days
from medsettle.settle.quantities import NO_DAY

_ESCAPED: Final = str.maketrans({mark: f"%{ord(mark):02X}" for mark in "%.:"})


def counter_keys(
    policy: CompiledPolicy,
    claims: ClaimBatch,
    rows: Sequence[int],
    columns: Mapping[str, NDArray[np.int64]],
) -> Iterator[dict[str, CounterKey]]:
    """Return the keys of a policy's counters for each claim, and always the account's.

    Where relatives may pay, what their limits hold together is among them.

    A settlement states the balance of the account also where its policy never asks the account.

    Args:
        policy: The policy that decides the claims.
        claims: The batch.
        rows: Positions of n claims in the batch.
        columns: Their inputs of the program, with the class numbers of its dimensions.
    """
    document = policy.policy

    def stated(name: str) -> Sequence[Any]:
        column = claims.column(name)
        return [column[row] for row in rows]

    days = days_of(stated(document.rule_date))
    wanted = list(dict.fromkeys([*policy.counters, ACCOUNT]))
    persons = [(document.pooling_area, str(person)) for person in stated("person")]
    keys = []
    for name in wanted:
        if name in BALANCES:
            keys.append([CounterKey(*person, name, 0) for person in persons])
            continue
        counter = document.counters[name]
        stored = _names(policy, counter, stated, columns, len(rows))
        periods = _periods(policy, counter, stated, days)
        places = zip(persons, stored, periods, strict=True)
        keys.append([CounterKey(*person, own, period) for person, own, period in places])
    return (dict(zip(wanted, own, strict=True)) for own in zip(*keys, strict=True))


def _names(
    policy: CompiledPolicy,
    counter: Counter,
    stated: Callable[[str], Sequence[Any]],
    columns: Mapping[str, NDArray[np.int64]],
    count: int,
) -> list[str]:
    """Return the name under which a counter of each of `count` claims is kept."""
    if not counter.split_by:
        return [stored_name(policy.policy.insurance_type, counter.name)] * count
    codes = {name: stated(name) for name in identifying(policy, counter)}
    classes = {
        f"dimension:{name}": columns[f"dimension:{name}"].tolist()
        for name in counter.split_by
        if name in policy.policy.dimensions
    }
    return [
        split_name(
            policy,
            counter,
            {name: column[at] for name, column in codes.items()},
            {name: column[at] for name, column in classes.items()},
        )
        for at in range(count)
    ]


def counter_key(
    policy: CompiledPolicy, counter: Counter, claim: Row, classes: Mapping[str, int]
) -> CounterKey:
    """Return the key of one counter for a claim of which only what the counter asks is known.

    Args:
        policy: The policy of the counter.
        counter: One of its counters.
        claim: The columns that decide area, person, period and split.
        classes: Class numbers of the dimensions that split it, keyed by input name.
    """
    (period,) = _periods(policy, counter, lambda name: [claim[name]], rule_days(policy, [claim]))
    name = split_name(policy, counter, claim, classes)
    return CounterKey(policy.policy.pooling_area, str(claim["person"]), name, period)


def stored_name(insurance_type: str, counter: str) -> str:
    """Return the name under which a policy's counter is kept, before it is split.

    >>> stored_name("310", "pooled_paid")
    '310.pooled_paid'
    """
    return f"{insurance_type}.{counter}"


def is_stored_name(policy: Policy, name: str) -> bool:
    """Return whether a counter of a policy is kept under a name."""
    for counter in policy.counters.values():
        own = stored_name(policy.insurance_type, counter.name)
        if name == own and not counter.split_by:
            return True
        if counter.split_by and name.startswith(f"{own}."):
            return True
    return False


def _periods(
    policy: CompiledPolicy,
    counter: Counter,
    stated: Callable[[str], Sequence[Any]],
    days: NDArray[np.int64],
) -> list[int]:
    """Return the period that each claim of a policy falls into, by what claims state."""
    if counter.dated_by is not None:
        days = np.array([_day(value, 0) for value in stated(counter.dated_by)], dtype=np.int64)
    if counter.period is not Period.TREATMENT_YEAR:
        start = policy.policy.year_start
        return [_period_of(day, counter.period, start) for day in days.tolist()]
    assert counter.since is not None
    since = days_of(stated(counter.since))
    return [int(key) for key in counter_periods(policy, counter, days, since)]


def counter_periods(
    policy: CompiledPolicy, counter: Counter, days: NDArray[np.int64], since: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the period that each of n claims falls into, shape (n,).

    Args:
        policy: The policy of the counter.
        counter: One of its counters.
        days: Shape (n,), the day that picks the period, days since 1970-01-01.
        since: Shape (n,), the date on which a treatment began, `NO_DAY` where it is not stated;
            looked at for treatment years alone.
    """
    if counter.period is not Period.TREATMENT_YEAR:
        return period_key(days, counter.period, policy.policy.year_start)
    # Without its date a claim begins a treatment of its own on its own day.
    return rolling_period(days, np.where(since == NO_DAY, days, since), counter.lasts)


@lru_cache(limits.PERIOD_DAYS_KEPT)
def _period_of(day: int, period: Period, start: YearStart) -> int:
    """Return the period of a day; claims of a batch have few days, and often the last batch's."""
    return int(period_key(np.array([day], dtype=np.int64), period, start)[0])


def _day(value: object, otherwise: int) -> int:
    return day_number(value) if isinstance(value, date) else otherwise


def split_name(
    policy: CompiledPolicy, counter: Counter, claim: Row, classes: Mapping[str, int]
) -> str:
    """Return the name under which the counter of this claim is kept.

    Args:
        policy: The policy of the counter.
        counter: One of its counters.
        claim: The identifiers that split it, with what stands for them (`identifying`).
        classes: Class numbers of the dimensions that split it, keyed by input name.
    """
    document = policy.policy
    parts = [stored_name(document.insurance_type, counter.name)]
    for name in counter.split_by:
        dimension = document.dimensions.get(name)
        if dimension is not None:
            parts.append(dimension.values[classes[f"dimension:{name}"]])
        else:
            parts.append(_identifier(claim, name))
    return ".".join(parts)


def identifying(policy: CompiledPolicy, counter: Counter) -> tuple[str, ...]:
    """Return the columns of a claim that `split_name` looks at for a counter."""
    own = [name for name in counter.split_by if name not in policy.policy.dimensions]
    others = ("institution", "encounter", "request_id") if own else ()
    return tuple(dict.fromkeys([*own, *others]))


def _identifier(claim: Row, column: str) -> str:
    """Return an identifier of a claim; an encounter or episode not stated is the claim itself.

    Different identifiers never have one text, however institutions write their codes.
    """
    value = claim[column]
    institution = _part(claim["institution"])
    if value is not None:
        # Two institutions may give one number to different encounters.
        return f"{institution}:{_part(value)}" if column == "encounter" else _part(value)
    if column == "episode":
        return _identifier(claim, "encounter")
    # An encounter may have the number of another claim's request.
    return NONE if column == "disease" else f"{institution}::{_part(claim['request_id'])}"


def _part(value: object) -> str:
    """Return a code without the marks that set the parts of a name apart."""
    return str(value).translate(_ESCAPED)
