"""The JSON Schema of an `exclusions.yaml`."""

from typing import Final

from medsettle.core import codes
from medsettle.policy import exclusion_keys as own
from medsettle.policy import keys, values
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
)

_CITED: Final[dict[str, Schema]] = {"source": NAME, "note": TEXT}
_VISITS: Final = listed(choice(codes.VISIT_TYPES))

_CHECK: Final = block(
    own.CHECK,
    {
        "check": NAME,
        "finds": choice(own.FINDS),
        "action": choice(own.ACTIONS),
        "remedy": block(own.REMEDY, {"english": TEXT, "chinese": TEXT}),
        "visit_types": _VISITS,
        "insurance_types": listed(choice(codes.INSURANCE_TYPES)),
        "answers": NAMES,
        "registration": NAME,
        "held_on": choice(own.HELD_ON),
        "institutions": choice(own.INSTITUTIONS),
        "beside": _VISITS,
        "transfer_day": choice(own.TRANSFER_DAYS),
        "period": choice(own.SPANS),
        "items": CODES,
        "except_items": CODES,
        "at_most": pattern(values.COUNT_PATTERN),
        **_CITED,
    },
)

_VERSION: Final = block(
    own.VERSION,
    {
        "from": pattern(values.DAY_PATTERN),
        "checks": listed(_CHECK),
        "liability": named(CODES),
        "note": TEXT,
    },
)


def exclusions_schema() -> Schema:
    """Return the schema of an `exclusions.yaml`."""
    parts = {
        "format": choice([keys.FORMAT]),
        "area": AREA_CODE,
        "sources": {**named(ref("source")), "minProperties": 1},
        "registrations": named(
            block(
                own.KIND, {"title": TEXT, "about": choice(own.ABOUT), "continues": NAME, **_CITED}
            )
        ),
        "versions": listed(_VERSION),
        "note": TEXT,
    }
    return {
        "$schema": DIALECT,
        "title": "medsettle exclusions before payment (支付前核查)",
        **block(own.EXCLUSIONS, parts),
        "$defs": {"source": DEFINITIONS["source"]},
    }
