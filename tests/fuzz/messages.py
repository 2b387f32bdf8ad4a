"""Hostile messages: valid ones changed by their descriptors, and bytes that are none."""

import random
from collections.abc import Callable, Iterator
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor, ServiceDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from medsettle import limits
from medsettle.service.server import SERVICES

from tests.fuzz.likely import fill_likely, likely_value, settle_on

_INT32: Final = (0, 1, -1, 2**31 - 1, -(2**31), 12, 13, 31)
_INT64: Final = (
    *(0, 1, -1, limits.INT64_MAX, -limits.INT64_MAX - 1, limits.AMOUNT_FEN_MAX),
    *(limits.AMOUNT_FEN_MAX + 1, limits.LINE_AMOUNT_FEN_MAX, limits.LINE_AMOUNT_FEN_MAX + 1),
)
_TEXTS: Final = (
    *("", " ", "\0", "-", "/", "A" * 36, "A" * 51, "9" * 5_000, "统筹", "\u202e", "\ufeff", "'"),
    *("poolingAreas/-/settlements/-", "poolingAreas/999900/persons/P1", "poolingAreas//"),
    *("poolingAreas/999900", "poolingAreas/-", "%s%n", "{}", "[bold]", "1e400", "NaN", "../.."),
)
_INTEGERS: Final = {
    FieldDescriptor.CPPTYPE_INT32: _INT32,
    FieldDescriptor.CPPTYPE_INT64: _INT64,
    FieldDescriptor.CPPTYPE_UINT32: tuple(abs(value) for value in _INT32),
    FieldDescriptor.CPPTYPE_UINT64: tuple(abs(value) for value in _INT64),
    FieldDescriptor.CPPTYPE_ENUM: (0, 1, 2, 99, -1, 2**31 - 1),
    FieldDescriptor.CPPTYPE_BOOL: (False, True),
}
_DEPTH_MAX: Final = 4
# How many of all requests have fields from the edges only, and how many a few of them.
_EDGES, _CHANGED = 0.3, 0.3

Changed = Callable[[random.Random, Message], None]


def methods() -> Iterator[tuple[str, MethodDescriptor]]:
    """Yield the path and the descriptor of every unary method that is served."""
    for name in SERVICES:
        service: ServiceDescriptor = Default().FindServiceByName(name)
        for method in service.methods:
            yield f"/{name}/{method.name}", method


def drawn_message(draw: random.Random, method: MethodDescriptor) -> Message:
    """Return a request of a method: well formed, nearly so, or of the edges of its types."""
    message: Message = GetMessageClass(method.input_type)()
    chance = draw.random()
    if chance < _EDGES:
        _fill(draw, message, 0)
        return message
    _fill_likely(draw, message)
    return changed(draw, message) if chance < _EDGES + _CHANGED else message


def changed(draw: random.Random, message: Message) -> Message:
    """Return a copy of a message in which a few fields, at any depth, are something else."""
    copy = type(message)()
    copy.CopyFrom(message)
    for _ in range(draw.randint(1, 4)):
        inner = copy
        while below := [each for each in _parts(inner) if draw.random() < 0.6]:
            inner = draw.choice(below)
        fields = inner.DESCRIPTOR.fields
        if fields:
            field: Any = draw.choice(list(fields))
            inner.ClearField(field.name)
            if draw.random() < 0.8:
                _set(draw, inner, field, 0)
    return copy


def broken(draw: random.Random, data: bytes) -> bytes:
    """Return the bytes of a message damaged in one of the ways in which wires and hands do it."""
    bits = bytearray(data or b"\x0a\x00")
    at = draw.randrange(len(bits))
    ways: tuple[Callable[[], bytes], ...] = (
        lambda: bytes(bits[:at]),
        lambda: bytes(bits[:at]) + draw.randbytes(draw.randint(1, 20)) + bytes(bits[at:]),
        lambda: bytes([*bits[:at], bits[at] ^ 1 << draw.randrange(8), *bits[at + 1 :]]),
        lambda: draw.randbytes(draw.randint(0, 200)),
        # A text that is no UTF-8; a field that nobody knows; groups without an end; a length that
        # promises more than there is; a number of eleven bytes.
        lambda: bytes(bits) + b"\x0a\x02\xc3\x28",
        lambda: bytes(bits) + b"\xfa\xff\x01" + bytes([5]) + b"extra",
        lambda: b"\x0b" * draw.randint(1, 5_000),
        lambda: bytes(bits) + b"\x0a\xff\xff\xff\xff\x07",
        lambda: bytes(bits) + b"\x08" + b"\xff" * 11,
        lambda: _nested(draw.randint(10, 400)),
    )
    return draw.choice(ways)()


def _nested(depth: int) -> bytes:
    """Return messages within messages within messages, in field 1."""
    data = b""
    for _ in range(depth):
        data = b"\x0a" + _varint(len(data)) + data
    return data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _parts(message: Message) -> list[Message]:
    found: list[Message] = []
    for found_field, value in message.ListFields():
        field: Any = found_field
        if field.message_type is None or _is_map(field):
            continue
        found += list(value) if field.is_repeated else [value]
    return found


def _fill(draw: random.Random, message: Message, depth: int) -> None:
    for field in message.DESCRIPTOR.fields:
        if draw.random() < 0.7:
            _set(draw, message, field, depth)


def _fill_likely(draw: random.Random, message: Message) -> None:
    if fill_likely(draw, message):
        return
    for of_message in message.DESCRIPTOR.fields:
        field: Any = of_message
        if _is_map(field):
            continue
        held = getattr(message, field.name)
        if field.message_type is not None:
            # Moments and dates may be absent wherever they stand outside a claim.
            if not field.message_type.file.package.startswith("google") or draw.random() < 0.5:
                _fill_likely(draw, held.add() if field.is_repeated else held)
        elif (value := likely_value(draw, field)) is not None:
            if field.is_repeated:
                held.append(value)
            else:
                setattr(message, field.name, value)
    settle_on(message)


def _set(draw: random.Random, message: Message, field: Any, depth: int) -> None:  # noqa: ANN401
    if _is_map(field):
        return
    count = draw.choice((0, 1, 1, 2, 40)) if field.is_repeated else 1
    if field.message_type is not None:
        if depth >= _DEPTH_MAX:
            return
        for _ in range(min(count, 3)):
            inner = getattr(message, field.name)
            _fill(draw, inner.add() if field.is_repeated else inner, depth + 1)
            if not field.is_repeated:
                inner.SetInParent()
        return
    if field.is_repeated:
        getattr(message, field.name).extend(_value(draw, field) for _ in range(count))
    else:
        setattr(message, field.name, _value(draw, field))


def _value(draw: random.Random, field: FieldDescriptor) -> Any:  # noqa: ANN401 - of the field
    if field.cpp_type in _INTEGERS:
        return draw.choice(_INTEGERS[field.cpp_type])
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        text = draw.choice(_TEXTS)
        return text.encode() if field.type == FieldDescriptor.TYPE_BYTES else text
    return draw.choice((0.0, -0.0, 1e308, float("nan"), float("inf")))


def _is_map(field: FieldDescriptor) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry
