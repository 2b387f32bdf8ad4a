"""A policy is shown so that a person can lay it beside the official text, doubts included."""

import io
from functools import cache
from pathlib import Path

import pytest
from medsettle.cli.page import Page
from medsettle.cli.policy_page import policy_json, print_policy
from medsettle.policy.book import load_rule_book
from medsettle.policy.compiled import CompiledPolicy, compile_policy
from medsettle.policy.rule_book import RuleBook
from rich.cells import cell_len
from rich.console import Console

from tests.policy.documents import area_of, changed, good

_ROOT = Path(__file__).parents[2]
_RULES = _ROOT / "rules"
_SHAPES = _ROOT / "fixtures" / "policies" / "shapes"
_WIDTH = 80


@cache
def _book(rules: Path) -> RuleBook:
    return load_rule_book(rules)


def _shown(compiled: CompiledPolicy) -> str:
    out = io.StringIO()
    print_policy(Page(Console(file=out, width=_WIDTH)), compiled)
    return out.getvalue()


@pytest.mark.parametrize("rules", [_RULES, _SHAPES], ids=["rules", "shapes"])
def test_every_policy_is_shown_whole(rules: Path) -> None:
    """Each stage, counter, table, source and note stands there, and texts fit the page."""
    for compiled in _book(rules).policies:
        policy, page = compiled.policy, _shown(compiled)
        flat = "".join(page.split())

        for stage in policy.all_stages:
            assert f". {stage.name}" in page
            assert "".join(stage.note.split()) in flat
        for table in policy.tables.values():
            assert f"\n  {table.name}" in page
            for version in table.versions:
                assert f"from {version.start}" in page
                assert "".join(version.note.split()) in flat
        for source in policy.sources.values():
            assert "".join(f"{source.key} ({source.confidence}): {source.title}".split()) in flat
        for name in policy.counters:
            assert f"\n  {name}: per " in page
        assert [] == [line for line in page.splitlines() if line != line.rstrip()]
        texts = page.partition("\nValues 数值\n")[0]
        assert [] == [line for line in texts.splitlines() if cell_len(line) > _WIDTH]


def test_values_of_some_time_say_until_when() -> None:
    """A version that is not known to hold for ever is shown with its last day's end."""
    version = "{from: 2024-01-01, source: notice, value: 2000元}"
    ends = version.replace("source:", "until: 2025-01-01, source:")
    area = area_of()
    compiled = compile_policy(good(changed(version, ends), area), area, "digest")
    tables = policy_json(compiled)["tables"]
    assert isinstance(tables, list)

    assert "from 2024-01-01 until 2025-01-01, notice" in _shown(compiled)
    assert ["2025-01-01"] == [table["until"] for table in tables if table["until"] is not None]


@pytest.mark.parametrize("rules", [_RULES, _SHAPES], ids=["rules", "shapes"])
def test_what_is_uncertain_says_so_twice(rules: Path) -> None:
    """At the values and in the list at the head; a policy without doubts has no such list."""
    doubted = 0
    for compiled in _book(rules).policies:
        page = _shown(compiled)
        head = page.partition("\nWho pays, in this order")[0]
        said = "".join(head.partition("uncertain 存疑:")[2].split()).split(",")
        versions = [
            (table.name, version)
            for table in compiled.policy.tables.values()
            for version in table.versions
            if version.confidence == "uncertain"
        ]
        doubted += len(versions)

        assert {name for name, _ in versions} <= {*said}
        assert page.count("(uncertain 存疑)") == len(versions)
        if not versions and not any("stage" in each or "payout" in each for each in said):
            assert "存疑" not in page

    assert doubted


def test_two_dimensions_are_laid_out_as_a_notice_prints_them() -> None:
    """The levels of hospitals run across, places go down; points are points and no yuan."""
    page = _shown(_book(_RULES).policy("chengdu-employee-inpatient"))

    assert (
        "    place            hospital: community  level_1   level_2   level_3\n"
        "    ──────────────────────────────────────────────────────────────────\n"
        "    home             160.00               200.00    400.00    800.00\n"
        "    transferred_out  2,000.00             2,000.00  2,000.00  2,000.00\n"
    ) in page
    assert "    from_50   +2 points\n" in page
    assert (
        "    to 10,000.00  to 30,000.00  to 50,000.00  above\n"
        "    ───────────────────────────────────────────────\n"
        "    77%           80%           85%           90%\n"
    ) in page


def test_a_stage_says_which_tables_it_is_made_of() -> None:
    """Base, deductible, bands, rate, cap and rounding of a stage, each with its switches."""
    page = _shown(_book(_RULES).policy("beijing-employee-inpatient"))

    assert (
        "    base 计算基数: in_scope\n"
        "    deductible 起付线: deductible, per settlement\n"
        "    bands 分段: along settlement, apply marginal, deductible inside\n"
        "    rate 支付比例: own share own_share, own_factor own_factor\n"
        "    cap on payment per pooled_paid: pooled_cap, excess back_solve\n"
        "    rounding 取整: at band, side own, mode half_up\n"
    ) in page
    assert "    only where 仅当 person is retired and retiree_supplement is yes\n" in page


def test_what_is_paid_beside_the_bill_is_shown() -> None:
    """Payouts stand below the stages with whom they pay, and what they are made of."""
    compiled = next(
        each
        for each in _book(_SHAPES).policies
        if each.policy.file.endswith("account-credits.yaml")
    )
    page = _shown(compiled)

    assert (
        "\nWhat is paid beside the bill 账单之外\n  1. own 在职划入: other_fund 其他基金 pays to"
        in page
    )
    assert "    amount 金额: factor own_rate, of wage_base\n" in page


def test_programs_read_the_same() -> None:
    """Stages with tables and switches, titles of tables, and what is uncertain."""
    found = policy_json(_book(_RULES).policy("ningbo-employee-inpatient"))

    assert ["own_share"] == found["uncertain"]
    stages = found["stages"]
    assert isinstance(stages, list)
    assert {"role": "deductible.per", "table": None, "words": "deductible_met"} in stages[0]["says"]
    tables = {table["table"]: table["title"] for table in found["tables"]}  # type: ignore[attr-defined]
    assert "年度起付线, 按就诊最高等级医院" == tables["deductible"]
