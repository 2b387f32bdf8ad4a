"""The stages of one settled claim, question by question, each with the cells that were read.

Sentences and steps are those of an explanation (`medsettle.settle.telling`); beside them stands
every cell of the document that decided, found by walking the pieces a stage has, so that a new
construct of the language is shown without being listed here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from medsettle.core.settlement import Sentence, Step
from medsettle.policy.model import STAGE_AMOUNTS, Stage
from medsettle.policy.stage_leaves import Leaf, all_leaves
from medsettle.policy.values import cell_text
from medsettle.settle.telling import Teller
from medsettle.settle.traced_numbers import Numbers


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of a table that was read: in which role, which row, since when, its values, its source.

    `rows` names the class of the claim in each dimension of the table. `values` has one text, or
    one for each band, whose upper limits are `limits_fen`, None for an open one.
    """

    role: str
    table: str
    title: str
    rows: tuple[tuple[str, str], ...]
    start: str
    values: tuple[str, ...]
    limits_fen: tuple[int | None, ...]
    source: str
    source_title: str
    confidence: str
    note: str
    place: str


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a stage: the arithmetic, the cells that were read, the switches it has."""

    name: str
    steps: tuple[Step, ...]
    cells: tuple[Cell, ...] = ()
    switches: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """A dimension that a stage wants a class of, and the class of the claim."""

    dimension: str
    wanted: tuple[str, ...]
    held: str

    @property
    def met(self) -> bool:
        """Whether the claim has one of the classes."""
        return self.held in self.wanted


@dataclass(frozen=True, slots=True)
class StageStory:
    """What one payer was asked, what it answered, and what it left.

    `terms` are the amounts its base is made of, with their sign, and `left` the amounts it leaves,
    both in 1/SUBFEN fen; `remaining_fen` is what nobody has paid after it.
    """

    stage: Stage
    sentence: Sentence
    conditions: tuple[Condition, ...]
    terms: tuple[tuple[str, str, int], ...]
    questions: tuple[Question, ...]
    left: dict[str, int] = field(default_factory=dict)
    remaining_fen: int = 0

    @property
    def skipped(self) -> bool:
        """Whether some condition of the stage is not met."""
        return not all(condition.met for condition in self.conditions)


def stage_stories(
    teller: Teller, stages: Sequence[Stage], sentences: Sequence[Sentence]
) -> tuple[StageStory, ...]:
    """Return the stories of some stages in the order of payment.

    Args:
        teller: Tells the settlement, citing tables by name.
        stages: The stages of the bill, or the payouts beside it.
        sentences: What an explanation says of each of them.
    """
    return tuple(
        _story(teller, stage, sentence) for stage, sentence in zip(stages, sentences, strict=True)
    )


def _story(teller: Teller, stage: Stage, sentence: Sentence) -> StageStory:
    numbers = teller.numbers
    signed = [("+", name) for name in stage.base.plus] + [("-", name) for name in stage.base.minus]
    return StageStory(
        stage=stage,
        sentence=sentence,
        conditions=tuple(
            Condition(name, wanted, numbers.class_of(name)) for name, wanted in stage.when
        ),
        terms=tuple((sign, name, numbers.exact_named(name, stage)) for sign, name in signed),
        questions=tuple(_questions(teller, stage)),
        left={part: numbers.exact(stage, part) for part in STAGE_AMOUNTS},
        remaining_fen=_remaining(numbers, stage),
    )


def _remaining(numbers: Numbers, stage: Stage) -> int:
    """Return what of the bill nobody has paid after a stage; a payout leaves it as it is."""
    paid = numbers.amount(stage, "paid") if stage.payee is None else 0
    return numbers.left_before(stage) - paid


def _questions(teller: Teller, stage: Stage) -> Iterator[Question]:
    """Yield the questions that were asked, then what a stage has besides them."""
    found = teller.questions(stage)
    asked = len(found) > 1 or teller.numbers.amount(stage, "base") > 0
    meets = all(teller.numbers.class_of(name) in wanted for name, wanted in stage.when)
    pieces: dict[str, list[Leaf]] = {name: [] for name in found}
    for leaf in all_leaves(teller.policy.policy, stage):
        # An amount that comes to nothing was read all the same.
        if asked or (meets and leaf.head == "amount"):
            pieces.setdefault(_question_of(leaf), []).append(leaf)
    for name, leaves in pieces.items():
        # A stage says several times which counter it is per, and its payer stands in its head.
        switches = {leaf.role: leaf.words for leaf in leaves if leaf.words is not None}
        yield Question(
            name,
            tuple(found.get(name, ())),
            tuple(_cell(teller.numbers, stage, leaf) for leaf in leaves if leaf.table is not None),
            tuple((role, words) for role, words in switches.items() if role not in _SHOWN_APART),
        )


_SHOWN_APART = {"base", "payer", "payee", "limit", "amount.of", "instead_of"}
_QUESTIONS = {
    "amount": "base",
    "payer": "base",
    "payee": "base",
    "bands": "rate",
    "rounding": "rate",
    "account_limited": "limit",
}


def _question_of(leaf: Leaf) -> str:
    return "caps" if leaf.head.startswith("cap on ") else _QUESTIONS.get(leaf.head, leaf.head)


def _cell(numbers: Numbers, stage: Stage, leaf: Leaf) -> Cell:
    assert leaf.table is not None
    policy = numbers.policy.policy
    table = policy.tables[leaf.table]
    version = numbers.version(table)
    source = policy.sources[version.source]
    return Cell(
        role=leaf.role,
        table=table.name,
        title=table.title,
        rows=tuple((name, numbers.row_word(name)) for name in table.by),
        start=version.start.isoformat(),
        values=tuple(
            cell_text(table.unit, cell) for cell in version.cells[numbers.row(table.name)]
        ),
        limits_fen=version.limits_fen if table.banded else (),
        source=source.key,
        source_title=source.title,
        confidence=version.confidence,
        note=version.note,
        place=numbers.place(table.name),
    )
