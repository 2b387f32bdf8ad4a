"""Write `engine/api.md`, the reference of the gRPC interface, from the comments of the protos.

`make schema` runs it, and `make drift` compares the page with what it would write today.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from google.api import field_behavior_pb2  # type: ignore[import-untyped]
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    EnumDescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
    FileDescriptorSet,
    MethodDescriptorProto,
)

# Run as a file, this has its own folder in the way and not the one above.
sys.path.insert(0, str(Path(__file__).parents[1]))
from protos.generate import descriptor_set

_INTRODUCTION: Final = """\
# Reference of the gRPC interface

Written by `make schema` from the comments of [the protos](../protos/medsettle/v1); change those
files, not this page. `medsettle.Client` is a typed client of it; any other is generated from the
same files, and a server tells them by reflection. Services come first, then what they take and
return.

"""
_PACKAGE: Final = ".medsettle.v1."
# Numbers of the fields of descriptors, of which a place in a file is made.
_MESSAGES, _ENUMS, _SERVICES = 4, 5, 6
_METHODS, _FIELDS, _NESTED, _NESTED_ENUMS, _VALUES = 2, 2, 3, 4, 2
_REQUIRED: Final = field_behavior_pb2.REQUIRED

_At: TypeAlias = tuple[int, ...]
_Comments: TypeAlias = Mapping[_At, str]


@dataclass(frozen=True, slots=True)
class _Named:
    """A message or enum of a file with its full name and place."""

    name: str
    at: _At
    of: DescriptorProto | EnumDescriptorProto


def page(files: FileDescriptorSet) -> str:
    """Return the whole page as Markdown, ending in a newline."""
    parts = [_INTRODUCTION]
    for file in files.file:
        parts += _services(file)
    for file in files.file:
        parts += _types(file)
    return re.sub(r"\n{3,}", "\n\n", "".join(parts)).rstrip("\n") + "\n"


def _comments(file: FileDescriptorProto) -> _Comments:
    return {
        tuple(each.path): each.leading_comments or each.trailing_comments
        for each in file.source_code_info.location
    }


def _prose(comment: str) -> str:
    """Return a comment as paragraphs, each a line."""
    text = "\n".join(line.strip() for line in comment.strip().splitlines())
    parts = (re.sub(r"\n(?![-*] )", " ", part) for part in text.split("\n\n"))
    return "\n\n".join(_escaped(part) for part in parts)


def _escaped(text: str) -> str:
    """Return text in which nothing but code is taken for a mark of Markdown."""
    pieces = re.split(r"(`[^`]*`)", text)
    return "".join(
        piece if piece.startswith("`") else re.sub(r"([<\[\]*_])", r"\\\1", piece)
        for piece in pieces
    )


def _services(file: FileDescriptorProto) -> Iterator[str]:
    comments = _comments(file)
    for number, service in enumerate(file.service):
        at = (_SERVICES, number)
        yield f"## {service.name}\n\n{_prose(comments.get(at, ''))}\n\n"
        for order, method in enumerate(service.method):
            yield f"### {method.name}\n\n{_call(method)}\n\n"
            yield f"{_prose(comments.get((*at, _METHODS, order), ''))}\n\n"


def _call(method: MethodDescriptorProto) -> str:
    given = _shown(method.input_type) + (" in a stream" if method.client_streaming else "")
    found = _shown(method.output_type) + (" in a stream" if method.server_streaming else "")
    return f"{given} → {found}"


def _shown(type_name: str) -> str:
    """Return a type as a link to its place on this page, or by its name where it is not ours."""
    if not type_name.startswith(_PACKAGE):
        return f"`{type_name.lstrip('.')}`"
    name = type_name.removeprefix(_PACKAGE)
    return f"[{name}](#{name.lower().replace('.', '')})"


def _types(file: FileDescriptorProto) -> Iterator[str]:
    comments = _comments(file)
    for each in _named(file):
        if isinstance(each.of, DescriptorProto) and each.of.options.map_entry:
            continue
        yield f"## {each.name}\n\n{_prose(comments.get(each.at, ''))}\n\n"
        if isinstance(each.of, DescriptorProto):
            yield _fields(each.of, each.at, comments)
        else:
            yield _values(each.of, each.at, comments)


def _named(file: FileDescriptorProto) -> Iterator[_Named]:
    for number, message in enumerate(file.message_type):
        yield from _within("", (_MESSAGES, number), message)
    for number, enum in enumerate(file.enum_type):
        yield _Named(enum.name, (_ENUMS, number), enum)


def _within(before: str, at: _At, message: DescriptorProto) -> Iterator[_Named]:
    name = f"{before}{message.name}"
    yield _Named(name, at, message)
    for number, nested in enumerate(message.nested_type):
        yield from _within(f"{name}.", (*at, _NESTED, number), nested)
    for number, enum in enumerate(message.enum_type):
        yield _Named(f"{name}.{enum.name}", (*at, _NESTED_ENUMS, number), enum)


def _fields(message: DescriptorProto, at: _At, comments: _Comments) -> str:
    rows = [
        (
            f"`{field.name}`",
            _type(field, message),
            _meaning(field, comments, (*at, _FIELDS, number)),
        )
        for number, field in enumerate(message.field)
    ]
    return _table(("field", "type", "meaning"), rows)


def _values(enum: EnumDescriptorProto, at: _At, comments: _Comments) -> str:
    rows = [
        (f"`{value.name}`", str(value.number), _line(comments.get((*at, _VALUES, number), "")))
        for number, value in enumerate(enum.value)
    ]
    return _table(("value", "number", "meaning"), rows)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    if not rows:
        return "It has no fields.\n\n"
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n\n"


def _type(field: FieldDescriptorProto, message: DescriptorProto) -> str:
    """Return the type of a field, with whether it is repeated, and of a map both of its sides."""
    entry = next(
        (
            nested
            for nested in message.nested_type
            if nested.options.map_entry and field.type_name.endswith(f".{nested.name}")
        ),
        None,
    )
    if entry is not None:
        key, value = (_type(each, entry) for each in entry.field)
        return f"map of {key} to {value}"
    scalar = FieldDescriptorProto.Type.Name(field.type).removeprefix("TYPE_").lower()
    name = _shown(field.type_name) if field.type_name else scalar
    return f"{name}, repeated" if field.label == FieldDescriptorProto.LABEL_REPEATED else name


def _meaning(field: FieldDescriptorProto, comments: _Comments, at: _At) -> str:
    behaviours = field.options.Extensions[field_behavior_pb2.field_behavior]
    required = "**Required.** " if _REQUIRED in behaviours else ""
    return required + _line(comments.get(at, ""))


def _line(comment: str) -> str:
    """Return a comment as one line of a table."""
    return " ".join(_prose(comment).split()).replace("|", "\\|")


def main() -> None:
    """Write the page to the file named on the command line."""
    Path(sys.argv[1]).write_text(page(descriptor_set(source_info=True)), encoding="utf-8")


if __name__ == "__main__":
    main()
