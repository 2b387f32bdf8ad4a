"""Compare the tables that two stages have in one role, cell by cell on common ground."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from medsettle.policy.difference import Change, Places, Topic
from medsettle.policy.difference_classes import Fact, Point, grouped, narrowed
from medsettle.policy.model import Policy, Table, Unit, Version
from medsettle.policy.stage_leaves import Leaf


@dataclass(frozen=True, slots=True)
class Held:
    """A table of one document on one day, in the role of a leaf; nothing where there is none."""

    policy: Policy
    leaf: Leaf | None
    day: date

    @property
    def table(self) -> Table | None:
        """The table, None where the document has none in this role."""
        if self.leaf is None or self.leaf.table is None:
            return None
        return self.policy.tables[self.leaf.table]

    @property
    def version(self) -> Version | None:
        """The version in force on the day."""
        table = self.table
        return None if table is None else version_on(table, self.day)

    def by(self) -> tuple[str, ...]:
        """Return the dimensions that pick a row."""
        return self.table.by if self.table is not None else ()

    def value(self, classes: tuple[tuple[str, int], ...], above_fen: int) -> Fraction | None:
        """Return the cell of a kind of claim for amounts from one on; None where there is none."""
        table, version = self.table, self.version
        if table is None or version is None or self.leaf is None:
            return None
        held = dict(classes)
        row = 0
        for name in table.by:
            if held[name] < 0:
                return None
            row = row * len(self.policy.dimensions[name].values) + held[name]
        for column, limit in enumerate(version.limits_fen):
            if limit is None or limit > above_fen:
                cell = version.cells[row * len(version.limits_fen) + column]
                return 1 - cell if self.leaf.own_side else cell
        return None


def version_on(table: Table, day: date) -> Version | None:
    """Return the version of a table that is in force on a day, the first one before all.

    There is none where the last one is no longer known to hold.
    """
    found = [version for version in table.versions if version.start <= day]
    version = found[-1] if found else table.versions[0]
    return None if version.until is not None and version.until <= day else version


def value_changes(
    stage: str, role: str, old: Held, new: Held, facts: Iterable[Fact]
) -> Iterator[Change]:
    """Yield what differs between two tables of one role.

    Args:
        stage: What the stage is called.
        role: The role of the tables in it.
        old: The table of the old document.
        new: The table of the new document.
        facts: What claims are told apart by in both documents.
    """
    tables = [table for table in (new.table, old.table) if table is not None]
    units = {table.unit for table in tables}
    if len(units) > 1:
        before, after = (held.table.unit.value if held.table else None for held in (old, new))
        yield Change(Topic.SWITCH, stage, role, before, after, places=_places(old, new))
        return
    own = _in_order(
        narrowed(facts, (old.policy, old.by()), (new.policy, new.by())), (*new.by(), *old.by())
    )
    bands = _ranges(old, new)

    def row(points: tuple[Point, ...]) -> tuple[tuple[Fraction | None, Fraction | None], ...]:
        before = tuple(held for point in points for held in point.old)
        after = tuple(held for point in points for held in point.new)
        return tuple((old.value(before, low), new.value(after, low)) for low, _ in bands)

    for classes, pairs in grouped(own, row):
        for band, (was, now) in _runs(bands, pairs):
            if was != now:
                yield Change(
                    Topic.VALUE,
                    stage,
                    role,
                    was,
                    now,
                    unit=next(iter(units), Unit.AMOUNT),
                    classes=classes,
                    band=band if any(table.banded for table in tables) else None,
                    places=_places(old, new),
                )


def evidence_changes(stage: str, role: str, old: Held, new: Held) -> Iterator[Change]:
    """Yield what differs in where two tables of one role come from and how far they are sure."""
    said = [
        None
        if held.version is None
        else f"{held.version.confidence}, {held.policy.sources[held.version.source].title}"
        for held in (old, new)
    ]
    if said[0] != said[1] and None not in said:
        yield Change(Topic.EVIDENCE, stage, role, said[0], said[1], places=_places(old, new))


def _places(old: Held, new: Held) -> Places:
    versions = old.version, new.version
    before, after = (None if version is None else version.place for version in versions)
    return before, after


def _in_order(facts: Iterable[Fact], names: tuple[str, ...]) -> tuple[Fact, ...]:
    """Return facts in the order in which the tables name them."""
    return tuple(sorted(facts, key=lambda fact: names.index(fact.name)))


def _ranges(old: Held, new: Held) -> list[tuple[int, int | None]]:
    """Return the ranges of amounts that the limits of either table cut."""
    limits = {
        limit
        for held in (old, new)
        if held.version is not None
        for limit in held.version.limits_fen
        if limit is not None
    }
    edges = [0, *sorted(limits)]
    return list(zip(edges, [*edges[1:], None], strict=True))


def _runs(
    bands: list[tuple[int, int | None]], pairs: tuple[tuple[Fraction | None, Fraction | None], ...]
) -> Iterator[tuple[tuple[int, int | None], tuple[Fraction | None, Fraction | None]]]:
    """Yield ranges of amounts with what holds in them; neighbours with the same are one."""
    start = 0
    for index, pair in enumerate(pairs):
        if index + 1 == len(pairs) or pairs[index + 1] != pair:
            yield (bands[start][0], bands[index][1]), pair
            start = index + 1
