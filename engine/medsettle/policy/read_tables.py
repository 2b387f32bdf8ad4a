"""Read the dated tables, dimensions, counters and sources of a rule document."""

from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from medsettle import limits
from medsettle.core import schema
from medsettle.core.dates import Period
from medsettle.policy import values
from medsettle.policy.checker import Checker
from medsettle.policy.model import Counter, Dimension, Source, Table, Unit, Version
from medsettle.policy.tree import Map, Place, Text, Value
from medsettle.policy.vocabulary import canonical, suggestion

_CODE_COLUMNS = {column.name for column in schema.CLAIM if column.kind is schema.Kind.CODE}
CONFIDENCES = ("SO", "SW", "SR", "S3", "KH", "KM", "uncertain", "invented")
"""Labels of a source, from an official text that was read down to a figure of our own making."""


def read_sources(check: Checker, value: Value | None) -> dict[str, Source]:
    """Return the sources by key; each says what it is, where it stands and how sure it is."""
    found = {}
    for key, _, body in check.entries(value, "sources"):
        parts = check.fields(body, {"title", "where", "confidence"}, {"note"})
        confidence = check.known(parts.get("confidence"), CONFIDENCES, "confidence label")
        title, where = check.text(parts.get("title")), check.text(parts.get("where"))
        found[key] = Source(key, title, where, confidence or "uncertain")
    return found


def read_dimensions(
    check: Checker, value: Value | None, counters: dict[str, Counter]
) -> dict[str, Dimension]:
    """Return the dimensions by name."""
    found = {}
    for name, place, body in check.entries(value, "dimensions"):
        kinds = {"column", "ages", "group", "counter"}
        parts = check.fields(body, set(), kinds | {"codes", "counted"})
        chosen = kinds & set(parts)
        if len(chosen) != 1:
            check.refuse(place, "a dimension has exactly one of column, ages, group, counter")
            continue
        found[name] = _dimension(check, name, chosen.pop(), parts, place, counters)
    return found


def _dimension(
    check: Checker,
    name: str,
    kind: str,
    parts: dict[str, Value],
    place: Place,
    counters: dict[str, Counter],
) -> Dimension:
    if kind == "column":
        column = check.known(parts["column"], _CODE_COLUMNS, "claim column") or "person_type"
        if "codes" not in parts:
            check.refuse(place, "'codes' is missing; say which codes make each class")
        classes = [
            (word, check.texts(codes, "codes"))
            for word, _, codes in check.entries(parts.get("codes"), "classes of codes")
        ]
        _refuse_shared_codes(check, place, classes)
        names = tuple(word for word, _ in classes)
        return Dimension(name, "code", column, names, tuple(codes for _, codes in classes))
    if kind == "group":
        group = check.text(parts["group"])
        return Dimension(name, "group", "benefit_groups", ("no", "yes"), ((), (group,)))
    if kind == "ages":
        steps = check.entries(parts["ages"], "age bands with the age each begins at")
        thresholds = [check.parsed(age, values.age, 0) for _, _, age in steps]
        _refuse_disorder(check, place, thresholds)
        names = tuple(word for word, _, _ in steps)
        return Dimension(name, "age", "birth_date", names, thresholds=tuple(thresholds))
    counter = check.known(parts["counter"], counters, "counter") or ""
    if "counted" not in parts:
        check.refuse(place, "'counted' is missing; say from which count each class begins")
    steps = check.entries(parts.get("counted"), "classes with the count each begins at")
    thresholds = [check.parsed(step, values.count, 0) for _, _, step in steps]
    _refuse_disorder(check, place, thresholds)
    names = tuple(word for word, _, _ in steps)
    return Dimension(name, "counter", counter, names, thresholds=tuple(thresholds))


def _refuse_shared_codes(
    check: Checker, place: Place, classes: list[tuple[str, tuple[str, ...]]]
) -> None:
    owner: dict[str, str] = {}
    for word, codes in classes:
        for code in codes:
            if code in owner:
                check.refuse(
                    place, f"code {code} belongs to both {owner[code]!r} and {word!r}; keep one"
                )
            owner[code] = word


def _refuse_disorder(check: Checker, place: Place, thresholds: list[int]) -> None:
    if not thresholds or thresholds[0] != 0 or sorted(set(thresholds)) != thresholds:
        check.refuse(place, f"classes begin at 0 and rise, found {thresholds}")


def read_counters(check: Checker, value: Value | None) -> dict[str, Counter]:
    """Return the counters by name; the amounts they sum are checked with the stages."""
    found = {}
    for name, place, body in check.entries(value, "counters"):
        parts = check.fields(body, {"period"}, {"sums", "counts"})
        if len({"sums", "counts"} & set(parts)) != 1:
            check.refuse(place, "a counter either sums named amounts or counts settlements")
        if "counts" in parts:
            check.known(parts["counts"], ["settlements"], "thing to count")
        period = check.choice(parts.get("period"), Period, Period.BENEFIT_YEAR)
        sums = check.texts(parts.get("sums"), "named amounts")
        found[name] = Counter(name, period, tuple(sums), place)
    return found


