"""Read a rule document: from its tree to a checked `Policy`, with all faults at once."""

from datetime import date

from medsettle.core import codes
from medsettle.core.code_words import INSURANCE_TYPE_WORDS, VISIT_TYPE_WORDS
from medsettle.errors import Violation
from medsettle.policy import keys, values
from medsettle.policy.area import Area
from medsettle.policy.bounds import refuse_too_large
from medsettle.policy.checker import Checker, same_name
from medsettle.policy.coverage import refuse_uncovered
from medsettle.policy.keys import FORMAT, RULE_DATES, TOTAL_NAMES
from medsettle.policy.model import STAGE_AMOUNTS, Counter, Dimension, Gap, Policy
from medsettle.policy.named_amounts import AmountNames
from medsettle.policy.quantity import Quantity
from medsettle.policy.reach import refuse_unreached
from medsettle.policy.read_counters import read_counters, resolved_counters
from medsettle.policy.read_facts import read_dimensions, read_sources
from medsettle.policy.read_quantities import read_quantities
from medsettle.policy.read_stages import Known, StageReader, stage_names
from medsettle.policy.read_tables import TableReader
from medsettle.policy.tree import Map, Place, Value
from medsettle.policy.vocabulary import quoted

__all__ = ["FORMAT", "RULE_DATES", "amount_names", "read_policy"]

# What is found between documents is shown where these keys stand.
_PLACES_KEPT = ("policy", "insurance_type", "visit_types", "in_force")


def read_policy(
    document: Map, area: Area, violations: list[Violation], known_on: date | None = None
) -> tuple[Policy | None, list[Violation]]:
    """Return the checked policy of a document, or None with every violation found.

    Args:
        document: The strictly read tree.
        area: The pooling area the document lies in; its dimensions may be used.
        violations: What strict reading refused already.
        known_on: Leaves out values that were published later; all are in where absent.

    Returns:
        The policy, and the violations in document order; one of the two is empty.
    """
    check = Checker(violations)
    parts = check.record(document, keys.DOCUMENT)
    if not parts:
        return None, _in_order(check.violations)
    check.one_of(parts.get("format"), [FORMAT])
    _check_area(check, parts.get("pooling_area"), area)
    note = check.text(parts.get("note"))
    since, until = _in_force(check, parts.get("in_force"))
    sources = read_sources(check, parts.get("sources"))
    counters = read_counters(check, parts.get("counters"))
    quantities = read_quantities(check, parts.get("quantities"))
    own = _own_dimensions(check, parts.get("dimensions"), area, counters, quantities)
    dimensions = own | area.dimensions
    tables = TableReader(check, dimensions, sources, since, known_on, area.dimensions)
    tables.read(parts.get("tables"))
    names = stage_names(check, parts.get("stages"))
    payouts = stage_names(check, parts.get("payouts"), "payout")
    amounts = AmountNames(check, area.special_pots, (*names, *payouts), (*counters,))
    known = Known(tables, counters, dimensions, quantities, sources)
    reader = StageReader(check, known, amounts)
    stages = reader.read(parts.get("stages"))
    payouts_read = reader.read_payouts(parts.get("payouts"))
    year = check.record(parts.get("benefit_year"), keys.BENEFIT_YEAR)
    insurance = check.code(parts.get("insurance_type"), "insurance type", INSURANCE_TYPE_WORDS)
    policy = Policy(
        name=_name(check, parts.get("policy")),
        title=check.text(parts.get("title")),
        pooling_area=area.code,
        insurance_type=insurance or "",
        visit_types=check.codes(parts.get("visit_types"), "visit type", VISIT_TYPE_WORDS),
        in_force_from=since or date.min,
        in_force_until=until,
        rule_date=check.one_of(parts.get("rule_date"), RULE_DATES) or RULE_DATES[0],
        year_start=check.parsed(year.get("starts"), values.year_start, values.year_start("01-01")),
        sources=sources,
        dimensions=dimensions,
        counters=resolved_counters(check, parts.get("counters"), counters, amounts, dimensions),
        tables=tables.tables,
        stages=stages,
        gaps=_gaps(check, parts.get("gaps"), amounts),
        file=document.place.file,
        quantities=quantities,
        payouts=payouts_read,
        places=_places(check, parts),
        note=note,
    )
    if not check.violations:
        _refuse_unused(check, policy, own, parts)
        _refuse_unused_quantities(check, policy, parts.get("quantities"))
        _refuse_unreached(check, policy, area, parts, known_on)
    return (None if check.violations else policy), _in_order(check.violations)


def _refuse_unreached(
    check: Checker, policy: Policy, area: Area, parts: dict[str, Value], known_on: date | None
) -> None:
    """Refuse what is for nobody, and amounts that a program could not hold."""
    if known_on is None:
        # Of a document that is read as on a day, later values are missing that may reach it.
        refuse_uncovered(check, policy, parts)
    before = len(check.violations)
    refuse_too_large(check, policy, area)
    if known_on is None and len(check.violations) == before:
        refuse_unreached(check, policy, area, parts)


