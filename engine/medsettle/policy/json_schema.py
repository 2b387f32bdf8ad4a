"""A JSON Schema of rule documents, so that an editor completes and checks while one writes.

Draft 2020-12, made from the lists of the checker itself (`medsettle.policy.keys`, the patterns of
`medsettle.policy.values`, the code lists, the vocabulary). An editor sees one value at a time; what
one part of a document says about another (names, gaps in a table, dates in order) only the checker
can tell, and the schema never refuses what the checker accepts.
"""

from functools import partial
from typing import Final

from medsettle.core import codes
from medsettle.core.codes import Debtor, Payee
from medsettle.core.dates import Period
from medsettle.core.money import Rounding
from medsettle.policy import amount_keys, keys, values
from medsettle.policy.model import (
    BandsAlong,
    BandsApply,
    CapOn,
    Excess,
    RateSide,
    RoundingPoint,
    RoundingSide,
    Unit,
)
from medsettle.policy.quantity import QuantityKind
from medsettle.policy.read_facts import CODE_COLUMNS, DIMENSION_KINDS
from medsettle.policy.read_quantities import CODES_COLUMNS, DATE_COLUMNS, NUMBER_COLUMNS
from medsettle.policy.schema_pieces import AREA_CODE as _AREA_CODE
from medsettle.policy.schema_pieces import CODES as _CODES
from medsettle.policy.schema_pieces import DIALECT as _DIALECT
from medsettle.policy.schema_pieces import NAME as _NAME
from medsettle.policy.schema_pieces import NAMES as _NAMES
from medsettle.policy.schema_pieces import TEXT as _TEXT
from medsettle.policy.schema_pieces import WHEN as _WHEN
from medsettle.policy.schema_pieces import Schema
from medsettle.policy.schema_pieces import block as _block
from medsettle.policy.schema_pieces import choice as _choice
from medsettle.policy.schema_pieces import listed as _listed
from medsettle.policy.schema_pieces import members as _members
from medsettle.policy.schema_pieces import named as _named
from medsettle.policy.schema_pieces import pattern as _pattern
from medsettle.policy.schema_pieces import present as _present
from medsettle.policy.schema_pieces import ref as _ref
from medsettle.policy.schema_pieces import spellings as _spellings


def rule_schema() -> Schema:
    """Return the schema of a rule document."""
    return {
        "$schema": _DIALECT,
        "title": "medsettle rule document (医保规则文件)",
        **_block(keys.DOCUMENT, _DOCUMENT),
        "$defs": DEFINITIONS,
    }


def overlay_schema() -> Schema:
    """Return the schema of the overlay of a reform; what it sets is checked in its policy."""
    parts = {
        "format": _choice([keys.FORMAT]),
        "overlay": _NAME,
        "changes": _NAME,
        "from": _DAY,
        "title": _TEXT,
        "set": {"type": "object"},
        "without": _NAMES,
        "note": _TEXT,
    }
    return {
        "$schema": _DIALECT,
        "title": "medsettle overlay of a reform (政策调整文件)",
        **_block(keys.OVERLAY, parts),
    }


# --- what the keys hold -----------------------------------------------------------------------

_CLASSES: Final = partial(_named, pattern=keys.CLASS_PATTERN)
_DAY: Final = _pattern(values.DAY_PATTERN)
_CONFIDENCE: Final = _choice(keys.CONFIDENCES)

_SOURCE: Final = _block(
    keys.SOURCE, {"title": _TEXT, "where": _TEXT, "confidence": _CONFIDENCE, "note": _TEXT}
)
_DIMENSION: Final = _block(
    keys.DIMENSION,
    {
        "column": _choice([*CODE_COLUMNS, *CODES_COLUMNS]),
        "codes": _CLASSES(_CODES),
        "ages": _CLASSES(_pattern(values.AGE_PATTERN)),
        "group": _TEXT,
        "counter": _TEXT,
        "date": _choice(DATE_COLUMNS),
        "dates": _CLASSES({"anyOf": [_choice([keys.NONE]), _DAY]}),
        "quantity": _TEXT,
        "counted": _CLASSES(_pattern(f"{values.COUNT_PATTERN}|{values.QUANTITY_PATTERN}")),
        "note": _TEXT,
    },
    {"oneOf": [_present(kind) for kind in DIMENSION_KINDS]},
)
_COUNTER: Final = _block(
    keys.COUNTER,
    {
        "period": _members(Period),
        "sums": _NAMES,
        "counts": _choice([keys.SETTLEMENTS]),
        "when": _WHEN,
        "split_by": _NAMES,
        "dated_by": _choice(keys.RULE_DATES),
        "since": _choice(DATE_COLUMNS),
        "lasts": _pattern(values.QUANTITY_PATTERN),
        "note": _TEXT,
    },
    {"oneOf": [_present("sums"), _present("counts")]},
)
_QUANTITY: Final = _block(
    keys.QUANTITY,
    {
        "number": _choice(NUMBER_COLUMNS),
        "years_since": _choice(DATE_COLUMNS),
        "months_since": _choice(DATE_COLUMNS),
        "days_since": _choice(DATE_COLUMNS),
        "month_of": _choice([keys.BENEFIT_YEAR.name]),
        "count": _choice(CODES_COLUMNS),
        **dict.fromkeys(("less", "at_most", "every"), _pattern(values.QUANTITY_PATTERN)),
        "note": _TEXT,
    },
    {"oneOf": [_present(kind) for kind in QuantityKind]},
)
_TIMES: Final = _block(amount_keys.TIMES, {"table": _TEXT, "times": _TEXT})


