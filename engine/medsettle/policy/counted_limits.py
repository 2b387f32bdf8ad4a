"""The limits of a policy that are counted over a period, each as a small program of its own.

A cap of 20,000 yuan a year that depends on the person's class is the same lookup whether a claim is
settled or somebody asks what is left. So it is lowered by the same pieces as the waterfall; a
program of its own shows, by its inputs, which facts that one limit depends on, and needs no bill.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from medsettle.core.enquiries import LimitKind
from medsettle.core.schema import CLAIM_AMOUNTS
from medsettle.policy.amount_of import AmountOf, Base
from medsettle.policy.lookups import Lookups
from medsettle.policy.model import BEFORE, Policy, Stage
from medsettle.policy.program import Builder, Program
from medsettle.policy.waterfall_amounts import Amounts

APPLIES, LIMIT, LEFT = "applies", "limit", "left"
"""Outputs of a limit's program: whether its stage is for the claim, the limit, what is left."""


@dataclass(frozen=True, slots=True)
class CountedLimit:
    """A limit with the counter it is measured against.

    Without a program it is made of amounts that only a bill has, which `bill` names. `limit_inputs`
    are the inputs that decide the limit; those of the program beyond them, what is left of it.
    """

    stage: Stage
    kind: LimitKind
    counter: str
    program: Program | None = field(compare=False)
    limit_inputs: frozenset[str]
    bill: tuple[str, ...] = ()


def counted_limits(policy: Policy, epochs: tuple[int, ...]) -> tuple[CountedLimit, ...]:
    """Return every cap and deductible of a policy that has a counter, in the order of its stages.

    Args:
        policy: The checked document.
        epochs: Ordinals of the days on which some table changes.
    """
    return tuple(
        _lowered(policy, epochs, stage, kind, counter, amount, share)
        for stage in policy.all_stages
        for kind, counter, amount, share in _counted(stage)
    )


def _counted(stage: Stage) -> Iterator[tuple[LimitKind, str, AmountOf, Base | None]]:
    """Yield the counted limits of a stage; with a share of the bill where that may be more."""
    deductible = stage.deductible
    if deductible is not None:
        if deductible.counter is not None:
            share = deductible.share_of.base if deductible.share_of is not None else None
            yield LimitKind.DEDUCTIBLE, deductible.counter, deductible.amount, share
        most = deductible.at_most
        if most is not None and most.counter is not None:
            yield LimitKind.DEDUCTIBLE_CEILING, most.counter, AmountOf(most.table), None
    for cap in stage.caps:
        if cap.counter is not None:
            yield LimitKind.CAP, cap.counter, cap.amount, None


def _lowered(
    policy: Policy,
    epochs: tuple[int, ...],
    stage: Stage,
    kind: LimitKind,
    counter: str,
    amount: AmountOf,
    share: Base | None,
) -> CountedLimit:
    bill = _of_a_bill(amount.of) if share is None else (*share.plus, *share.minus)
    if bill:
        return CountedLimit(stage, kind, counter, None, frozenset(), bill)
    build = Builder()
    look = Lookups(policy, epochs, build)
    # Nothing is billed, so nothing is left of a bill and no stage has left anything.
    amounts = Amounts(policy, look, build, build.constant(0))
    build.output(APPLIES, look.meets(stage.when))
    limit = amounts.stated(amount)
    build.output(LIMIT, limit)
    inputs = frozenset(build.inputs)
    build.output(LEFT, amounts.room(limit, counter))
    return CountedLimit(stage, kind, counter, build.program(), inputs)


def _of_a_bill(base: Base | None) -> tuple[str, ...]:
    """Return the amounts of a sum that neither the claim states nor a counter held before it."""
    names = (*base.plus, *base.minus) if base is not None else ()
    return tuple(
        name for name in names if name.rpartition(".")[2] != BEFORE and name not in CLAIM_AMOUNTS
    )
