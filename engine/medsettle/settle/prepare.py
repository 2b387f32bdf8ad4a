"""From a batch of claims to what the waterfall needs of them: policy, classes, pots.

Everything that depends only on codes is worked out once for each combination of codes a batch
holds; per claim there is a look-up. What a rule document decides is looked up in the rule book; no
area, scheme or payer is named here.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, TypeAlias

import numpy as np

from medsettle import limits
from medsettle.core import codes, schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.columns import Kind
from medsettle.core.counters import CounterValues
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.errors import Fault
from medsettle.policy.catalogue import IN_SCOPE_POT
from medsettle.policy.compiled import CompiledPolicy, class_of, group_class, list_class
from medsettle.policy.keys import NONE
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
from medsettle.settle.refunds import net_lines

_Candidates: TypeAlias = list[tuple[CompiledPolicy, Facts | Rejection]]

_SPLIT_THERE: Final = "split there"
"""What sets claims apart whose lines the engine of the place of care split."""


@dataclass
class Preparer:
    """Looks claims up in a rule book; remembers what a combination of codes decides.

    `columns` are the codes of a claim that anything in the book looks at, `lists` its lists.
    """

    book: RuleBook
    _facts: dict[tuple[object, ...], _Candidates] = field(default_factory=dict)
    columns: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Find out which columns the policies of the book look at."""
        asked = {each.column for policy in self.book.policies for each in policy.dimensions}
        kinds = {column.name: column.kind for column in schema.CLAIM}
        codes_of = {column for column in asked if kinds.get(column) is Kind.CODE}
        always = (
            *("pooling_area", "insurance_type", "visit_type"),
            *("institution_level", "care_area"),
        )
        self.columns = (*always, *sorted(codes_of - {*always}))
        self.lists = tuple(sorted(column for column in asked if kinds.get(column) is Kind.CODES))

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
        for row, found in zip(rows, self.facts_of(batch, rows, billed), strict=True):
            if isinstance(found, Rejection):
                rejections[row] = found
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

    def facts_of(
        self, batch: ClaimBatch, rows: Sequence[int], billed: Sequence[int]
    ) -> Iterator[Facts | Rejection]:
        """Yield what codes and rule date of each claim decide, or why they decide nothing.

        No row is made of what came as columns. Nothing but `columns`, `lists` and the rule dates of
        policies is looked at, and the rows of claims that are refused.

        Args:
            batch: The batch.
            rows: Positions of the claims.
            billed: How many lines each claim of the batch has; only whether it has any counts.
        """
        columns = [batch.column(column) for column in self.columns]
        columns += [[*map(tuple, batch.column(column))] for column in self.lists]
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
            decided = _in_force(batch, row, candidates)
            if billed[row] or isinstance(decided, Rejection) or decided.policy.policy.payouts:
                yield decided
            else:
                yield _no_lines(decided.policy)

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
