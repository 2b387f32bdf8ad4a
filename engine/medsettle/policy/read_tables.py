"""Read the dated tables of a rule document against its dimensions and sources."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from itertools import compress
from typing import Final

from medsettle import limits
from medsettle.core.money import yuan_from_fen
from medsettle.policy import keys, values
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.keys import CONFIDENCES
from medsettle.policy.model import Dimension, Source, Table, Unit, Version
from medsettle.policy.read_facts import cited
from medsettle.policy.tree import Map, Place, Text, Value
from medsettle.policy.vocabulary import canonical, quoted, suggestion

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


@dataclass
class TableReader:
    """Reads the tables of one document.

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
        by = check.known_all(parts.get("by"), self.dimensions, "dimension")
        word = check.one_of(parts.get("unit"), [unit.value for unit in Unit])
        unit = Unit(word) if word else None
        banded = "bands" in parts
        check.one_of(parts.get("bands"), [keys.YES])
        if banded and unit is not None and unit is not Unit.RATE:
            check.refuse(
                parts["bands"].place, "only rates have bands; delete `bands`, or write `unit: rate`"
            )
            unit = None
        return _Heading(unit, by, banded)

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
        bounds = self._limits(item, parts.get("limits"), heading)
        cells: list[tuple[Fraction, Place]] = []
        wanted, other = ("rows", "value") if heading.by else ("value", "rows")
        if wanted in parts:
            cells = self._cells(parts[wanted], heading, heading.by, bounds)
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
            bounds or (None,),
            source or "",
            confidence,
            note,
            self._issued(parts.get("issued"), start),
            item.place,
            tuple(place for _, place in cells),
        )

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

    # --- bands -------------------------------------------------------------------------------

    def _limits(
        self, item: Value, value: Value | None, heading: _Heading
    ) -> tuple[int | None, ...]:
        """Return the upper limit of each band in fen, None for an open last band.

        Without bands that is one open band; empty where the limits cannot be read.
        """
        if not heading.banded:
            if value is not None:
                self.check.refuse(
                    value.place, "limits belong to bands; write `bands: yes` in the table"
                )
            return (None,)
        if value is None:
            self.check.refuse_missing(item.place, "limits", "the upper limit of each band")
            return ()
        entries = self.check.items(value, "upper limit of each band")
        before = len(self.check.violations)
        found: list[int | None] = []
        for index, entry in enumerate(entries):
            if isinstance(entry, Text) and canonical(entry.value) == keys.OPEN:
                if index != len(entries) - 1:
                    self.check.refuse(
                        entry.place, "only the last band is open; write its upper limit"
                    )
                found.append(None)
            else:
                found.append(self._limit(entry, found))
        if len(found) > limits.BANDS_PER_STAGE_MAX:
            most = limits.BANDS_PER_STAGE_MAX
            self.check.refuse(value.place, f"{len(found)} bands, more than {most}; join some")
        return tuple(found) if len(self.check.violations) == before else ()

    def _limit(self, entry: Value, before: Sequence[int | None]) -> int | None:
        """Return the upper limit of one band, which rises above those before it."""
        fen = self.check.parsed(entry, values.amount_fen, -1)
        if fen < 0:
            return None
        floor = max((limit for limit in before if limit is not None), default=0)
        if fen <= floor:
            self.check.refuse(
                entry.place,
                f"the band ends at {yuan_from_fen(fen)}元, not above {yuan_from_fen(floor)}元, "
                "where it begins; upper limits rise from band to band",
            )
        return fen

    # --- cells -------------------------------------------------------------------------------

    def _cells(
        self, value: Value, heading: _Heading, by: tuple[str, ...], bounds: tuple[int | None, ...]
    ) -> list[tuple[Fraction, Place]]:
        if not by:
            return self._row(value, heading, bounds)
        wanted = self.dimensions[by[0]].values
        if not wanted:
            return []
        if not isinstance(value, Map):
            classes = ", ".join(wanted)
            self.check.refuse(
                value.place, f"the table is by {by[0]}; write a row for each of {classes}"
            )
            return []
        rows: dict[str, Value] = {}
        for name, place, row in self.check.entries(value, f"rows by {by[0]}"):
            known = same_name(name, wanted)
            if known is None:
                hint = suggestion(name, wanted)
                self.check.refuse(place, f"{by[0]} has no class {quoted(name)}; {hint}")
            else:
                rows[known] = row
        cells: list[tuple[Fraction, Place]] = []
        for word in wanted:
            if word in rows:
                cells += self._cells(rows[word], heading, by[1:], bounds)
            else:
                self.check.refuse(
                    value.place, f"no row for class {quoted(word)} of {by[0]}; add it"
                )
        return cells

    def _row(
        self, value: Value, heading: _Heading, bounds: tuple[int | None, ...]
    ) -> list[tuple[Fraction, Place]]:
        if isinstance(value, Map):
            classes = ", ".join(entry.key.value for entry in value)
            self.check.refuse(
                value.place,
                f"rows for {classes} where a value is expected; name their dimension in `by`",
            )
            return []
        items = self.check.items(value, "value of each band")
        if bounds and items and len(items) != len(bounds):
            bands = f"{len(bounds)} bands" if heading.banded else "no bands"
            self.check.refuse(
                value.place,
                f"{len(items)} values in a row of a table with {bands}; write "
                f"{'one for each band' if heading.banded else 'one value'}",
            )
        if heading.unit is None:
            return [(Fraction(0), item.place) for item in items]
        parse = _PARSERS[heading.unit]
        return [(self.check.parsed(item, parse, Fraction(0)), item.place) for item in items]
