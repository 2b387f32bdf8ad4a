"""Walk one claim through a policy: everything that decided, for whoever writes the document.

Which policy is chosen and why, what the claim is in every dimension, what was counted before, where
each line fell, and stage by stage what was asked, read and left. The claim is settled once, by the
code that settles; the walk only tells what that came by.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from medsettle.core.claims import ClaimBatch
from medsettle.core.counters import MUTUAL_AID, CounterKey
from medsettle.core.dates import Period, age_years, date_of, day_number
from medsettle.core.relatives import PREFIX
from medsettle.core.settlement import Explanation, Row, Sentence, Settlement
from medsettle.errors import Fault, InvalidRequest, SettlementError
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.coverage import asked
from medsettle.policy.examples import Visit
from medsettle.policy.keys import NONE
from medsettle.policy.model import Dimension, Policy
from medsettle.policy.quantity import Quantity
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.cancel import taken_back
from medsettle.settle.counter_keys import counter_keys
from medsettle.settle.explain import explain, traced
from medsettle.settle.phrases import Phrase
from medsettle.settle.prepare import Preparer
from medsettle.settle.program_inputs import static_columns
from medsettle.settle.prove import Difference, differences, move, settle_visit
from medsettle.settle.run import Settled, Settler
from medsettle.settle.telling import Teller
from medsettle.settle.traced_numbers import Numbers
from medsettle.settle.walk_lines import LineStory, line_stories
from medsettle.settle.walk_stages import StageStory, stage_stories


@dataclass(frozen=True, slots=True)
class Candidate:
    """A policy of the area of a claim, and why it decides it or does not."""

    policy: CompiledPolicy
    why: Phrase
    chosen: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """What the claim is in one dimension or quantity: the class or number, and what it comes from.

    `column` is the column of the claim, the counter or the quantity it looks at, `stated` what is
    stated there.
    """

    name: str
    value: str
    column: str
    stated: str
    why: Phrase


class Counts(StrEnum):
    """What a counter holds: fen, settlements, or 1/10,000 units of an item whose use is limited."""

    FEN = "fen"
    SETTLEMENTS = "settlements"
    UNITS_E4 = "units_e4"


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter before a claim and what the claim adds, both in its unit."""

    name: str
    period: str
    unit: Counts
    before: int
    moved: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A claim walked through its policy.

    It is `number` of the `count` visits of `name`, an example or a file; `unsettled` says which
    visits before it were refused, so that nothing of them is counted.
    """

    name: str
    number: int
    count: int
    claim: Row
    visit: Visit
    policy: CompiledPolicy
    candidates: tuple[Candidate, ...]
    facts: tuple[Fact, ...]
    quantities: tuple[Fact, ...]
    counters: tuple[Counted, ...]
    lines: tuple[LineStory, ...]
    stages: tuple[StageStory, ...]
    payouts: tuple[StageStory, ...]
    settlement: Settlement
    explanation: Explanation
    unsettled: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def cash(self) -> Sentence:
        """What is said of the cash."""
        return self.explanation.sentences[len(self.stages)]


def walk(
    settler: Settler, name: str, visits: Sequence[Visit], number: int, policy: str | None = None
) -> Walk:
    """Return one of some visits walked through, the visits of its person before it settled first.

    Args:
        settler: Settles by the rule book.
        name: What the visits are called together: an example or a file.
        visits: Visits in order.
        number: Which one to walk through, from 1.
        policy: The policy whose counters the visits bring along; that of the visit where absent.

    Raises:
        InvalidRequest: The visit takes back another one.
        SettlementError: The claim has faults or is rejected; the error says why.
    """
    visit = visits[number - 1]
    if visit.cancels is not None:
        says = f"visit {number} takes back visit {visit.cancels}; walk through that one"
        raise InvalidRequest([Fault("visit", says)])
    held, unsettled = _before(settler, visits, number, policy)
    claims, result = _settled(settler, policy, visit, held, refuse_gaps=False)
    decided_by = settler.book.policy(str(result.settlement.columns["policy"]))
    claim = claims.rows[0]
    explanation = explain(decided_by, result.settlement, result.inputs)
    trace = traced(decided_by, result.inputs)
    teller = Teller(
        decided_by, result.inputs, trace, brief=True, relatives=result.settlement.relatives
    )
    bill, beside = decided_by.policy.stages, decided_by.policy.payouts
    # The sentence of the cash stands between those of the bill and those of payouts.
    told = explanation.sentences[: len(bill)], explanation.sentences[len(bill) + 1 :]
    return Walk(
        name=name,
        number=number,
        count=len(visits),
        claim=claim,
        visit=visit,
        policy=decided_by,
        candidates=tuple(_candidates(settler.book, decided_by, claim)),
        facts=tuple(_facts(decided_by, teller.numbers, claim)),
        quantities=tuple(_quantities(decided_by.policy, teller.numbers, claim)),
        counters=tuple(_counted(settler.book, decided_by, claims, held, result)),
        lines=line_stories(settler.book, claims, held, result.settlement),
        stages=stage_stories(teller, bill, told[0]),
        payouts=stage_stories(teller, beside, told[1]),
        settlement=result.settlement,
        explanation=explanation,
        unsettled=tuple(unsettled),
        differences=tuple(differences(decided_by, name, number, visit, result)),
    )


def _before(
    settler: Settler, visits: Sequence[Visit], number: int, policy: str | None
) -> tuple[dict[CounterKey, int], list[str]]:
    """Return the counters before a visit, and which visits of its person were refused before it."""
    held: dict[CounterKey, int] = {}
    results: dict[int, Settled] = {}
    unsettled = []
    for earlier, before in enumerate(visits[: number - 1], 1):
        if _person(before) != _person(visits[number - 1]):
            continue
        try:
            if before.cancels is not None:
                # Of a visit that was refused there is nothing to take back.
                if before.cancels in results:
                    move(held, taken_back(results[before.cancels], lambda _: held))
                continue
            _, settled = _settled(settler, policy, before, held, refuse_gaps=not before.preview)
        except SettlementError as error:
            unsettled.append(f"visit {earlier} is refused: {'; '.join(error.message_lines)}")
            continue
        if not before.preview:
            move(held, settled)
            results[earlier] = settled
    return held, unsettled


def _person(visit: Visit) -> tuple[object, object]:
    claim: object = visit.claim
    if not isinstance(claim, dict):
        # A file may hold anything; what is no claim is nobody's.
        return None, None
    return claim.get("pooling_area"), claim.get("person")


def _settled(
    settler: Settler,
    policy: str | None,
    visit: Visit,
    held: dict[CounterKey, int],
    *,
    refuse_gaps: bool,
) -> tuple[ClaimBatch, Settled]:
    """Return a visit settled; what it brings along is counted by a policy, or by its own."""
    whose = settler.book.policy(policy) if policy is not None else _decided_by(settler, visit)
    return settle_visit(settler, whose, visit, held, refuse_gaps=refuse_gaps)


def _decided_by(settler: Settler, visit: Visit) -> CompiledPolicy:
    """Return the policy that decides a visit.

    Raises:
        SettlementError: None does, or the claim has faults.
    """
    claims = ClaimBatch.from_rows([visit.claim])
    if claims.rejections:
        raise claims.rejections[0].error()
    prepared = settler.preparer.prepare(claims, [0])
    facts = prepared.facts[0]
    if facts is None or prepared.rejections:
        raise prepared.rejections[0].error()
    return facts.policy


# --- which policy -------------------------------------------------------------------------------


def _candidates(book: RuleBook, decided_by: CompiledPolicy, claim: Row) -> Iterator[Candidate]:
    """Yield the policies of the area of a claim, the one that decides it first."""
    own = [each for each in book.policies if each.area.code == decided_by.area.code]
    for compiled in sorted(own, key=lambda each: each is not decided_by):
        yield Candidate(compiled, _why_chosen(compiled.policy, claim), compiled is decided_by)


def _why_chosen(policy: Policy, claim: Row) -> Phrase:
    """Return what of a claim a policy is for, or what it is not for."""
    insurance, visit_type = str(claim["insurance_type"]), str(claim["visit_type"])
    if policy.insurance_type != insurance:
        own = policy.insurance_type
        return Phrase(f"for insurance type {own}", f"适用险种 {own}")
    if visit_type not in policy.visit_types:
        types = ", ".join(policy.visit_types)
        return Phrase(f"for visit types {types}", f"适用医疗类别 {types}")
    day = claim[policy.rule_date]
    until = policy.in_force_until
    words = f"from {policy.in_force_from}" + (f" until {until}" if until else "")
    chinese = f"自 {policy.in_force_from} 起施行" + (f"，至 {until} 止" if until else "")
    assert isinstance(day, date)
    if policy.in_force_from <= day and (until is None or day < until):
        return Phrase(
            f"insurance type {insurance}, visit type {visit_type}, {policy.rule_date} {day} in "
            f"force {words}",
            f"险种 {insurance}，医疗类别 {visit_type}，{policy.rule_date} {day}，{chinese}",
        )
    return Phrase(f"in force {words}", chinese)


# --- what the claim is --------------------------------------------------------------------------


def _facts(compiled: CompiledPolicy, numbers: Numbers, claim: Row) -> Iterator[Fact]:
    """Yield the class of a claim in every dimension that its policy asks for."""
    names = asked(compiled.policy)
    day = claim[compiled.policy.rule_date]
    assert isinstance(day, date)
    for name, dimension in compiled.policy.dimensions.items():
        if name in names:
            word = numbers.class_of(name)
            stated, why = _stated(dimension, word, numbers, claim, day)
            yield Fact(name, word, dimension.column, stated, why)


def _stated(
    dimension: Dimension, word: str, numbers: Numbers, claim: Row, day: date
) -> tuple[str, Phrase]:
    """Return what a claim states of a dimension, and why that is its class."""
    if dimension.kind == "counter":
        return str(numbers.counter(dimension.column)), Phrase("before", "此前")
    if dimension.kind == "quantity":
        return str(numbers.quantity(dimension.column)), Phrase("", "")
    held = claim[dimension.column]
    if isinstance(held, list):
        stated = ", ".join(map(str, held)) or NONE
    else:
        stated = NONE if held is None else str(held)
    if dimension.kind == "group":
        group = dimension.codes[1][0]
        has = word == dimension.values[1]
        return stated, Phrase(f"{'has' if has else 'without'} {group}", "具有" if has else "不具有")
    if dimension.kind == "age":
        assert isinstance(held, date)
        birth, on = np.array([day_number(held)]), np.array([day_number(day)])
        years = int(age_years(birth, on)[0])
        return stated, Phrase(f"{years} years on {day}", f"{years} 岁")
    number = dimension.values.index(word)
    if dimension.kind == "date":
        begins = dimension.thresholds[number]
        since = date.fromordinal(begins).isoformat() if begins else NONE
        return stated, Phrase(f"from {since} on", "起")
    codes = ", ".join(dimension.codes[number])
    return stated, Phrase(f"codes {codes}", "代码")


def _quantities(policy: Policy, numbers: Numbers, claim: Row) -> Iterator[Fact]:
    for name, quantity in policy.quantities.items():
        held = claim.get(quantity.column)
        if isinstance(held, list):
            held = ", ".join(map(str, held)) or NONE
        stated = str(claim[policy.rule_date]) if quantity.column not in claim else str(held or NONE)
        column = quantity.column if quantity.column in claim else policy.rule_date
        words = _made_of(quantity)
        yield Fact(name, str(numbers.quantity(name)), column, stated, Phrase(words, words))


def _made_of(quantity: Quantity) -> str:
    """Return how a quantity is worked out, in the words of the document."""
    found = [quantity.kind.value]
    standard = Quantity(quantity.name, quantity.kind, quantity.column)
    for word in ("less", "at_most", "every"):
        value = getattr(quantity, word)
        if value != getattr(standard, word):
            found.append(f"{word} {value}")
    return ", ".join(found)


# --- what was counted ---------------------------------------------------------------------------


def _counted(
    book: RuleBook,
    compiled: CompiledPolicy,
    claims: ClaimBatch,
    held: Mapping[CounterKey, int],
    result: Settled,
) -> Iterator[Counted]:
    """Yield the counters of a claim before it, with what it adds; balances come last."""
    prepared = Preparer(book).prepare(claims, [0], lambda _: held)
    columns = static_columns(compiled, claims, [0], prepared)
    (keys,) = counter_keys(compiled, claims, [0], columns)
    moved = dict(result.moved)
    for name, key in keys.items():
        counter = compiled.policy.counters.get(name)
        period = period_words(counter.period, key.period) if counter is not None else ""
        unit = Counts.FEN if counter is None or counter.sums else Counts.SETTLEMENTS
        if name == MUTUAL_AID:
            # Made of the limits of relatives, of which the claim moved some.
            paid = sum(int(str(row["paid_fen"])) for row in result.settlement.relatives)
            yield Counted(name, "", unit, result.inputs[f"counter:{name}"], -paid)
            continue
        split = key.counter.partition(f".{name}.")[2]
        told = " ".join(filter(None, (split, period)))
        yield Counted(name, told, unit, held.get(key, 0), moved.pop(key, 0))
    for key, units in moved.items():
        # What is left are items whose quantity is limited; their names say for how long. Relatives'
        # limits have been told together.
        if not key.counter.startswith(PREFIX):
            yield Counted(key.counter, "", Counts.UNITS_E4, held.get(key, 0), units)


def period_words(period: Period, key: int) -> str:
    """Return the period that a key stands for (`medsettle.core.dates.period_key`).

    >>> period_words(Period.MONTH, 202405), period_words(Period.BENEFIT_YEAR, 2024)
    ('2024-05', '2024')
    """
    if period is Period.MONTH:
        return f"{key // 100}-{key % 100:02d}"
    if period is Period.QUARTER:
        return f"{key // 10} Q{key % 10}"
    if period is Period.DAY:
        return date_of(key).isoformat()
    if period is Period.TREATMENT_YEAR:
        return f"since {date_of(key)}"
    return "" if period is Period.LIFE else str(key)
