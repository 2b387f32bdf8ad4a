"""Any document can be told, and what its sentences and steps say adds up."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from medsettle.core.settlement import Sentence
from medsettle.policy.compiled import CompiledPolicy, compile_policy
from medsettle.policy.model import Policy, Source
from medsettle.settle.explain import traced
from medsettle.settle.remainder import cash_sentence
from medsettle.settle.telling import Teller

from tests.policy.documents import area_of, good
from tests.settle.comparison import kernel_inputs
from tests.settle.edges import claims_at
from tests.settle.nowhere import AREA, POTS
from tests.settle.strategies import policies


def _told(compiled: CompiledPolicy, inputs: dict[str, int]) -> list[Sentence]:
    """Return the sentences for one claim of a document that is in no rule book."""
    trace = traced(compiled, inputs)
    teller = Teller(compiled, inputs, trace)
    told = [teller.payer(stage) for stage in compiled.policy.stages]
    return [*told, cash_sentence(compiled, inputs, trace)]


def _with_sources(policy: Policy) -> Policy:
    """Return a random document with the sources that it names."""
    named = {stage.source for stage in policy.stages}
    named |= {version.source for table in policy.tables.values() for version in table.versions}
    return replace(policy, sources={key: Source(key, key, key, "invented") for key in named})


@pytest.mark.slow
@given(policies(), st.integers(0, 2**32 - 1))
def test_whatever_a_document_says_can_be_told(policy: Policy, seed: int) -> None:
    """The amounts are the total, and the steps of the cash add up, for any document and claim."""
    compiled = compile_policy(_with_sources(policy), AREA, "0" * 12)
    columns = kernel_inputs(compiled, claims_at(policy, POTS, seed, 10))
    for row in range(10):
        inputs = {name: int(column[row]) for name, column in columns.items()}
        told = _told(compiled, inputs)
        *left, cash = told[-1].steps

        assert inputs["total"] == sum(sentence.amount_fen for sentence in told)
        assert cash.amount_fen == sum(step.amount_fen or 0 for step in left)


_TWICE = """\
format: 1
policy: twice
title: 两次支付
pooling_area: 999900
insurance_type: 310
visit_types: [21]
in_force: {from: 2024-01-01}
rule_date: service_date
benefit_year: {starts: 01-01}
sources:
  notice: {title: 示例通知, where: invented, confidence: invented}
tables:
  rate: {unit: rate, versions: [{from: 2024-01-01, source: notice, value: 60%}]}
  kept: {unit: rate, versions: [{from: 2024-01-01, source: notice, value: 10%}]}
stages:
  - {stage: first, payer: pooled_fund, source: notice, base: [in_scope], keep_back: kept,
     rate: {pays: rate}, rounding: {at: stage, side: payer, mode: half_up}}
  - {stage: second, payer: large_amount, source: notice, base: [in_scope],
     rate: {pays: rate}, rounding: {at: stage, side: payer, mode: half_up}}
"""


def test_what_is_left_to_pay_is_told_where_it_limits() -> None:
    """Of 100.00, 10.00 kept back, the first pays 54.00; the second, not 60.00, but all the rest."""
    compiled = compile_policy(good(_TWICE), area_of(), "0" * 12)
    inputs = dict.fromkeys(compiled.program.inputs, 0) | {"total": 10_000, "pot:in_scope": 10_000}
    first, second, cash = _told(compiled, inputs)

    assert (5_400, 4_600, 0) == (first.amount_fen, second.amount_fen, cash.amount_fen)
    assert "10.00 kept back first; 90.00 at 60%." in first.text_en
    assert "60%; 46.00 is all that is left to pay." in second.text_en
    assert "仅余 46.00 元待支付" in second.text_zh
    assert ("paid", 4_600) == (second.steps[-1].label, second.steps[-1].amount_fen)
    assert "paid" not in {step.label for step in first.steps}
