"""Looking up what a document states, in registers: classes, counters, cells and band limits.

A table becomes one dense array per column, addressed by version and class numbers, so that claims
of different dates and classes run in one pass.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsettle import limits
from medsettle.policy.model import Condition, Policy, Table
from medsettle.policy.program import Builder, Register

EPOCH_INPUT = "epoch"
"""Input: which stretch of constant tables the rule date falls into, from `Compiled.epochs`."""


@dataclass(frozen=True, slots=True)
class Lookups:
    """The inputs and tables of one policy as registers of its program."""

    policy: Policy
    epochs: tuple[int, ...]
    builder: Builder

    def counter(self, name: str) -> Register:
        """Return what a counter holds before this claim."""
        return self.builder.input(f"counter:{name}", 0, limits.AMOUNT_FEN_MAX)

    def dimension(self, name: str) -> Register:
        """Return the class number of a dimension; classes by a number are worked out here."""
        dimension = self.policy.dimensions[name]
        build = self.builder
        if dimension.kind == "quantity":
            counter = self.quantity(dimension.column)
        elif dimension.kind == "counter":
            counter = self.counter(dimension.column)
        else:
            return build.input(f"dimension:{name}", 0, len(dimension.values) - 1)
        steps = [
            build.at_least(counter, build.constant(threshold))
            for threshold in dimension.thresholds[1:]
        ]
        return build.sum(steps)

    def quantity(self, name: str) -> Register:
        """Return a quantity of the claim."""
        return self.builder.input(f"quantity:{name}", 0, self.policy.quantities[name].most)

    def meets(self, when: Condition) -> Register:
        """Return 1 where the classes of a claim meet a condition, else 0."""
        build, found = self.builder, self.builder.constant(1)
        for name, classes in when:
            dimension, known = self.dimension(name), self.policy.dimensions[name].values
            chosen = [build.equal(dimension, build.constant(known.index(word))) for word in classes]
            # A claim has one class of a dimension, so at most one of them is 1.
            found = build.mul(found, build.at_most(build.sum(chosen), 1))
        return found

    def _row(self, table: Table) -> Register:
        """Return the row number of a table: version, then each dimension, densely."""
        build = self.builder
        row = build.gather(self._versions(table), self._epoch())
        for name in table.by:
            size = build.constant(len(self.policy.dimensions[name].values))
            row = build.add(build.mul(row, size), self.dimension(name))
        return row

    def cells(self, table: Table, column: int, scale: int) -> Register:
        """Return one column of a table in whole units of 1/scale."""
        width = max(len(version.limits_fen) for version in table.versions)
        cells: list[int] = []
        for version in table.versions:
            own = len(version.limits_fen)
            kept = min(column, own - 1)
            cells += [int(cell * scale) for cell in version.cells[kept::own]]
        assert column < width
        return self.builder.gather(np.array(cells, dtype=np.int64), self._row(table))

    def amount_cell(self, name: str) -> Register:
        """Return the amount a table without bands states, in fen."""
        return self.cells(self.policy.tables[name], 0, 1)

    def band_limit(self, table: Table, column: int, open_fen: int) -> Register:
        """Return the upper limit of a band per version; an open band ends at `open_fen`."""
        by_version = []
        for version in table.versions:
            bounds = version.limits_fen
            bound = bounds[column] if column < len(bounds) else bounds[-1]
            by_version.append(open_fen if bound is None else bound)
        by_epoch = np.array(by_version, dtype=np.int64)[self._versions(table)]
        return self.builder.gather(by_epoch, self._epoch())

    def _epoch(self) -> Register:
        return self.builder.input(EPOCH_INPUT, 0, len(self.epochs) - 1)

    def _versions(self, table: Table) -> NDArray[np.int64]:
        """Return the number of the version in force in each epoch."""
        starts = [version.start.toordinal() for version in table.versions]
        found = np.searchsorted(starts, np.array(self.epochs, dtype=np.int64), side="right")
        return np.maximum(found - 1, 0).astype(np.int64)
