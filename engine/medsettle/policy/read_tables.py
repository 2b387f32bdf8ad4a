"""Read the dated tables of a rule document against its dimensions and sources."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import compress
from math import prod
from typing import Final

from medsettle import limits
from medsettle.policy import keys, values
from medsettle.policy.area_keys import AREA_FILE
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.keys import CONFIDENCES
from medsettle.policy.model import Dimension, Source, Table, Unit, Version
from medsettle.policy.read_facts import cited
from medsettle.policy.read_limits import Limits, read_limits
from medsettle.policy.tree import Map, Place, Value
from medsettle.policy.vocabulary import nearest, quoted, suggestion

__all__ = ["CONFIDENCES", "TableReader"]


_PARSERS: Final[dict[Unit, Callable[[str], Fraction]]] = {
    Unit.AMOUNT: lambda text: Fraction(values.amount_fen(text)),
    Unit.RATE: values.rate,
    Unit.POINTS: values.points,
    Unit.COUNT: lambda text: Fraction(values.quantity(text)),
}


@dataclass(frozen=True, slots=True)
class _Heading:
    """What the cells of a table are and what picks them, known before its versions are read."""

    unit: Unit | None
    by: tuple[str, ...]
    banded: bool
    by_is_read: bool


@dataclass
class TableReader:
    """Reads the tables of one document; `area_dimensions` are those its area defines.

    `places` holds, for each table and version, where each cell stands, so that what a stage finds
    wrong with a value is shown at the value; `unitless` are the tables whose unit cannot be read.
    `in_force_from` is None where it cannot be read. With `known_on`, versions published later are
    checked and left out.
    """

    check: Checker
    dimensions: dict[str, Dimension]
    sources: dict[str, Source]
    in_force_from: date | None
    known_on: date | None = None
    area_dimensions: Collection[str] = ()
    tables: dict[str, Table] = field(default_factory=dict)
    places: dict[str, list[list[Place]]] = field(default_factory=dict)
    unitless: set[str] = field(default_factory=set)

    def read(self, value: Value | None) -> dict[str, Table]:
        """Return the tables by name."""
        for name, place, body in self.check.named(value, "tables"):
            self._refuse_reserved(name, place)
            self.places[name] = []
            parts = self.check.record(body, keys.TABLE)
            heading = self._heading(parts)
            versions = self._versions(name, parts.get("versions"), heading)
            versions = self._known(name, place, versions)
            title = self.check.text(parts.get("title"))
            note = self.check.text(parts.get("note"))
            if heading.unit is None:
                self.unitless.add(name)
            unit = heading.unit or Unit.AMOUNT
            self.tables[name] = Table(
                name, unit, heading.by, heading.banded, tuple(versions), place, title, note
            )
        return self.tables

    def _refuse_reserved(self, name: str, place: Place) -> None:
        if (other := same_name(name, keys.RESERVED_NAMES)) is not None:
            self.check.refuse(place, f"{quoted(other)} is the name of an amount; rename the table")

    def _heading(self, parts: dict[str, Value]) -> _Heading:
        check = self.check
        faults = len(check.violations)
        by = check.known_all(parts.get("by"), self.dimensions, "dimension")
        by_is_read = faults == len(check.violations)
        word = check.one_of(parts.get("unit"), [unit.value for unit in Unit])
        unit = Unit(word) if word else None
        banded = "bands" in parts
        check.one_of(parts.get("bands"), [keys.YES])
        if banded and unit is not None and unit is not Unit.RATE:
            check.refuse(
                parts["bands"].place, "only rates have bands; delete `bands`, or write `unit: rate`"
            )
            unit = None
        return _Heading(unit, by, banded, by_is_read)

    def _versions(self, name: str, value: Value | None, heading: _Heading) -> list[Version]:
        found: list[Version] = []
        before = self.in_force_from
        for item in self.check.items(value, "versions, each with its `from`"):
            parts = self.check.record(item, keys.VERSION)
            if not parts:
                continue
            version = self._version(name, item, parts, heading)
            place = parts["from"].place if "from" in parts else item.place
            if not found and before is not None and version.start > before:
                self.check.refuse(
                    place,
                    f"the policy is in force from {before}, but the first version begins on "
                    f"{version.start}; add the values of the time between",
                )
            if found and version.start <= found[-1].start:
                self.check.refuse(
                    place,
                    f"this version begins on {version.start}, and the one before on "
                    f"{found[-1].start}; write the versions in order of time",
                )
            if found and (ends := found[-1].until) is not None and version.start < ends:
                self.check.refuse(
                    place,
                    f"this version begins on {version.start}, and the one before ends on {ends}; "
                    "correct one of the two",
                )
            found.append(version)
        return found

    def _known(self, name: str, place: Place, versions: list[Version]) -> list[Version]:
        """Return the versions that had been published on the day asked for."""
        since = self.in_force_from
        if self.known_on is None or since is None or since > self.known_on:
            # Of a document that begins later, nothing was known; the book leaves it out whole.
            return versions
        known = [version for version in versions if version.issued <= self.known_on]
        if versions and not known:
            self.check.refuse(
                place,
                f"none of its values had been published on {self.known_on}; ask for a later day "
                "or correct `issued`",
            )
        held = [version in known for version in versions]
        self.places[name] = list(compress(self.places[name], held))
        return known

    def _version(
        self, name: str, item: Value, parts: dict[str, Value], heading: _Heading
    ) -> Version:
        check = self.check
        start = check.parsed(parts.get("from"), values.day, self.in_force_from or date.min)
        source = cited(check, parts.get("source"), self.sources)
        own = check.one_of(parts.get("confidence"), CONFIDENCES)
        confidence = own or (self.sources[source].confidence if source else "uncertain")
        bounds = read_limits(check, item, parts.get("limits"), banded=heading.banded)
        cells: list[tuple[Fraction, Place]] = []
        wanted, other = ("rows", "value") if heading.by else ("value", "rows")
        if not heading.by_is_read:
            # What picks the cells is told to be wrong; whatever was said of them would mislead.
            parts = {key: part for key, part in parts.items() if key not in {wanted, other}}
        elif wanted in parts:
            cells = self._cells(parts[wanted], heading, heading.by, bounds)
            bounds.refuse_counts(check, parts.get("limits", parts[wanted]).place)
        elif other not in parts:
            says = {key.name: key.english for key in keys.VERSION}
            check.refuse_missing(item.place, wanted, says[wanted])
        if other in parts:
            by = f"is by {', '.join(heading.by)}" if heading.by else "has no `by`"
            check.refuse(parts[other].place, f"the table {by}; write `{wanted}` in place of this")
        if len(cells) > limits.TABLE_CELLS_MAX:
            most = limits.TABLE_CELLS_MAX
            check.refuse(item.place, f"{len(cells)} cells, more than {most}; split the table")
        self.places[name].append([place for _, place in cells])
        note = check.text(parts.get("note"))
        return Version(
            start,
            tuple(cell for cell, _ in cells),
            bounds.fen or (None,),
            source or "",
            confidence,
            note,
            self._issued(parts.get("issued"), start),
            item.place,
            tuple(place for _, place in cells),
            self._until(parts.get("until"), start),
        )

    def _until(self, value: Value | None, start: date) -> date | None:
        """Return the first day on which values are no longer known to hold, None where they are."""
        until = self.check.parsed(value, values.day, None)
        if value is not None and until is not None and until <= start:
            self.check.refuse(
                value.place,
                f"these values end on {until}, not after they begin on {start}; correct one",
            )
            return None
        return until

    def _issued(self, value: Value | None, start: date) -> date:
        """Return the day of publication; values published before they begin need none."""
        issued = self.check.parsed(value, values.day, start)
        if value is not None and issued < start:
            self.check.refuse(
                value.place,
                f"published on {issued}, before it begins on {start}, which decides nothing; "
                "delete `issued`, or correct it",
            )
        return max(issued, start)

    # --- cells -------------------------------------------------------------------------------

    def _cells(
        self, value: Value, heading: _Heading, by: tuple[str, ...], bounds: Limits
    ) -> list[tuple[Fraction, Place]]:
        if not by:
            return self._row(value, heading, bounds)
        wanted = self.dimensions[by[0]].values
        if not wanted:
            return []
        if not isinstance(value, Map) and by != heading.by:
            # One row for all classes of the dimensions that are left: nothing varies by them.
            return self._row(value, heading, bounds) * self._rows_of(by, value)
        if not isinstance(value, Map):
            classes = ", ".join(wanted)
            self.check.refuse(
                value.place, f"the table is by {by[0]}; write a row for each of {classes}"
            )
            return []
        rows = self._rows(value, by[0], wanted)
        cells: list[tuple[Fraction, Place]] = []
        for word in wanted:
            if word in rows:
                cells += self._cells(rows[word], heading, by[1:], bounds)
            else:
                self.check.refuse(
                    value.place, f"no row for class {quoted(word)} of {by[0]}; add it"
                )
        return cells

    def _rows(self, value: Map, name: str, wanted: tuple[str, ...]) -> dict[str, Value]:
        """Return the rows by the classes of a dimension, refusing those of no class."""
        rows: dict[str, Value] = {}
        strays: list[tuple[str, Place, Value]] = []
        for word, place, row in self.check.entries(value, f"rows by {name}"):
            known = same_name(word, wanted)
            if known is None:
                strays.append((word, place, row))
            else:
                rows[known] = row
        file = f" in {AREA_FILE}" if name in self.area_dimensions else ""
        for word, place, row in strays:
            left = [other for other in wanted if other not in rows]
            hint = f"{suggestion(word, left)} Or " if left else ""
            self.check.refuse(
                place,
                f"{name} has no class {quoted(word)}; {hint}add {word} to dimension {name}{file}",
            )
            if (meant := nearest(word, left)) is not None:
                rows[meant] = row
        return rows

    def _rows_of(self, by: tuple[str, ...], value: Value) -> int:
        """Return for how many rows one stands; none where these are more than a table may have."""
        count = prod(len(self.dimensions[name].values) for name in by)
        if count > limits.TABLE_CELLS_MAX:
            most = limits.TABLE_CELLS_MAX
            self.check.refuse(value.place, f"{count} cells, more than {most}; split the table")
            return 0
        return count

    def _row(self, value: Value, heading: _Heading, bounds: Limits) -> list[tuple[Fraction, Place]]:
        if isinstance(value, Map):
            classes = ", ".join(entry.key.value for entry in value)
            self.check.refuse(
                value.place,
                f"rows for {classes} where a value is expected; name their dimension in `by`",
            )
            return []
        items = self.check.items(value, "value of each band")
        if items:
            bounds.rows.append((value.place, len(items)))
        if heading.unit is None:
            return [(Fraction(0), item.place) for item in items]
        parse = _PARSERS[heading.unit]
        return [(self.check.parsed(item, parse, Fraction(0)), item.place) for item in items]
