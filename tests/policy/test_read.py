"""Rule documents: what they say, in either language and wherever it stands."""

import re
from datetime import date
from fractions import Fraction
from pathlib import Path

from medsettle.policy.amount_of import AmountOf, Base
from medsettle.policy.area import Area
from medsettle.policy.book import read_area_folder
from medsettle.policy.model import Ceiling, Deductible, Floor, Policy, Rate, RateSide, ShareOf
from medsettle.policy.vocabulary import aliases

from tests.policy.documents import AREA_TEXT, GOOD, area_of, changed, good

_RULES = Path(__file__).parents[2] / "rules"
_CHINESE = _RULES / "330200" / "resident-inpatient.yaml"

_ENGLISH_TWIN = """\
format: 1
policy: ningbo-resident-inpatient
title: 宁波市城乡居民基本医疗保险住院待遇
pooling_area: 330200
insurance_type: 390
visit_types: [21, 22, 24, 26]
in_force: {from: 2021-01-01}
rule_date: service_date
benefit_year: {starts: 01-01}
sources:
  居民:
    title: >-
      TITLE
    where: >-
      WHERE
    confidence: SW
dimensions:
  医院:
    column: institution_level
    codes:
      三级: ["01", "02", "03"]
      其他: ["04", "05", "06", "07", "08", "10", "11"]
      社区: ["09"]
counters:
  居民起付: {period: benefit_year, sums: [统筹.deductible]}
  居民范围: {period: benefit_year, sums: [统筹.deductible, 统筹.net]}
  居民支付: {period: benefit_year, sums: [统筹.paid]}
tables:
  年度起付线:
    unit: amount
    by: [医院]
    versions:
      - from: 2021-01-01
        source: 居民
        rows: {三级: 1200yuan, 其他: "600 元", 社区: 300.00元}
  支付比例:
    unit: rate
    by: [医院]
    bands: yes
    versions:
      - from: 2021-01-01
        source: 居民
        limits: [40000元, open]
        rows:
          三级: [70%, 75%]
          其他: [7/10, 3/4]
          社区: [80%, 85.0%]
  年度封顶:
    unit: amount
    versions:
      - {from: 2021-01-01, source: 居民, confidence: uncertain, value: 300000元}
stages:
  - stage: 统筹
    title: 城乡居民统筹基金
    payer: pooled_fund
    source: 居民
    base: [in_scope]
    deductible: {table: 年度起付线, per: 居民起付}
    bands: {along: running_total, apply: marginal, counter: 居民范围, deductible: inside}
    rate: {pays: 支付比例}
    caps:
      - {table: 年度封顶, on: payment, per: 居民支付, excess: unpaid_share}
    rounding: {at: stage, side: payer, mode: half_up}
"""


def _area(code: str) -> Area:
    area, violations = read_area_folder(_RULES / code)
    assert area is not None, violations
    return area


def test_chinese_and_english_documents_are_equal() -> None:
    """A document written with Chinese keywords is the policy its English translation is."""
    area = _area("330200")
    chinese = good(_CHINESE.read_text(encoding="utf-8"), area)
    source = chinese.sources["居民"]
    english = _ENGLISH_TWIN.replace("TITLE", source.title).replace("WHERE", source.where)

    assert chinese == good(english, area)


def test_every_key_may_be_chinese() -> None:
    """A document whose every key is Chinese is the policy it was in English."""
    text = GOOD
    # The example has names that are words of the language too; names are left alone.
    named = {"deductible", "own", "target", "paid", "account", "factor", "person", "least"}
    for alias, word in aliases().items():
        if word not in named:
            text = re.sub(rf"(?<![\w-]){word}:(?=\s)", f"{alias}:", text)
    for old, new in (
        ("    deductible: {", "    起付线: {"),
        ("deductible: inside", "起付线: inside"),
        ("{own: own,", "{自付: own,"),
        ("{target: target,", "{目标: target,"),
        ("    deductible:\n      用表", "    起付线:\n      用表"),
        ("      factor: halved", "      系数: halved"),
    ):
        text = changed(old, new, text)

    assert [] == re.findall(r"^[a-z_]+:", text, re.MULTILINE)
    assert good(GOOD) == good(text)


