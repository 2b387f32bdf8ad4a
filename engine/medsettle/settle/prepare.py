"""From a batch of claims to the inputs of the waterfall: policy, classes, pots.

Everything that depends only on codes is worked out once for each combination of codes a batch
holds; per claim there is a look-up. What a rule document decides is looked up in the rule book; no
area, scheme or payer is named here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes, schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Kind
from medsettle.core.counters import CounterValues
from medsettle.core.dates import age_years, day_number
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.errors import Fault
from medsettle.policy.catalogue import IN_SCOPE_POT
from medsettle.policy.compiled import CompiledPolicy, band_of, class_of, group_class, list_class
from medsettle.policy.keys import NONE
from medsettle.policy.quantity import QuantityKind
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.care_splits import refuse_missing_splits, take_splits
from medsettle.settle.claim_lines import (
    Facts,
    Prepared,
    pot_names,
    scope_lines,
)
from medsettle.settle.item_use import ItemUse, no_values
from medsettle.settle.place_of_care import not_covered, of_policy, place_of_care
from medsettle.settle.quantities import quantity_values
from medsettle.settle.refunds import net_lines

_Candidates: TypeAlias = list[tuple[CompiledPolicy, Facts | Rejection]]

_SPLIT_THERE: Final = "split there"
"""What sets claims apart whose lines the engine of the place of care split."""


@dataclass
class Preparer:
    """Looks claims up in a rule book; remembers what a combination of codes decides."""

    book: RuleBook
    _facts: dict[tuple[object, ...], _Candidates] = field(default_factory=dict)
    _columns: tuple[str, ...] = ()
    _lists: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find out which columns the policies of the book look at."""
        asked = {each.column for policy in self.book.policies for each in policy.dimensions}
        kinds = {column.name: column.kind for column in schema.CLAIM}
        codes_of = {column for column in asked if kinds.get(column) is Kind.CODE}
        always = (
            *("pooling_area", "insurance_type", "visit_type"),
            *("institution_level", "care_area"),
        )
        self._columns = (*always, *sorted(codes_of - {*always}))
        self._lists = sorted(column for column in asked if kinds.get(column) is Kind.CODES)

    def prepare(
        self,
        batch: ClaimBatch,
        rows: Sequence[int],
        counters: CounterValues = no_values,
        spared: Collection[int] = (),
    ) -> Prepared:
        """Return the inputs of the claims at `rows`; other rows are left out.

        Args:
            batch: The batch.
            rows: Positions of the claims, rising.
            counters: Reads what was used before of items whose quantity is limited.
            spared: Positions of claims that will be refused, so that they use up nothing.
        """
        count, lines = len(batch), len(batch.line_claim)
        facts: list[Facts | None] = [None] * count
        rejections: dict[int, Rejection] = {}
        billed = np.bincount(batch.line_claim, minlength=count).tolist()
        for row, found in zip(rows, self._facts_of(batch, rows), strict=True):
            if isinstance(found, Rejection):
                rejections[row] = found
            elif not billed[row] and not found.policy.policy.payouts:
                rejections[row] = _no_lines(found.policy)
            else:
                facts[row] = found
        refuse_missing_splits(batch, facts, rejections)
        # Benefits of home with the catalogue of the place of care: an area may meet several.
        met = {
            (place.area.code, fact.area.code): (place.area, fact.area)
            for fact in facts
            if fact and (place := fact.place)
        }
        homes = {
            fact.area.code: fact.area for row in batch.scopes if (fact := facts[row]) is not None
        }
        insured = [*(home for _, home in met.values()), *homes.values()]
        pots = max((len(pot_names(home)) for home in insured), default=0)
        prepared = Prepared(
            facts=facts,
            rejections=rejections,
            pots=np.zeros((count, pots), dtype=np.int64),
            parts=np.zeros((len(codes.POT_NAMES), lines), dtype=np.int64),
            item_class=np.zeros(lines, dtype=np.int8),
            pot=np.full(lines, IN_SCOPE_POT, dtype=np.int8),
        )
        net = net_lines(batch)
        for areas in met.values():
            scope_lines(self.book, areas, batch, net, prepared, ItemUse(counters, spared))
        for home in homes.values():
            take_splits(self.book, home, batch, net, prepared)
        return prepared

    # --- codes -----------------------------------------------------------------------------

    def _facts_of(self, batch: ClaimBatch, rows: Sequence[int]) -> Iterator[Facts | Rejection]:
        """Yield what the codes of each claim decide; no row is made of what came as columns."""
        columns = [batch.column(column) for column in self._columns]
        columns += [[*map(tuple, batch.column(column))] for column in self._lists]
        scopes = batch.scopes
        for row in rows:
            key = tuple(column[row] for column in columns)
            split_here = not scopes or row not in scopes
            if not split_here:
                key = (*key, _SPLIT_THERE)
            candidates = self._facts.get(key)
            if candidates is None:
                found = self._candidates(key, batch.rows[row], split_here=split_here)
                candidates = self._facts[key] = found
            yield _in_force(batch, row, candidates)

    def _candidates(
        self, key: tuple[object, ...], row: dict[str, object], *, split_here: bool
    ) -> _Candidates:
        if len(self._facts) >= limits.CODE_COMBINATIONS_MAX:
            self._facts.clear()
        groups: list[str] = row["benefit_groups"]  # type: ignore[assignment]
        policies = self.book.candidates(*(str(code) for code in key[:3]))
        return [
            (policy, self._resolve(policy, row, groups, split_here=split_here))
            for policy in policies
        ]

    def _resolve(
        self,
        policy: CompiledPolicy,
        row: dict[str, object],
        groups: Sequence[str],
        *,
        split_here: bool,
    ) -> Facts | Rejection:
        classes = []
        uncovered = []
        decider = of_policy(policy.policy.name)
        for dimension in policy.dimensions:
            number = 0
            if dimension.kind == "code":
                code = str(row[dimension.column] or NONE)
                number = class_of(dimension, code)
                if number < 0:
                    uncovered.append(not_covered(decider, dimension.column, code, dimension.name))
            elif dimension.kind == "codes":
                held: list[str] = row[dimension.column]  # type: ignore[assignment]
                number = list_class(dimension, held)
                if number < 0:
                    shown = ", ".join(held) or NONE
                    uncovered.append(not_covered(decider, dimension.column, shown, dimension.name))
            elif dimension.kind == "group":
                number = group_class(dimension, groups)
            classes.append(number)
        if uncovered:
            # All are told at once; the metadata are those of the first.
            messages = dict.fromkeys(rejection.message for rejection in uncovered)
            return replace(uncovered[0], message="; ".join(messages))
        place = None
        if split_here:
            care = str(row["care_area"] or policy.area.code)
            asked = str(row["institution_level"]), str(row["insurance_type"])
            found = place_of_care(self.book, care, *asked, decider)
            if isinstance(found, Rejection):
                return found
            place = found
        return Facts(policy, policy.area, tuple(classes), place)


