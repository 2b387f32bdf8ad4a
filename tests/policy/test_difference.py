"""What changed between two policies: by class and range of amounts, and nothing that did not."""

from functools import cache
from pathlib import Path

from medsettle.policy.book import RuleBook, load_rule_book
from medsettle.policy.compiled import compile_policy
from medsettle.policy.difference import differences
from medsettle.settle.effect import effects

from tests.policy.documents import GOOD, area_of, changed, good

_ROOT = Path(__file__).parents[2]
_REFORM = _ROOT / "fixtures" / "policies" / "overlays" / "outpatient-2027.yaml"


@cache
def _book() -> RuleBook:
    return load_rule_book(_ROOT / "rules", overlays=[_REFORM])


def _changes(old: str, new: str) -> list[str]:
    """Return what a change of the small good document says."""
    return [str(change) for change in differences(good(GOOD), good(changed(old, new)))]


def test_equal_documents_say_the_same() -> None:
    """A document differs in nothing from itself, nor for anybody."""
    compiled = compile_policy(good(GOOD), area_of(), "0" * 12)

    assert [] == differences(good(GOOD), good(GOOD))
    assert [] == effects(compiled, compiled)


def test_a_source_is_no_difference() -> None:
    """Where a value is printed changes nobody's bill."""
    assert [] == _changes("title: 示例通知", "title: 另一通知")


def test_a_deductible_changes_for_its_class() -> None:
    """Only the row that changed is told, with both amounts."""
    assert ["deductible for later: 650.00 yuan -> 600.00 yuan"] == _changes("650元", "600元")


def test_the_end_of_a_cap_in_2023_is_stated_in_words_and_figures() -> None:
    """Outpatient care of employees: no cap any more, and 60 % above 20,000 in place of 70 %."""
    book = _book()
    old = book.policy("beijing-employee-outpatient-2022")
    new = book.policy("beijing-employee-outpatient")

    said = [str(change) for change in differences(old.policy, new.policy)]

    assert "yearly_cap: gone, it was 20,000.00 yuan" in said
    above = "fund_rate above 20,000.00 yuan for"
    assert f"{above} active, hospital, under_70: 70% -> 60%" in said
    assert f"{above} retired, hospital, from_70: 80% -> 70%" in said
    target = "supplement_target above 20,000.00 yuan for"
    assert f"{target} hospital, under_70: 85% -> 80%" in said
    # The deductible stayed what it was.
    assert [] == [line for line in said if line.startswith("deductible")]

    plain = {
        effect.in_scope_fen: (effect.before_fen, effect.after_fen)
        for effect in effects(old, new)
        if effect.whom == "hospital, under_70, no, no, active"
    }
    # 20,200 above the deductible: 14,140 were paid, and 14,000 + 60 % of 200 are.
    assert (786_000, 788_000) == plain[2_200_000]
    # 98,200 above it: the fund stopped at 20,000; now 14,000 + 60 % of 78,200 is 60,920.
    assert (8_000_000, 3_908_000) == plain[10_000_000]
    assert min(plain) > 2_180_000


def test_a_reform_is_told_like_any_other_policy() -> None:
    """An overlay's cap, deductible and lost stage are all there."""
    book = _book()
    old = book.policy("beijing-employee-outpatient")
    new = book.policy("beijing-employee-outpatient-reform-2027")

    said = [str(change) for change in differences(old.policy, new.policy)]

    assert "payer stage employer_relief: gone, it was enterprise paid" in said
    assert "deductible for active: 1,800.00 yuan -> 1,500.00 yuan" in said
    assert "yearly_cap: new, 30,000.00 yuan" in said
    assert "counter outpatient_paid: new, large_amount.paid per benefit_year" in said
