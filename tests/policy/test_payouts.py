"""Payouts and amounts of anything: what documents say of them, and each slip in its own words."""

from fractions import Fraction

import pytest
from medsettle.core.codes import Payee
from medsettle.core.money import Rounding
from medsettle.policy.amount_of import AmountOf, AmountRounding, Base, Bound
from medsettle.policy.model import Unit

from tests.policy.documents import changed, faults, good

_GOOD = """\
format: 1
policy: example
title: 示例
pooling_area: 999900
insurance_type: 510
visit_types: [52]
in_force: {from: 2024-01-01}
rule_date: service_date
benefit_year: {starts: 01-01}
sources:
  notice: {title: 示例通知, where: invented, confidence: invented}
quantities:
  further: {number: children, less: 1人}
counters:
  borne: {period: benefit_year, sums: [pool.deductible, pool.own_share]}
tables:
  wage:
    unit: amount
    versions:
      - {from: 2024-01-01, source: notice, value: 9000元}
  part:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 60%}
  a_day:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 1/30}
  days:
    unit: count
    versions:
      - {from: 2024-01-01, source: notice, value: 98天}
  child_days:
    unit: count
    versions:
      - {from: 2024-01-01, source: notice, value: 15天}
  rate:
    unit: rate
    versions:
      - {from: 2024-01-01, source: notice, value: 80%}
stages:
  - stage: pool
    payer: pooled_fund
    source: notice
    base: [in_scope]
    deductible: {of: [wage_base], factor: part, per: settlement}
    rate: {pays: rate}
    rounding: {at: stage, side: payer, mode: half_up}
payouts:
  - payout: allowance
    title: 津贴
    payer: pooled_fund
    payee: employer
    source: notice
    amount:
      of: [wage_base]
      within: {least: {table: wage, factor: part}, most: wage}
      times: [days, {table: child_days, times: further}]
      factor: a_day
      rounding: {at: each, to: yuan, mode: up}
  - payout: at_the_end
    payer: assistance
    payee: person
    source: notice
    base: {plus: [borne.before], minus: [allowance.paid]}
    instead_of: [pool.paid]
"""


def test_a_payout_is_read_as_it_is_written() -> None:
    """Amount, bounds, counts, rounding, payee and what it replaces."""
    policy = good(_GOOD)
    allowance, at_the_end = policy.payouts

    assert Unit.COUNT is policy.tables["days"].unit
    assert (Fraction(98),) == policy.tables["days"].versions[0].cells
    assert (Payee.EMPLOYER, Payee.PERSON) == (allowance.payee, at_the_end.payee)
    assert ("pool.paid",) == at_the_end.instead_of
    assert Base(("borne.before",), ("allowance.paid",)) == at_the_end.base
    assert (
        AmountOf(
            None,
            factor="a_day",
            of=Base(("wage_base",), ()),
            least=Bound("wage", "part"),
            most=Bound("wage"),
            counts=(("days", None), ("child_days", "further")),
            rounding=AmountRounding(each=True, to_fen=100, mode=Rounding.UP),
        )
        == allowance.amount
    )


def test_a_payout_may_be_written_in_chinese() -> None:
    """Every word of the block has its Chinese one."""
    chinese = changed("payouts:", "拨付表:", _GOOD)
    for english, alias in (
        ("payout: at_the_end", "拨付: at_the_end"),
        ("payee: person", "收款方: 本人"),
        ("instead_of:", "替代:"),
        ("within: {least:", "上下限: {不低于:"),
        ("most: wage}", "不高于: wage}"),
        ("{at: each, to: yuan, mode: up}", "{位置: 逐个, 取整到: 元, 方式: 进位}"),
    ):
        chinese = changed(english, alias, chinese)

    assert good(_GOOD) == good(chinese)


