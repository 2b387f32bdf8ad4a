"""What the claims of a part come to in a world, and what their codes decide there, as arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsettle.core.outcome import Rejection
from medsettle.policy.compiled import CompiledPolicy
from medsettle.replay.layout import AMOUNTS, PAST
from medsettle.replay.part_columns import Column
from medsettle.replay.stage_limits import Past
from medsettle.settle.claim_lines import Facts

SETTLED: Final = "settled"


@dataclass(frozen=True, slots=True, eq=False)
class WorldRows:
    """What n claims come to in a world.

    - `amounts` by the names of `AMOUNTS`, each (n,), int64 fen, 0 where a claim is refused;
    - `past` by the names of `PAST`: which stages lie past their limits;
    - `outcome` (n,): a number of `outcomes`, 0 for settled; `policy` (n,): one of `policies`, -1
      where none decides; `policies` are (name, digest).
    """

    amounts: dict[str, Column]
    past: dict[str, Past]
    outcome: NDArray[np.int16]
    outcomes: list[str]
    policy: NDArray[np.int32]
    policies: list[tuple[str, str]]

    def policy_number(self, name: str, digest: str) -> int:
        """Return the number of a policy among those of the rows, to which it is added."""
        if (name, digest) not in self.policies:
            self.policies.append((name, digest))
        return self.policies.index((name, digest))


def empty_rows(count: int) -> WorldRows:
    """Return rows of claims that nobody has settled yet."""
    return WorldRows(
        amounts={name: np.zeros(count, dtype=np.int64) for name in AMOUNTS},
        past={name: Past(np.full(count, -1, dtype=np.int32)) for name in PAST},
        outcome=np.zeros(count, dtype=np.int16),
        outcomes=[SETTLED],
        policy=np.full(count, -1, dtype=np.int32),
        policies=[],
    )


def numbered(known: list[str], text: str) -> int:
    """Return the number of a text among known ones, to which it is added."""
    if text not in known:
        known.append(text)
    return known.index(text)


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What the combinations of a part decide in a world: c of them.

    - `policies`: the policies that occur; `policy` (c,): which of them, -1 where it is refused;
    - `outcome` (c,): where it is refused, which of `outcomes`;
    - `classes`: for each policy (c, dimensions), classes by codes and groups.
    """

    policies: list[CompiledPolicy]
    policy: Column
    outcome: NDArray[np.int16]
    outcomes: list[str]
    classes: list[Column]

    @classmethod
    def of(cls, facts: Sequence[Facts | Rejection]) -> "Decided":
        """Return the arrays of what combinations decide."""
        policies: list[CompiledPolicy] = []
        numbers: dict[int, int] = {}
        outcomes = [SETTLED]
        policy = np.full(len(facts), -1, dtype=np.int64)
        outcome = np.zeros(len(facts), dtype=np.int16)
        for at, each in enumerate(facts):
            if isinstance(each, Rejection):
                outcome[at] = numbered(outcomes, each.outcome.name)
                continue
            if id(each.policy) not in numbers:
                numbers[id(each.policy)] = len(policies)
                policies.append(each.policy)
            policy[at] = numbers[id(each.policy)]
        classes = [
            np.array(
                [
                    each.classes if isinstance(each, Facts) and each.policy is one else nothing
                    for each in facts
                ],
                dtype=np.int64,
            ).reshape(len(facts), len(one.dimensions))
            for one in policies
            for nothing in [(0,) * len(one.dimensions)]
        ]
        return cls(policies, policy, outcome, outcomes, classes)
