"""What a policy says, in words to lay beside the official text: one description for all readers.

Who pays of what in which order, what is carried from one settlement to the next, who belongs to
which class, and every table with its source. What is not certain says so where it stands, and the
description lists it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final

from medsettle.policy.cell_rows import Rows, cell_texts, rows_across, rows_down
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.coverage import asked
from medsettle.policy.model import (
    Condition,
    Counter,
    Dimension,
    Gap,
    Policy,
    Source,
    Stage,
    Unit,
    Version,
)
from medsettle.policy.model import Table as RuleTable
from medsettle.policy.quantity import Quantity
from medsettle.policy.stage_leaves import Leaf, all_leaves

WEAK: Final = frozenset({"uncertain", "invented", "KM", "S3"})
"""Labels of values that a reader should doubt."""
UNCERTAIN: Final = "uncertain"

QUESTIONS: Final = {
    "base": ("base", "计算基数"),
    "amount": ("amount", "金额"),
    "keep_back": ("keep back", "先行扣除"),
    "deductible": ("deductible", "起付线"),
    "bands": ("bands", "分段"),
    "rate": ("rate", "支付比例"),
    "rounding": ("rounding", "取整"),
    "account_limited": ("limit", "限额"),
    "instead_of": ("instead of", "替代"),
    "advance_for": ("advance", "先行支付"),
}
"""The questions of a stage in English and Chinese; others, such as caps, say themselves what."""
UNITS: Final = {
    Unit.AMOUNT: ("yuan", "元"),
    Unit.RATE: ("rate", "比例"),
    Unit.POINTS: ("percentage points", "百分点"),
    Unit.COUNT: ("count", "数量"),
}
"""What the cells of a table are, in English and Chinese."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What a stage says of one question: its tables and switches."""

    question: str
    said: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StageText:
    """One stage: who pays, for whom, and what it says of each question."""

    number: int
    stage: Stage
    confidence: str
    when: str
    answers: tuple[Answered, ...]

    @property
    def title(self) -> str:
        """Its title, empty where that is its name."""
        return "" if self.stage.title == self.stage.name else self.stage.title

    @property
    def uncertain(self) -> bool:
        """Whether its source or its note says that something is not certain."""
        return UNCERTAIN in self.confidence or UNCERTAIN in self.stage.note


@dataclass(frozen=True, slots=True)
class VersionText:
    """The cells of a table from a day on: `alone` where there is one, else in rows.

    `by` is how many columns of `down` name classes; `across` has one of them less.
    """

    version: Version
    cited: Source
    by: int
    alone: str | None
    down: Rows
    across: Rows | None

    @property
    def rows(self) -> Rows:
        """The cells as notices print them, the last dimension across where there are several."""
        return self.down if self.across is None else self.across

    @property
    def labels(self) -> int:
        """How many columns of `rows` name classes."""
        return self.by if self.across is None else self.by - 1

    @property
    def issued(self) -> date | None:
        """The day it was published, where that is later than the day it begins."""
        return self.version.issued if self.version.issued > self.version.start else None

    @property
    def weak(self) -> bool:
        """Whether a reader should doubt it."""
        return self.version.confidence in WEAK

    @property
    def uncertain(self) -> bool:
        """Whether it is not certain."""
        return self.version.confidence == UNCERTAIN


@dataclass(frozen=True, slots=True)
class TableText:
    """A table with its versions."""

    table: RuleTable
    versions: tuple[VersionText, ...]

    @property
    def weak(self) -> bool:
        """Whether a reader should doubt one of its versions."""
        return any(version.weak for version in self.versions)