_FAULTS = {
    "no-part-of-the-bill": (
        "base: [in_scope]",
        "base: [in_scope, wage_base]",
        "stages[0].base[1]: 'wage_base' is no part of the bill; only a payout, or an amount that "
        "is `of` it, looks at it",
    ),
    "a-counter-in-a-stage": (
        "base: [in_scope]",
        "base: [borne.before]",
        "stages[0].base[0]: 'borne.before' is no part of the bill; only a payout, or an amount "
        "that is `of` it, looks at it",
    ),
    "table-and-of": (
        "      of: [wage_base]\n",
        "      of: [wage_base]\n      table: wage\n",
        "payouts[0].amount.of: `table` and `of` both say what the amount is; keep one of the two",
    ),
    "neither-table-nor-of": (
        "      of: [wage_base]\n",
        "",
        "payouts[0].amount: 'table' (the table of amounts, or `of` named amounts) is missing; it "
        "has no default, so write it",
    ),
    "rounding-not-said": (
        "      rounding: {at: each, to: yuan, mode: up}\n",
        "",
        "payouts[0].amount: 'rounding' (whether the factor is rounded for each unit or once, as "
        "regions differ) is missing; it has no default, so write it",
    ),
    "each-of-nothing": (
        "      times: [days, {table: child_days, times: further}]\n",
        "",
        "payouts[0].amount.rounding.at: it is taken times nothing, or by no factor, so each and "
        "once are the same; write `at: once`",
    ),
    "no-bounds": (
        "within: {least: {table: wage, factor: part}, most: wage}",
        "within: {}",
        "payouts[0].amount.within: nothing bounds the amount; write `least` or `most`",
    ),
    "amounts-for-counts": (
        "times: [days, {table",
        "times: [wage, {table",
        "payouts[0].amount.times[0]: table 'wage' holds amounts, and counts are needed; name "
        "another table",
    ),
    "more-than-anything-is-taken-times": (
        "value: 98天",
        "value: 9866天",
        "payouts[0].amount.times: the counts together may be up to 10,001, and nothing is taken "
        "more than 10,000 times; give the quantity `at_most`",
    ),
    "a-count-without-a-unit": (
        "value: 98天",
        "value: 98",
        "tables.days.versions[0].value: '98' has no unit; a quantity is written like 90天 or 1人",
    ),
    "no-fund": (
        "payer: assistance",
        "payer: account",
        "payouts[1].payer: account is no fund, and only funds pay beside the bill: pooled_fund, "
        "civil_servant, enterprise, critical_illness, large_amount, disabled_serviceman, "
        "assistance, other_fund",
    ),
    "nobody-is-paid": (
        "payee: person",
        "payee: patient",
        "payouts[1].payee: 'patient' is no choice here; known here: account, employer, "
        "institution, person",
    ),
    "amount-and-base": (
        "    base: {plus: [borne.before], minus: [allowance.paid]}\n",
        "    base: {plus: [borne.before], minus: [allowance.paid]}\n    amount: {table: wage}\n",
        "payouts[1].base: `amount` and `base` both say what it looks at; keep one of the two",
    ),
    "neither-amount-nor-base": (
        "    base: {plus: [borne.before], minus: [allowance.paid]}\n",
        "",
        "payouts[1]: 'amount' (what it is, whatever the bill, or `base`, the named amounts it "
        "looks at) is missing; it has no default, so write it",
    ),
    "in-place-of-no-share": (
        "instead_of: [pool.paid]",
        "instead_of: [pool.own_share]",
        "payouts[1].instead_of: pool.own_share is no share that a stage pays; name one, like "
        "pool.paid",
    ),
    "one-share-replaced-twice": (
        "    instead_of: [pool.paid]\n",
        "    instead_of: [pool.paid]\n"
        "  - {payout: again, payer: assistance, payee: person, source: notice, base: [total],"
        " instead_of: [pool.paid]}\n",
        "payouts[2].instead_of: 'at_the_end' is paid in place of pool.paid already, and both may "
        "be paid of one claim; give them conditions of which only one can hold",
    ),
    "a-payout-named-before-it-is": (
        "minus: [allowance.paid]",
        "minus: [at_the_end.paid]",
        "payouts[1].base.minus[0]: stage 'at_the_end' is this very stage, and a stage looks only "
        "at what stands before it; change the order or name another amount",
    ),
    "one-name-for-two": (
        "payout: at_the_end",
        "payout: pool",
        "payouts[1].payout: 'pool' is the name of an earlier stage; rename one",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), _FAULTS.values(), ids=_FAULTS)
def test_a_slip_in_a_payout_is_one_message(old: str, new: str, expected: str) -> None:
    """What was found, where, and what to write."""
    assert [expected] == faults(changed(old, new, _GOOD))


def test_as_many_counts_as_anything_is_taken_times_are_accepted() -> None:
    """9,865 days and 15 for each of 9 further children at most are 10,000."""
    assert good(changed("value: 98天", "value: 9865天", _GOOD)).payouts


def test_there_are_at_most_so_many_payouts() -> None:
    """Thirty-two are read, one more is refused."""
    one = "  - {payout: NAME, payer: assistance, payee: person, source: notice, base: [total]}\n"

    def with_payouts(count: int) -> str:
        return _GOOD + "".join(one.replace("NAME", f"more_{number}") for number in range(count))

    assert 32 == len(good(with_payouts(30)).payouts)
    assert ["payouts: 33 payouts, more than 32; join some"] == faults(with_payouts(31))


def test_one_of_two_payouts_may_replace_a_share() -> None:
    """With conditions of which only one can hold, two payouts name the same share."""
    text = changed("quantities:\n", "dimensions: {poor: {group: poor}}\nquantities:\n", _GOOD)
    text = changed(
        "    instead_of: [pool.paid]\n",
        "    instead_of: [pool.paid]\n    when: {poor: [no]}\n"
        "  - {payout: again, payer: assistance, payee: person, source: notice, base: [total],"
        " instead_of: [pool.paid], when: {poor: [yes]}}\n",
        text,
    )

    assert 3 == len(good(text).payouts)
