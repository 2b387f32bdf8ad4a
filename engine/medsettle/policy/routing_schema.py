"""The JSON Schema of a `routing.yaml`."""

from typing import Final

from medsettle.core import codes
from medsettle.policy import keys, values
from medsettle.policy import routing_keys as own
from medsettle.policy.json_schema import DEFINITIONS
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
    named,
    pattern,
    ref,
    spellings,
)

_CITED: Final[dict[str, Schema]] = {"source": NAME, "note": TEXT}
_INSURANCE: Final = choice(codes.INSURANCE_TYPES)
_VISIT: Final = choice(codes.VISIT_TYPES)

_LINES: Final[Schema] = {
    "anyOf": [
        {"enum": spellings(own.REST)},
        block(
            own.LINES,
            {
                "diagnoses": {"anyOf": [{"enum": spellings(own.REGISTERED)}, CODES]},
                "items": CODES,
                "charge_types": CODES,
                "note": TEXT,
            },
        ),
    ]
}

_CONFIRMED: Final = block(
    own.CONFIRMED,
    {"charge_types": CODES, "kind": NAME, "otherwise": choice(own.UNCONFIRMED), **_CITED},
)

_WINDOW: Final = block(
    own.WINDOW,
    {
        "from": choice(own.DATES),
        "until": choice(own.DATES),
        "when": choice(own.TIMELINESS),
        "earmark": TEXT,
        **_CITED,
    },
)

_SCHEME: Final = block(
    own.SCHEME,
    {
        "scheme": NAME,
        "title": TEXT,
        "insurance_type": _INSURANCE,
        "visit_types": {"type": "object", "additionalProperties": _VISIT},
        "needs": NAMES,
        "lines": _LINES,
        "outside_catalogue": choice(own.OUTSIDE),
        "confirmed": listed(_CONFIRMED),
        "window": _WINDOW,
        **_CITED,
    },
)

_VERSION: Final = block(
    own.VERSION,
    {
        "from": pattern(values.DAY_PATTERN),
        "schemes": listed(_SCHEME),
        "shared": block(
            own.SHARED, {"charge_types": CODES, "items": CODES, "goes_to": TEXT, **_CITED}
        ),
        "note": TEXT,
    },
)


def routing_schema() -> Schema:
    """Return the schema of a `routing.yaml`."""
    parts = {
        "format": choice([keys.FORMAT]),
        "area": AREA_CODE,
        "sources": {**named(ref("source")), "minProperties": 1},
        "registrations": named(block(own.KIND, {"title": TEXT, "continues": NAME, **_CITED})),
        "versions": listed(_VERSION),
        "note": TEXT,
    }
    return {
        "$schema": DIALECT,
        "title": "medsettle routing of a visit (一次就诊多险种结算)",
        **block(own.ROUTING, parts),
        "$defs": {"source": DEFINITIONS["source"]},
    }