_CELLS: Final = {
    Unit.AMOUNT: _pattern(values.AMOUNT_PATTERN),
    Unit.RATE: _pattern(values.RATE_PATTERN),
    Unit.POINTS: _pattern(values.POINTS_PATTERN),
    Unit.COUNT: _pattern(values.QUANTITY_PATTERN),
}


def _rows(unit: Unit) -> Schema:
    """Return a row of cells, or rows by one more dimension."""
    return {"anyOf": [_listed(_CELLS[unit]), _CLASSES(_ref(f"{unit}_rows"))]}


def _version(unit: Unit) -> Schema:
    """Return a version of a table whose cells are of one unit."""
    limit = {"anyOf": [_pattern(values.AMOUNT_PATTERN), _choice([keys.OPEN])]}
    parts = {
        "from": _DAY,
        "source": _TEXT,
        "value": _listed(_CELLS[unit]),
        "rows": _ref(f"{unit}_rows"),
        "limits": _listed(limit),
        "until": _DAY,
        "issued": _DAY,
        "confidence": _CONFIDENCE,
        "note": _TEXT,
    }
    return _block(keys.VERSION, parts, {"oneOf": [_present("value"), _present("rows")]})


def _table() -> Schema:
    """Return the schema of a table; its unit decides what its versions hold."""
    conditions = []
    for unit in Unit:
        is_unit = [
            {"properties": {word: _choice([unit])}, "required": [word]}
            for word in _spellings("unit")
        ]
        versions = dict.fromkeys(_spellings("versions"), _listed(_ref(f"{unit}_version")))
        conditions.append({"if": {"anyOf": is_unit}, "then": {"properties": versions}})
    parts = {
        "unit": _members(Unit),
        "versions": _listed({"type": "object"}),
        "title": _TEXT,
        "by": _NAMES,
        "bands": _choice([keys.YES]),
        "note": _TEXT,
    }
    return _block(keys.TABLE, parts, *conditions)