@dataclass
class TableReader:
    """Reads the tables of one document against its dimensions and sources."""

    check: Checker
    dimensions: dict[str, Dimension]
    sources: dict[str, Source]
    in_force_from: date
    tables: dict[str, Table] = field(default_factory=dict)

    def read(self, value: Value | None) -> dict[str, Table]:
        """Return the tables by name."""
        for name, place, body in self.check.entries(value, "tables"):
            parts = self.check.fields(body, {"unit", "versions"}, {"by", "bands", "title"})
            by = self.check.known_all(parts.get("by"), self.dimensions, "dimension")
            unit = self.check.choice(parts.get("unit"), Unit, Unit.AMOUNT)
            banded = "bands" in parts
            if banded:
                self.check.known(parts["bands"], ["yes"], "choice (write `bands: yes` or nothing)")
            versions = self._versions(parts.get("versions"), unit, by, banded=banded)
            self._refuse_late(place, name, versions)
            self.tables[name] = Table(name, unit, by, banded, tuple(versions), place)
        return self.tables

    def _refuse_late(self, place: Place, name: str, versions: list[Version]) -> None:
        starts = [version.start for version in versions]
        if sorted(set(starts)) != starts:
            self.check.refuse(place, f"versions of {name!r} must have rising, different dates")
        if starts and starts[0] > self.in_force_from:
            self.check.refuse(
                place,
                f"the policy is in force from {self.in_force_from}, but {name!r} begins on "
                f"{starts[0]}; add the earlier version",
            )

    def _versions(
        self, value: Value | None, unit: Unit, by: tuple[str, ...], *, banded: bool
    ) -> list[Version]:
        found = []
        for item in self.check.items(value, "versions"):
            optional = {"confidence", "note", "value", "rows"} | ({"limits"} if banded else set())
            parts = self.check.fields(item, {"from", "source"}, optional)
            if not parts:
                continue
            found.append(self._version(item, parts, unit, by, banded=banded))
        if not found and value is not None:
            self.check.refuse(value.place, "a table needs at least one version")
        return found

    def _version(
        self,
        item: Value,
        parts: dict[str, Value],
        unit: Unit,
        by: tuple[str, ...],
        *,
        banded: bool,
    ) -> Version:
        check = self.check
        start = check.parsed(parts.get("from"), values.day, self.in_force_from)
        source = check.known(parts.get("source"), self.sources, "source") or ""
        own = check.known(parts.get("confidence"), CONFIDENCES, "confidence label")
        confidence = own or (self.sources[source].confidence if source else "uncertain")
        bounds = self._limits(item, parts.get("limits")) if banded else (None,)
        wanted = "rows" if by else "value"
        if wanted not in parts:
            check.refuse(item.place, f"{wanted!r} is missing; the table is by {list(by)}")
        for extra in {"rows", "value"} & set(parts) - {wanted}:
            check.refuse(parts[extra].place, f"{extra!r} does not fit a table by {list(by)}")
        cells = self._cells(parts.get(wanted), unit, by, len(bounds))
        if len(cells) > limits.TABLE_CELLS_MAX:
            check.refuse(item.place, f"more than {limits.TABLE_CELLS_MAX} cells; split the table")
        note = check.text(parts.get("note"))
        return Version(start, tuple(cells), bounds, source, confidence, note, item.place)

    def _limits(self, item: Value, value: Value | None) -> tuple[int | None, ...]:
        """Return the upper limit of each band in fen; None for an open last band."""
        if value is None:
            self.check.refuse(item.place, "'limits' is missing; give each band's upper limit")
            return (None,)
        found: list[int | None] = []
        entries = self.check.items(value, "upper limits")
        for index, entry in enumerate(entries):
            if isinstance(entry, Text) and entry.value in {"open", "以上"}:
                if index != len(entries) - 1:
                    self.check.refuse(entry.place, "only the last band may be open")
                found.append(None)
            else:
                found.append(self.check.parsed(entry, values.amount_fen, 0))
        closed = [limit for limit in found if limit is not None]
        if sorted(set(closed)) != closed or 0 in closed:
            self.check.refuse(value.place, "upper limits of bands must rise from above 0元")
        if len(found) > limits.BANDS_PER_STAGE_MAX:
            most = limits.BANDS_PER_STAGE_MAX
            self.check.refuse(value.place, f"{len(found)} bands, more than {most}")
        return tuple(found) or (None,)

    def _cells(
        self, value: Value | None, unit: Unit, by: tuple[str, ...], width: int
    ) -> list[Fraction]:
        if value is None:
            return []
        if not by:
            return self._row(value, unit, width)
        wanted = self.dimensions[by[0]].values
        if not isinstance(value, Map):
            self.check.refuse(value.place, f"expected a row for each of {', '.join(wanted)}")
            return []
        rows = {canonical(entry.key.value): entry for entry in value}
        for word, entry in rows.items():
            if word not in wanted:
                hint = suggestion(word, wanted)
                self.check.refuse(
                    entry.key.place, f"{by[0]!r} has no class {entry.key.value!r}; {hint}"
                )
        cells: list[Fraction] = []
        for word in wanted:
            if word in rows:
                cells += self._cells(rows[word].value, unit, by[1:], width)
            else:
                self.check.refuse(value.place, f"no row for {word!r} of {by[0]!r}; add it")
        return cells

    def _row(self, value: Value, unit: Unit, width: int) -> list[Fraction]:
        items = self.check.items(value, "cells")
        if len(items) != width:
            self.check.refuse(
                value.place, f"{len(items)} cell(s) where the table has {width} band(s)"
            )
        if unit is Unit.RATE:
            return [self.check.parsed(item, values.rate, Fraction(0)) for item in items]
        return [Fraction(self.check.parsed(item, values.amount_fen, 0)) for item in items]
