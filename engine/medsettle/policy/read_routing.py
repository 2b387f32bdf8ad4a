"""Read a `routing.yaml`: which scheme settles which line of a visit, cited, all faults at once."""

from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

from medsettle import limits
from medsettle.core.code_words import INSURANCE_TYPE_WORDS, VISIT_TYPE_WORDS
from medsettle.errors import Violation
from medsettle.policy import keys, tree
from medsettle.policy import routing_keys as own
from medsettle.policy.checker import Checker
from medsettle.policy.model import Source
from medsettle.policy.read_facts import read_clause, read_codes, read_sources, read_start
from medsettle.policy.read_registrations import read_kinds
from medsettle.policy.registration_kinds import RegistrationKind
from medsettle.policy.routing import (
    Confirmation,
    LineRule,
    Outside,
    Routing,
    RoutingVersion,
    SchemeRoute,
    Shared,
    SharedTo,
    Unconfirmed,
    Window,
)
from medsettle.policy.tree import Map, Text, Value
from medsettle.policy.vocabulary import canonical, quoted

ROUTING_FILE = "routing.yaml"
DIGEST_CHARS = 12


def read_routing_file(
    path: Path, earmarks: Collection[str]
) -> tuple[Routing | None, list[Violation]]:
    """Return the routing of a `routing.yaml`, or None with every violation found.

    Args:
        path: The document, in the folder of its area.
        earmarks: The marks that the area lists.
    """
    raw = path.read_bytes()
    document, violations = tree.parse(raw, str(path))
    digest = sha256(raw).hexdigest()[:DIGEST_CHARS]
    reader = _Reader(violations, earmarks)
    routing = reader.routing(document, path.parent.name, digest)
    found = sorted(reader.check.violations, key=lambda fault: (fault.line, fault.column))
    return (None if found else routing), found


