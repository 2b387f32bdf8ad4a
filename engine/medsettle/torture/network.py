"""A network that loses, repeats, delays and so reorders what is sent."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from medsettle.torture.clockwork import SimulatedLoop
from medsettle.torture.faults import Faults

# A grid, so that messages of several tills arrive in one turn of the loop and make up a batch.
_HOP_SECONDS: Final = 0.05
_USUAL_HOPS: Final = 3
_LATE_HOPS: Final = 80


@dataclass(frozen=True, slots=True)
class Network:
    """Carries messages; each is a call at its destination."""

    loop: SimulatedLoop
    faults: Faults
    rng: Random

    def carry(self, deliver: Callable[[], None]) -> None:
        """Deliver a message some time later: never, once, or twice."""
        if self.faults.strikes("loss"):
            return
        self._later(deliver)
        if self.faults.strikes("repetition"):
            self._later(deliver)

    def _later(self, deliver: Callable[[], None]) -> None:
        hops = _LATE_HOPS if self.faults.strikes("lateness") else _USUAL_HOPS
        # To a point of the grid, whenever it was sent.
        arrival = (self.loop.time() // _HOP_SECONDS + self.rng.randint(1, hops)) * _HOP_SECONDS
        self.loop.call_at(arrival, deliver)
