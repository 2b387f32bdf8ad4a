"""The laws of the kernel, and its equality with the oracle on documents real and random."""

from dataclasses import replace
from math import ceil
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from medsettle import limits
from medsettle.core.codes import FUND_NAMES, PAYER_NAMES, Payee
from medsettle.policy.amount_of import Base
from medsettle.policy.compiled import CompiledPolicy, compile_policy
from medsettle.policy.model import BandsApply, CapOn, Excess, Policy, RateSide
from medsettle.policy.program import Program
from medsettle.settle.blocks import Column, run_blocks

from tests.reference import Claim
from tests.reference_facts import Facts
from tests.settle.comparison import (
    assert_equal,
    compared_outputs,
    compiled_document,
    documents,
    kernel_inputs,
    payers_of,
    pots_of,
    run_both,
)
from tests.settle.edges import claims_at, extreme_claims
from tests.settle.nowhere import AREA, POTS
from tests.settle.strategies import policies

_CLAIMS_TOTAL = 100_000
_DOCUMENTS = [pytest.param(path, id=path.parent.name + "-" + path.stem) for path in documents()]
_SEEDS = st.integers(0, 2**32 - 1)
# Documents and claims are drawn by different means: a failing document shrinks, and its claims
# follow from the seed and the document.
_RANDOM_DOCUMENTS = 4 * settings().max_examples
_CLAIMS_EACH = 500
_PARTS = 4


def _compiled(policy: Policy) -> CompiledPolicy:
    return compile_policy(policy, AREA, "0" * 12)


# --- the oracle ----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("path", _DOCUMENTS)
def test_documents_equal_the_oracle(path: Path) -> None:
    """Of 100,000 claims at the edges of every document, each amount equals the oracle's."""
    compiled = compiled_document(path)
    count = ceil(_CLAIMS_TOTAL / len(_DOCUMENTS))

    assert_equal(compiled, claims_at(compiled.policy, pots_of(compiled), seed=2024, count=count))


@pytest.mark.slow
@given(policies(), _SEEDS)
def test_random_documents_equal_the_oracle(policy: Policy, seed: int) -> None:
    """Whatever a document says, blocks and scalar function settle its claims as the oracle does."""
    assert_equal(_compiled(policy), claims_at(policy, POTS, seed, count=40))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(_PARTS))
def test_the_same_random_documents_equal_the_oracle(part: int) -> None:
    """200,000 claims of the same few hundred documents agree on every machine, 80,000 in CI."""
    compared = 0

    @seeded(part)
    @settings(
        max_examples=_RANDOM_DOCUMENTS // _PARTS,
        phases=[Phase.generate, Phase.shrink],
        database=None,
    )
    @given(policies(), _SEEDS)
    def compare(policy: Policy, seed: int) -> None:
        nonlocal compared
        assert_equal(_compiled(policy), claims_at(policy, POTS, seed, count=_CLAIMS_EACH))
        compared += _CLAIMS_EACH

    compare()

    assert compared >= _RANDOM_DOCUMENTS // _PARTS * _CLAIMS_EACH


@pytest.mark.slow
@settings(max_examples=25)
@given(policies(stages_max=12), _SEEDS)
def test_long_chains_equal_the_oracle(policy: Policy, seed: int) -> None:
    """Chains of a dozen payers compile and agree, at the edges and at the bounds."""
    compiled = _compiled(policy)

    assert_equal(compiled, claims_at(policy, POTS, seed, count=20))
    assert_equal(compiled, extreme_claims(policy, POTS, seed, count=10))


# --- bounds --------------------------------------------------------------------------------------


def _assert_within_bounds(compiled: CompiledPolicy, claims: list[Facts]) -> None:
    """Assert that no register leaves its proved bounds, and that no block wraps around."""
    program = compiled.program
    registers = {f"step {n}": step.out for n, step in enumerate(program.instructions)}
    registers |= program.outputs
    whole = Program(program.instructions, program.inputs, registers, program.tables)
    blocks, scalar = run_both(replace(compiled, program=whole), claims, list(registers))
    for (name, register), values in zip(registers.items(), zip(*scalar, strict=True), strict=True):
        assert register.low <= min(values), name
        assert max(values) <= register.high, name
        # The scalar function counts in Python's integers, which never wrap.
        assert list(values) == blocks[name].tolist(), name