class _Reader:
    """Reads one document; every rule it reads is cited."""

    def __init__(self, violations: list[Violation], earmarks: Collection[str]) -> None:
        self.check = Checker(violations)
        self._earmarks = earmarks
        self._sources: dict[str, Source] = {}
        self._kinds: dict[str, RegistrationKind] = {}

    def routing(self, document: Map, folder: str, digest: str) -> Routing:
        """Return the routing, with stand-ins where there are faults."""
        check = self.check
        parts = check.record(document, own.ROUTING)
        check.one_of(parts.get("format"), [keys.FORMAT])
        check.text(parts.get("note"))
        code = check.text(parts.get("area"))
        if code and code != folder:
            message = f"area {code} lies in the folder {quoted(folder)}; rename one"
            check.refuse(parts["area"].place, message)
        self._sources = read_sources(check, parts.get("sources"))
        self._kinds = read_kinds(self.check, parts.get("registrations"), own.KIND, self._clause)
        return Routing(folder, self._kinds, self._versions(parts.get("versions")), digest)

    def _clause(self, value: Value | None) -> str:
        return read_clause(self.check, value, self._sources)

    def _versions(self, value: Value | None) -> tuple[RoutingVersion, ...]:
        found: list[RoutingVersion] = []
        for item in self.check.items(value, "versions"):
            parts = self.check.record(item, own.VERSION)
            self.check.text(parts.get("note"))
            start = read_start(self.check, item, parts, [each.start for each in found])
            schemes = self._schemes(parts.get("schemes"))
            names = [scheme.name for scheme in schemes]
            shared = parts.get("shared")
            found.append(
                RoutingVersion(
                    start, schemes, None if shared is None else self._shared(shared, names)
                )
            )
        return tuple(found)

    def _schemes(self, value: Value | None) -> tuple[SchemeRoute, ...]:
        found: list[SchemeRoute] = []
        items = self.check.items(value, "schemes")
        for position, item in enumerate(items, 1):
            scheme = self._scheme(item)
            if scheme.name and scheme.name in [other.name for other in found]:
                self.check.refuse(item.place, f"{quoted(scheme.name)} is listed twice; rename one")
            if scheme.lines.rest != (position == len(items)):
                self.check.refuse(
                    item.place,
                    "the last scheme, and no other, takes the rest, so that each line has one; "
                    f"write `lines: {own.REST}` there",
                )
            found.append(scheme)
        if len(items) > limits.VISIT_PARTS_MAX:
            most = limits.VISIT_PARTS_MAX
            self.check.refuse(
                items[most].place, f"{len(items)} schemes, more than {most}; join some of them"
            )
        return tuple(found)

    def _scheme(self, item: Value) -> SchemeRoute:
        check = self.check
        parts = check.record(item, own.SCHEME)
        check.text(parts.get("note"))
        name = check.text(parts.get("scheme"))
        if "scheme" in parts:
            check.check_name(name, parts["scheme"].place)
        lines = self._lines(parts.get("lines"))
        outside = check.one_of(parts.get("outside_catalogue"), own.OUTSIDE)
        if isinstance(item, Map) and not lines.rest and "outside_catalogue" not in parts:
            check.refuse_missing(item.place, "outside_catalogue", "`stays` or `next_scheme`")
        if lines.rest:
            for word in ("needs", "outside_catalogue", "confirmed", "window"):
                if word in parts:
                    check.refuse(parts[word].place, "who takes the rest turns nothing away; delete")
        needs = check.known_all(parts.get("needs"), self._kinds, "kind of registration")
        if not needs and (lines.registered or "window" in parts):
            check.refuse(item.place, "no registration is asked for here; name its kind in `needs`")
        return SchemeRoute(
            name=name,
            title=check.text(parts.get("title")),
            insurance_type=check.code(
                parts.get("insurance_type"), "insurance type", INSURANCE_TYPE_WORDS
            ),
            visit_types=self._visit_types(parts.get("visit_types")),
            needs=needs,
            lines=lines,
            outside=Outside(outside or Outside.STAYS),
            confirmations=self._confirmations(parts.get("confirmed")),
            window=self._window(parts.get("window")),
            clause=self._clause(parts.get("source")),
        )

    def _visit_types(self, value: Value | None) -> dict[str, str]:
        found = {}
        for word, place, other in self.check.entries(value, "visit types"):
            own_type = self.check.code(Text(place, word), "visit type", VISIT_TYPE_WORDS)
            its_type = self.check.code(other, "visit type", VISIT_TYPE_WORDS)
            if own_type is not None and its_type is not None:
                found[own_type] = its_type
        return found

    def _lines(self, value: Value | None) -> LineRule:
        if isinstance(value, Text) and canonical(value.value.strip()) == own.REST:
            return LineRule(rest=True)
        parts = self.check.record(value, own.LINES)
        self.check.text(parts.get("note"))
        if isinstance(value, Map) and value.readable and not parts.keys() - {"note"}:
            self.check.refuse(value.place, f"no line is named here; name some, or write {own.REST}")
        given = parts.get("diagnoses")
        registered = isinstance(given, Text) and canonical(given.value.strip()) == own.REGISTERED
        return LineRule(
            diagnoses=() if registered else self._codes(given, "diagnoses"),
            registered=registered,
            items=frozenset(self._codes(parts.get("items"), "catalogue codes")),
            charge_types=frozenset(self._codes(parts.get("charge_types"), "charge types")),
        )

    def _codes(self, value: Value | None, what: str) -> tuple[str, ...]:
        return read_codes(self.check, value, what, own.CODE_PATTERN)

    def _confirmations(self, value: Value | None) -> tuple[Confirmation, ...]:
        found = []
        for item in self.check.items(value, "confirmations") if value is not None else ():
            parts = self.check.record(item, own.CONFIRMED)
            self.check.text(parts.get("note"))
            self._clause(parts.get("source"))
            otherwise = self.check.one_of(parts.get("otherwise"), own.UNCONFIRMED)
            found.append(
                Confirmation(
                    charge_types=frozenset(self._codes(parts.get("charge_types"), "charge types")),
                    kind=self.check.known(parts.get("kind"), self._kinds, "kind of registration")
                    or "",
                    otherwise=Unconfirmed(otherwise or Unconfirmed.REFUSED),
                )
            )
        return tuple(found)

    def _window(self, value: Value | None) -> Window | None:
        if value is None:
            return None
        parts = self.check.record(value, own.WINDOW)
        self.check.text(parts.get("note"))
        earmark = self.check.known(parts.get("earmark"), self._earmarks, "earmark of the area")
        return Window(
            start=self.check.one_of(parts.get("from"), own.DATES) or own.DATES[0],
            end=self.check.one_of(parts.get("until"), own.DATES) or own.DATES[0],
            timeliness=self.check.one_of(parts.get("when"), own.TIMELINESS) or own.TIMELINESS[0],
            earmark=earmark or "",
            clause=self._clause(parts.get("source")),
        )

    def _shared(self, value: Value, schemes: list[str]) -> Shared:
        parts = self.check.record(value, own.SHARED)
        self.check.text(parts.get("note"))
        if isinstance(value, Map) and not {"charge_types", "items"} & parts.keys():
            self.check.refuse(value.place, "no line is named here; name charge types or items")
        if any(name in own.SHARED_TO for name in schemes):
            self.check.refuse(
                value.place, f"a scheme is called {' or '.join(own.SHARED_TO)}; rename it"
            )
        goes_to = self.check.one_of(parts.get("goes_to"), [*own.SHARED_TO, *schemes])
        return Shared(
            charge_types=frozenset(self._codes(parts.get("charge_types"), "charge types")),
            items=frozenset(self._codes(parts.get("items"), "catalogue codes")),
            goes_to=goes_to or SharedTo.MAIN_DIAGNOSIS,
            clause=self._clause(parts.get("source")),
        )
