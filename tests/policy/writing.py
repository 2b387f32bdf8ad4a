"""A checked policy written as the document that says it: the other way round from the reader.

What is written is JSON, which is YAML, in the words of the rule language.
"""

import json
from collections.abc import Sequence
from datetime import date
from fractions import Fraction
from math import prod
from typing import Any

from medsettle.policy.amount_of import AmountOf, AmountRounding, Base, Bound
from medsettle.policy.model import (
    Cap,
    CapOn,
    Condition,
    Counter,
    Deductible,
    Dimension,
    Policy,
    Rate,
    Stage,
    Table,
    Unit,
    Version,
)
from medsettle.policy.quantity import Quantity

Block = dict[str, Any]

_LIMITS = {"account": "account_balance", "mutual_aid": "relatives_limits"}


def document_text(policy: Policy) -> str:
    """Return the rule document of a policy."""
    begun, ends = policy.in_force_from, policy.in_force_until
    start = policy.year_start
    document: Block = {
        "format": "1",
        "policy": policy.name,
        "title": policy.title,
        "pooling_area": policy.pooling_area,
        "insurance_type": policy.insurance_type,
        "visit_types": list(policy.visit_types),
        "in_force": {"from": str(begun)} | ({} if ends is None else {"until": str(ends)}),
        "rule_date": policy.rule_date,
        "benefit_year": {"starts": f"{start.month:02d}-{start.day:02d}"},
        "sources": {
            key: {"title": each.title, "where": each.where, "confidence": each.confidence}
            for key, each in policy.sources.items()
        },
        "dimensions": {name: _dimension(each) for name, each in policy.dimensions.items()},
        "quantities": {name: _quantity(each) for name, each in policy.quantities.items()},
        "counters": {name: _counter(each) for name, each in policy.counters.items()},
        "tables": {name: _table(policy, each) for name, each in policy.tables.items()},
        "stages": [{"stage": each.name, **_stage(each)} for each in policy.stages],
        "payouts": [_payout(each) for each in policy.payouts],
        "gaps": [{"amount": gap.amount, "says": gap.says} for gap in policy.gaps],
    }
    return json.dumps(_stated(document), ensure_ascii=False, indent=1)


def _stated(block: Block) -> Block:
    """Return a block without the keys that say nothing."""
    return {key: value for key, value in block.items() if value not in (None, "", [], {})}


# --- what rules look at --------------------------------------------------------------------------


def _dimension(dimension: Dimension) -> Block:
    values, begins = dimension.values, dimension.thresholds
    if dimension.kind == "group":
        return {"group": dimension.codes[1][0]}
    if dimension.kind in {"code", "codes"}:
        codes = {name: list(held) for name, held in zip(values, dimension.codes, strict=True)}
        return {"column": dimension.column, "codes": codes}
    steps = dict(zip(values, begins, strict=True))
    if dimension.kind == "age":
        return {"ages": {name: f"{age}岁" for name, age in steps.items()}}
    if dimension.kind == "date":
        days = [str(date.fromordinal(day)) for day in begins[1:]]
        return {
            "date": dimension.column,
            "dates": dict(zip(values, ["none", *days], strict=True)),
        }
    unit = "次" if dimension.kind == "counter" else "天"
    counted = {name: f"{number}{unit}" for name, number in steps.items()}
    return {dimension.kind: dimension.column, "counted": counted}


def _quantity(quantity: Quantity) -> Block:
    numbers = {
        "less": quantity.less,
        "at_most": quantity.at_most,
        "every": quantity.every,
    }
    return {quantity.kind.value: quantity.column} | {k: f"{n}天" for k, n in numbers.items()}


def _counter(counter: Counter) -> Block:
    what: Block = {"sums": list(counter.sums)} if counter.sums else {"counts": "settlements"}
    return _stated(
        {
            "period": counter.period.value,
            **what,
            "when": _when(counter.when),
            "split_by": list(counter.split_by),
            "dated_by": counter.dated_by,
            "since": counter.since,
            "lasts": f"{counter.lasts}年" if counter.since else None,
        }
    )


def _when(condition: Condition) -> Block:
    return {name: list(classes) for name, classes in condition}


# --- tables --------------------------------------------------------------------------------------


def _table(policy: Policy, table: Table) -> Block:
    versions = [_version(policy, table, version) for version in table.versions]
    bands = "yes" if table.banded else None
    return _stated(
        {"unit": table.unit.value, "by": list(table.by), "bands": bands, "versions": versions}
    )


def _version(policy: Policy, table: Table, version: Version) -> Block:
    limits = None
    if table.banded:
        limits = ["open" if end is None else _yuan(end) for end in version.limits_fen]
    rows = _rows(policy, table, table.by, [_cell(table.unit, cell) for cell in version.cells])
    return _stated(
        {
            "from": str(version.start),
            "source": version.source,
            "confidence": version.confidence,
            "note": version.note,
            "issued": str(version.issued) if version.issued > version.start else None,
            "until": version.until and str(version.until),
            "limits": limits,
            "rows" if table.by else "value": rows,
        }
    )