def _in_force(batch: ClaimBatch, row: int, candidates: _Candidates) -> Facts | Rejection:
    """Return what the policy in force on the rule date of a claim decides."""
    for policy, found in candidates:
        day = batch.column(policy.policy.rule_date)[row]
        until = policy.policy.in_force_until
        if policy.policy.in_force_from <= day and (until is None or day < until):
            left = policy.unstated_on(day) if policy.unstated else None
            return found if left is None else _no_values(batch.rows[row], policy, left)
    policies = [policy for policy, _ in candidates]
    return _not_in_force(batch.rows[row], policies) if policies else _no_policy(batch.rows[row])


def _no_lines(policy: CompiledPolicy) -> Rejection:
    """Return the rejection of a claim without a bill, where nothing is paid beside one."""
    name = policy.policy.name
    return invalid(
        (
            Fault(
                "lines",
                "expected a list of at least one charge line; without a bill there are only "
                f"payouts, and policy {name!r} has none",
            ),
        )
    )


def _no_policy(row: dict[str, object]) -> Rejection:
    names = ("pooling_area", "insurance_type", "visit_type")
    asked = {name: str(row[name]) for name in names}
    text = ", ".join(f"{name} {value}" for name, value in asked.items())
    return Rejection(
        Outcome.POLICY_NOT_FOUND,
        f"no policy is loaded for {text}; load its document or correct the claim",
        metadata=asked,
    )


