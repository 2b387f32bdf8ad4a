"""The open description of the gateway: an OpenAPI 3.1 document made from the definitions.

`make openapi` writes it into `engine/gateway.openapi.json`, and a running gateway serves it. Every
transaction has the path of its number, `/2207`, and each of its variants has one; `/` takes any of
them by infno. Nodes that several transactions share are stated once.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from medsettle import limits
from medsettle.gateway.envelope import DONE, REFUSED, REQUEST, RESPONSE, UNKNOWN
from medsettle.gateway.field_schemas import Schema, asked_field, asked_node, told_field, told_node
from medsettle.gateway.fields import Node
from medsettle.gateway.transactions import Transaction

_VERSION: Final = "1.0.0"
"""That of the interface, of which 1.0, V1.0 and 1.0.0 are all written in infver."""

_SCHEMAS: Final = "#/components/schemas/"
_ABOUT: Final = f"""\
国家医保信息平台接口（定点医药机构端）。

POST a JSON envelope to the path of its transaction, or to `/`.

Whatever became of a request is told in `infcode` with HTTP status 200: 0 done, -1 outcome unknown
(send the same msgid again, or reverse it with 2601), -2 refused (show `err_msg` to the operator;
it begins with a stable code of ours in brackets, and `err_detail` has every fault). msgid is the
idempotency key: the same msgid with the same content is answered as before, with other content it
is refused.

