"""Read what the rules of a document look at: its sources and dimensions."""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Final

from medsettle.core import schema
from medsettle.core.columns import Kind
from medsettle.policy import keys, values
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.model import Condition, Counter, Dimension, Source
from medsettle.policy.quantity import Quantity
from medsettle.policy.read_quantities import CODES_COLUMNS, DATE_COLUMNS
from medsettle.policy.tree import Map, Text, Value
from medsettle.policy.vocabulary import quoted

# Who the person is and which request it was decide nothing.
_NO_RULE = {"request_id", "institution_settlement", "person"}
CODE_COLUMNS: Final = tuple(
    column.name
    for column in schema.CLAIM
    if column.kind is Kind.CODE and column.name not in _NO_RULE
)
"""The columns of a claim that a dimension may look at."""

DIMENSION_KINDS: Final = ("column", "ages", "group", "counter", "date", "quantity")
_STEPS: Final = {
    "column": "codes",
    "counter": "counted",
    "quantity": "counted",
    "date": "dates",
}


def read_sources(check: Checker, value: Value | None) -> dict[str, Source]:
    """Return the sources by key; each says what it is, where it stands and how sure it is."""
    found = {}
    entries = check.named(value, "sources")
    if isinstance(value, Map) and value.readable and not entries:
        check.refuse(value.place, "every value cites a source; name at least one")
    for key, _, body in entries:
        parts = check.record(body, keys.SOURCE)
        confidence = check.one_of(parts.get("confidence"), keys.CONFIDENCES)
        title, where = check.text(parts.get("title")), check.text(parts.get("where"))
        note = check.text(parts.get("note"))
        found[key] = Source(key, title, where, confidence or "uncertain", note)
    return found


def cited(check: Checker, value: Value | None, sources: dict[str, Source]) -> str | None:
    """Return the source a value names; where no sources could be read, that fault says enough."""
    if not sources:
        check.text(value)
        return None
    return check.known(value, sources, "source")


def read_clause(check: Checker, value: Value | None, sources: dict[str, Source]) -> str:
    """Return the clause that a source stands for, empty where none can be read."""
    key = cited(check, value, sources)
    return "" if key is None else f"{sources[key].title}, {sources[key].where}"


def read_codes(check: Checker, value: Value | None, what: str, pattern: str) -> tuple[str, ...]:
    """Return a list of different codes, refusing those that are not written as codes are."""
    found = check.texts(value, what)
    for code in found:
        if re.fullmatch(pattern, code) is None:
            assert value is not None
            check.refuse(value.place, f"{quoted(code)} is no code; correct it")
    return found


def read_start(
    check: Checker, item: Value, parts: dict[str, Value], before: Sequence[date]
) -> date:
    """Return the first day of a version, which comes after those of the versions before it."""
    start = check.parsed(parts.get("from"), values.day, date.min)
    if before and start <= before[-1]:
        check.refuse(item.place, f"{start} does not come after {before[-1]}; order them by date")
    return start


# --- dimensions ---------------------------------------------------------------------------------


def read_dimensions(
    check: Checker,
    value: Value | None,
    counters: dict[str, Counter],
    quantities: dict[str, Quantity],
) -> dict[str, Dimension]:
    """Return the dimensions by name; one that cannot be read has no classes."""
    found = {}
    for name, place, body in check.named(value, "dimensions"):
        if (other := same_name(name, keys.RESERVED_NAMES)) is not None:
            check.refuse(place, f"{quoted(other)} is the name of an amount; rename the dimension")
        parts = check.record(body, keys.DIMENSION)
        check.text(parts.get("note"))
        found[name] = _dimension(check, name, body, parts, (counters, quantities))
    return found


def _dimension(
    check: Checker,
    name: str,
    body: Value,
    parts: dict[str, Value],
    known: tuple[dict[str, Counter], dict[str, Quantity]],
) -> Dimension:
    """Return a dimension; without classes where it cannot be read."""
    chosen = [kind for kind in DIMENSION_KINDS if kind in parts]
    if len(chosen) != 1:
        if parts or check.is_blank(body):
            found = f"found {' and '.join(chosen)}" if chosen else "found none"
            check.refuse(
                body.place, f"a dimension has one of {', '.join(DIMENSION_KINDS)}; {found}"
            )
        return Dimension(name, "code", "", ())
    return _dimension_of_kind(check, name, body, parts, (chosen[0], known))


def _dimension_of_kind(
    check: Checker,
    name: str,
    body: Value,
    parts: dict[str, Value],
    asked: tuple[str, tuple[dict[str, Counter], dict[str, Quantity]]],
) -> Dimension:
    """Return a dimension that looks at one thing."""
    kind, known = asked
    steps = _STEPS.get(kind)
    for extra in ("codes", "counted", "dates"):
        if extra in parts and extra != steps:
            check.refuse(parts[extra].place, f"`{extra}` does not go with `{kind}`; delete it")
    if steps is not None and steps not in parts:
        says = {key.name: key.english for key in keys.DIMENSION}
        check.refuse_missing(body.place, steps, says[steps])
    if kind == "column":
        return _code_dimension(check, name, parts)
    if kind == "group":
        group = check.text(parts["group"])
        _refuse_unstatable(check, parts["group"], group)
        return Dimension(name, "group", "benefit_groups", ("no", "yes"), ((), (group,)))
    if kind == "ages":
        names, thresholds = _steps(check, parts["ages"], "age bands", values.age, "岁")
        return Dimension(name, "age", "birth_date", names, thresholds=thresholds)
    if kind == "date":
        return _date_dimension(check, name, parts)
    return _number_dimension(check, name, parts, known)


