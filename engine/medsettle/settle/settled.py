"""A settled claim with what a ledger needs besides the answer."""

from dataclasses import dataclass

from medsettle.core.counters import CounterKey
from medsettle.core.scopes import CareScope
from medsettle.core.settlement import Settlement


@dataclass(frozen=True, slots=True)
class Settled:
    """One settled claim with what a ledger needs besides the answer.

    `inputs` are those of the policy's program, `moved` the change of every counter it touched,
    `scope` the split of its lines where another engine made it.
    """

    settlement: Settlement
    inputs: dict[str, int]
    moved: tuple[tuple[CounterKey, int], ...]
    scope: CareScope | None = None

    def told(self, settlement: Settlement) -> "Settled":
        """Return it with another settlement, which tells more of the claim."""
        return Settled(settlement, self.inputs, self.moved, self.scope)

    @property
    def undecided(self) -> bool:
        """Whether there is an amount in it that the policy cannot decide."""
        return bool(self.settlement.notices)
