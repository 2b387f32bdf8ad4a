"""The pieces of the JSON Schemas: blocks under two languages, choices, forms, names, lists."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias

from medsettle.policy import keys
from medsettle.policy.confidence import CONFIDENCE_MEANINGS
from medsettle.policy.key_types import Key, Shape
from medsettle.policy.vocabulary import in_chinese

Schema: TypeAlias = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
TEXT: Final[Schema] = {"type": ["string", "number"], "minLength": 1}
NAME: Final[Schema] = {"type": "string", "pattern": f"^(?:{keys.NAME_PATTERN})$"}


def block(shape: Shape, parts: Mapping[str, Schema], *more: Schema) -> Schema:
    """Return the schema of a block: each key under its English or its Chinese word.

    Args:
        shape: The keys, as the checker knows them.
        parts: The schema of the value of each key of the shape.
        more: Conditions that a single key cannot say.
    """
    assert {key.name for key in shape} == set(parts), f"{shape.name} has other keys"
    properties: dict[str, Schema] = {}
    for key in shape:
        schema = {**parts[key.name], "description": description(key)}
        properties |= dict.fromkeys(spellings(key.name), schema)
    conditions = [present(key.name) for key in shape.required]
    conditions += [not_twice(key.name) for key in shape if len(spellings(key.name)) > 1]
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "allOf": [*conditions, *more],
    }


def ref(name: str) -> Schema:
    """Return a reference to one of `_DEFINITIONS`."""
    return {"$ref": f"#/$defs/{name}"}


def spellings(word: str) -> list[str]:
    """Return a word in both languages."""
    return list(dict.fromkeys([word, in_chinese(word)]))


def description(key: Key) -> str:
    """Return what an editor shows beside a key: its words, what it says, and its choices.

    The English half names choices in backticks; the Chinese half has the same in Chinese.
    """
    literals = re.findall(r"`([a-z_0-9]+)`", key.english)
    chinese = re.sub(r"`([a-z_0-9]+)`", lambda found: f"`{in_chinese(found[1])}`", key.chinese)
    left = [f"`{word}`" for word in map(in_chinese, literals) if f"`{word}`" not in chinese]
    choices = f" ({', '.join(left)})" if left else ""
    legend = _LEGEND if key.name == "confidence" else ""
    return f"{key.name}: {key.english}. {in_chinese(key.name)}: {chinese}{choices}.{legend}"


_LEGEND: Final = "".join(
    f"\n{label} {in_chinese(label)}: {english}; {chinese}"
    if in_chinese(label) != label
    else f"\n{label}: {english}; {chinese}"
    for label, (english, chinese) in CONFIDENCE_MEANINGS.items()
)


def present(word: str) -> Schema:
    """Return the condition that a key is written, in either language."""
    return {"anyOf": [{"required": [spelling]} for spelling in spellings(word)]}


def not_twice(word: str) -> Schema:
    """Return the condition that a key is not written in both languages."""
    return {"not": {"required": spellings(word)}}


def pattern(pattern: str) -> Schema:
    """Return a text of a form; blanks at its ends are no part of it."""
    return {"type": "string", "pattern": rf"^\s*(?:{pattern})\s*$"}


def choice(words: Iterable[str]) -> Schema:
    """Return the choices of a key in both languages; an editor reads `1` as a number."""
    both = [spelling for word in words for spelling in spellings(word)]
    numbers = [int(word) for word in both if word.isascii() and word.isdigit()]
    # `01` is a text to an editor that reads YAML 1.2, and a number to an older one.
    return {"enum": [*both, *dict.fromkeys(numbers)]}


def members(kinds: type[StrEnum]) -> Schema:
    """Return the choices that an enumeration has."""
    return choice(kind.value for kind in kinds)


def listed(item: Schema) -> Schema:
    """Return a list that is not empty, or its only item."""
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def named(item: Schema, pattern: str = keys.NAME_PATTERN) -> Schema:
    """Return a block whose keys are names that the document makes up."""
    return {
        "type": "object",
        "propertyNames": {"pattern": f"^(?:{pattern})$"},
        "additionalProperties": item,
    }


AREA_CODE: Final[Schema] = {
    "anyOf": [pattern(keys.AREA_PATTERN), {"type": "integer", "minimum": 1, "maximum": 999_999}]
}
NAMES: Final = listed(TEXT)
CODES: Final = listed({"type": ["string", "integer"]})
WHEN: Final[Schema] = {"type": "object", "additionalProperties": NAMES}