@pytest.mark.parametrize("path", _DOCUMENTS)
def test_documents_keep_their_proved_bounds(path: Path) -> None:
    """With the largest bill and the fullest counters, every step stays where it was proved."""
    compiled = compiled_document(path)
    claims = extreme_claims(compiled.policy, pots_of(compiled), seed=7, count=200)

    _assert_within_bounds(compiled, claims)
    assert_equal(compiled, claims)


@pytest.mark.slow
@given(policies(large=True), _SEEDS)
def test_random_documents_keep_their_proved_bounds(policy: Policy, seed: int) -> None:
    """No document makes a register leave its bounds, whatever the claim."""
    compiled = _compiled(policy)
    claims = extreme_claims(policy, POTS, seed, count=20) + claims_at(policy, POTS, seed, count=10)

    _assert_within_bounds(compiled, claims)
    assert_equal(compiled, claims)


# --- shares and caps -----------------------------------------------------------------------------


def _assert_conserved(compiled: CompiledPolicy, claims: list[Facts]) -> None:
    outputs = compared_outputs(compiled)
    blocks, _ = run_both(compiled, claims, outputs)
    totals = [sum(facts.pots.values()) for facts in claims]

    assert totals == (payers_of(blocks) + blocks["cash"]).tolist()
    for name in outputs:
        # What leaves the account is less than nothing where a payout goes into it.
        assert blocks[name].min() >= 0 or name == "counter:account", name


@pytest.mark.parametrize("path", _DOCUMENTS)
def test_shares_of_documents_add_up(path: Path) -> None:
    """No amount is negative, and payers and cash add up to the bill, fen for fen."""
    compiled = compiled_document(path)

    _assert_conserved(compiled, claims_at(compiled.policy, pots_of(compiled), 11, count=2_000))


@given(policies(), _SEEDS)
def test_shares_of_random_documents_add_up(policy: Policy, seed: int) -> None:
    """Conservation holds by construction, not by the care of whoever wrote the document."""
    claims = claims_at(policy, POTS, seed, count=30) + extreme_claims(policy, POTS, seed, count=10)

    _assert_conserved(_compiled(policy), claims)


def _assert_caps_hold(compiled: CompiledPolicy, claims: list[Facts]) -> None:
    """Assert that no stage pays above a cap, nor lifts the sum a cap is on above it."""
    policy = compiled.policy
    paid_by = {stage.name: f"stage:{stage.name}.paid" for stage in policy.stages}
    blocks, _ = run_both(compiled, claims, list(paid_by.values()))
    for row, facts in enumerate(claims):
        paid = {stage: int(blocks[name][row]) for stage, name in paid_by.items()}
        claim = Claim(policy, facts)
        for number, stage in enumerate(policy.stages):
            # A cap may be a part of what earlier stages left.
            limits_of = {cap: claim.limit(cap) for cap in stage.caps}
            claim.settle(stage)
            so_far = {f"{done.name}.paid" for done in policy.stages[: number + 1]}
            for cap in stage.caps:
                if cap.on is not CapOn.PAYMENT or not paid[stage.name]:
                    continue
                limit = limits_of[cap]
                counted = paid[stage.name]
                if cap.counter is not None:
                    counter = policy.counters[cap.counter]
                    if not claim.meets(counter.when):
                        assert facts.counters[cap.counter] + counted <= limit, (facts, cap)
                        continue
                    sums = [name for name in policy.counters[cap.counter].sums if name in so_far]
                    into = sum(paid[name.partition(".")[0]] for name in sums)
                    counted = facts.counters[cap.counter] + max(into, counted)
                assert counted <= limit, (facts, stage.name, cap)


