"""Stages that no claim reaches, proved with the intervals of the compiled program.

The compiler knows bounds of every amount. Where the bound of what a stage looks at is nothing, the
stage is for nobody; so it is where nothing is left to pay when its turn comes. What holds only for
those who meet a condition is asked again for each kind of claim that conditions tell apart, with
its classes as constants of the program. Nothing is sampled: a stage is refused where no claim at
all can reach it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product
from math import prod

from medsettle import limits
from medsettle.policy.area import Area
from medsettle.policy.checker import Checker
from medsettle.policy.coverage import kinds, unmet
from medsettle.policy.lowering import Lowering, epochs_of
from medsettle.policy.model import STAGE_AMOUNTS, Policy, Stage
from medsettle.policy.program import Builder, Program, Register
from medsettle.policy.stage_leaves import base_words, texts_of
from medsettle.policy.tree import Value
from medsettle.policy.vocabulary import quoted


def refuse_unreached(check: Checker, policy: Policy, area: Area, parts: dict[str, Value]) -> None:
    """Refuse stages and gaps that no claim reaches, and parts of a fen that nothing rounds."""
    program = Lowering(policy, area, epochs_of(policy)).lower()
    reached = _Reached(policy, program)
    if reached.missing():
        for fixed in _each_kind(policy):
            one = Lowering(policy, area, epochs_of(policy), _OneKind(fixed=fixed)).lower()
            reached.note(one)
            if not reached.missing():
                break
    told: set[str] = set()
    for stage in policy.all_stages:
        if message := _why_unreached(policy, stage, program, reached):
            # What follows from a fault that is told is no fault of its own.
            if not told & _behind(policy, stage, program, reached):
                check.refuse(stage.place, message)
            told.add(stage.name)
        elif f"detail:{stage.name}.base_e4" in program.outputs and stage.rounding is None:
            says = "how it rounds, for what it looks at was solved back at a cap to parts of a fen"
            check.refuse_missing(stage.place, "rounding", says)
    for gap, item in zip(policy.gaps, check.items(parts.get("gaps"), "gaps"), strict=True):
        if not program.outputs[f"gap:{gap.amount}"].high:
            check.refuse(
                item.place,
                f"{gap.amount} is always nothing, so this gap never shows; name another amount or "
                "delete it",
            )


class _Reached:
    """What some kind of claim can reach of each stage: something to look at, something to pay."""

    def __init__(self, policy: Policy, program: Program) -> None:
        self.policy = policy
        self.named = _named_amounts(policy)
        # Without conditions the program speaks for every kind of claim; with some it proves only
        # what no claim reaches, whatever its kind.
        self.looking: set[str] = set()
        self.paying: set[str] = set()
        self.left: set[str] = set()
        if not any(stage.when for stage in policy.all_stages):
            self.note(program)

    def note(self, program: Program) -> None:
        """Note what claims of a program's kind can reach."""
        for stage in self.policy.all_stages:
            if _high(program, stage, "base"):
                self.looking.add(stage.name)
            if program.outputs[f"detail:{stage.name}.share"].high:
                self.left.add(stage.name)
            if _high(program, stage, "paid"):
                self.paying.add(stage.name)

    def missing(self) -> bool:
        """Return whether some stage is not known to pay."""
        return len(self.paying) < len(self.policy.all_stages)


def _high(program: Program, stage: Stage, part: str) -> int:
    return program.outputs[f"stage:{stage.name}.{part}"].high


def _why_unreached(policy: Policy, stage: Stage, program: Program, reached: _Reached) -> str:
    """Return why no claim reaches a stage, and what to do; blank where some can."""
    name = f"{'payout' if stage.payee else 'stage'} {quoted(stage.name)}"
    if why := unmet(policy, stage.when):
        return f"no claim has {why}, so {name} never pays; correct its `when` or delete it"
    if stage.name not in reached.looking:
        base = "its amount" if stage.amount is not None else base_words(stage.base)
        why = _why_nothing(policy, stage, program)
        return f"{name} looks at {base}, which is {why}; name other amounts or delete it"
    if stage.name in reached.paying:
        return ""
    if stage.name in reached.left:
        return f"nothing is left to pay when {name} comes; change the order or delete it"
    if any(amount in reached.named for amount in _amounts(stage.name)):
        # It pays nothing so that later stages, counters or gaps can speak of what it leaves.
        return ""
    return (
        f"{name} never pays anything, and nothing looks at what it leaves; correct its rates "
        "and caps or delete it"
    )


