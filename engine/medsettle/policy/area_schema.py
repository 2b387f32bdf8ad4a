"""The JSON Schema of an `area.yaml`."""

from typing import Final

from medsettle.core import codes
from medsettle.policy import area_keys, keys
from medsettle.policy.json_schema import DEFINITIONS
from medsettle.policy.key_types import Key, Shape
from medsettle.policy.schema_pieces import (
    AREA_CODE,
    CODES,
    DIALECT,
    NAME,
    TEXT,
    WHEN,
    Schema,
    block,
    choice,
    listed,
    named,
    ref,
)

_AREA: Final[dict[str, Schema]] = {
    "format": choice([keys.FORMAT]),
    "area": AREA_CODE,
    "name": TEXT,
    "institution_levels": block(
        Shape("institution_levels", tuple(Key(name, name, name) for name in keys.PRICE_LEVELS)),
        dict.fromkeys(keys.PRICE_LEVELS, CODES),
    ),
    "catalogue": TEXT,
    "unlisted_items": choice(keys.UNLISTED),
    "sources": {**named(ref("source")), "minProperties": 1},
    "special_pots": {"anyOf": [NAME, {"type": "array", "items": NAME}]},
    "dimensions": named(ref("dimension")),
    "pre_self_pay_as": {
        "type": "object",
        "propertyNames": {"enum": list(codes.INSURANCE_TYPES)},
        "additionalProperties": choice(codes.INSURANCE_TYPES),
    },
    "pre_self_pay_on": choice(area_keys.PRE_SELF_PAY_ON),
    "pre_self_pay_rounding": choice(area_keys.PRE_SELF_PAY_ROUNDING),
    "populations": named(
        block(
            area_keys.POPULATION,
            {"when": WHEN, "insurance_type": listed(choice(codes.INSURANCE_TYPES))}
            | {"note": TEXT},
        )
    ),
    "class_pots": {"type": "object", "additionalProperties": NAME},
    "earmarks": named(
        block(
            area_keys.EARMARK,
            {"pot": NAME, "pre_self_pay_as": choice(codes.INSURANCE_TYPES), "note": TEXT},
        )
    ),
    "note": TEXT,
}


def area_schema() -> Schema:
    """Return the schema of an `area.yaml`."""
    return {
        "$schema": DIALECT,
        "title": "medsettle pooling area (统筹区文件)",
        **block(area_keys.AREA, _AREA),
        "$defs": {name: DEFINITIONS[name] for name in ("source", "dimension")},
    }