@pytest.mark.parametrize("path", _DOCUMENTS)
def test_no_fund_of_a_document_passes_its_cap(path: Path) -> None:
    """No payment lifts what a cap counts above the cap, alone or together with earlier payers."""
    compiled = compiled_document(path)

    _assert_caps_hold(compiled, claims_at(compiled.policy, pots_of(compiled), 13, count=2_000))


@given(policies(), _SEEDS)
def test_no_fund_of_a_random_document_passes_its_cap(policy: Policy, seed: int) -> None:
    """The caps hold whichever stages share them."""
    _assert_caps_hold(_compiled(policy), claims_at(policy, POTS, seed, count=30))


@given(policies(), _SEEDS)
def test_the_account_never_goes_below_zero(policy: Policy, seed: int) -> None:
    """All account stages together take no more than the balance, and nothing where unused.

    What leaves the account is that less what payouts put into it.
    """
    compiled = _compiled(policy)
    moved = "counter:account"
    assume(moved in compiled.program.outputs)
    claims = claims_at(policy, POTS, seed, count=30)
    credits = [f"stage:{each.name}.paid" for each in policy.payouts if each.payee is Payee.ACCOUNT]
    blocks, _ = run_both(compiled, claims, [moved, "payer:account", *credits])
    taken = blocks["payer:account"].tolist()
    credited = sum((blocks[name] for name in credits), np.zeros(len(claims), dtype=np.int64))

    for facts, amount in zip(claims, taken, strict=True):
        assert 0 <= amount <= (facts.counters["account"] if facts.account_used else 0)
    assert taken == (blocks[moved] + credited).tolist()


@given(policies(), _SEEDS)
def test_relatives_pay_no_more_than_their_limits_hold(policy: Policy, seed: int) -> None:
    """All stages of mutual aid together take no more than the limits, and nothing where unused."""
    compiled = _compiled(policy)
    moved = "counter:mutual_aid"
    assume(moved in compiled.program.outputs)
    claims = claims_at(policy, POTS, seed, count=30)
    blocks, _ = run_both(compiled, claims, [moved, "payer:mutual_aid"])
    taken = blocks["payer:mutual_aid"].tolist()

    for facts, amount in zip(claims, taken, strict=True):
        assert 0 <= amount <= (facts.counters["mutual_aid"] if facts.account_used else 0)
    assert taken == blocks[moved].tolist()


# --- more spending -------------------------------------------------------------------------------


def _with_more_in_scope(claims: list[Facts], random: Random) -> tuple[list[Facts], list[int]]:
    """Return the same claims with a fen or more of further in-scope spending, and how much."""
    more = [random.choice((1, 2, 3, 99, 100, 10_000, 5_000_000)) for _ in claims]
    dearer = [
        replace(facts, pots={**facts.pots, "in_scope": facts.pots["in_scope"] + amount})
        for facts, amount in zip(claims, more, strict=True)
    ]
    return dearer, more


def _funds(compiled: CompiledPolicy, claims: list[Facts]) -> Column:
    blocks, _ = run_both(compiled, claims, [f"payer:{name}" for name in PAYER_NAMES])
    return payers_of(blocks, FUND_NAMES)


@pytest.mark.parametrize("path", _DOCUMENTS)
def test_more_spending_never_lowers_what_the_funds_pay(path: Path) -> None:
    """More in scope never lowers the sum of the funds, nor raises it by more than the increase.

    So it is for the documents here, to the fen, but for one fen: where a cap is back-solved, the
    own share of what fits under it and what lies above are rounded apart, and a payer of the own
    shares may find a fen more in them than was spent.
    """
    compiled = compiled_document(path)
    claims = claims_at(compiled.policy, pots_of(compiled), seed=17, count=3_000)
    dearer, more = _with_more_in_scope(claims, Random(17))
    caps = [cap for stage in compiled.policy.stages for cap in stage.caps]
    apart = int(any(cap.excess is Excess.BACK_SOLVE for cap in caps))

    raised = _funds(compiled, dearer) - _funds(compiled, claims)

    assert 0 <= raised.min()
    assert (raised - np.array(more)).max() <= apart


