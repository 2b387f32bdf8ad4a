"""Fields and nodes as JSON Schema: what a request may say, and what an answer says.

A request may give a number as text and a code as a number, and leave out, null or empty what it
does not say; an answer always has every field, and null where it has no value. Decimals are told as
text patterns and in the description: JSON Schema's `multipleOf` divides by floats.
"""

from typing import Any, Final, TypeAlias

from medsettle import limits
from medsettle.gateway.fields import Field, Kind, Node, digits_of

Schema: TypeAlias = dict[str, Any]

_UNITS: Final = {
    Kind.MONEY: "N16,2 元 yuan",
    Kind.RATIO: "N5,4 比例 ratio",
    Kind.QUANTITY: "N16,4 数量 quantity",
    Kind.PRICE: "N16,6 元 yuan",
    Kind.COUNT: "N16 whole number",
    Kind.DATE: "yyyy-MM-dd",
    Kind.MOMENT: "yyyy-MM-dd HH:mm:ss, China Standard Time",
    Kind.OBJECT: "JSON",
}
_DAY: Final = r"\d{4}-\d{2}-\d{2}"
_TIME: Final = r"\d{2}:\d{2}:\d{2}"
_ASKED_DAY: Final = r"(\d{4}-\d{1,2}-\d{1,2}|\d{4}/\d{1,2}/\d{1,2}|\d{8})"
_ASKED_TIME: Final = r"[ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?Z?"
_ASKED_DIGITS: Final = r"\d{12}(\d{2}(\d{3})?)?"


def asked_node(node: Node) -> Schema:
    """Return the schema of a node of a request; one row may stand for a list, and a list for it."""
    row = _row(node, asked_field)
    row["required"] = [field.name for field in node.fields if field.required]
    if not row["required"]:
        del row["required"]
    if not node.many:
        return row
    return {
        "type": "array",
        "description": node.meaning,
        "items": row,
        "maxItems": node.most,
        **({"minItems": 1} if node.required else {}),
    }


def told_node(node: Node) -> Schema:
    """Return the schema of a node of an answer."""
    row = _row(node, told_field)
    row["required"] = [field.name for field in node.fields]
    row["additionalProperties"] = False
    if node.many:
        return {"type": "array", "description": node.meaning, "items": row}
    return row | {"type": ["object", "null"]}


def asked_field(field: Field) -> Schema:
    """Return the schema of a field of a request."""
    if field.kind is Kind.OBJECT:
        return _described(field, {})
    if field.kind is Kind.TEXT:
        text: Schema = {"type": ["string", "integer"]}
        if field.values:
            text = {"enum": list(field.values)}
        elif field.chars:
            text["maxLength"] = field.chars
        if field.required and not field.values:
            text["minLength"] = 1
        return _described(field, text if field.required else _or_empty(text))
    if field.kind in {Kind.DATE, Kind.MOMENT}:
        return _described(field, _asked_time(field))
    return _described(field, _asked_number(field))


def told_field(field: Field) -> Schema:
    """Return the schema of a field of an answer."""
    if field.kind is Kind.OBJECT:
        return _described(field, {})
    if field.kind is Kind.TEXT:
        text: Schema = {"type": ["string", "null"]}
        if field.chars:
            text["maxLength"] = field.chars
        return _described(field, text)
    if field.kind in {Kind.DATE, Kind.MOMENT}:
        form = _DAY if field.kind is Kind.DATE else f"{_DAY} {_TIME}"
        return _described(field, {"type": ["string", "null"], "pattern": f"^{form}$"})
    number = "number" if digits_of(field)[1] else "integer"
    return _described(field, {"type": [number, "null"]})


def _row(node: Node, written: Any) -> Schema:  # noqa: ANN401 - one of the two above
    return {
        "type": "object",
        "description": node.meaning,
        "properties": {field.name: written(field) for field in node.fields},
    }


def _described(field: Field, schema: Schema) -> Schema:
    said = [field.meaning, _UNITS.get(field.kind, f"C{field.chars}" if field.chars else "")]
    return schema | {"description": "; ".join(filter(None, said))}


def _or_empty(schema: Schema) -> Schema:
    if "enum" in schema:
        return {"enum": [*schema["enum"], "", None]}
    return schema | {"type": [*schema["type"], "null"]}


def _asked_time(field: Field) -> Schema:
    written = f"({_ASKED_DAY}({_ASKED_TIME})?|{_ASKED_DIGITS})"
    form = written if field.required else f"{written}?"
    schema: Schema = {"type": ["string"], "pattern": f"^{form}$"}
    return schema if field.required else _or_empty(schema)


def _asked_number(field: Field) -> Schema:
    whole, decimals = digits_of(field)
    sign = "[+-]?" if field.least is None or field.least < 0 else r"\+?"
    most = whole if field.most is None else len(str(field.most // 10**decimals))
    # Prices may be more exact than the field; they are cut.
    part = "*" if field.kind is Kind.PRICE else f"{{0,{decimals}}}"
    form = rf"{sign}\d{{1,{most}}}" + (rf"(\.\d{part})?" if decimals else "")
    schema: Schema = {
        "type": ["number" if decimals else "integer", "string"],
        "pattern": f"^{form}$" if field.required else f"^({form})?$",
        "maxLength": limits.GATEWAY_NUMBER_CHARS_MAX,
    }
    for word, bound, otherwise in (
        ("inimum", field.least, -(10**whole)),
        ("aximum", field.most, 10**whole),
    ):
        if bound is None:
            schema[f"exclusiveM{word}"] = otherwise
        elif bound % 10**decimals == 0:
            schema[f"m{word}"] = bound // 10**decimals
    return schema if field.required else _or_empty(schema)
