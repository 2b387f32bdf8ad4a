"""What some claim can reach is never refused: only what is proved to be for nobody is.

The documents that are refused stand under `fixtures/policies/bad`; here are their neighbours.
"""

from datetime import date
from pathlib import Path

import pytest
from medsettle import limits
from medsettle.policy import tree
from medsettle.policy.book import compile_revisions, read_area_folder
from medsettle.policy.overlay import read_overlays
from medsettle.policy.read_policy import read_policy

from tests.policy.documents import area_of, faults, good

_HEAD = """\
format: 1
policy: example
title: 示例
pooling_area: 999900
insurance_type: 310
visit_types: [21, 22]
in_force: {from: 2024-01-01}
rule_date: service_date
benefit_year: {starts: 01-01}
sources:
  notice: {title: 示例通知, where: invented, confidence: invented}
dimensions:
"""
_TABLES = """\
counters:
  admissions: {period: benefit_year, counts: settlements}
tables:
  rate: {unit: rate, versions: [{from: 2024-01-01, source: notice, value: 80%}]}
"""
_ASKED = "rate: {pays: rate}, rounding: {at: stage, side: payer, mode: half_up}"


def _document(dimensions: str, *stages: tuple[str, str, str]) -> str:
    """Return a document of stages, each with its condition, its base and what else it asks."""
    text = f"{_HEAD}{dimensions}{_TABLES}stages:\n"
    for number, (when, base, asked) in enumerate(stages):
        condition = f"when: {{{when}}}, " if when else ""
        text += f"  - {{stage: s{number}, payer: assistance, source: notice, {condition}"
        text += f"base: [{base}]{', ' if asked else ''}{asked}}}\n"
    return text


@pytest.mark.parametrize(
    ("dimensions", "when"),
    [
        pytest.param(
            "  a: {column: approved_diseases, codes: {yes: [X1], no: [none]}}\n"
            "  b: {column: approved_diseases, codes: {yes: [X2], no: [none]}}\n",
            "a: [yes], b: [yes]",
            id="a-list-may-hold-both-codes",
        ),
        pytest.param(
            "  a: {group: poor}\n  b: {group: disabled}\n",
            "a: [yes], b: [yes]",
            id="a-person-may-be-of-two-groups",
        ),
        pytest.param(
            "  a: {column: referral, codes: {yes: [referred], no: [none, self]}}\n"
            '  b: {column: filing, codes: {yes: ["1"], no: [none]}}\n',
            "a: [yes], b: [yes]",
            id="two-columns-are-independent",
        ),
        pytest.param(
            '  a: {column: visit_type, codes: {stay: ["2"], visit: ["21", "1"]}}\n'
            '  b: {column: visit_type, codes: {one: ["21"], other: ["22"]}}\n',
            "a: [stay], b: [other]",
            id="a-longer-code-takes-a-part-of-a-class",
        ),
        pytest.param(
            "  a: {ages: {young: 0岁, old: 60岁}}\n  b: {ages: {child: 0岁, older: 18岁}}\n",
            "a: [old], b: [older]",
            id="ages-that-overlap",
        ),
        pytest.param(
            "  a: {counter: admissions, counted: {first: 0次, later: 1次}}\n"
            "  b: {counter: admissions, counted: {few: 0次, many: 3次}}\n",
            "a: [later], b: [few]",
            id="counts-that-overlap",
        ),
    ],
)
def test_a_condition_that_somebody_meets_is_accepted(dimensions: str, when: str) -> None:
    """A claim with a class of each exists, whatever they look at."""
    good(_document(dimensions, (when, "in_scope", _ASKED)))


@pytest.mark.parametrize(
    ("dimensions", "when"),
    [
        pytest.param(
            "  a: {ages: {young: 0岁, old: 60岁}}\n  b: {ages: {child: 0岁, older: 18岁}}\n",
            "a: [old], b: [child]",
            id="ages",
        ),
        pytest.param(
            "  a: {counter: admissions, counted: {first: 0次, later: 1次}}\n"
            "  b: {counter: admissions, counted: {few: 0次, many: 3次}}\n",
            "a: [first], b: [many]",
            id="counts",
        ),
        pytest.param("  a: {group: poor}\n  b: {group: poor}\n", "a: [yes], b: [no]", id="groups"),
    ],
)
def test_classes_of_one_thing_are_looked_at_together(dimensions: str, when: str) -> None:
    """No claim has two classes that exclude each other, and the condition is refused."""
    (told,) = faults(_document(dimensions, (when, "in_scope", _ASKED)))

    a, b = when.replace("[", "").replace("]", "").replace(":", "").split(", ")
    assert f"stages[0]: no claim has {a} and {b} together, so stage 's0' never pays; " in told


