"""Stated settlements: what cannot be is told, and what an engine settles is never flagged."""

from pathlib import Path

import pytest
from medsettle.policy.book import EXAMPLES_SUFFIX, load_rule_book
from medsettle.policy.examples import Example, Visit, read_examples
from medsettle.policy.receipts import KNOWN, Receipt, read_receipt
from medsettle.settle.run import Settler
from medsettle.settle.stated import Check, checks
from medsettle.settle.stated_claim import policy_checks

_RULES = Path(__file__).parents[2] / "rules"


def _receipt(**fen: int) -> Receipt:
    return Receipt("R", "", "invented", fen, ())


def _wrong(receipt: Receipt) -> list[tuple[str, int, int]]:
    found = [check for check in checks(receipt) if not check.holds]
    return [(check.amount, check.least_fen, check.most_fen) for check in found]


@pytest.mark.parametrize(
    ("amounts", "wrong"),
    [
        pytest.param({"total": 100, "pooled_fund": 60, "cash": 40}, [], id="closed"),
        pytest.param(
            {"total": 100, "pooled_fund": 60, "cash": 41}, [("cash", 40, 40)], id="a-fen-more"
        ),
        pytest.param(
            {"total": 100, "pooled_fund": 60, "account": 5, "cash": 34},
            [("cash", 35, 35)],
            id="less-the-account",
        ),
        pytest.param(
            {"total": 100, "fund_total": 60, "pooled_fund": 50, "person_total": 40},
            [("fund_total", 50, 50)],
            id="funds-do-not-add-up",
        ),
        pytest.param(
            {"total": 100, "fund_total": 101, "person_total": 0},
            [("fund_total", 0, 100)],
            id="more-than-the-bill",
        ),
        pytest.param(
            {"total": 100, "pooled_fund": 60, "assistance": 41},
            [("assistance", 0, 40)],
            id="more-than-is-left",
        ),
        pytest.param(
            {"person_total": 10, "account": 4, "cash": 7}, [("person_total", 11, 11)], id="person"
        ),
        pytest.param(
            {"total": 100, "in_scope": 80, "own_expense": 21}, [("in_scope", 0, 79)], id="pots"
        ),
        pytest.param(
            {"total": 9, "own_expense": 1, "over_limit": 2, "pre_self_pay": 3, "in_scope": 2},
            [("in_scope", 3, 3)],
            id="all-pots",
        ),
        pytest.param(
            {"total": 100, "own_expense": 30, "deductible": 71},
            [("deductible", 0, 70)],
            id="deductible-above-the-scope",
        ),
    ],
)
def test_an_amount_that_cannot_be(
    amounts: dict[str, int], wrong: list[tuple[str, int, int]]
) -> None:
    """Each identity names the amount that breaks it, and the least and most that can be."""
    assert wrong == _wrong(_receipt(**amounts))


def test_a_message_says_what_was_stated_what_can_be_and_why() -> None:
    """One line for each amount, in yuan."""
    exact = Check("cash", 100, 200, 200, "the rest")
    most = Check("cash", 300, 0, 200, "the rest")
    between = Check("cash", 300, 100, 200, "the rest")

    assert "cash 1.00 is stated; 2.00 can be: the rest" == str(exact)
    assert "cash 3.00 is stated; at most 2.00 can be: the rest" == str(most)
    assert "cash 3.00 is stated; 1.00 to 2.00 can be: the rest" == str(between)


_BANDS = """format: 1
settlement: bands
source: invented
confidence: invented
amounts: {total: 1000.05元, deductible: 100.01元, pooled_fund: %s元, allowance: 33.33元}
calculations:
  - amount: pooled_fund
    base: [in_scope]
    above: deductible
    limits: [500.01元, open]
    rates: [50%%, 70%%]
    own_factor: 50%%
  - {amount: allowance, base: [deductible], times: 10天, every: 30天}
"""


@pytest.mark.parametrize(
    ("stated", "holds"), [("725.02", False), ("725.03", True), ("725.04", True), ("725.05", False)]
)
def test_an_exact_amount_is_rounded_either_way(tmp_path: Path, stated: str, holds: bool) -> None:
    """75 % of 400 and 85 % of 500.04 are 725.034, printed as 725.03 or 725.04 and nothing else."""
    path = tmp_path / "stated.yaml"
    path.write_text(_BANDS % stated, encoding="utf-8")
    (check,) = (each for each in checks(read_receipt(path)) if each.rule.startswith("75%"))

    assert holds is check.holds
    assert (72503, 72504) == (check.least_fen, check.most_fen)
    assert "the factor 50% being on the person's share" in check.rule


def test_bands_that_were_rounded_each_may_drift(tmp_path: Path) -> None:
    """Where two bands end inside a fen, their sum may be a fen off either way (shape O2)."""
    path = tmp_path / "stated.yaml"
    text = _BANDS.replace("100.01元", "100.00元").replace("1000.05元", "1000.06元")
    path.write_text(text % "725.03", encoding="utf-8")
    (check,) = (each for each in checks(read_receipt(path)) if each.rule.startswith("75%"))

    # 75 % of 400.01 are 300.0075 and 85 % of 500.05 are 425.0425: 725.05 exactly.
    assert (72504, 72506) == (check.least_fen, check.most_fen)


_EXAMPLES = [
    example
    for path in sorted(_RULES.rglob(f"*{EXAMPLES_SUFFIX}"))
    for example in read_examples(path)[0]
]


def _stated(example: Example, visit: Visit, amounts: dict[str, int]) -> Receipt:
    return Receipt(example.name, "", "invented", amounts, (), example.policy, visit)


@pytest.mark.parametrize("example", _EXAMPLES, ids=lambda each: f"{each.policy}-{each.name}")
def test_what_the_engine_settles_can_be(settler: Settler, example: Example) -> None:
    """The first visit of each example: its amounts break no identity."""
    visit = example.visits[0]
    names = dict.fromkeys(KNOWN, 0)
    settled = {
        check.amount: check.least_fen
        for check in policy_checks(settler, _stated(example, visit, names))
    }
    receipt = _stated(example, visit, settled)

    assert {"total", "cash", "in_scope"} <= set(settled)
    assert [] == [str(each) for each in checks(receipt) if not each.holds]
    assert all(each.holds for each in policy_checks(settler, receipt))


def test_a_fen_off_the_policy_is_told_with_its_sentence(settler: Settler) -> None:
    """The message carries what the policy pays, the arithmetic and the clause."""
    example = next(each for each in _EXAMPLES if each.name == "WC-003")
    receipt = _stated(example, example.visits[0], {"pooled_fund": 909501, "deductible": 130000})

    (wrong,) = (each for each in policy_checks(settler, receipt) if not each.holds)

    assert (909501, 909500, 909500) == (wrong.stated_fen, wrong.least_fen, wrong.most_fen)
    assert f"by {example.policy}: " in wrong.rule
    assert "10,700.00" in wrong.rule


def test_without_a_claim_no_policy_is_asked(settler: Settler) -> None:
    """A receipt alone is held to itself."""
    assert [] == policy_checks(settler, _receipt(total=1))


@pytest.fixture(name="settler", scope="module")
def _settler() -> Settler:
    """Return a settler of the rules of the repository."""
    return Settler(load_rule_book(_RULES))
