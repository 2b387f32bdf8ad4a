"""The JSON Schema of files of worked examples."""

from typing import Final

from medsettle.core import codes
from medsettle.core.columns import Kind
from medsettle.policy import example_keys, keys, line_values, values
from medsettle.policy.schema_pieces import (
    AREA_CODE,
    CODES,
    DIALECT,
    NAME,
    NAMES,
    TEXT,
    Schema,
    block,
    choice,
    listed,
    pattern,
)

_CODE: Final[Schema] = {"type": ["string", "integer"], "minLength": 1}
_DAY: Final = pattern(values.DAY_PATTERN)
_AMOUNT: Final = pattern(values.AMOUNT_PATTERN)
_SIGNED: Final = pattern(f"-?(?:{values.AMOUNT_PATTERN})")
_NUMBERS: Final[Schema] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": pattern(f"{values.AMOUNT_PATTERN}|{values.COUNT_PATTERN}"),
}
_FACTS: Final[dict[Kind, Schema]] = {
    Kind.CODE: _CODE,
    Kind.CODES: CODES,
    Kind.DATE: _DAY,
    Kind.INTEGER: pattern(values.QUANTITY_PATTERN),
    Kind.FEN: _AMOUNT,
}

_LINE: Final = block(
    example_keys.LINE,
    {
        "item": _CODE,
        "amount": _SIGNED,
        "quantity": pattern(line_values.UNITS_PATTERN),
        "price": pattern(line_values.PRICE_PATTERN),
        "day": _DAY,
        "approval": choice(codes.APPROVALS),
        "original_line": _CODE,
        "earmark": TEXT,
        "note": TEXT,
    },
)
_VISIT: Final = block(
    example_keys.VISIT,
    {
        "service_date": _DAY,
        "visit_type": choice(codes.VISIT_TYPES),
        "insurance_type": choice(codes.INSURANCE_TYPES),
        "person_type": _CODE,
        "institution_level": _CODE,
        "birth_date": _DAY,
        "expect": _NUMBERS,
        "lines": listed(_LINE),
        "before": _NUMBERS,
        "admission_date": _DAY,
        "benefit_groups": NAMES,
        "account_used": choice(("yes", "no")),
        "institution": _CODE,
        "preview": choice([keys.YES]),
        **{name: _FACTS[column.kind] for name, column in example_keys.FACTS.items()},
        "note": TEXT,
    },
)
_CANCEL: Final = block(
    example_keys.CANCEL,
    {
        "cancels": {"anyOf": [{"type": "integer", "minimum": 1}, pattern("[0-9]{1,20}")]},
        "expect": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": pattern(
                f"-?(?:{values.AMOUNT_PATTERN})|{values.COUNT_PATTERN}"
            ),
        },
        "note": TEXT,
    },
)
_EXAMPLE: Final = block(
    example_keys.EXAMPLE,
    {
        "example": TEXT,
        "kind": choice(example_keys.KINDS),
        "source": TEXT,
        "confidence": choice(keys.CONFIDENCES),
        "visits": listed({"anyOf": [_VISIT, _CANCEL]}),
        "title": TEXT,
        "shapes": NAMES,
        "cases": NAMES,
        "known_on": _DAY,
        "note": TEXT,
    },
)


def examples_schema() -> Schema:
    """Return the schema of a file of worked examples."""
    parts = {
        "format": choice([keys.FORMAT]),
        "policy": NAME,
        "pooling_area": AREA_CODE,
        "examples": listed(_EXAMPLE),
        "note": TEXT,
    }
    return {
        "$schema": DIALECT,
        "title": "medsettle worked examples (示例文件)",
        **block(example_keys.EXAMPLES, parts),
    }
