"""Worked examples beside the policies: whole claims with the amounts a notice or receipt prints.

An example is a sequence of visits of one person, settled in order with the counters carried along,
so that it can say what a year says. It is written like the claim a hospital would send, in the
words and units of a policy, and it is evidence: each names its source and whether the amounts were
published or derived.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from medsettle.core import schema
from medsettle.core.code_words import INSURANCE_TYPE_WORDS, VISIT_TYPE_WORDS
from medsettle.core.columns import Kind
from medsettle.core.money import E6_PER_FEN
from medsettle.core.settlement import Row
from medsettle.errors import Violation
from medsettle.policy import example_keys, line_values, tree, values
from medsettle.policy.checker import Checker
from medsettle.policy.key_types import Shape
from medsettle.policy.keys import FORMAT
from medsettle.policy.read_tables import CONFIDENCES
from medsettle.policy.shapes import shape_names
from medsettle.policy.tree import Map, Place, Text, Value
from medsettle.policy.vocabulary import canonical, quoted

_UNITS_E4 = 10_000
_LINE_WORDS = ("approval", "original_line", "earmark")
_CLAIM_WORDS = (
    "person_type",
    "institution_level",
    "birth_date",
    "service_date",
)
_FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Visit:
    """One claim with what the person brings along and what must come out.

    `before` is added to what earlier visits left: counter values by name (the account as
    `account`). `expect` is fen by the name of a payer, `cash`, a column total or a named amount of
    the waterfall. Names are as the file writes them, in either language; `names` says where each
    stands, in which of the two. With `cancels` it takes back the visit of that number, from 1,
    whose claim it carries; its amounts are negative.
    """

    claim: Row
    before: dict[str, int]
    expect: dict[str, int]
    preview: bool
    place: Place
    cancels: int | None = None
    names: dict[tuple[str, str], Place] = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Example:
    """One worked example of a policy; `place` is where the file names the policy.

    `shapes` are the rule shapes it proves, `cases` the published cases it is; with `known_on` it is
    settled by what had been published on that day.
    """

    name: str
    policy: str
    kind: str
    source: str
    confidence: str
    visits: tuple[Visit, ...]
    place: Place
    shapes: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    known_on: date | None = None


def read_examples(path: Path) -> tuple[list[Example], list[Violation]]:
    """Return the worked examples of a file, and every fault found in it."""
    document, violations = tree.read(path)
    check = Checker(violations)
    parts = check.record(document, example_keys.EXAMPLES)
    if not parts:
        return [], check.violations
    check.one_of(parts.get("format"), [FORMAT])
    check.text(parts.get("note"))
    policy, area = check.text(parts.get("policy")), check.text(parts.get("pooling_area"))
    place = parts["policy"].place if "policy" in parts else document.place
    found: list[Example] = []
    for item in check.items(parts.get("examples"), "examples"):
        body = check.record(item, example_keys.EXAMPLE)
        name = check.text(body.get("example"))
        if name and name in [other.name for other in found]:
            check.refuse(item.place, f"another example is called {quoted(name)}; rename one")
        visits: list[Visit] = []
        for number, visit in enumerate(check.items(body.get("visits"), "visits"), 1):
            if _is_cancel(visit):
                visits.append(_cancel(check, visit, visits))
            else:
                visits.append(read_visit(check, visit, area, f"VISIT-{number}"))
        for word in ("title", "note"):
            check.text(body.get(word))
        found.append(
            Example(
                name=name,
                policy=policy,
                kind=check.one_of(body.get("kind"), example_keys.KINDS) or example_keys.KINDS[0],
                source=check.text(body.get("source")),
                confidence=check.one_of(body.get("confidence"), CONFIDENCES) or "",
                visits=tuple(visits),
                place=place,
                shapes=check.known_all(body.get("shapes"), shape_names(), "rule shape"),
                cases=check.texts(body.get("cases"), "cases"),
                known_on=check.parsed(body.get("known_on"), values.day, None),
            )
        )
    return found, sorted(check.violations, key=lambda fault: (fault.line, fault.column))


def read_visit(
    check: Checker, item: Value, area: str, request_id: str, shape: Shape = example_keys.VISIT
) -> Visit:
    """Return one claim as examples write it, with the faults found in it left in `check`."""
    parts = check.record(item, shape)
    service = check.parsed(parts.get("service_date"), values.day, _FIRST_DAY)
    admission = check.parsed(parts.get("admission_date"), values.day, service)
    check.parsed(parts.get("birth_date"), values.past_day, _FIRST_DAY)
    check.text(parts.get("note"))
    claim: Row = {column.name: None for column in schema.CLAIM}
    claim |= {name: check.text(parts.get(name)) for name in _CLAIM_WORDS}
    visit_type = check.code(parts.get("visit_type"), "visit type", VISIT_TYPE_WORDS)
    scheme = check.code(parts.get("insurance_type"), "insurance type", INSURANCE_TYPE_WORDS)
    claim |= _visit_facts(check, parts)
    claim |= {
        "visit_type": visit_type or "",
        "insurance_type": scheme or "",
        "request_id": request_id,
        "institution": check.text(parts.get("institution")) or "H00000000001",
        "pooling_area": area,
        "person": "EXAMPLE",
        "service_date": service.isoformat(),
        "admission_date": admission.isoformat(),
        "benefit_groups": list(check.texts(parts.get("benefit_groups"), "groups")),
        "account_used": check.one_of(parts.get("account_used"), ["yes", "no"]) != "no",
        "lines": [
            _line(check, line, number, admission)
            for number, line in enumerate(check.items(parts.get("lines"), "lines"), 1)
        ],
    }
    names: dict[tuple[str, str], Place] = {}
    return Visit(
        claim=claim,
        before=_numbers(check, "before", parts.get("before"), names),
        expect=_numbers(check, "expect", parts.get("expect"), names),
        preview=check.one_of(parts.get("preview"), ["yes"]) is not None,
        place=item.place,
        names=names,
    )


def _is_cancel(item: Value) -> bool:
    """Return whether what stands in the place of a visit takes back an earlier one."""
    return isinstance(item, Map) and any(canonical(each.key.value) == "cancels" for each in item)


def _cancel(check: Checker, item: Value, earlier: Sequence[Visit]) -> Visit:
    """Return the cancel of one of the visits before it, faults left in `check`.

    The number is that of the visit in its example, so a cancel has one too.
    """
    parts = check.record(item, example_keys.CANCEL)
    check.text(parts.get("note"))
    names: dict[tuple[str, str], Place] = {}
    number = check.parsed(parts.get("cancels"), values.ordinal, 0)
    if number and (fault := _why_not_cancelled(number, earlier)):
        check.refuse(parts["cancels"].place, fault)
    found = 0 < number <= len(earlier)
    return Visit(
        claim=earlier[number - 1].claim if found else {},
        before={},
        expect=_numbers(check, "expect", parts.get("expect"), names, line_values.signed_amount_fen),
        preview=False,
        place=item.place,
        cancels=number,
        names=names,
    )


def _why_not_cancelled(number: int, earlier: Sequence[Visit]) -> str:
    """Return why a visit cannot be taken back after the earlier ones; blank where it can."""
    if number > len(earlier):
        own = len(earlier) + 1
        return (
            f"visit {number} does not stand before this one, which is visit {own}; name one above"
        )
    visit = earlier[number - 1]
    if visit.cancels is not None:
        return f"visit {number} is a cancel itself; name a visit that was settled"
    if visit.preview:
        return f"visit {number} is only previewed, so there is nothing to take back; settle it"
    by = next((place for place, each in enumerate(earlier, 1) if each.cancels == number), None)
    return (
        f"visit {number} is taken back by visit {by} already; delete one of the two" if by else ""
    )


def _visit_facts(check: Checker, parts: dict[str, Value]) -> Row:
    """Return the facts of a visit that only some rules ask for, None where they are not stated."""
    found: Row = {}
    for name, column in example_keys.FACTS.items():
        value = parts.get(name)
        if column.kind is Kind.CODES:
            found[column.name] = list(check.texts(value, "codes"))
        elif value is None:
            found[column.name] = None
        elif column.kind is Kind.DATE:
            found[column.name] = check.parsed(value, values.past_day, date.min).isoformat()
        elif column.kind is Kind.INTEGER:
            found[column.name] = check.parsed(value, values.quantity, 0)
        elif column.kind is Kind.FEN:
            found[column.name] = check.parsed(value, values.amount_fen, 0)
        else:
            found[column.name] = check.text(value)
    return found


def _line(check: Checker, item: Value, number: int, day: date) -> Row:
    """Return a line: of one unit unless stated, at the price that its amount gives."""
    parts = check.record(item, example_keys.LINE)
    check.text(parts.get("note"))
    fen = check.parsed(parts.get("amount"), line_values.signed_amount_fen, 0)
    one = _UNITS_E4 if fen >= 0 else -_UNITS_E4
    units = check.parsed(parts.get("quantity"), line_values.units_e4, one)
    price = fen * E6_PER_FEN * _UNITS_E4 // units if units else 0
    return {
        "line_id": str(number),
        "item_code": check.text(parts.get("item")),
        "fee_date": check.parsed(parts.get("day"), values.day, day).isoformat(),
        "quantity_e4": units,
        "unit_price_e6": check.parsed(parts.get("price"), line_values.price_e6, price),
        "amount_fen": fen,
        **{name: check.text(parts.get(name)) or None for name in _LINE_WORDS},
    }


def _numbers(
    check: Checker,
    word: str,
    value: Value | None,
    names: dict[tuple[str, str], Place],
    amount: Callable[[str], int] = values.amount_fen,
) -> dict[str, int]:
    """Return amounts of fen and counts by name; `2次` is a count, `650元` an amount."""
    if value is None:
        return {}
    if not isinstance(value, Map):
        check.refuse(value.place, "expected names with their amounts, like `cash: 12.30元`")
        return {}
    if not value.entries:
        check.refuse(value.place, "nothing stands here; name an amount, like `cash: 12.30元`")
    found = {}
    for entry in value:
        text = entry.value.value if isinstance(entry.value, Text) else ""
        parse = values.count if text.endswith(("次", "times")) else amount
        found[entry.key.value] = check.parsed(entry.value, parse, 0)
        names[word, entry.key.value] = entry.key.place
    return found
