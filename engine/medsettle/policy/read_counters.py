"""Read the counters of a rule document: what they add up, for whom, and in which period."""

from dataclasses import replace
from typing import Final

from medsettle import limits
from medsettle.core.counters import ACCOUNT, MUTUAL_AID
from medsettle.core.dates import Period
from medsettle.policy import keys, values
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.model import Counter, Dimension
from medsettle.policy.named_amounts import AmountNames
from medsettle.policy.read_facts import read_when
from medsettle.policy.read_quantities import DATE_COLUMNS
from medsettle.policy.tree import Map, Value
from medsettle.policy.vocabulary import canonical, quoted

IDENTIFIERS: Final = ("institution", "encounter", "episode", "disease")
"""The columns of a claim whose every value may have a counter of its own."""

# What a counter adds up before the stages are known, and where it says neither that nor a count.
_UNREAD: Final = ("unread",)
_RESERVED_COUNTERS: Final = (ACCOUNT, MUTUAL_AID, keys.SETTLEMENT, *keys.RESERVED_NAMES)


def read_counters(check: Checker, value: Value | None) -> dict[str, Counter]:
    """Return the counters by name.

    What they add up, when, and by what they are split is read when stages and dimensions are known
    (`resolved_counters`); until then they hold a stand-in.
    """
    found = {}
    for name, place, body in check.named(value, "counters"):
        if (other := same_name(name, _RESERVED_COUNTERS)) is not None:
            check.refuse(place, f"{quoted(other)} has a meaning of its own; rename the counter")
        parts = check.record(body, keys.COUNTER)
        if parts and ("sums" in parts) == ("counts" in parts):
            check.refuse(
                body.place,
                "a counter either sums named amounts or counts settlements; write one of "
                "`sums: [...]` and `counts: settlements`",
            )
        check.one_of(parts.get("counts"), [keys.SETTLEMENTS])
        check.text(parts.get("note"))
        period = check.choice(parts.get("period"), Period, Period.BENEFIT_YEAR)
        sums = _UNREAD if ("sums" in parts) == ("counts" in parts) else ()
        sums = keys.SUMS_UNREAD if "sums" in parts and "counts" not in parts else sums
        counter = Counter(name, period, sums, place)
        found[name] = _dated(check, counter, body, parts)
    return found


def _dated(check: Checker, counter: Counter, body: Value, parts: dict[str, Value]) -> Counter:
    """Return a counter with the dates that pick its period."""
    rolling = counter.period is Period.TREATMENT_YEAR
    since = check.known(parts.get("since"), DATE_COLUMNS, "date of a claim")
    lasts = check.parsed(parts.get("lasts"), values.quantity, 1)
    if rolling and "since" not in parts:
        check.refuse_missing(body.place, "since", "the date on which a treatment year begins")
    for word in ("since", "lasts"):
        if word in parts and not rolling and "period" in parts:
            check.refuse(
                parts[word].place, f"`{word}` goes with `period: treatment_year`; delete it"
            )
    if not 1 <= lasts <= limits.ROLLING_YEARS_MAX:
        most = limits.ROLLING_YEARS_MAX
        check.refuse(parts["lasts"].place, f"it lasts 1 to {most} years; correct it")
    dated_by = check.one_of(parts.get("dated_by"), keys.RULE_DATES)
    return replace(counter, dated_by=dated_by, since=since, lasts=lasts)


def resolved_counters(
    check: Checker,
    value: Value | None,
    counters: dict[str, Counter],
    amounts: AmountNames,
    dimensions: dict[str, Dimension],
) -> dict[str, Counter]:
    """Return the counters with what refers to stages and dimensions, now that these are known."""
    found = dict(counters)
    for name, _, body in check.quietly_named(value):
        for entry in body if isinstance(body, Map) else ():
            word = canonical(entry.key.value)
            if word == "sums":
                found[name] = replace(found[name], sums=amounts.many(entry.value))
            elif word == "when":
                when = read_when(check, entry.value, dimensions)
                found[name] = replace(found[name], when=when)
            elif word == "split_by":
                found[name] = replace(
                    found[name], split_by=_split_by(check, entry.value, dimensions)
                )
    return found


def _split_by(check: Checker, value: Value, dimensions: dict[str, Dimension]) -> tuple[str, ...]:
    """Return the dimensions and identifiers that a counter is split by."""
    names = [*dimensions, *(name for name in IDENTIFIERS if name not in dimensions)]
    found = check.known_all(value, names, "dimension or identifier")
    for name in found:
        dimension = dimensions.get(name)
        if dimension is not None and dimension.kind in {"counter", "quantity"}:
            check.refuse(
                value.place,
                f"{quoted(name)} is counted itself, and a counter cannot wait for another; split "
                "it by a class of the claim",
            )
    return found