def _behind(policy: Policy, stage: Stage, program: Program, reached: _Reached) -> set[str]:
    """Return the earlier stages because of which a stage is not reached."""
    if stage.name in reached.looking:
        return reached.left - reached.paying
    stages = {each.name: each for each in policy.all_stages}
    split = [name.rpartition(".") for name in stage.base.plus]
    return {
        owner
        for owner, _, part in split
        if owner in stages
        and (owner not in reached.looking or not _high(program, stages[owner], part))
    }


def _why_nothing(policy: Policy, stage: Stage, program: Program) -> str:
    """Return for whom the amounts a stage looks at are nothing, and why where that is known."""
    stages = {each.name: each for each in policy.all_stages}
    found = []
    for name in stage.base.plus:
        owner, _, part = name.rpartition(".")
        if name == "remaining":
            found.append("earlier stages pay all there is")
        elif owner in stages and not _high(program, stages[owner], part):
            found.append(f"stage {owner} {_LEAVES_NONE[part]}")
    reasons = " and ".join(dict.fromkeys(found))
    nothing = "always nothing"
    if _high(program, stage, "base"):
        nothing = "nothing for all who meet its `when`"
    return f"{nothing}, because {reasons}" if reasons else nothing


_LEAVES_NONE = {
    "base": "looks at nothing",
    "kept_back": "keeps nothing back",
    "deductible": "has no deductible",
    "net": "has nothing left to share",
    "own_share": "leaves no share of what it looks at",
    "over_cap": "has neither a cap nor a last band that ends",
    "paid": "pays nothing",
}
assert set(_LEAVES_NONE) == set(STAGE_AMOUNTS)


def _amounts(stage: str) -> Iterator[str]:
    yield from (f"{stage}.{part}" for part in STAGE_AMOUNTS)


def _named_amounts(policy: Policy) -> set[str]:
    """Return every amount that stages, counters and gaps of a policy name."""
    found = set(texts_of(policy.all_stages))
    found |= {name for counter in policy.counters.values() for name in counter.sums}
    return found | {gap.amount for gap in policy.gaps}


# --- one kind of claim --------------------------------------------------------------------------


@dataclass
class _OneKind(Builder):
    """Builds the program for claims of one kind: some inputs lie in a part of their range."""

    fixed: dict[str, tuple[int, int]] = field(default_factory=dict)

    def input(self, name: str, low: int, high: int) -> Register:
        """Return the register of an input; a constant where its kind has one value."""
        low, high = self.fixed.get(name, (low, high))
        return self.constant(low) if low == high else super().input(name, low, high)


def _each_kind(policy: Policy) -> Iterator[dict[str, tuple[int, int]]]:
    """Yield the ranges of inputs of each kind of claim that conditions of stages tell apart."""
    names = {name for stage in policy.all_stages for name, _ in stage.when}
    told = [found for found in kinds(policy, names) if found]
    if prod(map(len, told)) > limits.REACH_KINDS_MAX:
        # Nothing is proved of so many, and nothing is refused.
        told = []
    for chosen in product(*told):
        ranges: dict[str, tuple[int, int]] = {}
        for kind in chosen:
            for name, number in kind.items():
                source, low, high = _range(policy, name, number)
                before = ranges.get(source, (low, high))
                ranges[source] = max(low, before[0]), min(high, before[1])
        yield ranges


def _range(policy: Policy, name: str, number: int) -> tuple[str, int, int]:
    """Return the input that decides a class, with the values that it has for one."""
    dimension = policy.dimensions[name]
    if dimension.kind not in {"counter", "quantity"}:
        return f"dimension:{name}", number, number
    counted = dimension.kind == "counter"
    most = limits.AMOUNT_FEN_MAX if counted else policy.quantities[dimension.column].most
    begins = [*dimension.thresholds, most + 1]
    return f"{dimension.kind}:{dimension.column}", begins[number], begins[number + 1] - 1
