"""Read a rule document: from its tree to a checked `Policy`, with all faults at once."""

from datetime import date

from medsettle.core import codes
from medsettle.errors import Violation
from medsettle.policy import values
from medsettle.policy.area import Area
from medsettle.policy.checker import Checker
from medsettle.policy.model import STAGE_AMOUNTS, Gap, Policy
from medsettle.policy.read_stages import TOTAL_NAMES, StageReader
from medsettle.policy.read_tables import (
    TableReader,
    read_counters,
    read_dimensions,
    read_sources,
)
from medsettle.policy.tree import Map, Value

FORMAT = "1"
RULE_DATES = ("service_date", "admission_date")

_REQUIRED = {
    "format",
    "policy",
    "title",
    "pooling_area",
    "insurance_type",
    "visit_types",
    "in_force",
    "rule_date",
    "benefit_year",
    "sources",
    "stages",
}
_OPTIONAL = {"dimensions", "counters", "tables", "gaps", "note"}


def read_policy(
    document: Map, area: Area, violations: list[Violation]
) -> tuple[Policy | None, list[Violation]]:
    """Return the checked policy of a document, or None with every violation found.

    Args:
        document: The strictly read tree.
        area: The pooling area the document lies in; its dimensions may be used.
        violations: What strict reading refused already.
    """
    check = Checker(violations)
    parts = check.fields(document, _REQUIRED, _OPTIONAL)
    if not parts:
        return None, check.violations
    check.known(parts.get("format"), [FORMAT], "format")
    check.known(parts.get("pooling_area"), [area.code], "area of this folder")
    since, until = _in_force(check, parts.get("in_force"))
    sources = read_sources(check, parts.get("sources"))
    counters = read_counters(check, parts.get("counters"))
    dimensions = area.dimensions | read_dimensions(check, parts.get("dimensions"), counters)
    tables = TableReader(check, dimensions, sources, since).read(parts.get("tables"))
    reader = StageReader(check, tables, counters, dimensions, sources, area.special_pots)
    stages = reader.read(parts.get("stages"))
    amounts = reader.amounts()
    _check_counters(check, parts.get("counters"), amounts)
    gaps = _gaps(check, parts.get("gaps"), amounts)
    year = check.fields(parts["benefit_year"], {"starts"}, set()) if "benefit_year" in parts else {}
    policy = Policy(
        name=check.text(parts.get("policy")),
        title=check.text(parts.get("title")),
        pooling_area=area.code,
        insurance_type=check.known(
            parts.get("insurance_type"), codes.INSURANCE_TYPES, "insurance type"
        )
        or "",
        visit_types=check.known_all(parts.get("visit_types"), codes.VISIT_TYPES, "visit type"),
        in_force_from=since,
        in_force_until=until,
        rule_date=check.known(parts.get("rule_date"), RULE_DATES, "rule date") or RULE_DATES[0],
        year_start=check.parsed(year.get("starts"), values.year_start, values.year_start("01-01")),
        sources=sources,
        dimensions=dimensions,
        counters=counters,
        tables=tables,
        stages=stages,
        gaps=gaps,
        file=document.place.file,
    )
    _refuse_unused(check, document, policy)
    return (None if check.violations else policy), check.violations


def _in_force(check: Checker, value: Value | None) -> tuple[date, date | None]:
    if value is None:
        return date.min, None
    parts = check.fields(value, {"from"}, {"until"})
    since = check.parsed(parts.get("from"), values.day, date.min)
    until = check.parsed(parts["until"], values.day, date.max) if "until" in parts else None
    if until is not None and until <= since:
        check.refuse(value.place, f"in force until {until}, which is not after {since}")
    return since, until


def _check_counters(check: Checker, value: Value | None, amounts: list[str]) -> None:
    """Check that what counters add up exists, now that every stage is known."""
    for _, _, body in check.entries(value, "counters"):
        if isinstance(body, Map):
            for entry in body:
                if entry.key.value in {"sums", "累加"}:
                    check.known_all(entry.value, amounts, "named amount")


def _gaps(check: Checker, value: Value | None, amounts: list[str]) -> tuple[Gap, ...]:
    found = []
    for item in check.items(value, "gaps"):
        parts = check.fields(item, {"amount", "says"}, set())
        amount = check.known(parts.get("amount"), amounts, "named amount")
        if amount is not None:
            found.append(Gap(amount, check.text(parts.get("says"))))
    return tuple(found)


def _refuse_unused(check: Checker, document: Map, policy: Policy) -> None:
    """Refuse tables no stage reads: a number that decides nothing is a number forgotten."""
    used = set()
    for stage in policy.stages:
        used |= {stage.keep_back} | {cap.table for cap in stage.caps}
        used |= {stage.deductible.table} if stage.deductible else set()
        used |= {stage.rate.table, stage.rate.own_factor} if stage.rate else set()
    if check.violations:
        return
    for name, table in policy.tables.items():
        if name not in used:
            check.refuse(table.place, f"no stage uses table {name!r}; use it or delete it")


def amount_names(policy: Policy, special_pots: tuple[str, ...]) -> tuple[str, ...]:
    """Return every named amount of a policy, as examples and counters may name them."""
    own = [f"{stage.name}.{part}" for stage in policy.stages for part in STAGE_AMOUNTS]
    return (*TOTAL_NAMES, *codes.POT_NAMES, *special_pots, *own)