def _rows(policy: Policy, table: Table, by: Sequence[str], cells: list[str]) -> object:
    if not by:
        return cells if table.banded else cells[0]
    values = policy.dimensions[by[0]].values
    width = len(cells) // len(values)
    assert width % prod(len(policy.dimensions[name].values) for name in by[1:]) == 0
    parts = [cells[start : start + width] for start in range(0, len(cells), width)]
    return {
        name: _rows(policy, table, by[1:], part) for name, part in zip(values, parts, strict=True)
    }


def _cell(unit: Unit, cell: Fraction) -> str:
    if unit is Unit.AMOUNT:
        return _yuan(int(cell))
    if unit is Unit.COUNT:
        return f"{int(cell)}天"
    if unit is Unit.RATE:
        return f"{cell.numerator}/{cell.denominator}"
    tenths = abs(cell) * 1_000
    assert tenths.denominator == 1, "points have one decimal here"
    sign = "-" if cell < 0 else ""
    return f"{sign}{int(tenths) // 10}.{int(tenths) % 10}分点"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}元"


# --- stages --------------------------------------------------------------------------------------


def _stage(stage: Stage) -> Block:
    rounding = stage.rounding
    return _stated(
        {
            "title": stage.title,
            "payer": stage.payer,
            "source": stage.source,
            "base": _base(stage.base) if stage.amount is None else None,
            "when": _when(stage.when),
            "keep_back": stage.keep_back,
            "deductible": None if stage.deductible is None else _deductible(stage.deductible),
            "bands": _bands(stage),
            "rate": None if stage.rate is None else _rate(stage.rate),
            "caps": [_cap(cap) for cap in stage.caps],
            "rounding": None
            if rounding is None
            else {
                "at": rounding.at.value,
                "side": rounding.side.value,
                "mode": rounding.mode.value,
            },
            "limit": _LIMITS[stage.payer] if stage.account_limited else None,
            "advance_for": None if stage.advance_for is None else stage.advance_for.value,
        }
    )


def _payout(stage: Stage) -> Block:
    assert stage.payee is not None
    amount = stage.amount
    own = {
        "payout": stage.name,
        "payee": stage.payee.value,
        "amount": amount and _stated({**_amount(amount), "at_most": amount.at_most}),
        "instead_of": list(stage.instead_of),
    }
    return _stated(own | _stage(stage))


def _base(base: Base) -> Block:
    return _stated({"plus": list(base.plus), "minus": list(base.minus)})


def _per(counter: str | None) -> str:
    return counter or "settlement"


def _amount(amount: AmountOf) -> Block:
    bounds = {"least": _bound(amount.least), "most": _bound(amount.most)}
    return {
        "table": amount.table,
        "of": amount.of and _base(amount.of),
        "within": _stated(bounds),
        "times": amount.times or _terms(amount.counts),
        "factor": amount.factor,
        "rounding": _amount_rounding(amount),
        "plus": _terms(amount.plus),
    }


def _terms(terms: Sequence[tuple[str, str | None]]) -> list[object]:
    return [
        table if quantity is None else {"table": table, "times": quantity}
        for table, quantity in terms
    ]


def _bound(bound: Bound | None) -> Block | None:
    if bound is None:
        return None
    return _stated({"table": bound.table, "factor": bound.factor})


def _amount_rounding(amount: AmountOf) -> Block | None:
    """Return where a product is rounded, which need not be said where nothing can differ."""
    rounding = amount.rounding
    many = amount.times is not None or bool(amount.counts)
    if rounding == AmountRounding() and not (many and amount.factor):
        return None
    return {
        "at": "each" if rounding.each else "once",
        "to": "fen" if rounding.to_fen == 1 else "yuan",
        "mode": rounding.mode.value,
    }


def _deductible(deductible: Deductible) -> Block:
    share, ceiling = deductible.share_of, deductible.at_most
    return _stated(
        {
            **_amount(deductible.amount),
            "per": _per(deductible.counter),
            "share_of": share and {"base": _base(share.base), "rate": share.rate},
            "at_most": ceiling and {"table": ceiling.table, "per": _per(ceiling.counter)},
        }
    )


def _bands(stage: Stage) -> Block | None:
    bands = stage.bands
    if bands is None:
        return None
    side = "inside" if bands.deductible_inside else "outside"
    return _stated(
        {
            "along": bands.along.value,
            "apply": bands.apply.value,
            "counter": bands.counter,
            "deductible": side if stage.deductible else None,
        }
    )


def _rate(rate: Rate) -> Block:
    times = [{"table": table, "times": quantity} for table, quantity in rate.points_times]
    return _stated(
        {
            rate.side.value: rate.table,
            "own_factor": rate.own_factor,
            "counting": list(rate.counting),
            "points": [*rate.points, *times],
            "pays_factor": rate.pays_factor,
            "at_most": rate.at_most,
            "floor": rate.floor and {"rate": rate.floor.rate, "of": _base(rate.floor.of)},
        }
    )


def _cap(cap: Cap) -> Block:
    return _stated(
        {
            **_amount(cap.amount),
            "at_most": cap.amount.at_most,
            "on": cap.on.value,
            "per": _per(cap.counter),
            "excess": cap.excess.value if cap.on is CapOn.PAYMENT else None,
        }
    )
