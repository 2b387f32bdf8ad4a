"""The JSON Schema of a `card.yaml`."""

from typing import Final

from medsettle.policy import card_keys as own
from medsettle.policy import keys, values
from medsettle.policy.json_schema import DEFINITIONS
from medsettle.policy.key_types import Shape
from medsettle.policy.schema_pieces import (
    AREA_CODE,
    DIALECT,
    NAME,
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

_CITED: Final[dict[str, Schema]] = {
    "source": NAME,
    "confidence": choice(keys.CONFIDENCES),
    "note": TEXT,
}
_YES_NO: Final = choice(own.YES_NO)
_USES: Final = listed(choice((*own.USE_NAMES, own.NOTHING)))
_DAYS: Final = listed(pattern(values.DAY_PATTERN))
_SPAN: Final[Schema] = {"anyOf": [pattern(own.SPAN_PATTERN), {"enum": spellings(own.NEVER)}]}


def _cited(shape: Shape, parts: dict[str, Schema]) -> Schema:
    return block(shape, parts | _CITED)


_TERMS: Final = block(
    own.TERMS,
    {
        "from": pattern(values.DAY_PATTERN),
        "credentials": _cited(
            own.CREDENTIALS,
            {
                "required": _YES_NO,
                "types": {"type": "object", "additionalProperties": choice(own.KINDS)},
            },
        ),
        "activation": _cited(
            own.ACTIVATION,
            {
                "social_by": choice((own.ISSUE, own.FIRST_PASSWORD)),
                "in_person": listed(choice((*own.ACTIONS, own.NOTHING))),
            },
        ),
        "temporary_loss": _cited(
            own.TEMPORARY_LOSS,
            {"lapses_after": _SPAN, "counted_from": choice((own.REPORT_DAY, own.NEXT_DAY))},
        ),
        "formal_loss": _cited(
            own.FORMAL_LOSS, {"resume": choice((own.UNTIL_REPLACEMENT, own.NEVER))}
        ),
        "electronic": _cited(own.ELECTRONIC, {"follows_card": _YES_NO}),
        "uses": _cited(own.USES, dict.fromkeys(own.STATES, _USES)),
        "temporary_card": _cited(
            own.TEMPORARY_CARD,
            dict.fromkeys(("valid_for", "at_most"), pattern(own.VALIDITY_PATTERN)),
        ),
        "note": TEXT,
    },
)


def card_schema() -> Schema:
    """Return the schema of a `card.yaml`."""
    parts = {
        "format": choice([keys.FORMAT]),
        "area": AREA_CODE,
        "sources": {**named(ref("source")), "minProperties": 1},
        "versions": {"type": "array", "items": _TERMS, "minItems": 1},
        "working_years": {
            "type": "object",
            "additionalProperties": _cited(
                own.WORKING_YEAR, {"days_off": _DAYS, "days_worked": _DAYS}
            ),
        },
        "note": TEXT,
    }
    return {
        "$schema": DIALECT,
        "title": "medsettle cards of an area (社保卡文件)",
        **block(own.CARD, parts),
        "$defs": {"source": DEFINITIONS["source"]},
    }