def _in_order(violations: list[Violation]) -> list[Violation]:
    """Return violations in the order of the document, those of one place as they were found."""
    return sorted(violations, key=lambda found: (found.line, found.column))


def _check_area(check: Checker, value: Value | None, area: Area) -> None:
    code = check.text(value)
    if value is not None and code and code != area.code:
        check.refuse(
            value.place,
            f"{quoted(code)} in the folder of area {area.code}; correct it, or move the file",
        )


def _name(check: Checker, value: Value | None) -> str:
    name = check.text(value)
    if value is not None:
        check.check_name(name, value.place)
    return name


def _places(check: Checker, parts: dict[str, Value]) -> dict[str, Place]:
    """Return where keys stand that faults and remarks between documents are shown at."""
    found = {name: parts[name].place for name in _PLACES_KEPT if name in parts}
    for block in ("sources", "dimensions"):
        for name, place, _ in check.quietly_named(parts.get(block)):
            found[f"{block}.{name}"] = place
    return found


def _in_force(check: Checker, value: Value | None) -> tuple[date | None, date | None]:
    """Return the first day in force and the first no longer; None where it is open or unread."""
    parts = check.record(value, keys.IN_FORCE)
    since = check.parsed(parts.get("from"), values.day, None)
    until = check.parsed(parts.get("until"), values.day, None)
    if since is not None and until is not None and until <= since:
        check.refuse(
            parts["until"].place,
            f"the policy ends on {until}, not after it begins on {since}; correct one",
        )
    return since, until


def _own_dimensions(
    check: Checker,
    value: Value | None,
    area: Area,
    counters: dict[str, Counter],
    quantities: dict[str, Quantity],
) -> dict[str, Dimension]:
    """Return the dimensions of the document itself; it may not redefine those of the area."""
    own = read_dimensions(check, value, counters, quantities)
    for name, place, _ in check.quietly_named(value):
        if (other := same_name(name, area.dimensions)) is not None:
            check.refuse(
                place, f"{quoted(other)} is a dimension of the whole area; rename this one"
            )
    return own


def _gaps(check: Checker, value: Value | None, amounts: AmountNames) -> tuple[Gap, ...]:
    found: list[Gap] = []
    for item in check.items(value, "gaps"):
        parts = check.record(item, keys.GAP)
        says = check.text(parts.get("says"))
        amount = amounts.one(parts.get("amount"))
        if amount in {gap.amount for gap in found}:
            check.refuse(parts["amount"].place, f"{amount} has a gap already; join the two")
        elif amount is not None:
            found.append(Gap(amount, says))
    return tuple(found)


def _refuse_unused(
    check: Checker, policy: Policy, own: dict[str, Dimension], parts: dict[str, Value]
) -> None:
    """Refuse what no stage reads: a number that decides nothing is a number forgotten."""
    used: set[str | None] = set()
    asked = {name for table in policy.tables.values() for name in table.by}
    for stage in policy.all_stages:
        used |= {stage.keep_back} | {name for each in stage.amounts() for name in each.tables()}
        used |= set(stage.deductible.tables()) if stage.deductible else set()
        used |= set(stage.rate.tables()) if stage.rate else set()
        used |= {stage.rate.floor.rate} if stage.rate and stage.rate.floor else set()
        asked |= {name for name, _ in stage.when}
    for counter in policy.counters.values():
        asked |= {name for name, _ in counter.when} | {*counter.split_by}
    for name, table in policy.tables.items():
        if name not in used:
            check.refuse(table.place, f"no stage uses table {quoted(name)}; use it or delete it")
    for name, place, _ in check.quietly_named(parts.get("dimensions")):
        if name in own and name not in asked:
            check.refuse(
                place, f"no table or stage is by dimension {quoted(name)}; use it or delete it"
            )


def _refuse_unused_quantities(check: Checker, policy: Policy, value: Value | None) -> None:
    """Refuse a quantity that no dimension, amount or rate looks at."""
    used = {each.column for each in policy.dimensions.values() if each.kind == "quantity"}
    for stage in policy.all_stages:
        used |= {name for each in stage.amounts() for name in each.quantities()}
        used |= {times for _, times in stage.rate.points_times} if stage.rate else set()
    for name, place, _ in check.quietly_named(value):
        if name not in used:
            check.refuse(
                place, f"nothing is by quantity {quoted(name)} or times it; use it or delete it"
            )


def amount_names(policy: Policy, special_pots: tuple[str, ...]) -> tuple[str, ...]:
    """Return every named amount of a policy, as examples and counters may name them."""
    own = [f"{stage.name}.{part}" for stage in policy.all_stages for part in STAGE_AMOUNTS]
    return (*TOTAL_NAMES, *codes.POT_NAMES, *special_pots, *own)
