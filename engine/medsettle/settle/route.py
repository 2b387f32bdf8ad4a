"""Route the lines of one visit to schemes: each line in exactly one, with the reason.

The schemes of the area's document are asked in its order, and the first that takes a line has it;
the last takes the rest. A scheme takes a line by its diagnosis, item or charge type, where one of
the registrations it asks for holds on the day of the charge. Lines that the document calls shared
wait until the others are placed. A line that takes another back goes where that one went.

Source: one admission may yield several settlements, lines of an injury to work injury and the rest
to basic insurance (工伤保险条例 第三十条, 社会保险法 第三十条).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from medsettle import errors
from medsettle.core.settlement import Row
from medsettle.core.visits import Registration, Route, RoutedBy
from medsettle.policy.routing import (
    LineRule,
    Outside,
    Routing,
    RoutingVersion,
    SchemeRoute,
    Shared,
    SharedTo,
    Unconfirmed,
)
from medsettle.settle.care_lines import CareOfLines


@dataclass(frozen=True, slots=True)
class Routed:
    """A visit whose lines have their schemes: a route for each line, a claim for each scheme.

    `parts` are claims as checked rows in the order of the schemes; `schemes` are the names.
    """

    routes: tuple[Route, ...]
    parts: tuple[Row, ...]
    schemes: tuple[str, ...]


class _Line(NamedTuple):
    """What routing asks of a line; `charge_type` is empty for an item that is not listed."""

    at: int
    day: date
    diagnosis: str
    item: str
    charge_type: str


class _Taken(NamedTuple):
    """A line's scheme with what justifies it."""

    scheme: SchemeRoute
    by: RoutedBy
    diagnosis: str = ""
    registration: Registration | None = None


def route_visit(
    claim: Row,
    routing: Routing,
    care: CareOfLines,
    registrations: Sequence[Registration],
) -> Routed:
    """Return where the lines of a visit go, and the claim of each scheme.

    Args:
        claim: A claim as checked row, with at least one line.
        routing: The routing of its pooling area.
        care: What the catalogue at the place of care says of each line.
        registrations: Those of the person, in any order.

    Raises:
        PolicyNotInForce: The document has no version for the service date.
        NotConfirmed: A line needs a confirmation that is not registered.
    """
    day = claim["service_date"]
    assert isinstance(day, date)
    version = routing.on(day)
    if version is None:
        raise errors.PolicyNotInForce(
            f"the routing of area {routing.area} begins on {routing.versions[0].start}, after the "
            f"service date {day}; add the version of that time or correct the date",
            pooling_area=routing.area,
            service_date=str(day),
        )
    return _Router(claim, routing, version, care, registrations).routed()


