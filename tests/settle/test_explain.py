"""An explanation says every fen with its numbers and its clause, and only of an intact record."""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.claims import ClaimBatch
from medsettle.core.codes import BILL
from medsettle.core.money import rate_text, yuan_from_fen
from medsettle.core.settlement import Explanation, Row, Sentence, Settlement
from medsettle.errors import InternalError
from medsettle.ledger.records import decode_inputs
from medsettle.policy.book import load_rule_book
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.examples import Example, read_examples
from medsettle.policy.model import Stage
from medsettle.policy.rates import rate_divisor
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.assemble import negated
from medsettle.settle.explain import explain, explain_cancel, traced
from medsettle.settle.phrases import exact_yuan
from medsettle.settle.prove import settled_visits
from medsettle.settle.run import Settled, Settler

from fixtures.claims import RULES, claim_rows
from fixtures.visit_facts import asked_by
from tests.engine.engines import engine_on

_EXPECTED = Path(__file__).parent / "explanations"


@cache
def _settler() -> Settler:
    return Settler(load_rule_book(RULES))


def _book() -> RuleBook:
    return _settler().book


def _policy(result: Settled) -> CompiledPolicy:
    return _book().policy(str(result.settlement.columns["policy"]))


def _explained(result: Settled) -> Explanation:
    return explain(_policy(result), result.settlement, result.inputs)


# --- whole explanations, read and found right --------------------------------------------------


def _example(name: str) -> Example:
    for path in sorted(RULES.rglob("*.examples.yaml")):
        for example in read_examples(path)[0]:
            if example.name == name:
                return example
    raise AssertionError(f"no example is called {name}")


def _settled_visits(example: Example) -> Iterator[Settled]:
    """Yield the visits of an example settled in order, counters carried along."""
    for _, result in settled_visits(_settler(), example):
        yield result


def _text(explanation: Explanation) -> str:
    """Return an explanation as text; lines of a document move, so their numbers are left out."""
    lines = []
    for sentence in explanation.sentences:
        lines += [sentence.text_zh, sentence.text_en, f"  {sentence.clause}"]
        for step in sentence.steps:
            amount = "" if step.amount_fen is None else yuan_from_fen(step.amount_fen)
            lines.append(f"  {amount:>12}  {step.label}: {step.text}")
        lines.append("")
    return re.sub(r"(\.yaml):\d+", r"\1", "\n".join(lines))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("WC-001", id="a-later-stay-of-a-retiree-across-the-cap"),
        pytest.param("WC-004", id="employer-shares-and-relief"),
        pytest.param("WC-007", id="a-supplement-up-to-a-target"),
        pytest.param("DC-002", id="three-stays-on-one-running-total"),
        pytest.param("DC-009", id="a-yearly-limit-on-the-scope"),
        pytest.param("cap-reached", id="a-share-that-a-cap-cuts"),
        pytest.param("WC-011", id="full-cover"),
    ],
)
def test_an_explanation_reads_as_reviewed(name: str) -> None:
    """Every sentence, number and citation of a published case, in both languages."""
    found = "\n".join(_text(_explained(each)) for each in _settled_visits(_example(name)))

    assert (_EXPECTED / f"{name}.txt").read_text(encoding="utf-8") == found


# --- laws of every explanation -----------------------------------------------------------------


@pytest.mark.slow
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=6)
def test_every_explanation_adds_up_and_names_its_numbers(seed: int) -> None:
    """For claims of all policies: the total, and for each payer the numbers that decided."""
    with tempfile.TemporaryDirectory() as folder, engine_on(Path(folder), RULES) as engine:
        rows = claim_rows(
            seed, 60, engine.policies(), engine.rulebook.catalogues, asked_by(engine.rulebook)
        )
        for settlement in engine.settle(ClaimBatch.from_rows(list(rows))):
            if isinstance(settlement, Settlement):
                recorded = engine.ledger.settlement(str(settlement.columns["settlement"]))
                assert recorded is not None
                result = Settled(settlement, decode_inputs(recorded), ())
                explanation = engine.explain(recorded.settlement)
                assert explanation == _explained(result)
                _check_explanation(result, explanation)


def _check_explanation(result: Settled, explanation: Explanation) -> None:
    settlement = result.settlement
    of_bill = [each for each in explanation.sentences if each.payee == BILL]
    beside = [each for each in explanation.sentences if each.payee != BILL]
    *payers, cash = of_bill
    assert settlement.fen("total_fen") == sum(each.amount_fen for each in of_bill)
    assert settlement.fen("payouts_fen") == sum(each.amount_fen for each in beside)
    assert ("cash", settlement.fen("cash_fen")) == (cash.payer, cash.amount_fen)
    assert all(yuan_from_fen(cash.amount_fen) in text for text in (cash.text_en, cash.text_zh))
    *left, whole = cash.steps
    assert settlement.fen("cash_fen") == whole.amount_fen
    assert settlement.fen("cash_fen") == sum(step.amount_fen or 0 for step in left)
    stages = _policy(result).policy.all_stages
    for stage, sentence, row in zip(stages, [*payers, *beside], settlement.payers, strict=True):
        assert (stage.name, stage.payer) == (sentence.stage, sentence.payer)
        assert row["paid_fen"] == sentence.amount_fen
        _check_sentence(result, stage, sentence, row)


