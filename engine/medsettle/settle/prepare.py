"""From a batch of claims to the inputs of the waterfall: policy, classes, pots.

Everything that depends only on codes is worked out once for each combination of codes a batch
holds; per claim there is a look-up. What a rule document decides is looked up in the rule book; no
area, scheme or payer is named here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.core import codes, schema
from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import CounterKey, CounterValues
from medsettle.core.dates import age_years, day_number
from medsettle.core.outcome import Outcome, Rejection, invalid
from medsettle.errors import Fault
from medsettle.policy.area import Area
from medsettle.policy.book import RuleBook
from medsettle.policy.catalogue import IN_SCOPE_POT, NOT_LISTED, Catalogue
from medsettle.policy.compiled import CompiledPolicy, band_of, class_of, group_class, list_class
from medsettle.policy.keys import NONE
from medsettle.settle.item_use import ItemUse, no_values
from medsettle.settle.line_source import LineSource, line_columns, marked_lines
from medsettle.settle.quantities import quantity_values
from medsettle.settle.refunds import NetLines, net_lines
from medsettle.settle.scope import LineColumns, LineSplits, pots, split_lines


@dataclass(frozen=True, slots=True)
class Facts:
    """What the codes of a claim decide: the policy, its class numbers, the price level.

    `area` is the insured area, whose benefits are paid; `care` the one whose catalogue splits the
    lines, with its price levels and first-self-pay ratios (shape X8).
    """

    policy: CompiledPolicy
    area: Area
    care: Area
    classes: tuple[int, ...]
    price_level: int
    scheme: int


@dataclass
class Prepared:
    """A batch ready for the waterfall.

    `facts[i]` belongs to claim i where it is not rejected; `pots` has shape (n, 4 + special pots of
    the area), `parts` one column for each line of the batch. `used` is what a claim adds to the
    counters of items whose quantity is limited (shape L4).
    """

    facts: list[Facts | None]
    rejections: dict[int, Rejection]
    pots: list[NDArray[np.int64] | None]
    parts: NDArray[np.int64]
    item_class: NDArray[np.int64]
    line_pot: list[str]
    used: dict[int, tuple[tuple[CounterKey, int], ...]] = field(default_factory=dict)


@dataclass
class Preparer:
    """Looks claims up in a rule book; remembers what a combination of codes decides."""

    book: RuleBook
    _facts: dict[tuple[object, ...], list[tuple[CompiledPolicy, Facts | Rejection]]] = field(
        default_factory=dict
    )
    _columns: tuple[str, ...] = ()
    _lists: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Find out which columns the policies of the book look at."""
        asked = {each.column for policy in self.book.policies for each in policy.dimensions}
        kinds = {column.name: column.kind for column in schema.CLAIM}
        codes_of = {column for column in asked if kinds.get(column) is schema.Kind.CODE}
        always = (
            *("pooling_area", "insurance_type", "visit_type"),
            *("institution_level", "care_area"),
        )
        self._columns = (*always, *sorted(codes_of - {*always}))
        self._lists = sorted(column for column in asked if kinds.get(column) is schema.Kind.CODES)

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
        count = len(batch)
        prepared = Prepared(
            facts=[None] * count,
            rejections={},
            pots=[None] * count,
            parts=np.zeros((5, len(batch.line_claim)), dtype=np.int64),
            item_class=np.zeros(len(batch.line_claim), dtype=np.int64),
            line_pot=["in_scope"] * len(batch.line_claim),
        )
        for row in rows:
            found = self._facts_of(batch.rows[row])
            if isinstance(found, Rejection):
                prepared.rejections[row] = found
            else:
                prepared.facts[row] = found
        net = net_lines(batch)
        # Benefits of home with the catalogue of the place of care: an area may meet several.
        met = {(fact.care.code, fact.area.code): fact for fact in prepared.facts if fact}
        for fact in met.values():
            use = ItemUse(counters, spared)
            self._scope(batch, net, (fact.care, fact.area), prepared, use)
        return prepared

    # --- codes -----------------------------------------------------------------------------

    def _facts_of(self, row: dict[str, object]) -> Facts | Rejection:
        groups: list[str] = row["benefit_groups"]  # type: ignore[assignment]
        key = (
            *[row[column] for column in self._columns],
            *[tuple(row[column]) for column in self._lists],  # type: ignore[arg-type]
        )
        if key not in self._facts:
            if len(self._facts) >= limits.CODE_COMBINATIONS_MAX:
                self._facts.clear()
            policies = self.book.candidates(*(str(code) for code in key[:3]))
            self._facts[key] = [(policy, self._resolve(policy, row, groups)) for policy in policies]
        candidates = self._facts[key]
        for policy, found in candidates:
            day = row[policy.policy.rule_date]
            assert isinstance(day, date)
            until = policy.policy.in_force_until
            if policy.policy.in_force_from <= day and (until is None or day < until):
                return found
        policies = [policy for policy, _ in candidates]
        return _not_in_force(row, policies) if policies else _no_policy(row)

    def _resolve(
        self, policy: CompiledPolicy, row: dict[str, object], groups: Sequence[str]
    ) -> Facts | Rejection:
        classes = []
        for dimension in policy.dimensions:
            number = 0
            if dimension.kind == "code":
                code = str(row[dimension.column] or NONE)
                number = class_of(dimension, code)
                if number < 0:
                    return _not_covered(policy, dimension.column, code, dimension.name)
            elif dimension.kind == "codes":
                held: list[str] = row[dimension.column]  # type: ignore[assignment]
                number = list_class(dimension, held)
                if number < 0:
                    shown = ", ".join(held) or NONE
                    return _not_covered(policy, dimension.column, shown, dimension.name)
            elif dimension.kind == "group":
                number = group_class(dimension, groups)
            classes.append(number)
        return self._priced(policy, row, tuple(classes))

    def _priced(
        self, policy: CompiledPolicy, row: dict[str, object], classes: tuple[int, ...]
    ) -> Facts | Rejection:
        """Return the facts of a claim with the price level and scheme of its place of care."""
        code = str(row["care_area"] or policy.area.code)
        care = self.book.areas.get(code)
        if care is None:
            return _no_catalogue(code)
        level = str(row["institution_level"])
        price_level = next(
            (number for number, known in enumerate(care.price_levels, 1) if level in known), 0
        )
        if not price_level:
            return _not_covered(policy, "institution_level", level, "institution_levels")
        insurance_type = str(row["insurance_type"])
        column = care.pre_self_pay_as.get(insurance_type, insurance_type)
        schemes = self.book.catalogues[care.code].schemes
        if column not in schemes:
            return _not_covered(policy, "insurance_type", insurance_type, "catalogue ratios")
        return Facts(policy, policy.area, care, classes, price_level, schemes.index(column))

    # --- lines -----------------------------------------------------------------------------

    def _scope(
        self,
        batch: ClaimBatch,
        net: NetLines,
        areas: tuple[Area, Area],
        prepared: Prepared,
        use: ItemUse,
    ) -> None:
        """Split the lines of the claims of one area at one place of care and sum their pots."""
        care, home = areas
        mine = np.array(
            [
                fact is not None and fact.care is care and fact.area is home
                for fact in prepared.facts
            ],
            dtype=bool,
        )
        chosen = np.flatnonzero(mine[batch.line_claim])
        catalogue = self.book.catalogues[care.code]
        source = net.source[chosen]
        items, days = [batch.line_item[line] for line in source], batch.line_day[source]
        entry = catalogue.rows(items, days.astype(np.int32), batch.unit_price_e6[chosen])
        if care.unlisted_items == "refuse":
            self._refuse_unlisted(batch, chosen, entry, care, prepared)
        of_claims = [
            (fact.scheme, fact.price_level, rule_day(fact.policy, claim)) if fact else None
            for fact, claim in zip(prepared.facts, batch.rows, strict=True)
        ]
        of_lines = LineSource(batch, net, chosen)
        lines = line_columns(of_lines, entry, of_claims, care, catalogue)
        lines = marked_lines(lines, of_lines, home, catalogue, prepared.rejections)
        if catalogue.limits_quantities:
            starts = {
                row: fact.policy.policy.year_start
                for row, fact in enumerate(prepared.facts)
                if fact is not None and row not in prepared.rejections
            }
            lines = use.covered(lines, of_lines, catalogue, starts)
            prepared.used |= use.moved
            prepared.rejections |= use.rejections
        splits = split_lines(lines, catalogue)
        if care is not home:
            pot = self._pots_at_home(home, items, days, lines)
            splits = replace(splits, pot=pot)
        _keep_splits(prepared, chosen, splits, catalogue, entry, home)
        claim_of = batch.line_claim[chosen]
        sums = pots(splits, claim_of.astype(np.int32), len(batch), len(home.special_pots))
        for row in np.flatnonzero(mine):
            prepared.pots[row] = sums[row]

    def _pots_at_home(
        self, home: Area, items: Sequence[str], days: NDArray[np.int64], lines: LineColumns
    ) -> NDArray[np.int64]:
        """Return the pot of each line by the insured area's own catalogue, shape (n,).

        A pot is a benefit with a stage of its own, so it is home that says what is in one; an item
        that home does not list is ordinary.
        """
        catalogue = self.book.catalogues[home.code]
        row = catalogue.rows(items, days.astype(np.int32), lines.unit_price_e6)
        pot = np.where(row < 0, IN_SCOPE_POT, catalogue.pot.take(np.maximum(row, 0)))
        marked = lines.marked_pot
        return pot if marked is None else np.where(marked >= 0, marked, pot)

    def _refuse_unlisted(
        self,
        batch: ClaimBatch,
        chosen: NDArray[np.int64],
        entry: NDArray[np.int32],
        area: Area,
        prepared: Prepared,
    ) -> None:
        faults: dict[int, list[Fault]] = {}
        for position in np.flatnonzero(entry < 0):
            line = int(chosen[position])
            row = int(batch.line_claim[line])
            index = line - int(np.searchsorted(batch.line_claim, row))
            why = "not in" if entry[position] == NOT_LISTED else "not valid on that day in"
            faults.setdefault(row, []).append(
                Fault(
                    f"lines[{index}].item_code",
                    f"{batch.line_item[line]!r} is {why} the catalogue of {area.code}; "
                    "send the national code of the item",
                )
            )
        for row, found in faults.items():
            prepared.rejections[row] = invalid(tuple(found))


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


