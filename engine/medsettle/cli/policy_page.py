"""A policy as a page that a person can lay beside the official text, and as JSON.

Who pays of what in which order, what is carried from one settlement to the next, who belongs to
which class, and every table with its source. What is not certain says so where it stands, and the
head of the page lists it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import date
from itertools import groupby

from medsettle.cli.cell_table import cell_lines, cell_texts
from medsettle.cli.page import INDENT, Page
from medsettle.core import codes
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.coverage import asked
from medsettle.policy.model import Condition, Counter, Dimension, Policy, Stage, Unit
from medsettle.policy.model import Table as RuleTable
from medsettle.policy.quantity import Quantity
from medsettle.policy.stage_leaves import Leaf, all_leaves

WEAK = frozenset({"uncertain", "invented", "KM", "S3"})
"""Labels of values that a reader should doubt."""

_UNCERTAIN = "uncertain"
_UNITS = {
    Unit.AMOUNT: "yuan 元",
    Unit.RATE: "rate 比例",
    Unit.POINTS: "percentage points 百分点",
    Unit.COUNT: "count 数量",
}
_PAYERS = {payer.name: payer.chinese for payer in codes.PAYERS}
_DEEP = 2 * INDENT


def print_policy(page: Page, compiled: CompiledPolicy) -> None:
    """Print a policy from its head to its sources."""
    policy = compiled.policy
    page.head(f"{policy.title} ({policy.name})", space=False)
    _print_head(page, compiled)
    page.head("Who pays, in this order 支付顺序")
    for number, stage in enumerate(policy.stages, 1):
        _print_stage(page, policy, number, stage)
    if policy.payouts:
        page.head("What is paid beside the bill 账单之外")
        for number, stage in enumerate(policy.payouts, 1):
            _print_stage(page, policy, number, stage)
    if policy.gaps:
        page.head("What cannot be decided 未能裁定")
        for gap in policy.gaps:
            page.text(f"{gap.amount}: {gap.says}", style="yellow")
    if policy.counters:
        page.head("What is counted 累计项")
        for counter in policy.counters.values():
            page.text(f"{counter.name}: {_counter_words(counter)}")
    if policy.quantities:
        page.head("Quantities 数量")
        for quantity in policy.quantities.values():
            page.text(f"{quantity.name}: {_quantity_words(quantity)}")
    _print_classes(page, policy)
    page.head("Values 数值")
    for table in policy.tables.values():
        _print_table(page, policy, table)
    page.head("Sources 依据")
    for source in policy.sources.values():
        style = "yellow" if source.confidence in WEAK else ""
        page.text(
            f"{source.key} ({source.confidence}): {source.title} ({source.where})", style=style
        )
        if source.note:
            page.text(source.note, indent=_DEEP, style="dim")


def _print_head(page: Page, compiled: CompiledPolicy) -> None:
    policy = compiled.policy
    until = f" until {policy.in_force_until} 止" if policy.in_force_until else ""
    start = f"{policy.year_start.month:02d}-{policy.year_start.day:02d}"
    page.text(f"{policy.file}, digest {compiled.digest}", style="dim")
    page.rows(
        (
            ("pooling area 统筹区", f"{policy.pooling_area} {compiled.area.name}"),
            ("insurance type 险种", policy.insurance_type),
            ("visit types 医疗类别", ", ".join(policy.visit_types)),
            ("in force 施行", f"from {policy.in_force_from} 起{until}"),
            ("rule date 适用日期", policy.rule_date),
            ("benefit year 待遇年度", f"from {start} 起"),
        )
    )
    if policy.note:
        page.text(policy.note, style="yellow" if _UNCERTAIN in policy.note else "")
    if doubts := list(dict.fromkeys(_doubts(policy))):
        page.text(f"uncertain 存疑: {', '.join(doubts)}", style="yellow")


def _doubts(policy: Policy) -> Iterator[str]:
    """Yield the tables and stages of which something is not certain."""
    for table in policy.tables.values():
        if any(version.confidence == _UNCERTAIN for version in table.versions):
            yield table.name
    for stage in policy.all_stages:
        labels = policy.sources[stage.source].confidence, stage.note
        if _UNCERTAIN in labels[0] or _UNCERTAIN in labels[1]:
            yield f"stage {stage.name}" if stage.payee is None else f"payout {stage.name}"


# --- stages -------------------------------------------------------------------------------------


def _print_stage(page: Page, policy: Policy, number: int, stage: Stage) -> None:
    to = "" if stage.payee is None else f" to {stage.payee}"
    confidence = policy.sources[stage.source].confidence
    title = "" if stage.title == stage.name else f" {stage.title}"
    page.text(
        f"{number}. {stage.name}{title}: {stage.payer} {_PAYERS[stage.payer]} pays{to} "
        f"({stage.source}, {confidence})",
        style="bold",
    )
    if stage.when:
        page.text(f"only where 仅当 {_condition_words(stage.when)}", indent=_DEEP)
    leaves = [leaf for leaf in all_leaves(policy, stage) if leaf.head not in {"payer", "payee"}]
    for head, own in groupby(leaves, key=lambda leaf: leaf.head):
        if words := _question_words(head, list(own)):
            page.text(words, indent=_DEEP)
    if stage.note:
        page.text(
            f"note: {stage.note}",
            indent=_DEEP,
            style="yellow" if _UNCERTAIN in stage.note else "dim",
        )


def _condition_words(when: Condition) -> str:
    return " and ".join(f"{name} is {' or '.join(classes)}" for name, classes in when)


def _question_words(head: str, leaves: Sequence[Leaf]) -> str:
    """Return what a stage says of one question, its tables and switches; blank for nothing."""
    said = []
    for leaf in leaves:
        role = leaf.role.removeprefix(head).removeprefix("limit").lstrip(". ")
        value = leaf.table or leaf.words or ""
        if not value:
            continue
        if leaf.table is not None and head == "rate" and not role:
            role = "own share" if leaf.own_side else "pays"
        # Tables in a list are named by their role already.
        said.append(role if role.endswith(f" {value}") else f"{role} {value}".strip())
    return f"{_HEADS.get(head, head)}: {', '.join(said)}" if said else ""


_HEADS = {
    "base": "base 计算基数",
    "amount": "amount 金额",
    "keep_back": "keep back 先行扣除",
    "deductible": "deductible 起付线",
    "bands": "bands 分段",
    "rate": "rate 支付比例",
    "rounding": "rounding 取整",
    "account_limited": "limit 限额",
    "instead_of": "instead of 替代",
    "advance_for": "advance 先行支付",
}


# --- counters, quantities, classes --------------------------------------------------------------


def _counter_words(counter: Counter) -> str:
    found = [f"per {counter.period}"]
    if counter.since is not None:
        found.append(f"since {counter.since}, {counter.lasts} year(s)")
    found.append(f"sum of {' + '.join(counter.sums)}" if counter.sums else "settlements")
    if counter.when:
        found.append(f"where {_condition_words(counter.when)}")
    if counter.split_by:
        found.append(f"apart by {', '.join(counter.split_by)}")
    if counter.dated_by is not None:
        found.append(f"dated by {counter.dated_by}")
    return ", ".join(found)


def _quantity_words(quantity: Quantity) -> str:
    standard = Quantity(quantity.name, quantity.kind, quantity.column)
    words = ("less", "at_most", "every")
    changes = [
        f"{word.replace('_', ' ')} {getattr(quantity, word)}"
        for word in words
        if getattr(quantity, word) != getattr(standard, word)
    ]
    return ", ".join([f"{quantity.kind} {quantity.column}", *changes])


def _print_classes(page: Page, policy: Policy) -> None:
    names = asked(policy)
    found = [each for name, each in policy.dimensions.items() if name in names]
    if not found:
        return
    page.head("Who belongs where 类别")
    for dimension in found:
        page.text(f"{dimension.name}, by {_source_words(dimension)}: {_class_words(dimension)}")


def _source_words(dimension: Dimension) -> str:
    words = {
        "group": "benefit_groups",
        "counter": f"counter {dimension.column}",
        "quantity": f"quantity {dimension.column}",
        "age": "age on the rule date",
    }
    return words.get(dimension.kind, dimension.column)


def _class_words(dimension: Dimension) -> str:
    if dimension.kind == "group":
        return f"yes with {dimension.codes[1][0]}, else no"
    if dimension.codes:
        return "; ".join(
            f"{word} = {', '.join(found)}"
            for word, found in zip(dimension.values, dimension.codes, strict=True)
        )
    return "; ".join(
        f"{word} from {_begin(dimension, begins)}"
        for word, begins in zip(dimension.values, dimension.thresholds, strict=True)
    )


def _begin(dimension: Dimension, begins: int) -> str:
    if dimension.kind != "date":
        return str(begins)
    return date.fromordinal(begins).isoformat() if begins else "none stated"


# --- tables -------------------------------------------------------------------------------------


def _print_table(page: Page, policy: Policy, table: RuleTable) -> None:
    title = f" {table.title}" if table.title else ""
    page.text(f"{table.name}{title} ({_UNITS[table.unit]})", style="bold")
    if table.note:
        page.text(table.note, indent=_DEEP)
    for version in table.versions:
        weak = version.confidence in WEAK
        doubt = " 存疑" if version.confidence == _UNCERTAIN else ""
        issued = f", published {version.issued}" if version.issued > version.start else ""
        until = f" until {version.until}" if version.until is not None else ""
        page.text(
            f"from {version.start}{until}{issued}, {version.source} ({version.confidence}{doubt})",
            indent=_DEEP,
            style="yellow" if weak else "",
        )
        if version.note:
            page.text(f"note: {version.note}", indent=_DEEP, style="yellow" if weak else "dim")
        for line in cell_lines(policy, table, version, page.width - _DEEP):
            page.text(line, indent=_DEEP, wrapped=False)


# --- JSON ---------------------------------------------------------------------------------------


def policy_json(compiled: CompiledPolicy) -> dict[str, object]:
    """Return a policy as a JSON object; cells are rows of the document, in its order."""
    policy = compiled.policy
    return {
        "policy": policy.name,
        "title": policy.title,
        "file": policy.file,
        "digest": compiled.digest,
        "confidence": compiled.confidence,
        "note": policy.note,
        "uncertain": list(dict.fromkeys(_doubts(policy))),
        "stages": [_stage_json(policy, stage) for stage in policy.all_stages],
        "gaps": [asdict(gap) for gap in policy.gaps],
        "tables": [
            {
                "table": rule.name,
                "title": rule.title,
                "by": rule.by,
                "unit": rule.unit,
                "from": version.start.isoformat(),
                "until": version.until.isoformat() if version.until is not None else None,
                "source": asdict(policy.sources[version.source]),
                "confidence": version.confidence,
                "note": version.note,
                "limits_fen": version.limits_fen if rule.banded else None,
                "cells": cell_texts(rule, version.cells),
            }
            for rule in policy.tables.values()
            for version in rule.versions
        ],
    }


def _stage_json(policy: Policy, stage: Stage) -> dict[str, object]:
    return {
        "stage": stage.name,
        "title": stage.title,
        "payer": stage.payer,
        "payee": stage.payee,
        "source": stage.source,
        "note": stage.note,
        "when": {name: list(classes) for name, classes in stage.when},
        "says": [
            {"role": leaf.role, "table": leaf.table, "words": leaf.words}
            for leaf in all_leaves(policy, stage)
        ],
    }