def _check_sentence(result: Settled, stage: Stage, sentence: Sentence, row: Row) -> None:
    """Check that sentence, clause and steps name what decided a stage."""
    source = _policy(result).policy.sources[stage.source]
    texts = (sentence.text_en, sentence.text_zh)
    assert all(stage.title in text and source.title in text for text in texts)
    assert f"{source.title} ({source.where}; {source.confidence})" == sentence.clause
    if not row["base_fen"]:
        return
    trace = traced(_policy(result), result.inputs)
    for part in ("base", "deductible", "paid"):
        exact = trace.get(f"detail:{stage.name}.{part}_e4")
        fen = int(str(row[f"{part}_fen"]))
        said = yuan_from_fen(fen) if exact is None else exact_yuan(exact)
        assert not fen or all(said in text for text in texts), (part, fen, texts)
    cited = "\n".join(step.text for step in sentence.steps)
    assert "base" in {step.label for step in sentence.steps}
    tables = [table for amount in stage.amounts() for table in amount.tables()]
    tables += [stage.keep_back] if stage.keep_back else []
    tables += [stage.rate.table] if stage.rate else []
    assert all(table in cited for table in tables)
    for amount, rate in _bands(result, stage):
        assert f"{amount} at {rate}" in sentence.text_en
        assert f"{amount} 元按 {rate}" in sentence.text_zh


def _bands(result: Settled, stage: Stage) -> Iterator[tuple[str, str]]:
    """Yield amount and rate of each band that holds something and is not cut by a cap."""
    policy = _policy(result)
    if stage.rate is None:
        return
    trace = traced(policy, result.inputs)
    divisor = rate_divisor(policy.policy.tables, stage.rate)
    for column in range(limits.BANDS_PER_STAGE_MAX):
        whole = trace.get(f"detail:{stage.name}.band_{column}", 0) * limits.SUBFEN
        held = trace.get(f"detail:{stage.name}.band_{column}_e4", whole)
        if held and held == trace.get(f"detail:{stage.name}.fit_{column}_e4", held):
            rate = Fraction(trace[f"detail:{stage.name}.pays_{column}"], divisor)
            yield exact_yuan(held), rate_text(rate)


def test_what_is_multiplied_is_shown_with_all_its_decimals() -> None:
    """By hand, 80 % of the amount shown is the share and 20 % the own share, each rounded."""
    _, large, *_ = _explained(_stay()).sentences
    base, share, own, remark, *_ = large.steps
    amount = Fraction("67039.634743")

    assert "67,039.634743 exactly; pooled_fund.over_cap" == base.text
    assert "67,039.634743 at 80%" == share.text
    assert [_rounded(amount * 80), _rounded(amount * 20)] == [share.amount_fen, own.amount_fen]
    assert ("rounding", None) == (remark.label, remark.amount_fen)
    assert remark.text.startswith("each side is rounded on its own, and cash closes the sum")


def _rounded(fen: Fraction) -> int:
    return int(fen + Fraction(1, 2))


def test_what_is_counted_is_no_amount_of_money() -> None:
    """A number of admissions is told as a number, never as yuan."""
    (result,) = _settled_visits(_example("WC-001"))
    steps = [step for sentence in _explained(result).sentences for step in sentence.steps]
    counted = [step.text for step in steps if "admission" in step.text]

    assert 1 == result.inputs["counter:admissions"]
    assert 1 == len(counted)
    assert "; deductible for admission later (1 before) from " in counted[0]
    assert not [step for step in steps if "0.01" in step.text or step.amount_fen == 1]


# --- cancels -----------------------------------------------------------------------------------


def _cancelled(result: Settled, **changed: int) -> Explanation:
    """Return the explanation of the cancel of a settlement, some of its amounts changed."""
    original = replace(result.settlement, columns=result.settlement.columns | {"settlement": "S1"})
    cancel = negated(original)
    cancel = replace(cancel, columns=cancel.columns | {"settlement": "S2"} | changed)
    return explain_cancel(explain(_policy(result), original, result.inputs), original, cancel)