@given(policies(stages_max=1), _SEEDS)
def test_more_spending_never_lowers_what_one_payer_pays(policy: Policy, seed: int) -> None:
    """It holds to the fen for any single payer that looks at the in-scope amount.

    It does not hold for every chain: a base may subtract an amount, a target may count what nobody
    paid, and an account may take what a fund behind it would have paid. Nor does it hold where one
    band decides for the whole amount, since a fen more may end in a band of another rate, nor where
    the deductible is a share of the bill and grows with it.
    """
    (stage,) = policy.stages
    assume(stage.rate is None or stage.rate.side is not RateSide.TARGET)
    assume(stage.bands is None or stage.bands.apply is BandsApply.MARGINAL)
    assume(stage.deductible is None or stage.deductible.share_of is None)
    rate = stage.rate
    if rate is not None and rate.floor is not None:
        rate = replace(rate, floor=replace(rate.floor, of=Base(("in_scope",), ())))
    stage = replace(stage, rate=rate)
    fund = replace(stage, base=Base(("in_scope",), ()), payer="pooled_fund", account_limited=False)
    policy = replace(policy, stages=(fund,))
    compiled = _compiled(policy)
    claims = claims_at(policy, POTS, seed, count=30)
    dearer, more = _with_more_in_scope(claims, Random(seed))

    raised = _funds(compiled, dearer) - _funds(compiled, claims)

    assert (raised >= 0).all()
    assert (raised <= np.array(more)).all()


# --- batches -------------------------------------------------------------------------------------


@given(policies(), _SEEDS, st.integers(1, 20))
def test_a_batch_equals_its_claims_one_by_one(policy: Policy, seed: int, count: int) -> None:
    """What stands beside a claim in a batch changes nothing about it."""
    compiled = _compiled(policy)
    claims = claims_at(policy, POTS, seed, count)
    outputs = list(compiled.program.outputs)
    together, _ = run_both(compiled, claims, outputs)

    for row, facts in enumerate(claims):
        alone, _ = run_both(compiled, [facts], outputs)
        expected = {name: column.tolist() for name, column in alone.items()}

        assert expected == {name: [int(together[name][row])] for name in outputs}


def _run(compiled: CompiledPolicy, inputs: dict[str, Column]) -> dict[str, Column]:
    rows = len(inputs["epoch"])
    return run_blocks(compiled.program, inputs, list(compiled.program.outputs), rows)


@pytest.mark.parametrize("path", _DOCUMENTS)
def test_permuted_rows_give_permuted_results(path: Path) -> None:
    """The order of a batch is the order of its answers and nothing else, across blocks too."""
    compiled = compiled_document(path)
    claims = claims_at(compiled.policy, pots_of(compiled), seed=19, count=500)
    # More rows than one block holds, so that rows change blocks.
    rows = np.arange(3 * limits.INTERPRETER_ROWS + 100) % len(claims)
    order = np.random.default_rng(19).permutation(len(rows))
    inputs = kernel_inputs(compiled, claims)
    outputs = list(compiled.program.outputs)

    straight = _run(compiled, {name: column[rows] for name, column in inputs.items()})
    shuffled = _run(compiled, {name: column[rows[order]] for name, column in inputs.items()})

    for name in outputs:
        assert np.array_equal(straight[name][order], shuffled[name]), name


@given(policies(), _SEEDS)
def test_fewer_outputs_change_nothing(policy: Policy, seed: int) -> None:
    """An output is the same whether it is asked for alone or with all others."""
    compiled = _compiled(policy)
    claims = claims_at(policy, POTS, seed, count=10)
    names = compared_outputs(compiled)
    everything, _ = run_both(compiled, claims, names)
    chosen = Random(seed).choice(names)
    blocks, scalar = run_both(compiled, claims, [chosen])

    assert everything[chosen].tolist() == blocks[chosen].tolist()
    assert everything[chosen].tolist() == [value for (value,) in scalar]