def test_choices_and_amounts_may_be_chinese() -> None:
    """Choices, payers, pots and what stages leave are read in either language."""
    text = GOOD
    for old, new in (
        ("payer: pooled_fund", "payer: 统筹基金"),
        ("base: [in_scope]", "base: [范围内]"),
        ("[pool.deductible, pool.net]", "[pool.起付线, pool.起付线以上]"),
        ("[pool.over_cap]", "[pool.超封顶额]"),
        ("along: running_total", "along: 累计额"),
        ("excess: back_solve", "excess: 反算"),
        ("{at: band, side: own, mode: half_up}", "{at: 每段, side: 自付, mode: 四舍五入}"),
        ("{plus: [remaining], minus: [own_expense]}", "{plus: [剩余], minus: [全自费]}"),
        ("limit: account_balance", "limit: 账户余额"),
        ("limits: [3万元, open]", "limits: [3万元, 以上]"),
        ("column: institution_level", "column: 就诊医院等级"),
    ):
        text = changed(old, new, text)

    assert good(GOOD) == good(text)


def test_a_document_says_what_it_says() -> None:
    """Amounts are fen, rates exact fractions, versions dated, defaults of nothing."""
    policy = good(GOOD)
    own = policy.tables["own"]

    assert ("example", "310", ("21", "22")) == (
        policy.name,
        policy.insurance_type,
        policy.visit_types,
    )
    assert [date(2023, 1, 1), date(2024, 7, 1)] == [version.start for version in own.versions]
    assert (3_000_000, None) == own.versions[0].limits_fen
    assert (3_000_000, 4_000_000, 10_000_000) == own.versions[1].limits_fen
    assert Fraction(2, 3) == own.versions[0].cells[3]
    assert ("invented", "uncertain") == tuple(version.confidence for version in own.versions)
    assert [Fraction(130_000), Fraction(65_000)] == [*policy.tables["deductible"].versions[0].cells]
    assert Rate(RateSide.OWN, "own", "factor") == policy.stages[0].rate
    assert policy.stages[3].rate == Rate(
        RateSide.PAYS,
        "target",
        points=("bonus", "distance"),
        pays_factor="kept",
        at_most="highest",
        floor=Floor("least", Base(("extra.net",), ())),
    )
    assert policy.stages[3].deductible == Deductible(
        AmountOf("floor_amount", factor="halved"),
        None,
        ShareOf(Base(("total",), ("own_expense",)), "part"),
        Ceiling("scope_cap", "borne"),
    )
    assert (Fraction(1, 100), Fraction(-1, 10)) == policy.tables["distance"].versions[0].cells
    assert (("admission", ("later",)), ("member", ("yes",))) == policy.stages[1].when
    assert policy.stages[2].account_limited
    assert ("pool.deductible", "pool.net") == policy.counters["scope"].sums
    assert () == policy.counters["admissions"].sums


def test_what_a_policy_says_does_not_depend_on_where_it_stands() -> None:
    """Comments and blank lines change places and nothing else."""
    assert good(GOOD) == good(
        "# a comment\n\n" + GOOD.replace("\nstages:", "\n\n# who pays\nstages:")
    )


def test_an_area_has_its_levels_and_its_own_folder() -> None:
    """The levels of an area, its special pots and its shared dimensions are read."""
    area = area_of()

    assert (("07",), ("04",), ("01",)) == area.price_levels
    assert ("implant",) == area.special_pots
    assert ["person"] == list(area.dimensions)
    assert area == area_of(AREA_TEXT.replace("special_pots: [implant]", "专项: implant"))


def test_special_pots_may_name_a_stage() -> None:
    """A pot with lines of their own may be paid by a stage of the same name."""
    text = changed(
        "stage: large", "stage: implant", GOOD.replace("large.own_share", "implant.paid")
    )
    policy: Policy = good(text.replace("base: [pool.over_cap]", "base: [implant]"))

    assert ("implant",) == policy.stages[1].base.plus