def test_a_cancel_says_what_it_takes_back() -> None:
    """It has its own id, names its original first, and its amounts are the opposite ones."""
    result = _stay()
    explained, cancelled = _explained(result), _cancelled(result)
    first, *_ = cancelled.sentences

    assert "S2" == cancelled.settlement
    assert first.text_en.startswith("This takes back S1, ")
    assert first.text_zh.startswith("此为撤销 S1，")
    assert [-each.amount_fen for each in explained.sentences] == [
        each.amount_fen for each in cancelled.sentences
    ]
    assert -18_908_585 == sum(each.amount_fen for each in cancelled.sentences)
    *left, whole = cancelled.sentences[-1].steps
    assert whole.amount_fen == sum(step.amount_fen or 0 for step in left) == -4_369_463


def test_a_cancel_leaves_alone_what_stood_there_before() -> None:
    """A running total is no amount that was paid, so a cancel shows it as it was."""
    *_, second, _ = _settled_visits(_example("DC-002"))
    (before,) = [
        step
        for sentence in _cancelled(second).sentences
        for step in sentence.steps
        if step.label == "running total before"
    ]

    assert 1_000_000 == before.amount_fen


def test_a_changed_cancel_is_not_explained() -> None:
    """A cancel that takes back another amount than was settled is told, with both numbers."""
    with pytest.raises(InternalError, match=r"cash is recorded as -1 fen.* -4369463$"):
        _cancelled(_stay(), cash_fen=-1)


# --- records that were changed -----------------------------------------------------------------


def _stay() -> Settled:
    (result,) = _settled_visits(_example("WC-001"))
    return result


@pytest.mark.parametrize(
    "column",
    ["total", "in_scope", "own_expense", "deductible", "pooled_fund", "large_amount", "cash"],
)
def test_a_changed_amount_is_not_explained(column: str) -> None:
    """A recorded amount that the recorded inputs do not give is told, with both numbers."""
    result = _stay()
    fen = result.settlement.fen(f"{column}_fen")
    changed = replace(
        result.settlement, columns=result.settlement.columns | {f"{column}_fen": fen + 1}
    )

    with pytest.raises(InternalError, match=f"{column} is recorded as {fen + 1} fen.* {fen}$"):
        explain(_policy(result), changed, result.inputs)


def test_a_changed_detail_is_not_explained() -> None:
    """The same holds for named amounts, for the rows of payers and for those of lines."""
    result = _stay()
    held = result.settlement
    first, *payers = held.payers
    line, *lines = held.lines
    missing = {name: fen for name, fen in held.amounts.items() if name != "large_amount.net"}

    for changed in (
        replace(held, amounts=held.amounts | {"pooled_fund.own_share": 496_268}),
        replace(held, amounts=held.amounts | {"pooled_fund.gift": 1}),
        replace(held, amounts=missing),
        replace(held, payers=(first | {"paid_fen": 1}, *payers)),
        replace(held, payers=tuple(payers)),
        replace(held, lines=(line | {"in_scope_fen": 1}, *lines)),
        replace(held, lines=tuple(lines)),
    ):
        with pytest.raises(InternalError):
            explain(_policy(result), changed, result.inputs)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("counter:admissions", 0),
        ("counter:pooled_paid", 824_050),
        ("pot:in_scope", 16_441_180),
        ("dimension:person", 0),
        ("dimension:person", 9),
        ("epoch", 99),
        ("epoch", -1),
        ("counter:pooled_paid", -1),
    ],
)
def test_changed_inputs_are_not_explained(name: str, value: int) -> None:
    """Inputs that give other amounts, or that no claim can have, are told and not told away."""
    result = _stay()

    with pytest.raises(InternalError):
        explain(_policy(result), result.settlement, result.inputs | {name: value})


def test_missing_inputs_are_not_explained() -> None:
    """Every input of the program must have been recorded."""
    result = _stay()
    policy = _policy(result)

    for name in policy.program.inputs:
        inputs = {other: value for other, value in result.inputs.items() if other != name}
        with pytest.raises(InternalError, match=name):
            explain(policy, result.settlement, inputs)


def test_a_ledger_that_was_written_to_is_found_out(tmp_path: Path) -> None:
    """Somebody who lowers the cash in the record of a ledger file cannot have it explained."""
    with engine_on(tmp_path, RULES) as engine:
        claim = _example("WC-003").visits[0].claim
        (settlement,) = engine.settle(ClaimBatch.from_rows([claim]))
        assert isinstance(settlement, Settlement)
        own_id, cash = str(settlement.columns["settlement"]), settlement.fen("cash_fen")
        assert engine.explain(own_id)
    database = apsw.Connection(str(tmp_path / "ledger.db"))
    triggers = database.execute("select name from sqlite_master where type = 'trigger'").fetchall()
    for (name,) in triggers:
        database.execute(f"drop trigger {name}")
    database.execute(
        "update entries set record = cast(replace(cast(record as text), ?, ?) as blob)",
        (f'"cash_fen":{cash}', f'"cash_fen":{cash - 100}'),
    )
    database.close()

    with engine_on(tmp_path, RULES) as engine, pytest.raises(InternalError, match="cash"):
        engine.explain(own_id)
