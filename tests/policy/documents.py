"""A small good document for tests of the checker, and how to read one."""

from pathlib import Path

from medsettle.errors import Violation
from medsettle.policy import tree
from medsettle.policy.area import Area, read_area
from medsettle.policy.compiled import compile_policy
from medsettle.policy.model import Policy
from medsettle.policy.read_policy import read_policy

AREA_TEXT = """\
format: 1
area: 999900
name: 示例市
institution_levels: {level_1: ["07"], level_2: ["04"], level_3: ["01"]}
catalogue: catalogue.csv
special_pots: [implant]
unlisted_items: refuse
pre_self_pay_on: capped_price
pre_self_pay_rounding: line
sources:
  levels: {title: 字典, where: invented, confidence: invented}
dimensions:
  person: {column: person_type, codes: {active: ["11"], retired: ["12"]}}
"""

GOOD = """\
format: 1
policy: example
title: 示例
pooling_area: 999900
insurance_type: 310
visit_types: [21, 22]
in_force: {from: 2024-01-01}
rule_date: service_date
benefit_year: {starts: 01-01}
note: every question once
sources:
  notice: {title: 示例通知, where: invented, confidence: invented, note: invented}
dimensions:
  hospital: {column: institution_level, codes: {primary: ["07"], above: ["01", "04"]}}
  age: {ages: {young: 0岁, old: 70岁}}
  admission: {counter: admissions, counted: {first: 0次, later: 1次}}
  member: {group: members}
counters:
  admissions: {period: benefit_year, counts: settlements}
  scope: {period: benefit_year, sums: [pool.deductible, pool.net]}
  paid: {period: benefit_year, sums: [pool.paid]}
  borne: {period: benefit_year, sums: [pool.deductible, extra.deductible]}
tables:
  deductible:
    unit: amount
    by: [admission]
    versions:
      - {from: 2024-01-01, source: notice, rows: {first: 1300元, later: 650元}}
  own:
    title: 个人支付比例
    unit: rate
    by: [hospital, age]
    bands: yes
    versions:
      - from: 2023-01-01
        source: notice
        limits: [3万元, open]
        rows:
          primary: {young: [10%, 5%], old: [8%, 2/3]}
          above: {young: [15%, 5%], old: [12%, 1/3]}
      - from: 2024-07-01
        source: notice
        confidence: uncertain
        note: one more band
        limits: [3万元, 4万元, 10万元]
        rows:
          primary: {young: [10%, 5%, 0%], old: [8%, 6%, 4%]}
          above: {young: [15%, 5%, 3%], old: [12%, 6%, 100%]}
  factor:
    unit: rate
    by: [person]
    versions:
      - {from: 2024-01-01, source: notice, rows: {active: 100%, retired: 150%}}
  kept:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 10%}
  cap:
    unit: amount
    versions:
      - {from: 2024-01-01, source: notice, value: 10万元}
  scope_cap:
    unit: amount
    versions:
      - {from: 2024-01-01, source: notice, value: 24万元}
  target:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 85%}
  bonus:
    unit: points
    by: [age]
    versions:
      - {from: 2024-01-01, source: notice, rows: {young: 0分点, old: 2.5分点}}
  distance:
    unit: points
    by: [admission]
    versions:
      - {from: 2024-01-01, source: notice, rows: {first: +1个百分点, later: -10 points}}
  highest:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 98%}
  floor_amount:
    unit: amount
    versions:
      - {from: 2024-01-01, source: notice, value: 2000元}
  halved:
    unit: rate
    by: [admission]
    versions:
      - {from: 2024-01-01, source: notice, rows: {first: 50%, later: 150%}}
  part:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 20%}
  least:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 45%}
stages:
  - stage: pool
    title: 统筹基金
    payer: pooled_fund
    source: notice
    base: [in_scope]
    keep_back: kept
    deductible: {table: deductible, per: settlement}
    bands: {along: running_total, apply: marginal, counter: scope, deductible: inside}
    rate: {own: own, own_factor: factor}
    caps:
      - {table: cap, on: payment, per: paid, excess: back_solve}
      - {table: scope_cap, on: base, per: scope}
    rounding: {at: band, side: own, mode: half_up}
  - stage: large
    payer: large_amount
    source: notice
    when: {admission: [later], member: [yes]}
    base: [pool.over_cap]
    rate: {target: target, counting: [pool.paid]}
    rounding: {at: stage, side: payer, mode: up}
  - stage: account
    payer: account
    source: notice
    base: {plus: [remaining], minus: [own_expense]}
    limit: account_balance
  - stage: extra
    payer: civil_servant
    source: notice
    base: [pool.own_share]
    deductible:
      table: floor_amount
      per: settlement
      share_of: {base: {plus: [total], minus: [own_expense]}, rate: part}
      factor: halved
      at_most: {table: scope_cap, per: borne}
    rate:
      pays: target
      points: [bonus, distance]
      pays_factor: kept
      at_most: highest
      floor: {rate: least, of: [extra.net]}
    rounding: {at: stage, side: payer, mode: down}
gaps:
  - {amount: large.own_share, says: not read yet}
"""


def area_of(text: str = AREA_TEXT) -> Area:
    """Return the area of a text that is known to be good."""
    document, faults = tree.parse(text.encode(), "999900/area.yaml")
    area, violations = read_area(document, Path("999900"), faults)
    assert area is not None, violations
    return area


def read(text: str, area: Area | None = None) -> tuple[Policy | None, list[Violation]]:
    """Return the policy of a text, compiled once to see that it can be, or its violations."""
    area = area or area_of()
    document, faults = tree.parse(text.encode(), "example.yaml")
    policy, violations = read_policy(document, area, faults)
    if policy is not None:
        compile_policy(policy, area, "digest")
    return policy, violations


def good(text: str, area: Area | None = None) -> Policy:
    """Return the policy of a text that is known to be good."""
    policy, violations = read(text, area)
    assert policy is not None, "\n".join(str(violation) for violation in violations)
    return policy


def changed(old: str, new: str, text: str = GOOD) -> str:
    """Return the good document with one piece of text changed."""
    assert 1 == text.count(old), f"{old!r} stands {text.count(old)} times in the document"
    return text.replace(old, new)


def faults(text: str, area: Area | None = None) -> list[str]:
    """Return the messages of a document with faults, each with its key path in front."""
    policy, violations = read(text, area)
    assert (policy is None) == bool(violations)
    return [f"{violation.key_path}: {violation.message}" for violation in violations]
