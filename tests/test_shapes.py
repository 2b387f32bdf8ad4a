"""The rule shapes of invented areas: one document for each family, proved by its examples."""

from datetime import date
from functools import cache
from pathlib import Path

import pytest
from medsettle.core.settlement import Explanation
from medsettle.policy.book import EXAMPLES_SUFFIX, load_rule_book, policy_files
from medsettle.policy.examples import Example, read_examples
from medsettle.settle.explain import explain
from medsettle.settle.prove import prove, settled_visits
from medsettle.settle.run import Settler

from tests.settle.comparison import assert_equal, pots_of
from tests.settle.edges import claims_at, extreme_claims

_SHAPES = Path(__file__).parents[1] / "fixtures" / "policies" / "shapes"
_FOLDERS = sorted(path.parent for path in _SHAPES.glob("*/area.yaml"))


@cache
def _settler(known_on: date | None = None) -> Settler:
    return Settler(load_rule_book(_SHAPES, known_on=known_on))


def _examples() -> list[Example]:
    found = []
    for path in sorted(_SHAPES.glob(f"*/*{EXAMPLES_SUFFIX}")):
        examples, violations = read_examples(path)
        assert not violations, violations
        found += examples
    return found


_EXAMPLES = [pytest.param(example, id=example.name) for example in _examples()]


@pytest.mark.parametrize("example", _EXAMPLES)
def test_an_example_of_a_shape_comes_out(example: Example) -> None:
    """Every amount worked out by hand is what the engine settles, fen for fen."""
    assert [] == [str(difference) for difference in prove(_settler(example.known_on), example)]


def test_every_shape_has_an_example() -> None:
    """No document of the area stands there without evidence."""
    proved = {example.policy for example in _examples()}

    assert proved == {compiled.policy.name for compiled in _settler().book.policies}
    assert len(proved) == sum(len(list(policy_files(folder))) for folder in _FOLDERS)


@pytest.mark.parametrize("name", sorted({example.policy for example in _examples()}))
def test_a_document_of_a_shape_equals_the_oracle(name: str) -> None:
    """Claims at the edges of each document, and at the bounds, are settled as the oracle does."""
    compiled = _settler().book.policy(name)
    claims = claims_at(compiled.policy, pots_of(compiled), seed=23, count=1_000)
    claims += extreme_claims(compiled.policy, pots_of(compiled), seed=23, count=100)

    assert_equal(compiled, claims)


def _explained(example: Example) -> list[Explanation]:
    """Return the explanations of the visits of an example, counters carried along."""
    policy = _settler().book.policy(example.policy)
    return [
        explain(policy, result.settlement, result.inputs)
        for _, result in settled_visits(_settler(), example)
    ]


@pytest.mark.parametrize(
    ("name", "visit", "english", "chinese"),
    [
        pytest.param(
            "whole-amount-by-its-band",
            1,
            "1,000.01 at 70% for the whole amount, by the band it ends in",
            "1,000.01 元按 70%（全额按所在段）",
            id="whole-band",
        ),
        pytest.param(
            "all-changes-in-order",
            0,
            "6 points added to the rate; 10 points off the rate; the rate times 90%; "
            "10,000.01 at 76.95%",
            "支付比例加 6 个百分点，支付比例减 10 个百分点，支付比例乘以 90%，"
            "10,000.01 元按 76.95%",
            id="changes-of-a-rate",
        ),
        pytest.param(
            "DC-003-from-the-middle",
            1,
            "300.00 deductible (times 50%, at most 900.00 in all)",
            "起付线 300.00 元（乘以 50%，合计最高 900.00 元）",
            id="yearly-ceiling-of-deductibles",
        ),
        pytest.param(
            "half-of-the-larger",
            0,
            "2,500.01 deductible (20% is 5,000.01, at least 2,000.00, times 50%)",
            "起付线 2,500.01 元（20% 为 5,000.01 元，最低 2,000.00 元，乘以 50%）",
            id="share-of-the-bill",
        ),
        pytest.param(
            "guaranteed-part-of-the-bill",
            1,
            "2,000.00 more to reach the guaranteed 45%, 9,000.00",
            "按保底 45% 计 9,000.00 元，补足 2,000.00 元",
            id="guaranteed-payment",
        ),
        pytest.param(
            "guaranteed-without-scope",
            0,
            "pays 450.00 yuan of 0.00 yuan: 450.00 more to reach the guaranteed 45%, 450.00",
            "按保底 45% 计 450.00 元，补足 450.00 元",
            id="guaranteed-of-nothing-in-scope",
        ),
    ],
)
def test_a_shape_is_explained(name: str, visit: int, english: str, chinese: str) -> None:
    """Each shape says in both languages what it did, with its numbers."""
    (example,) = (example for example in _examples() if example.name == name)

    explanation = _explained(example)[visit]

    assert english in "; ".join(sentence.text_en for sentence in explanation.sentences)
    assert chinese in "，".join(sentence.text_zh for sentence in explanation.sentences)


def test_a_rate_of_a_later_day_is_not_known_before() -> None:
    """As known on a day, a document holds the versions of that day; the others are checked only."""
    tables = [
        load_rule_book(_SHAPES, known_on=day).policy("cases-class-b").policy.tables["rate"]
        for day in (date(2024, 6, 30), date(2024, 7, 1))
    ]

    assert [1, 2] == [len(table.versions) for table in tables]