def _not_in_force(row: dict[str, object], candidates: Sequence[CompiledPolicy]) -> Rejection:
    """Return the rejection of a claim whose rule date none of its policies covers."""
    area, rule_date = str(row["pooling_area"]), candidates[0].policy.rule_date
    names = ", ".join(candidate.policy.name for candidate in candidates)
    return Rejection(
        Outcome.POLICY_NOT_IN_FORCE,
        f"no revision of {names} of area {area} is in force on the {rule_date} {row[rule_date]}; "
        "load the document of that time or correct the date",
        metadata={"pooling_area": area, rule_date: str(row[rule_date])},
    )


def _no_values(row: dict[str, object], policy: CompiledPolicy, left: tuple[str, date]) -> Rejection:
    """Return the rejection of a claim of a day for which a table of its policy has no values."""
    (table, since), rule_date = left, policy.policy.rule_date
    name, area = policy.policy.name, str(row["pooling_area"])
    return Rejection(
        Outcome.POLICY_NOT_IN_FORCE,
        f"table {table!r} of policy {name} of area {area} has values until {since} and none for "
        f"the {rule_date} {row[rule_date]}; add the version of that time or correct the date",
        metadata={
            **{"pooling_area": area, rule_date: str(row[rule_date])},
            **{"policy": name, "table": table, "until": since.isoformat()},
        },
    )


def static_columns(
    policy: CompiledPolicy, batch: ClaimBatch, rows: Sequence[int], prepared: Prepared
) -> dict[str, NDArray[np.int64]]:
    """Return the inputs of a policy's program that do not change within a batch.

    Args:
        policy: The policy that decides the claims at `rows`.
        batch: The batch.
        rows: Positions of the claims, rising.
        prepared: The prepared batch.

    Returns:
        Columns of shape (len(rows),), int64, keyed by input name.
    """
    sums = prepared.pots[np.array(rows, dtype=np.int64)]
    columns = {f"pot:{name}": sums[:, at] for at, name in enumerate(pot_names(policy.area))}
    columns["total"] = sums.sum(axis=1)
    every = len(rows) == len(batch)

    def stated(name: str) -> Sequence[Any]:
        column = batch.column(name)
        return column if every else [column[row] for row in rows]

    days = _day_numbers(stated(policy.policy.rule_date))
    columns["epoch"] = policy.epoch_of(days + _EPOCH_ORDINAL)
    for index, dimension in enumerate(policy.dimensions):
        if dimension.kind == "age":
            values = band_of(dimension, age_years(_day_numbers(stated("birth_date")), days))
        elif dimension.kind == "date":
            ordinals = [day.toordinal() if day else 0 for day in stated(dimension.column)]
            values = band_of(dimension, np.array(ordinals, dtype=np.int64))
        else:
            values = np.array(
                [fact.classes[index] for row in rows if (fact := prepared.facts[row])],
                dtype=np.int64,
            )
        columns[f"dimension:{dimension.name}"] = values
    for quantity in policy.quantities:
        held = stated(quantity.column) if quantity.kind is not QuantityKind.MONTH_OF else ()
        columns[f"quantity:{quantity.name}"] = quantity_values(
            quantity, held, days, policy.policy.year_start
        )
    for name in schema.CLAIM_AMOUNTS:
        amounts = stated(f"{name}_fen")
        columns[f"claim:{name}"] = np.array([fen or 0 for fen in amounts], dtype=np.int64)
        known = [fen is not None for fen in amounts]
        columns[f"stated:{name}"] = np.array(known, dtype=np.int64)
    columns["account_used"] = np.array(stated("account_used"), dtype=np.int64)
    return {name: np.ascontiguousarray(column) for name, column in columns.items()}


_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def rule_days(policy: CompiledPolicy, claims: Sequence[dict[str, object]]) -> NDArray[np.int64]:
    """Return the day that decides rule version and period of each claim (shape T2)."""
    column = policy.policy.rule_date
    return _day_numbers([claim[column] for claim in claims])


def _day_numbers(dates: Sequence[Any]) -> NDArray[np.int64]:
    """Return dates as days since 1970-01-01; the same day is often many claims'."""
    numbers = {day: day_number(day) for day in {*dates}}
    return np.fromiter(map(numbers.__getitem__, dates), dtype=np.int64, count=len(dates))