_BASE: Final[Schema] = {"anyOf": [_NAMES, _block(keys.BASE, {"plus": _NAMES, "minus": _NAMES})]}
_BOUND: Final[Schema] = {
    "anyOf": [_TEXT, _block(amount_keys.BOUND, {"table": _TEXT, "factor": _TEXT})]
}
_AMOUNT_OF: Final[dict[str, Schema]] = {
    "times": _listed({"anyOf": [_TEXT, _TIMES]}),
    "factor": _TEXT,
    "plus": _listed({"anyOf": [_TEXT, _TIMES]}),
    "of": _BASE,
    "within": _block(amount_keys.WITHIN, dict.fromkeys(("least", "most"), _BOUND)),
    "rounding": _block(
        amount_keys.AMOUNT_ROUNDING,
        {
            "at": _choice((keys.EACH, keys.ONCE)),
            "to": _choice((keys.FEN, keys.YUAN)),
            "mode": _members(Rounding),
        },
    ),
}
_ONE_SOURCE: Final[Schema] = {"oneOf": [_present("table"), _present("of")]}
_AMOUNT: Final = _block(
    amount_keys.AMOUNT, {"table": _TEXT, **_AMOUNT_OF, "at_most": _TEXT, "note": _TEXT}, _ONE_SOURCE
)
_DEDUCTIBLE: Final = _block(
    keys.DEDUCTIBLE,
    {
        "table": _TEXT,
        "per": _TEXT,
        **_AMOUNT_OF,
        "share_of": _block(keys.SHARE_OF, {"base": _BASE, "rate": _TEXT}),
        "at_most": _block(keys.CEILING, {"table": _TEXT, "per": _TEXT}),
        "note": _TEXT,
    },
    _ONE_SOURCE,
)
_BANDS: Final = _block(
    keys.BANDS,
    {
        "along": _members(BandsAlong),
        "apply": _members(BandsApply),
        "counter": _TEXT,
        "deductible": _choice(keys.DEDUCTIBLE_SIDES),
        "note": _TEXT,
    },
)
_RATE: Final = _block(
    keys.RATE,
    {
        **{side.value: _TEXT for side in RateSide},
        "own_factor": _TEXT,
        "points": _listed({"anyOf": [_TEXT, _TIMES]}),
        "pays_factor": _TEXT,
        "at_most": _TEXT,
        "floor": _block(keys.FLOOR, {"rate": _TEXT, "of": _BASE}),
        "counting": _NAMES,
        "note": _TEXT,
    },
    {"oneOf": [_present(side) for side in RateSide]},
)
_CAP: Final = _block(
    keys.CAP,
    {
        "table": _TEXT,
        "on": _members(CapOn),
        "per": _TEXT,
        "excess": _members(Excess),
        **_AMOUNT_OF,
        "at_most": _TEXT,
        "note": _TEXT,
    },
    _ONE_SOURCE,
)
_ROUNDING: Final = _block(
    keys.ROUNDING,
    {"at": _members(RoundingPoint), "side": _members(RoundingSide), "mode": _members(Rounding)},
)
_STAGE: Final = _block(
    keys.STAGE,
    {
        "stage": _NAME,
        "payer": _choice(codes.PAYER_NAMES),
        "source": _TEXT,
        "base": _BASE,
        "title": _TEXT,
        "when": _WHEN,
        "keep_back": _TEXT,
        "deductible": _ref("deductible"),
        "bands": _ref("bands"),
        "rate": _ref("rate"),
        "caps": _listed(_ref("cap")),
        "rounding": _ref("rounding"),
        "limit": _choice([*keys.BALANCE_LIMITS.values()]),
        "advance_for": _members(Debtor),
        "note": _TEXT,
    },
)
_PAYOUT: Final = _block(
    keys.PAYOUT,
    {
        "payout": _NAME,
        "payer": _choice(codes.FUND_NAMES),
        "payee": _members(Payee),
        "source": _TEXT,
        "title": _TEXT,
        "when": _WHEN,
        "amount": _AMOUNT,
        "base": _BASE,
        "keep_back": _TEXT,
        "deductible": _ref("deductible"),
        "bands": _ref("bands"),
        "rate": _ref("rate"),
        "caps": _listed(_ref("cap")),
        "rounding": _ref("rounding"),
        "instead_of": _NAMES,
        "advance_for": _members(Debtor),
        "note": _TEXT,
    },
    {"oneOf": [_present("amount"), _present("base")]},
)
DEFINITIONS: Final[dict[str, Schema]] = {
    "source": _SOURCE,
    "dimension": _DIMENSION,
    "counter": _COUNTER,
    "quantity": _QUANTITY,
    **{f"{unit}_rows": _rows(unit) for unit in Unit},
    **{f"{unit}_version": _version(unit) for unit in Unit},
    "table": _table(),
    "deductible": _DEDUCTIBLE,
    "bands": _BANDS,
    "rate": _RATE,
    "cap": _CAP,
    "rounding": _ROUNDING,
    "stage": _STAGE,
    "payout": _PAYOUT,
}
_DOCUMENT: Final[dict[str, Schema]] = {
    "format": _choice([keys.FORMAT]),
    "policy": _NAME,
    "title": _TEXT,
    "pooling_area": _AREA_CODE,
    "insurance_type": _choice(codes.INSURANCE_TYPES),
    "visit_types": _listed(_choice(codes.VISIT_TYPES)),
    "in_force": _block(keys.IN_FORCE, {"from": _DAY, "until": _DAY}),
    "rule_date": _choice(keys.RULE_DATES),
    "benefit_year": _block(keys.BENEFIT_YEAR, {"starts": _pattern(values.YEAR_START_PATTERN)}),
    "sources": {**_named(_ref("source")), "minProperties": 1},
    "stages": {"type": "array", "items": _ref("stage"), "minItems": 1},
    "dimensions": _named(_ref("dimension")),
    "quantities": _named(_ref("quantity")),
    "counters": _named(_ref("counter")),
    "tables": _named(_ref("table")),
    "payouts": _listed(_ref("payout")),
    "gaps": _listed(_block(keys.GAP, {"amount": _TEXT, "says": _TEXT})),
    "note": _TEXT,
}