def _refuse_unstatable(check: Checker, value: Value, code: str) -> None:
    """Refuse a code that no claim can state."""
    if code and re.fullmatch(keys.STATED_PATTERN, code) is None:
        check.refuse(
            value.place,
            f"no claim can state {quoted(code)}: codes are printable ASCII characters without "
            "spaces; write the code that institutions send",
        )


def _number_dimension(
    check: Checker,
    name: str,
    parts: dict[str, Value],
    known: tuple[dict[str, Counter], dict[str, Quantity]],
) -> Dimension:
    """Return a dimension by what a counter or a quantity holds."""
    counters, quantities = known
    if "quantity" in parts:
        quantity = check.known(parts["quantity"], quantities, "quantity") or ""
        names, thresholds = _steps(check, parts.get("counted"), "classes", values.quantity, "")
        return Dimension(name, "quantity", quantity, names, thresholds=thresholds)
    counter = check.known(parts["counter"], counters, "counter") or ""
    if counter and counters[counter].sums == keys.SUMS_UNREAD:
        check.refuse(
            parts["counter"].place,
            f"counter {quoted(counter)} adds up amounts and has no count; name one with "
            "`counts: settlements`",
        )
    names, thresholds = _steps(check, parts.get("counted"), "classes", values.count, "次")
    return Dimension(name, "counter", counter, names, thresholds=thresholds)


def _code_dimension(check: Checker, name: str, parts: dict[str, Value]) -> Dimension:
    columns = (*CODE_COLUMNS, *CODES_COLUMNS)
    column = check.known(parts["column"], columns, "claim column") or ""
    kind = "codes" if column in CODES_COLUMNS else "code"
    owner: dict[str, str] = {}
    classes: list[tuple[str, tuple[str, ...]]] = []
    entries = check.named(parts.get("codes"), "classes of codes", keys.CLASS_PATTERN)
    for word, place, codes in entries:
        classes.append((word, check.texts(codes, "codes of this class")))
        for code in classes[-1][1]:
            _refuse_unstatable(check, codes, code)
            if code in owner:
                both = f"{quoted(owner[code])} and {quoted(word)}"
                check.refuse(place, f"code {code} belongs to both {both}; keep it in one class")
            owner[code] = word
    if "codes" in parts and not entries:
        check.refuse(parts["codes"].place, "a dimension has at least one class; add its codes")
    names = tuple(word for word, _ in classes)
    return Dimension(name, kind, column, names, tuple(codes for _, codes in classes))


def _date_dimension(check: Checker, name: str, parts: dict[str, Value]) -> Dimension:
    """Return a dimension by a date of the claim; its first class is for claims without one."""
    column = check.known(parts["date"], DATE_COLUMNS, "date of a claim") or ""
    names: list[str] = []
    thresholds: list[int] = []
    entries = check.named(
        parts.get("dates"), "classes, each with its first day", keys.CLASS_PATTERN
    )
    for word, _, begin in entries:
        names.append(word)
        if len(names) == 1:
            check.one_of(begin, [keys.NONE])
            thresholds.append(0)
            continue
        day = check.parsed(begin, values.past_day, date.min).toordinal()
        if day <= thresholds[-1] and day > 1:
            check.refuse(
                begin.place,
                f"class {quoted(word)} begins no later than the one before; write the classes in "
                "order of time",
            )
        thresholds.append(max(day, 1))
    return Dimension(name, "date", column, tuple(names), thresholds=tuple(thresholds))


def _steps(
    check: Checker, value: Value | None, what: str, parse: Callable[[str], int], unit: str
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return names and beginnings of classes that follow one another from zero on."""
    names: list[str] = []
    thresholds: list[int] = []
    entries = check.named(value, f"{what}, each with where it begins", keys.CLASS_PATTERN)
    for word, _, begin in entries:
        number = check.parsed(begin, parse, -1)
        if number >= 0 and not names and number:
            check.refuse(
                begin.place,
                f"the first class begins at {number}{unit}, and nobody before has a class; write "
                f"0{unit} or a class before it",
            )
        elif number >= 0 and thresholds and number <= thresholds[-1]:
            check.refuse(
                begin.place,
                f"class {quoted(word)} begins at {number}{unit}, not after {thresholds[-1]}{unit}; "
                "write the classes in order",
            )
        names.append(word)
        thresholds.append(number if number >= 0 else 0)
    if value is not None and not entries:
        check.refuse(value.place, f"a dimension has at least one class; add one from 0{unit}")
    return tuple(names), tuple(thresholds)


def read_when(check: Checker, value: Value | None, dimensions: dict[str, Dimension]) -> Condition:
    """Return the dimensions of a condition, each with the classes that meet it."""
    found = []
    if value is not None and check.is_blank(value):
        check.refuse(
            value.place, "nothing stands here; name a dimension with its classes or delete `when`"
        )
    for word, place, classes in check.entries(value, "dimensions with their classes"):
        name = check.known(Text(place, word), dimensions, "dimension")
        if name is not None and dimensions[name].values:
            chosen = check.known_all(classes, dimensions[name].values, f"class of {name}")
            found.append((name, chosen))
    return tuple(found)