A field that is null, empty or left out says nothing. A number may be sent as text and a code as a
number; fields that are not described are let pass and read by nobody. An input has at most
{limits.GATEWAY_INPUT_CHARS_MAX:,} characters by the interface; a request of up to
{limits.GATEWAY_BYTES_MAX:,} bytes is taken all the same, and of
{limits.GATEWAY_FILE_REQUEST_BYTES_MAX:,} bytes where it is 9101. At a path without a number the
first {limits.GATEWAY_HEAD_BYTES:,} bytes of a long 9101 must have its infno. While
{limits.GATEWAY_REQUESTS_OPEN_MAX:,} requests are open, others are answered -1 `[OVERLOADED]`.
"""
_STATUSES: Final = {
    "401": ("Unsigned", "The headers carry no valid signature of a known client."),
    "404": ("NoPath", "Nothing is at this path."),
    "405": ("NoMethod", "Another method is asked; the header Allow names it."),
    "408": ("TooSlow", f"The body was not there in {limits.GATEWAY_BODY_SECONDS_MAX:.0f} seconds."),
    "413": (
        "TooLarge",
        f"A request has at most {limits.GATEWAY_BYTES_MAX:,} bytes, and one of 9101 "
        f"{limits.GATEWAY_FILE_REQUEST_BYTES_MAX:,}.",
    ),
}
_HEADERS: Final = {
    "x-tif": ("paasid", "SHA-256, in hex, of timestamp + token + nonce + timestamp"),
    "x-ca": ("key", "HMAC with SM3, in hex, by the token, of timestamp, newline, nonce"),
}


def description(transactions: Iterable[Transaction]) -> dict[str, Any]:
    """Return the OpenAPI document of transactions."""
    found = tuple(transactions)
    shared = _Shared()
    paths: dict[str, Any] = {}
    for each in found:
        for infno in (each.infno, *each.variants):
            paths[f"/{infno}"] = {"post": _operation(each, infno, shared)}
    paths["/"] = {"post": _by_number([path[1:] for path in paths])}
    return {
        "openapi": "3.1.0",
        "info": {"title": "medsettle gateway", "version": _VERSION, "description": _ABOUT},
        # Without a signature, where the gateway asks for none.
        "security": [{}, *({f"{prefix}-signature": []} for prefix in _HEADERS)],
        "paths": dict(sorted(paths.items())),
        "components": {
            "schemas": _envelopes() | dict(sorted(shared.schemas.items())),
            "responses": {name: _plain(text) for name, text in _STATUSES.values()},
            "securitySchemes": dict(map(_scheme, _HEADERS)),
        },
    }


class _Shared:
    """The nodes stated so far, by name; a name that means two things has the infno added."""

    def __init__(self) -> None:
        self.schemas: dict[str, Schema] = {}

    def node(self, node: Node, infno: str, *, asked: bool) -> Schema:
        """Return a reference to a node, which is stated where it is new."""
        schema = asked_node(node) if asked else told_node(node)
        plain = f"{'asked' if asked else 'told'}.{node.name}"
        for name in (plain, f"{plain}.{infno}"):
            if self.schemas.setdefault(name, schema) == schema:
                return {"$ref": f"{_SCHEMAS}{name}"}
        raise AssertionError(f"{infno} has two nodes that are called {node.name}")


def _operation(transaction: Transaction, infno: str, shared: _Shared) -> Schema:
    return {
        "operationId": f"transaction{infno}",
        "summary": f"{infno} {transaction.title}",
        "description": _words(transaction),
        "requestBody": _json(_request(transaction, infno, shared)) | {"required": True},
        "responses": {"200": _answer(transaction, infno, shared), **_refused()},
    }


def _answer(transaction: Transaction, infno: str, shared: _Shared) -> Schema:
    answer = _done(_response(transaction, infno, shared))
    if transaction.sends_file:
        answer["description"] = "The file itself, or the envelope of a refusal"
        answer["content"]["application/octet-stream"] = {
            "schema": {"type": "string", "format": "binary"}
        }
    return answer


def _words(transaction: Transaction) -> str:
    words = []
    if transaction.moves:
        words.append("Done once a msgid.")
    if transaction.signed_in:
        words.append("Asks for a sign-in of the day (9001) under sign_no.")
    if transaction.service:
        words.append(f"Also at /fsi/api/{transaction.service}/{transaction.infno}.")
    return " ".join(words)


def _request(transaction: Transaction, infno: str, shared: _Shared) -> Schema:
    nodes = transaction.inputs
    said: Schema = {
        "type": "object",
        "properties": {each.name: shared.node(each, infno, asked=True) for each in nodes},
    }
    if required := [each.name for each in nodes if each.required]:
        said["required"] = required
    return {
        "allOf": [{"$ref": f"{_SCHEMAS}Request"}],
        "properties": {"infno": {"const": infno}, "input": said},
        **({"required": ["input"]} if required else {}),
    }


def _response(transaction: Transaction, infno: str, shared: _Shared) -> Schema:
    return {
        "allOf": [{"$ref": f"{_SCHEMAS}Response"}],
        "properties": {"output": _output(transaction, infno, shared)},
        "unevaluatedProperties": False,
    }


def _output(transaction: Transaction, infno: str, shared: _Shared) -> Schema:
    """Return the schema of an output; a node without a name is the output, or a part of it."""
    properties: Schema = {}
    for node in transaction.outputs:
        if node.name:
            properties[node.name] = shared.node(node, infno, asked=False)
        elif node.many:
            return told_node(node) | {"type": ["array", "null"]}
        else:
            properties |= told_node(node)["properties"]
    return {
        "description": "null where infcode is not 0",
        "type": ["object", "null"],
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


def _by_number(numbers: Sequence[str]) -> Schema:
    request = {
        "allOf": [{"$ref": f"{_SCHEMAS}Request"}],
        "properties": {"infno": {"enum": sorted(numbers)}, "input": {"type": ["object", "null"]}},
    }
    response = {
        "allOf": [{"$ref": f"{_SCHEMAS}Response"}],
        "properties": {"output": {"type": ["object", "array", "null"]}},
        "unevaluatedProperties": False,
    }
    return {
        "operationId": "transaction",
        "summary": "Any transaction, by infno",
        "description": "Input and output are those of the path of the number.",
        "requestBody": _json(request) | {"required": True},
        "responses": {"200": _done(response), **_refused()},
    }


def _envelopes() -> dict[str, Schema]:
    told = {field.name: told_field(field) for field in RESPONSE}
    told["err_detail"] = {
        "description": next(each.meaning for each in RESPONSE if each.name == "err_detail"),
        "type": ["array", "string", "null"],
        "items": {
            "type": "object",
            "properties": {"path": {"type": "string"}, "message": {"type": "string"}},
            "required": ["path", "message"],
            "additionalProperties": False,
        },
    }
    told["infcode"] = {"enum": [DONE, UNKNOWN, REFUSED], "description": RESPONSE[0].meaning}
    return {
        "Request": {
            "type": "object",
            "properties": {field.name: asked_field(field) for field in REQUEST},
            "required": [field.name for field in REQUEST if field.required],
        },
        "Response": {"type": "object", "properties": told, "required": [*told, "output"]},
        "Message": {
            "type": "object",
            "properties": {"message": {"type": "string"}},
            "required": ["message"],
            "additionalProperties": False,
        },
    }


def _json(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}


def _done(schema: Schema) -> Schema:
    return {"description": "The envelope of the answer"} | _json(schema)


def _refused() -> Schema:
    return {
        status: {"$ref": f"#/components/responses/{name}"}
        for status, (name, _) in _STATUSES.items()
    }


def _plain(text: str) -> Schema:
    return {"description": text} | _json({"$ref": f"{_SCHEMAS}Message"})


def _scheme(prefix: str) -> tuple[str, Schema]:
    who, covers = _HEADERS[prefix]
    name = f"{prefix}-signature"
    words = f"{covers}; beside it {prefix}-{who}, {prefix}-timestamp and {prefix}-nonce"
    return name, {"type": "apiKey", "in": "header", "name": name, "description": words}
