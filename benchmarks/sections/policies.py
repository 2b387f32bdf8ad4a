"""What a claim costs under every shipped policy, by the number of its stages."""

from typing import Final

import numpy as np
from medsettle.policy.book import load_rule_book
from medsettle.policy.compiled import CompiledPolicy
from medsettle.settle import machine_code
from medsettle.settle.waterfall import Kernel, Work

from benchmarks.anchor.claims import Columns
from benchmarks.load.claims import RULES
from benchmarks.options import Options
from benchmarks.record import Measured
from benchmarks.rounds import Case, take_turns, timed
from benchmarks.sections import names as of

_CLAIMS: Final = 4_096
_SEED: Final = 11
# Inputs that can hold more than this are amounts; the others are codes and counts.
_CODE_MAX: Final = 100_000
_TOTAL_FEN_MEAN: Final = 1_500_000
_COUNTER_FEN_MEAN: Final = 500_000


def _columns(policy: CompiledPolicy, random: np.random.Generator) -> Columns:
    """Return random inputs of a policy: amounts of a bill whose pots add up, and valid codes."""
    zeros = np.zeros(_CLAIMS, np.int64)
    columns = {"pot:in_scope": zeros, "epoch": zeros}
    for name, register in policy.program.inputs.items():
        if name.startswith("counter:"):
            continue
        if register.high > _CODE_MAX:
            columns[name] = random.exponential(_TOTAL_FEN_MEAN, _CLAIMS).astype(np.int64)
        else:
            columns[name] = random.integers(register.low, register.high, _CLAIMS, endpoint=True)
    pots = [column for name, column in columns.items() if name.startswith("pot:")]
    return columns | {"total": np.sum(pots, axis=0)}


def _case(policy: CompiledPolicy, kernel: Kernel) -> Case:
    random = np.random.default_rng(_SEED)
    columns, counters = _columns(policy, random), policy.counters
    slots = {name: np.arange(_CLAIMS) + place * _CLAIMS for place, name in enumerate(counters)}
    size = max(1, len(counters)) * _CLAIMS
    first = random.exponential(_COUNTER_FEN_MEAN, size).astype(np.int64) // 1_000
    persons = np.arange(_CLAIMS)

    def run() -> None:
        work = Work(policy, persons, columns, slots)
        kernel.settle([work], persons, first.copy(), refuse_gaps=True)

    facts = {
        "stages": len(policy.policy.stages),
        "payouts": len(policy.policy.payouts),
        "instructions": len(policy.program.instructions),
    }
    return Case(policy.policy.name, _CLAIMS, timed(run), facts=facts)


def measure(options: Options) -> list[Measured]:
    """Return the claims a second of each policy, at 4,096 claims of as many persons."""
    machine_code.load()
    kernel = Kernel()
    cases = [_case(policy, kernel) for policy in load_rule_book(RULES).policies]
    return take_turns(
        of.POLICIES, _CLAIMS, of.RATE, cases, rounds=options.rounds, budget_seconds=4.0
    )
