"""Which stages of its policy lie past their limit in a claim: past a deductible, or past a cap.

Past a deductible lies a stage with a deductible for this claim of which something is left above it:
what was met by earlier claims is met. Exactly at the deductible nothing is left. Past a cap lies a
stage with a part of its base above a cap or the last band.

The program of a policy has both as outputs, `net` with the standard of the deductible and
`over_cap`, so that whoever settles by arrays and whoever settles one by one look at the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.rule_book import RuleBook
from medsettle.replay.layout import PAST_CAPS, PAST_DEDUCTIBLES
from medsettle.settle.run import Settled
from medsettle.settle.scalar import ScalarFunction, scalar_function

_BETWEEN_STAGES: Final = ","
"""No name of a stage has a comma."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The limit of a stage: a claim lies past it where all these outputs are above zero."""

    stage: str
    outputs: tuple[str, ...]


Limits: TypeAlias = Mapping[str, Sequence[Limit]]
"""The limits of a policy by the columns of results that tell who lies past them."""


def limits_of(policy: CompiledPolicy) -> Limits:
    """Return the limits of the stages of the bill, in their order.

    Stages that the program proves never to be past one are left out: they cost nothing.
    """
    return {
        PAST_DEDUCTIBLES: [
            Limit(stage.name, outputs)
            for stage in policy.policy.stages
            if stage.deductible is not None
            for outputs in _ever(
                policy, f"stage:{stage.name}.net", f"detail:{stage.name}.deductible_standard"
            )
        ],
        PAST_CAPS: [
            Limit(stage.name, outputs)
            for stage in policy.policy.stages
            for outputs in _ever(policy, f"stage:{stage.name}.over_cap")
        ],
    }


def _ever(policy: CompiledPolicy, *names: str) -> Iterator[tuple[str, ...]]:
    """Yield those of some outputs that have to be looked at, where all may be above zero."""
    bounds = policy.program.outputs
    if all(bounds[name].high > 0 for name in names):
        yield tuple(name for name in names if bounds[name].low <= 0) or names[:1]


def outputs_of(found: Limits) -> list[str]:
    """Return the outputs of a program that tell who lies past some limits."""
    return [name for limits in found.values() for each in limits for name in each.outputs]


@dataclass(slots=True, eq=False)
class Past:
    """Which stages of n claims lie past a limit, as texts of which there are few.

    `numbers` (n,) says which of `texts` each claim has, -1 for none.
    """

    numbers: NDArray[np.int32]
    texts: list[str] = field(default_factory=list)

    def number(self, text: str) -> int:
        """Return the number of a text, to which it is added."""
        if not text:
            return -1
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)

    def copied(self) -> "Past":
        """Return the same with memory of its own."""
        return Past(self.numbers.copy(), [*self.texts])


def past_of(
    limits: Sequence[Limit], results: Mapping[str, NDArray[np.int64]], into: Past
) -> NDArray[np.int32] | np.int32:
    """Return what k claims of one policy have in `Past.numbers`; one number where all have none.

    Args:
        limits: Of the policy, at most 32, as it has stages (`limits.STAGES_PER_POLICY_MAX`).
        results: The outputs of its program, each (k,).
        into: Takes the texts.
    """
    mask: NDArray[np.uint32] | None = None
    for bit, limit in enumerate(limits):
        past = results[limit.outputs[0]] > 0
        for name in limit.outputs[1:]:
            past &= results[name] > 0
        if past.any():
            mask = np.zeros(len(past), dtype=np.uint32) if mask is None else mask
            np.bitwise_or(mask, np.uint32(1 << bit), out=mask, where=past)
    if mask is None:
        return np.int32(-1)
    # Arrow counts distinct numbers in one pass, where NumPy sorts them.
    coded = pa.array(mask).dictionary_encode()
    own = [into.number(_named(limits, each)) for each in coded.dictionary.to_pylist()]
    found: NDArray[np.int32] = np.array(own, dtype=np.int32)[coded.indices.to_numpy()]
    return found


def _named(limits: Sequence[Limit], mask: int) -> str:
    stages = (limit.stage for bit, limit in enumerate(limits) if mask >> bit & 1)
    return _BETWEEN_STAGES.join(stages)


@dataclass(slots=True)
class SettledPast:
    """Tells past which limits a claim lies that was settled by itself, by the rules of a world."""

    book: RuleBook
    _made: dict[tuple[str, str], tuple[Limits, ScalarFunction]] = field(default_factory=dict)

    def of(self, found: Settled) -> dict[str, str]:
        """Return the stages past each kind of limit, as results name them; no text for none.

        The inputs are those of the policy's program, counters as the claim met them among them.
        """
        columns = found.settlement.columns
        limits, function = self._of(str(columns["policy"]), str(columns["policy_digest"]))
        outputs = outputs_of(limits)
        values = dict(zip(outputs, function(found.inputs) if outputs else (), strict=True))
        return {
            name: _BETWEEN_STAGES.join(
                each.stage for each in own if all(values[output] > 0 for output in each.outputs)
            )
            for name, own in limits.items()
        }

    def _of(self, name: str, digest: str) -> tuple[Limits, ScalarFunction]:
        key = name, digest
        if key not in self._made:
            (policy,) = [
                each for each in self.book.policies if (each.policy.name, each.digest) == key
            ]
            limits = limits_of(policy)
            # Every program has the output `cash`, and a function has to have one.
            outputs = outputs_of(limits) or ["cash"]
            self._made[key] = limits, scalar_function(policy.program, outputs)
        return self._made[key]