@dataclass(frozen=True, slots=True)
class Said:
    """Something by its name: a counter, a quantity, or who belongs to which class."""

    name: str
    words: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What a policy says, part by part in the order in which it is read."""

    compiled: CompiledPolicy
    doubts: tuple[str, ...]
    stages: tuple[StageText, ...]
    payouts: tuple[StageText, ...]
    gaps: tuple[Gap, ...]
    counters: tuple[Said, ...]
    quantities: tuple[Said, ...]
    classes: tuple[Said, ...]
    tables: tuple[TableText, ...]
    sources: tuple[Source, ...]

    @property
    def policy(self) -> Policy:
        """The document."""
        return self.compiled.policy

    @property
    def year_start(self) -> str:
        """The first day of its benefit year, such as 01-01."""
        start = self.policy.year_start
        return f"{start.month:02d}-{start.day:02d}"


def described(compiled: CompiledPolicy) -> Description:
    """Return what a policy says."""
    policy = compiled.policy
    names = asked(policy)
    return Description(
        compiled,
        tuple(dict.fromkeys(_doubts(policy))),
        tuple(_stage(policy, number, each) for number, each in enumerate(policy.stages, 1)),
        tuple(_stage(policy, number, each) for number, each in enumerate(policy.payouts, 1)),
        policy.gaps,
        tuple(Said(each.name, _counter_words(each)) for each in policy.counters.values()),
        tuple(Said(each.name, _quantity_words(each)) for each in policy.quantities.values()),
        tuple(
            Said(each.name, _class_words(each), _source_words(each))
            for name, each in policy.dimensions.items()
            if name in names
        ),
        tuple(_table(policy, each) for each in policy.tables.values()),
        tuple(policy.sources.values()),
    )


def _doubts(policy: Policy) -> Iterator[str]:
    """Yield the tables and stages of which something is not certain."""
    for table in policy.tables.values():
        if any(version.confidence == UNCERTAIN for version in table.versions):
            yield table.name
    for stage in policy.all_stages:
        labels = policy.sources[stage.source].confidence, stage.note
        if UNCERTAIN in labels[0] or UNCERTAIN in labels[1]:
            yield f"stage {stage.name}" if stage.payee is None else f"payout {stage.name}"


# --- stages -------------------------------------------------------------------------------------


def _stage(policy: Policy, number: int, stage: Stage) -> StageText:
    leaves = [leaf for leaf in all_leaves(policy, stage) if leaf.head not in {"payer", "payee"}]
    answers = (
        Answered(head, _said(head, list(own)))
        for head, own in groupby(leaves, key=lambda leaf: leaf.head)
    )
    confidence = policy.sources[stage.source].confidence
    told = tuple(each for each in answers if each.said)
    return StageText(number, stage, confidence, _condition_words(stage.when), told)


def _condition_words(when: Condition) -> str:
    return " and ".join(f"{name} is {' or '.join(classes)}" for name, classes in when)


def _said(head: str, leaves: Sequence[Leaf]) -> tuple[str, ...]:
    """Return what a stage says of one question, its tables and switches; nothing where blank."""
    said = []
    for leaf in leaves:
        role = leaf.role.removeprefix(head).removeprefix("limit").lstrip(". ")
        value = leaf.table or leaf.words or ""
        if not value:
            continue
        if leaf.table is not None and head == "rate" and not role:
            role = "own share" if leaf.own_side else "pays"
        # Tables in a list are named by their role already.
        said.append(role if role.endswith(f" {value}") else f"{role} {value}".strip())
    return tuple(said)


# --- counters, quantities, classes --------------------------------------------------------------


def _counter_words(counter: Counter) -> str:
    found = [f"per {counter.period}"]
    if counter.since is not None:
        found.append(f"since {counter.since}, {counter.lasts} year(s)")
    found.append(f"sum of {' + '.join(counter.sums)}" if counter.sums else "settlements")
    if counter.when:
        found.append(f"where {_condition_words(counter.when)}")
    if counter.split_by:
        found.append(f"apart by {', '.join(counter.split_by)}")
    if counter.dated_by is not None:
        found.append(f"dated by {counter.dated_by}")
    return ", ".join(found)


def _quantity_words(quantity: Quantity) -> str:
    standard = Quantity(quantity.name, quantity.kind, quantity.column)
    words = ("less", "at_most", "every")
    changes = [
        f"{word.replace('_', ' ')} {getattr(quantity, word)}"
        for word in words
        if getattr(quantity, word) != getattr(standard, word)
    ]
    return ", ".join([f"{quantity.kind} {quantity.column}", *changes])


def _source_words(dimension: Dimension) -> str:
    words = {
        "group": "benefit_groups",
        "counter": f"counter {dimension.column}",
        "quantity": f"quantity {dimension.column}",
        "age": "age on the rule date",
    }
    return words.get(dimension.kind, dimension.column)


def _class_words(dimension: Dimension) -> str:
    if dimension.kind == "group":
        return f"yes with {dimension.codes[1][0]}, else no"
    if dimension.codes:
        return "; ".join(
            f"{word} = {', '.join(found)}"
            for word, found in zip(dimension.values, dimension.codes, strict=True)
        )
    return "; ".join(
        f"{word} from {_begin(dimension, begins)}"
        for word, begins in zip(dimension.values, dimension.thresholds, strict=True)
    )


def _begin(dimension: Dimension, begins: int) -> str:
    if dimension.kind != "date":
        return str(begins)
    return date.fromordinal(begins).isoformat() if begins else "none stated"


# --- tables -------------------------------------------------------------------------------------


def _table(policy: Policy, table: RuleTable) -> TableText:
    return TableText(table, tuple(_version(policy, table, each) for each in table.versions))


def _version(policy: Policy, table: RuleTable, version: Version) -> VersionText:
    alone = None
    if not table.by and not table.banded:
        (alone,) = cell_texts(table, version.cells)
    down = rows_down(policy, table, version)
    cited = policy.sources[version.source]
    across = rows_across(policy, table, version)
    return VersionText(version, cited, len(table.by), alone, down, across)