_ADMISSION = "  admission: {counter: admissions, counted: {first: 0次, second: 1次, later: 2次}}\n"


def test_what_is_left_to_some_is_accepted() -> None:
    """Another pays the first stay in full; of the second something is left, of the first nothing.

    The class by a counter is a range of counts, which the proof follows too.
    """
    first = ("admission: [first]", "total", "")
    after = ("admission: [first, second]", "remaining", _ASKED)
    good(_document(_ADMISSION, first, after))

    (told,) = faults(_document(_ADMISSION, first, ("admission: [first]", "remaining", _ASKED)))
    assert "nothing for all who meet its `when`, because earlier stages pay all" in told


def test_more_kinds_than_are_looked_at_prove_nothing() -> None:
    """Nine groups are 512 kinds of claim, more than are looked at: nothing is refused of them."""
    groups = "".join(f"  g{number}: {{group: group_{number}}}\n" for number in range(9))
    stages = [(f"g{number}: [yes]", "in_scope", _ASKED) for number in range(1, 9)]
    paid = [("g0: [yes]", "total", ""), ("g0: [yes]", "remaining", _ASKED)]

    assert limits.REACH_KINDS_MAX < 2**9
    good(_document(groups, *stages, *paid))
    (told,) = faults(_document("  g0: {group: group_0}\n", *paid))
    assert "earlier stages pay all there is" in told


def test_a_stage_that_pays_nothing_may_leave_what_others_look_at() -> None:
    """With a rate that is not known the stage still says who bears the deductible, and a gap."""
    text = _document("  g: {group: poor}\n", ("g: [yes]", "in_scope", _ASKED))
    text = text.replace("value: 80%", "value: 0%")
    (told,) = faults(text)

    assert "stage 's0' never pays anything, and nothing looks at what it leaves; " in told
    good(text + "gaps:\n  - {amount: s0.own_share, says: the rate is not known}\n")


_LATER = "versions: [{from: 2024-01-01, source: notice, value: 0%}, "
_LATER += "{from: 2025-01-01, issued: 2025-02-01, source: notice, value: 80%}]"


def test_values_that_come_later_reach_a_stage() -> None:
    """One version that pays is enough; before it was published nobody is told of a fault."""
    text = _document("  g: {group: poor}\n", ("g: [yes]", "in_scope", _ASKED))
    text = text.replace("versions: [{from: 2024-01-01, source: notice, value: 80%}]", _LATER)
    good(text)

    document, _ = tree.parse(text.encode(), "example.yaml")
    policy, violations = read_policy(document, area_of(), [], date(2024, 6, 1))
    assert policy is not None, violations
    assert 1 == len(policy.tables["rate"].versions)


def test_a_reform_may_end_a_policy_before_its_last_values(tmp_path: Path) -> None:
    """The document says no end: what it says of later days goes on in the reformed policy."""
    root = Path(__file__).parents[2] / "fixtures" / "policies" / "bad" / "999900"
    area, _ = read_area_folder(root)
    assert area is not None
    later = "{from: 2024-01-01, source: notice, value: 80%}, "
    later += "{from: 2026-01-01, source: notice, value: 85%}"
    text = _document("  g: {group: poor}\n", ("g: [yes]", "in_scope", _ASKED))
    path = tmp_path / "example.yaml"
    path.write_text(text.replace("{from: 2024-01-01, source: notice, value: 80%}", later), "utf-8")
    (tmp_path / "area.yaml").write_bytes((root / "area.yaml").read_bytes())
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "format: 1\noverlay: reform\nchanges: example\nfrom: 2025-01-01\ntitle: 调整\n"
        "set: {benefit_year: {starts: 07-01}}\n",
        "utf-8",
    )
    reforms, _ = read_overlays([overlay])

    found, violations = compile_revisions(path, area, reforms, None)

    assert [] == violations
    assert [date(2025, 1, 1), None] == [each.policy.in_force_until for each in found]
