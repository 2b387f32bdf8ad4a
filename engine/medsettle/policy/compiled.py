"""A compiled policy: its program, and how the facts of a claim become its inputs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from medsettle.core.codes import Payee
from medsettle.core.counters import MUTUAL_AID
from medsettle.policy.area import Area
from medsettle.policy.counted_limits import CountedLimit, counted_limits
from medsettle.policy.keys import NONE
from medsettle.policy.lowering import Lowering, epochs_of
from medsettle.policy.model import ACCOUNT_COUNTER, Dimension, Policy
from medsettle.policy.program import Program
from medsettle.policy.quantity import Quantity
from medsettle.policy.read_tables import CONFIDENCES


@dataclass(frozen=True)
class CompiledPolicy:
    """One policy ready to settle: the checked document and its rule table.

    `epochs` are the ordinals of the days on which some table changes; the program's tables carry a
    version for each, so that claims of different dates run in one pass.
    """

    policy: Policy
    area: Area
    program: Program
    epochs: tuple[int, ...]
    digest: str

    @cached_property
    def counters(self) -> tuple[str, ...]:
        """Names of the counters the program reads or moves, the account among them."""
        prefix = "counter:"
        read = [name[len(prefix) :] for name in self.program.inputs if name.startswith(prefix)]
        moved = [name[len(prefix) :] for name in self.program.outputs if name.startswith(prefix)]
        return tuple(dict.fromkeys([*read, *moved]))

    @cached_property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Dimensions that are inputs, in document order; counted ones are worked out inside."""
        return tuple(
            dimension
            for name, dimension in self.policy.dimensions.items()
            if f"dimension:{name}" in self.program.inputs or name in self._split_by
        )

    @cached_property
    def _split_by(self) -> frozenset[str]:
        """Dimensions that counters are split by, whether or not the program looks at them."""
        counters = self.policy.counters.values()
        return frozenset(name for counter in counters for name in counter.split_by)

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Quantities that the program reads."""
        return tuple(
            quantity
            for name, quantity in self.policy.quantities.items()
            if f"quantity:{name}" in self.program.inputs
        )

    @cached_property
    def payouts_fen_max(self) -> int:
        """The most that is paid beside the bill of one claim."""
        return self.program.outputs["payouts"].high

    @property
    def credits_account(self) -> bool:
        """Whether some payout goes to the personal account."""
        return any(payout.payee is Payee.ACCOUNT for payout in self.policy.payouts)

    @cached_property
    def aid_stages(self) -> tuple[str, ...]:
        """Names of the stages that relatives' limits pay for, in the order of payment."""
        stages = self.policy.stages
        return tuple(each.name for each in stages if each.payer == MUTUAL_AID)

    @cached_property
    def counted_limits(self) -> tuple[CountedLimit, ...]:
        """The caps and deductibles that are measured against a counter."""
        return counted_limits(self.policy, self.epochs)

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """Output names of the amounts this policy cannot decide."""
        return tuple(f"gap:{gap.amount}" for gap in self.policy.gaps)

    @cached_property
    def confidence(self) -> str:
        """The weakest label among the values of the document, by the order of `CONFIDENCES`."""
        labels = [
            version.confidence
            for table in self.policy.tables.values()
            for version in table.versions
        ]
        labels += [source.confidence for source in self.policy.sources.values()]
        return max(labels, key=CONFIDENCES.index)

    @cached_property
    def unstated(self) -> tuple[tuple[str, date, date | None], ...]:
        """Tables with the stretches of days for which they state no values: from, and until."""
        return tuple(
            (table.name, version.until, later.start if later is not None else None)
            for table in self.policy.tables.values()
            for version, later in zip_longest(table.versions, table.versions[1:])
            if version.until is not None and (later is None or version.until < later.start)
        )

    def unstated_on(self, day: date) -> tuple[str, date] | None:
        """Return a table that states no values for a day, and since when; None where all do."""
        for table, since, until in self.unstated:
            if since <= day and (until is None or day < until):
                return table, since
        return None

    @property
    def account_counter(self) -> str:
        """Name of the counter that is the account balance."""
        return ACCOUNT_COUNTER

    def epoch_of(self, days: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the epoch of each rule date given as a proleptic ordinal; -1 before the first."""
        return np.searchsorted(self.epochs, days, side="right").astype(np.int64) - 1


def class_of(dimension: Dimension, code: str) -> int:
    """Return the class number of a code: the class with the longest matching prefix, or -1."""
    best, longest = -1, 0
    for number, prefixes in enumerate(dimension.codes):
        for prefix in prefixes:
            if code.startswith(prefix) and len(prefix) > longest:
                best, longest = number, len(prefix)
    return best


def list_class(dimension: Dimension, codes: Sequence[str]) -> int:
    """Return the number of the first class that any of the codes belongs to, or -1.

    Each code belongs to the class that it would have alone. Where none has one it is the class of
    the code `none`, if there is one.
    """
    classes = [number for code in codes if (number := class_of(dimension, code)) >= 0]
    return min(classes, default=class_of(dimension, NONE))


def group_class(dimension: Dimension, groups: Sequence[str]) -> int:
    """Return 1 where the person belongs to the dimension's group, else 0."""
    return int(dimension.codes[1][0] in groups)


def band_of(dimension: Dimension, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the class number of each age: the last threshold it reaches."""
    return np.searchsorted(dimension.thresholds, numbers, side="right").astype(np.int64) - 1


def compile_policy(policy: Policy, area: Area, digest: str) -> CompiledPolicy:
    """Return the compiled form of a checked policy."""
    epochs = epochs_of(policy)
    program = Lowering(policy, area, epochs).lower()
    return CompiledPolicy(policy, area, program, epochs, digest)
