"""Strict YAML: maps, lists and text with their positions, and nothing else.

Rule documents are law. A reader that guesses (`no` is false, `1_300` is 1300, an anchor copies a
block) changes law silently, so this one refuses tags, anchors, duplicate keys and multiple
documents, and leaves every scalar the text that was written.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from medsettle import limits
from medsettle.errors import Violation


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: file, line and column from 1, and the keys that lead to it."""

    file: str
    line: int
    column: int
    key_path: str

    def violation(self, message: str) -> Violation:
        """Return a violation at this place."""
        return Violation(self.file, self.line, self.column, self.key_path, message)


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar: always text."""

    place: Place
    value: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of values."""

    place: Place
    items: tuple["Value", ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A key of a map with its value; the key keeps its own position."""

    key: Text
    value: "Value"


@dataclass(frozen=True, slots=True)
class Map:
    """A map, in document order."""

    place: Place
    entries: tuple[Entry, ...] = field(default=())

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


Value: TypeAlias = Text | Sequence | Map


class _Reader:
    def __init__(self, file: str) -> None:
        self.file = file
        self.violations: list[Violation] = []

    def place(self, node: Node, key_path: str) -> Place:
        mark = node.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1, key_path)

    def refuse(self, node: Node, key_path: str, message: str) -> None:
        self.violations.append(self.place(node, key_path).violation(message))

    def value(self, node: Node, key_path: str, depth: int) -> Value:
        place = self.place(node, key_path)
        if node.anchor:
            self.refuse(node, key_path, "anchors and aliases are not allowed; write the value out")
        if depth > limits.DOCUMENT_DEPTH_MAX:
            self.refuse(
                node, key_path, f"nested deeper than {limits.DOCUMENT_DEPTH_MAX} levels; flatten it"
            )
            return Text(place, "")
        if isinstance(node, MappingNode):
            return self.map(node, place, depth)
        if isinstance(node, SequenceNode):
            items = (
                self.value(child, f"{key_path}[{index}]", depth + 1)
                for index, child in enumerate(node.value)
            )
            return Sequence(place, tuple(items))
        assert isinstance(node, ScalarNode)
        return Text(place, str(node.value))

    def map(self, node: MappingNode, place: Place, depth: int) -> Map:
        entries: list[Entry] = []
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self.refuse(key_node, place.key_path, "a key must be a plain word")
                continue
            key = str(key_node.value)
            key_path = f"{place.key_path}.{key}" if place.key_path else key
            if key in seen:
                self.refuse(
                    key_node,
                    key_path,
                    f"{key!r} was written before, on line {seen[key]}; keep one of the two",
                )
                continue
            seen[key] = key_node.start_mark.line + 1
            key_text = Text(self.place(key_node, key_path), key)
            entries.append(Entry(key_text, self.value(value_node, key_path, depth + 1)))
        return Map(place, tuple(entries))


def _tagged(text: str, file: str) -> list[Violation]:
    """Return a violation for every explicit tag; the parser would obey them."""
    yaml = YAML(typ="safe", pure=True)
    found = []
    for event in yaml.parse(text):
        tag = getattr(event, "ctag", None)
        if tag is not None and str(tag) not in {"", "None"}:
            place = Place(file, event.start_mark.line + 1, event.start_mark.column + 1, "")
            found.append(place.violation(f"the tag {tag} is not allowed; write plain text"))
    return found


def read(path: Path, shown_as: str | None = None) -> tuple[Map, list[Violation]]:
    """Return the document of a file as a tree, with everything that strict reading refuses.

    Args:
        path: A UTF-8 YAML file.
        shown_as: How messages name the file; its own path when absent.

    Raises:
        OSError: The file cannot be read.
    """
    raw = path.read_bytes()
    return parse(raw, shown_as or str(path))


def parse(raw: bytes, file: str) -> tuple[Map, list[Violation]]:
    """Return the tree of a document's bytes, with everything that strict reading refuses."""
    start = Place(file, 1, 1, "")
    empty = Map(start)
    if len(raw) > limits.DOCUMENT_BYTES_MAX:
        size = f"{len(raw)} bytes, more than {limits.DOCUMENT_BYTES_MAX}"
        return empty, [start.violation(f"the document has {size}; move tables to a catalogue")]
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return empty, [start.violation(f"not UTF-8 at byte {error.start}; save it as UTF-8")]
    try:
        violations = _tagged(text, file)
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1, "") if mark else start
        problem = " ".join(filter(None, [error.context, error.problem]))
        return empty, [place.violation(f"not valid YAML: {problem}; check indentation and quotes")]
    if root is None:
        return empty, [start.violation("the document is empty; begin with `format: 1`")]
    reader = _Reader(file)
    tree = reader.value(root, "", 0)
    violations += reader.violations
    if not isinstance(tree, Map):
        return empty, [*violations, start.violation("a document is a map; begin with `format: 1`")]
    return tree, violations
