"""A policy as a page of a terminal that a person can lay beside the official text, and as JSON.

What is not certain says so where it stands, and the head of the page lists it.
"""

from dataclasses import asdict

from medsettle.cli.cell_table import cell_lines
from medsettle.cli.page import INDENT, Page
from medsettle.core import codes
from medsettle.policy.cell_rows import cell_texts
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.description import (
    QUESTIONS,
    UNCERTAIN,
    UNITS,
    WEAK,
    Description,
    StageText,
    TableText,
    described,
)
from medsettle.policy.model import Policy, Stage
from medsettle.policy.stage_leaves import all_leaves

_PAYERS = {payer.name: payer.chinese for payer in codes.PAYERS}
_DEEP = 2 * INDENT


def print_policy(page: Page, compiled: CompiledPolicy) -> None:
    """Print a policy from its head to its sources."""
    said = described(compiled)
    page.head(f"{said.policy.title} ({said.policy.name})", space=False)
    _print_head(page, said)
    page.head("Who pays, in this order 支付顺序")
    for stage in said.stages:
        _print_stage(page, stage)
    if said.payouts:
        page.head("What is paid beside the bill 账单之外")
        for stage in said.payouts:
            _print_stage(page, stage)
    if said.gaps:
        page.head("What cannot be decided 未能裁定")
        for gap in said.gaps:
            page.text(f"{gap.amount}: {gap.says}", style="yellow")
    _print_named(page, said)
    page.head("Values 数值")
    for table in said.tables:
        _print_table(page, table)
    page.head("Sources 依据")
    for source in said.sources:
        style = "yellow" if source.confidence in WEAK else ""
        page.text(
            f"{source.key} ({source.confidence}): {source.title} ({source.where})", style=style
        )
        if source.note:
            page.text(source.note, indent=_DEEP, style="dim")


def _print_head(page: Page, said: Description) -> None:
    policy, compiled = said.policy, said.compiled
    until = f" until {policy.in_force_until} 止" if policy.in_force_until else ""
    page.text(f"{policy.file}, digest {compiled.digest}", style="dim")
    page.rows(
        (
            ("pooling area 统筹区", f"{policy.pooling_area} {compiled.area.name}"),
            ("insurance type 险种", policy.insurance_type),
            ("visit types 医疗类别", ", ".join(policy.visit_types)),
            ("in force 施行", f"from {policy.in_force_from} 起{until}"),
            ("rule date 适用日期", policy.rule_date),
            ("benefit year 待遇年度", f"from {said.year_start} 起"),
        )
    )
    if policy.note:
        page.text(policy.note, style="yellow" if UNCERTAIN in policy.note else "")
    if said.doubts:
        page.text(f"uncertain 存疑: {', '.join(said.doubts)}", style="yellow")


def _print_named(page: Page, said: Description) -> None:
    """Print what has a name and a sentence: counters, quantities and classes."""
    if said.counters:
        page.head("What is counted 累计项")
        for counter in said.counters:
            page.text(f"{counter.name}: {counter.words}")
    if said.quantities:
        page.head("Quantities 数量")
        for quantity in said.quantities:
            page.text(f"{quantity.name}: {quantity.words}")
    if said.classes:
        page.head("Who belongs where 类别")
        for each in said.classes:
            page.text(f"{each.name}, by {each.by}: {each.words}")


def _print_stage(page: Page, said: StageText) -> None:
    stage = said.stage
    to = "" if stage.payee is None else f" to {stage.payee}"
    title = f" {said.title}" if said.title else ""
    page.text(
        f"{said.number}. {stage.name}{title}: {stage.payer} {_PAYERS[stage.payer]} pays{to} "
        f"({stage.source}, {said.confidence})",
        style="bold",
    )
    if said.when:
        page.text(f"only where 仅当 {said.when}", indent=_DEEP)
    for each in said.answers:
        question = " ".join(QUESTIONS.get(each.question, (each.question,)))
        page.text(f"{question}: {', '.join(each.said)}", indent=_DEEP)
    if stage.note:
        page.text(
            f"note: {stage.note}",
            indent=_DEEP,
            style="yellow" if UNCERTAIN in stage.note else "dim",
        )


def _print_table(page: Page, said: TableText) -> None:
    table = said.table
    title = f" {table.title}" if table.title else ""
    page.text(f"{table.name}{title} ({' '.join(UNITS[table.unit])})", style="bold")
    if table.note:
        page.text(table.note, indent=_DEEP)
    for each in said.versions:
        version = each.version
        doubt = " 存疑" if each.uncertain else ""
        issued = f", published {each.issued}" if each.issued else ""
        until = f" until {version.until}" if version.until is not None else ""
        page.text(
            f"from {version.start}{until}{issued}, {version.source} ({version.confidence}{doubt})",
            indent=_DEEP,
            style="yellow" if each.weak else "",
        )
        if version.note:
            style = "yellow" if each.weak else "dim"
            page.text(f"note: {version.note}", indent=_DEEP, style=style)
        for line in cell_lines(each, page.width - _DEEP):
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
        "uncertain": list(described(compiled).doubts),
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