def _no_catalogue(care_area: str) -> Rejection:
    """Return the rejection of a claim from a place of care that the rule book does not know."""
    return Rejection(
        Outcome.CLASS_NOT_COVERED,
        f"no area {care_area!r} is loaded, whose catalogue would split the lines; load its folder "
        "with area.yaml and catalogue, or correct care_area",
        metadata={"column": "care_area", "code": care_area},
    )


def _not_covered(policy: CompiledPolicy, column: str, code: str, where: str) -> Rejection:
    name = policy.policy.name
    return Rejection(
        Outcome.CLASS_NOT_COVERED,
        f"{column} {code!r} belongs to no class of {where!r} in policy {name!r}; correct the "
        "code, or add it to the document",
        metadata={"column": column, "code": code, "policy": name},
    )


def _keep_splits(
    prepared: Prepared,
    chosen: NDArray[np.int64],
    splits: LineSplits,
    catalogue: Catalogue,
    entry: NDArray[np.int32],
    area: Area,
) -> None:
    """Write the splits of one area's lines to their places in the batch."""
    parts = prepared.parts
    parts[0, chosen] = splits.own_expense_fen
    parts[1, chosen] = splits.over_limit_fen
    parts[2, chosen] = splits.pre_self_pay_fen
    parts[3, chosen] = splits.in_scope_fen
    # An item that is not listed is wholly own expense, which is what class C says.
    listed = np.where(entry < 0, 3, catalogue.item_class[np.maximum(entry, 0)])
    prepared.item_class[chosen] = listed
    names = (*codes.POT_NAMES, *area.special_pots)
    for line, pot in zip(chosen.tolist(), splits.pot.tolist(), strict=True):
        prepared.line_pot[line] = names[pot]


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
    names = (*codes.POT_NAMES, *policy.area.special_pots)
    sums = np.array([prepared.pots[row] for row in rows], dtype=np.int64)
    columns = {f"pot:{name}": sums[:, index] for index, name in enumerate(names)}
    columns["total"] = sums.sum(axis=1)
    claims = [batch.rows[row] for row in rows]
    days = rule_days(policy, claims)
    columns["epoch"] = policy.epoch_of(days + _EPOCH_ORDINAL)
    for index, dimension in enumerate(policy.dimensions):
        if dimension.kind == "age":
            births = np.array([_day(claim, "birth_date") for claim in claims], dtype=np.int64)
            values = band_of(dimension, age_years(births, days))
        elif dimension.kind == "date":
            stated = [claim[dimension.column] for claim in claims]
            ordinals = [day.toordinal() if isinstance(day, date) else 0 for day in stated]
            values = band_of(dimension, np.array(ordinals, dtype=np.int64))
        else:
            values = np.array(
                [fact.classes[index] for row in rows if (fact := prepared.facts[row])],
                dtype=np.int64,
            )
        columns[f"dimension:{dimension.name}"] = values
    for quantity in policy.quantities:
        columns[f"quantity:{quantity.name}"] = quantity_values(
            quantity, claims, days, policy.policy.year_start
        )
    columns["account_used"] = np.array(
        [int(bool(claim["account_used"])) for claim in claims], dtype=np.int64
    )
    return {name: np.ascontiguousarray(column) for name, column in columns.items()}


_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()


def rule_days(policy: CompiledPolicy, claims: Sequence[dict[str, object]]) -> NDArray[np.int64]:
    """Return the day that decides rule version and period of each claim (shape T2)."""
    column = policy.policy.rule_date
    return np.array([_day(claim, column) for claim in claims], dtype=np.int64)


def rule_day(policy: CompiledPolicy, claim: dict[str, object]) -> int:
    """Return the day that decides rule version and period of one claim."""
    return _day(claim, policy.policy.rule_date)


def _day(claim: dict[str, object], column: str) -> int:
    value = claim[column]
    assert isinstance(value, date)
    return day_number(value)
