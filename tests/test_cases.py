"""Every case that was published or derived is an example that comes out, or a stated settlement.

`fixtures/cases.json` holds what the sources print, and for derived cases what their rules give. The
examples themselves are settled by the tests of `rules/` and of the shapes.
"""

import json
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from medsettle.policy.book import EXAMPLES_SUFFIX
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.receipts import read_receipt
from medsettle.settle.stated import checks

_ROOT = Path(__file__).parents[1]
_CASES: dict[str, dict[str, Any]] = json.loads(
    (_ROOT / "fixtures" / "cases.json").read_text(encoding="utf-8")
)
_STATED = {path.stem: path for path in sorted((_ROOT / "fixtures" / "stated").glob("NC-*.yaml"))}
_FOLDERS = (_ROOT / "rules", _ROOT / "fixtures" / "policies" / "shapes")

# Figures that are sums of amounts in the examples; a minus takes one off. In yuan.
_SUMS = {
    ("DC-011", "fund_total"): ("18650.30", "2240"),
    ("DC-002", "fund_total"): ("7520", "32030", "27500"),
    ("WC-004", "self_one"): ("590.29", "-104.35"),
    ("WC-023", "own_full"): ("800", "5000"),
    ("WC-043", "band3_to_cap"): ("60000", "-7680", "-17000"),
    ("WC-045", "band3_to_cap"): ("60000", "-7840", "-17000"),
}

# Cases of work injury, maternity and accounts, with the policy of a real area that gives them.
_BENEFITS = {
    "DC-011": "shenzhen-work-injury",
    "DC-012": "xian-employee-delivery",
    "WC-071": "hubei-maternity-allowance",
    "WC-072": "yantai-maternity",
    "WC-073": "yantai-maternity",
    "WC-074": "hubei-maternity-allowance",
    "WC-075": "yantai-maternity",
    "WC-076": "yantai-maternity",
    "WC-078": "guangxi-account-credits",
}

# Steps on the way and ratios, which are no amounts of a settlement.
_STEPS = {
    ("DC-001", "b3_room"),
    ("DC-002", "band1_left"),
    ("DC-002", "band2_left"),
    ("DC-009", "inside"),
    *(("WC-023", name) for name in ("own_a", "own_b", "own_relaxed", "pct")),
}


@cache
def _examples() -> tuple[Example, ...]:
    found: list[Example] = []
    for folder in _FOLDERS:
        for path in sorted(folder.rglob(f"*{EXAMPLES_SUFFIX}")):
            examples, violations = read_examples(path)
            assert not violations, violations
            found += examples
    return tuple(found)


def _fen(yuan: str) -> Fraction:
    return Fraction(yuan) * 100


def _figures_of(case: str, policy: str | None = None) -> set[int]:
    """Return every amount that the examples of a case, or those of one policy, state or expect."""
    found: set[int] = set()
    for example in _examples():
        if case in example.cases and policy in {None, example.policy}:
            for visit in example.visits:
                found |= {*visit.expect.values(), *visit.before.values()}
                lines = visit.claim["lines"]
                assert isinstance(lines, list)
                found |= {line["amount_fen"] for line in lines}
    return found


def test_the_cases_are_all_there() -> None:
    """There are 77: 47 that agree with their rules, 16 that do not, and 14 derived ones."""
    kinds = [case["kind"] for case in _CASES.values()]

    assert {"published": 47, "published-negative": 16, "derived": 14} == {
        kind: kinds.count(kind) for kind in dict.fromkeys(kinds)
    }


def test_every_case_is_used() -> None:
    """Each is an example or a stated settlement; none is unknown."""
    used = {case for example in _examples() for case in example.cases} | set(_STATED)

    assert set(_CASES) == used


@pytest.mark.parametrize("case", sorted(set(_CASES) - set(_STATED)))
def test_the_figures_of_a_case_are_in_its_examples(case: str) -> None:
    """What the source prints stands in the examples, to the fen."""
    assert [] == _missing(case, _figures_of(case))


@pytest.mark.parametrize("case", sorted(_BENEFITS))
def test_a_case_of_a_benefit_is_an_example_of_a_real_area(case: str) -> None:
    """Benefits beside the bill are proved by a policy of `rules/`, not by a shape alone."""
    assert [] == _missing(case, _figures_of(case, _BENEFITS[case]))


def _missing(case: str, stated: set[int]) -> list[str]:
    """Return the figures that the source prints and that are not among the amounts."""
    missing = []
    for name, yuan in _CASES[case]["figures"].items():
        parts = _SUMS.get((case, name), (yuan,))
        assert _fen(yuan) == sum(map(_fen, parts))
        if (case, name) not in _STEPS and not {abs(_fen(part)) for part in parts} <= stated:
            missing.append(name)
    return missing


@pytest.mark.parametrize("case", sorted(_STATED))
def test_a_case_that_cannot_be_is_flagged(case: str) -> None:
    """Where a source prints another amount than its rules give, both are told."""
    told = _CASES[case]
    wrong = [check for check in checks(read_receipt(_STATED[case])) if not check.holds]

    for name, can_be in told["can_be"].items():
        stated = _fen(told["figures"][name])
        if _fen(can_be) < 0:
            # The payers take more than the bill; that is what is told of them.
            assert {"critical_illness", "assistance"} == {check.amount for check in wrong}
        else:
            found = [check for check in wrong if check.stated_fen == stated]
            assert any(check.least_fen <= _fen(can_be) <= check.most_fen for check in found)