class _Router:
    """Routes one visit."""

    def __init__(
        self,
        claim: Row,
        routing: Routing,
        version: RoutingVersion,
        care: CareOfLines,
        registrations: Sequence[Registration],
    ) -> None:
        self._claim = claim
        self._routing = routing
        self._version = version
        self._care = care
        self._registrations = sorted(registrations, key=lambda each: each.subject)
        self._lines: list[Row] = claim["lines"]  # type: ignore[assignment]
        self._main = str(claim["diagnosis"] or "")

    def routed(self) -> Routed:
        """Return every line's route and the claims they make."""
        seen = self._seen()
        places = {str(line["line_id"]): at for at, line in enumerate(self._lines)}
        taken: dict[int, _Taken] = {}
        shared: list[_Line] = []
        for line in seen:
            if self._lines[line.at]["original_line"] is not None:
                continue
            if self._is_shared(line):
                shared.append(line)
            else:
                taken[line.at] = self._first(line)
        if shared:
            taken |= self._of_shared(shared, taken)
        for at, own in enumerate(self._lines):
            if own["original_line"] is not None:
                first = taken[places[str(own["original_line"])]]
                taken[at] = first._replace(by=RoutedBy.ORIGINAL)
        return self._parted([taken[at] for at in range(len(self._lines))], places)

    def _seen(self) -> list[_Line]:
        return [
            _Line(
                at=at,
                day=_day(line, "fee_date"),
                diagnosis=str(line["diagnosis"] or self._main),
                item=str(line["item_code"]),
                charge_type=self._care.charge_type(at),
            )
            for at, line in enumerate(self._lines)
        ]

    def _is_shared(self, line: _Line) -> bool:
        """Return whether a line is shared; one that states its own diagnosis is not."""
        shared = self._version.shared
        if shared is None or self._lines[line.at]["diagnosis"] is not None:
            return False
        return line.charge_type in shared.charge_types or line.item in shared.items

    # --- whose line it is ------------------------------------------------------------------

    def _first(self, line: _Line) -> _Taken:
        """Return the first scheme that takes a line; the last takes every one."""
        for scheme in self._version.schemes:
            by = _takes(scheme.lines, line)
            if by is None:
                continue
            found = self._held(scheme, line, by)
            if scheme.needs and found is None:
                continue
            if scheme.outside is Outside.NEXT_SCHEME and self._is_outside(scheme, line):
                continue
            if not self._is_confirmed(scheme, line):
                continue
            return _Taken(scheme, by, line.diagnosis if by is RoutedBy.DIAGNOSIS else "", found)
        raise AssertionError("the last scheme takes the rest")

    def _held(self, scheme: SchemeRoute, line: _Line, by: RoutedBy) -> Registration | None:
        """Return the first registration a scheme asks for that holds for a line."""
        for kind in scheme.needs:
            for each in self._registrations:
                if each.kind != kind or not each.holds_on(line.day):
                    continue
                by_registered = scheme.lines.registered and by is RoutedBy.DIAGNOSIS
                if by_registered and not _begins(line.diagnosis, self._diagnoses(each)):
                    continue
                return each
        return None

    def _diagnoses(self, registration: Registration) -> tuple[str, ...]:
        """Return what a registration is for; one without diagnoses has those it continues."""
        seen: set[str] = set()
        while not registration.diagnoses and registration.subject not in seen:
            seen.add(registration.subject)
            before = self._routing.kinds[registration.kind].continues
            subject = f"{before}/{registration.continues}"
            for each in self._registrations:
                if each.subject == subject:
                    registration = each
        return registration.diagnoses

    def _is_outside(self, scheme: SchemeRoute, line: _Line) -> bool:
        """Return whether a scheme's catalogue leaves a line wholly to the person."""
        own = scheme.insurance_type or str(self._claim["insurance_type"])
        return self._care.is_outside(line.at, own)

    def _is_confirmed(self, scheme: SchemeRoute, line: _Line) -> bool:
        for rule in scheme.confirmations:
            if line.charge_type not in rule.charge_types:
                continue
            if any(
                each.kind == rule.kind and each.holds_on(line.day) and line.item in each.items
                for each in self._registrations
            ):
                continue
            if rule.otherwise is Unconfirmed.REFUSED:
                title = self._routing.kinds[rule.kind].title
                line_id = str(self._lines[line.at]["line_id"])
                raise errors.NotConfirmed(
                    f"lines[{line.at}] ({line_id}): item {line.item} needs a registration of the "
                    f"kind {rule.kind} ({title}) that holds on {line.day}; have it registered, or "
                    "take the line out",
                    line_id=line_id,
                    item_code=line.item,
                    kind=rule.kind,
                )
            return False
        return True

    # --- shared lines ----------------------------------------------------------------------

    def _of_shared(self, lines: Sequence[_Line], taken: dict[int, _Taken]) -> dict[int, _Taken]:
        """Return the scheme of each shared line."""
        shared = self._version.shared
        assert shared is not None
        if shared.goes_to == SharedTo.MAIN_DIAGNOSIS:
            # The line itself is no ground: only the diagnosis of the visit is.
            found = [self._first(line._replace(item="", charge_type="")) for line in lines]
        else:
            first = self._chosen(shared, taken)
            found = [first] * len(lines)
        return {
            line.at: each._replace(by=RoutedBy.SHARED)
            for line, each in zip(lines, found, strict=True)
        }

    def _chosen(self, shared: Shared, taken: dict[int, _Taken]) -> _Taken:
        """Return the scheme named, or the one with the largest lines of its own.

        A scheme that has no line of this visit takes no shared one: its registration may not hold.
        """
        sums: Counter[str] = Counter()
        firsts: dict[str, _Taken] = {}
        for at, each in sorted(taken.items()):
            sums[each.scheme.name] += int(str(self._lines[at]["amount_fen"]))
            firsts.setdefault(each.scheme.name, each)
        rest = _Taken(self._version.schemes[-1], RoutedBy.REST)
        if shared.goes_to != SharedTo.LARGEST:
            return firsts.get(shared.goes_to, rest)
        order = [scheme.name for scheme in self._version.schemes if scheme.name in sums]
        return firsts[max(order, key=lambda name: sums[name])] if order else rest

    # --- parts -----------------------------------------------------------------------------

    def _parted(self, taken: Sequence[_Taken], places: dict[str, int]) -> Routed:
        schemes = [
            scheme
            for scheme in self._version.schemes
            if any(each.scheme is scheme for each in taken)
        ]
        numbers = {scheme.name: number for number, scheme in enumerate(schemes, 1)}
        marks = [self._mark(at, each) for at, each in enumerate(taken)]
        for at, line in enumerate(self._lines):
            if line["original_line"] is not None:
                # What takes a line back carries its mark, whatever its own day.
                marks[at] = marks[places[str(line["original_line"])]]
        routes = tuple(
            self._route(at, each, numbers[each.scheme.name], marks[at])
            for at, each in enumerate(taken)
        )
        parts = tuple(self._part(scheme, taken, marks) for scheme in schemes)
        return Routed(routes, parts, tuple(numbers))

    def _mark(self, at: int, each: _Taken) -> tuple[str, str] | None:
        """Return the mark and clause of a line on a day that the scheme's fund does not owe."""
        window, found = each.scheme.window, each.registration
        if window is None or found is None or found.timeliness != window.timeliness:
            return None
        start, end = getattr(found, window.start), getattr(found, window.end)
        day = _day(self._lines[at], "fee_date")
        # Who registers must state both dates; an application not yet accepted ends no window.
        if start is None or day < start or (end is not None and day >= end):
            return None
        return window.earmark, window.clause

    def _route(self, at: int, each: _Taken, part: int, mark: tuple[str, str] | None) -> Route:
        scheme = each.scheme
        shared = self._version.shared
        clause = scheme.clause if mark is None else mark[1]
        if each.by is RoutedBy.SHARED and shared is not None and mark is None:
            clause = shared.clause
        return Route(
            line_id=str(self._lines[at]["line_id"]),
            scheme=scheme.name,
            insurance_type=scheme.insurance_type or str(self._claim["insurance_type"]),
            part=part,
            by=each.by,
            diagnosis=each.diagnosis,
            registration=each.registration.subject if each.registration else "",
            earmark="" if mark is None else mark[0],
            clause=clause,
        )

    def _part(
        self, scheme: SchemeRoute, taken: Sequence[_Taken], marks: Sequence[tuple[str, str] | None]
    ) -> Row:
        """Return the claim of a scheme: the visit's facts with its own lines."""
        mine = [at for at, each in enumerate(taken) if each.scheme is scheme]
        groups: list[str] = list(self._claim["benefit_groups"])  # type: ignore[call-overload]
        for at in mine:
            found = taken[at].registration
            groups += found.benefit_groups if found is not None else ()
        diagnoses = [each for at in mine if (each := taken[at].diagnosis)]
        own = not diagnoses or self._main in diagnoses
        visit_type = str(self._claim["visit_type"])
        lines = []
        for at in mine:
            mark = marks[at]
            lines.append(self._lines[at] | ({} if mark is None else {"earmark": mark[0]}))
        return self._claim | {
            "institution_settlement": None,
            "insurance_type": scheme.insurance_type or self._claim["insurance_type"],
            "visit_type": scheme.visit_types.get(visit_type, visit_type),
            "benefit_groups": list(dict.fromkeys(groups)),
            "diagnosis": self._claim["diagnosis"] if own else diagnoses[0],
            "stay_days": self._stay_days(scheme, [taken[at] for at in mine]),
            "lines": lines,
        }

    def _stay_days(self, scheme: SchemeRoute, mine: Sequence[_Taken]) -> object:
        """Return the days of the stay that a scheme's fund owes by the day, such as for food.

        Those of a window are not its; the day of discharge is no day, as in `stay_days`.
        """
        days, window = self._claim["stay_days"], scheme.window
        found = next((each.registration for each in mine if each.registration), None)
        if not isinstance(days, int) or window is None or found is None:
            return days
        if found.timeliness != window.timeliness:
            return days
        first, last = self._claim["admission_date"], self._claim["service_date"]
        start, end = getattr(found, window.start), getattr(found, window.end)
        assert isinstance(first, date)
        assert isinstance(last, date)
        if start is None:
            return days
        outside = (min(end or last, last) - max(start, first)).days
        return max(days - max(outside, 0), 0)


def _takes(rule: LineRule, line: _Line) -> RoutedBy | None:
    """Return by what a rule takes a line, None where it does not."""
    if rule.rest:
        return RoutedBy.REST
    if line.item in rule.items:
        return RoutedBy.ITEM
    if line.charge_type and line.charge_type in rule.charge_types:
        return RoutedBy.CHARGE_TYPE
    # Whether a diagnosis is registered is asked of the registrations.
    if line.diagnosis and (rule.registered or _begins(line.diagnosis, rule.diagnoses)):
        return RoutedBy.DIAGNOSIS
    return None


def _begins(diagnosis: str, prefixes: Sequence[str]) -> bool:
    return diagnosis.startswith(tuple(prefixes))


def _day(line: Row, column: str) -> date:
    value = line[column]
    assert isinstance(value, date)
    return value
