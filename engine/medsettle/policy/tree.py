"""Strict YAML: maps, lists and text with their positions, and nothing else.

Rule documents are law. A reader that guesses (`no` is false, `1_300` is 1300, an anchor copies a
block) changes law silently, so this one refuses tags, anchors, duplicate keys, directives and
multiple documents, and leaves every scalar the text that was written.

The tree is built from the events of the parser, so that an alias is refused where it stands and
never followed: a page of aliases would otherwise grow into gigabytes.

There are two parsers. The compiled one is ten times as fast and reads a document in which nothing
is wrong. What it or this module refuses is read again by the one written in Python, which alone
words a fault; so is what the two are known to take differently: tabs, and values left blank.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from medsettle import limits
from medsettle.errors import Violation
from medsettle.policy import yaml_slips


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
    """A scalar: always text. It is not `readable` where a fault took its place."""

    place: Place
    value: str
    readable: bool = True


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
    """A map, in document order. It is not `readable` where a fault hid the whole document."""

    place: Place
    entries: tuple[Entry, ...] = field(default=())
    readable: bool = True

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def text(self, key: str) -> str | None:
        """Return the text under a key as it is written; None where there is none."""
        for entry in self.entries:
            if entry.key.value == key and isinstance(entry.value, Text):
                return entry.value.value
        return None


Value: TypeAlias = Text | Sequence | Map


class _UnreadableError(Exception):
    """The rest of the document cannot be read; its violation is recorded."""


class _Reader:
    """Builds the tree of one document from the events of the parser."""

    def __init__(self, text: str, file: str, *, compiled: bool) -> None:
        self.file = file
        self.text = text
        self.events: Iterator[Event] = iter(YAML(typ="safe", pure=not compiled).parse(text))
        self.violations: list[Violation] = []
        self.blank = False
        """Whether a value is missing; the two parsers say that it stands at different places."""

    def place(self, event: Event, key_path: str) -> Place:
        mark = event.start_mark
        return Place(self.file, mark.line + 1, mark.column + 1, key_path)

    def refuse(self, event: Event, key_path: str, message: str) -> None:
        self.violations.append(self.place(event, key_path).violation(message))

    def document(self) -> Value | None:
        """Return the only document of the stream; None where there is none."""
        next(self.events)
        start = next(self.events)
        if isinstance(start, StreamEndEvent):
            return None
        before = self.text[: start.end_mark.index]
        if isinstance(start, DocumentStartEvent) and re.search(r"^%", before, re.MULTILINE):
            self.refuse(start, "", "the lines above this one begin with %; delete them")
        root = self.value(next(self.events), "", 0)
        next(self.events)
        after = next(self.events)
        if not isinstance(after, StreamEndEvent):
            self.refuse(
                after, "", "a second document begins here; one file holds one, so delete the `---`"
            )
        return root

    def value(self, event: Event, key_path: str, depth: int) -> Value:
        place = self.place(event, key_path)
        if depth > limits.DOCUMENT_DEPTH_MAX:
            most = limits.DOCUMENT_DEPTH_MAX
            self.refuse(event, key_path, f"nested deeper than {most} levels; flatten it")
            raise _UnreadableError
        self.refuse_marks(event, key_path)
        if isinstance(event, MappingStartEvent):
            return self.map(event, place, depth)
        if isinstance(event, SequenceStartEvent):
            items: list[Value] = []
            while not isinstance(child := next(self.events), SequenceEndEvent):
                items.append(self.value(child, f"{key_path}[{len(items)}]", depth + 1))
            return Sequence(place, tuple(items))
        if isinstance(event, ScalarEvent):
            self.blank |= not event.value and not event.style
            return Text(place, str(event.value))
        return Text(place, "", readable=False)

    def refuse_marks(self, event: Event, key_path: str) -> None:
        """Refuse anchors, aliases and tags; the parser would obey them."""
        if isinstance(event, AliasEvent):
            self.refuse(event, key_path, "an alias repeats another value; write the value out")
        elif isinstance(event, NodeEvent) and event.anchor:
            anchor = f"the anchor &{event.anchor} is not allowed"
            self.refuse(event, key_path, f"{anchor}; delete it and write each value out")
        tag = str(getattr(event, "ctag", None) or "")
        if tag and tag != "None":
            shown = tag.replace("tag:yaml.org,2002:", "!!")
            self.refuse(event, key_path, f"the tag {shown} is not allowed; write plain text")

    def map(self, start: MappingStartEvent, place: Place, depth: int) -> Map:
        entries: list[Entry] = []
        seen: dict[str, int] = {}
        slip: yaml_slips.Slip | None = None
        while not isinstance(event := next(self.events), MappingEndEvent):
            key = event.value if isinstance(event, ScalarEvent) else ""
            key_path = f"{place.key_path}.{key}" if place.key_path and key else key
            key_path = key_path or place.key_path
            if not isinstance(event, ScalarEvent):
                self.refuse(event, key_path, "a key is one plain word, and this is none; rename it")
                self.value(event, key_path, depth + 1)
            key_text = Text(self.place(event, key_path), key)
            if isinstance(event, ScalarEvent):
                self.refuse_marks(event, key_path)
            after = next(self.events)
            value = self.value(after, key_path, depth + 1)
            before, slip = slip, self.slip(start, event, after)
            if slip is not None:
                # A text with two commas is one slip, whatever its parts are taken for.
                if slip.pairs or before is None or before.pairs:
                    self.violations.append(self.told(event, place, slip))
                entries += [_meant(key_text, *pair) for pair in slip.pairs]
            elif key in seen:
                self.violations.append(
                    key_text.place.violation(
                        f"'{key}' was written before, on line {seen[key]}; keep one of the two"
                    )
                )
            elif isinstance(event, ScalarEvent):
                seen[key] = key_text.place.line
                entries.append(Entry(key_text, value))
        return Map(place, tuple(entries))

    def told(self, event: Event, place: Place, slip: yaml_slips.Slip) -> Violation:
        """Return what went wrong in a key of a map, where in the key it stands."""
        at = self.place(event, place.key_path)
        return replace(at, column=at.column + slip.offset).violation(slip.message)

    def slip(self, start: MappingStartEvent, key: Event, after: Event) -> yaml_slips.Slip | None:
        """Return what went wrong in a key that is none, None where nothing did."""
        # The compiled parser has an empty text for a style that is none.
        if not isinstance(key, ScalarEvent) or key.style:
            return None
        rest = self.text[key.end_mark.index :].lstrip()
        alone = bool(start.flow_style) and isinstance(after, ScalarEvent) and not after.value
        if alone and not rest.startswith(":"):
            return yaml_slips.word_alone(str(key.value))
        return yaml_slips.wide_key(str(key.value))


def _meant(key: Text, word: str, text: str | None) -> Entry:
    """Return the entry that was meant by a key that is none; without a text its value is hidden."""
    value = Text(key.place, text or "", readable=text is not None)
    return Entry(Text(key.place, word), value)


def _yaml_fault(error: YAMLError, text: str, file: str) -> Violation:
    """Return what to mend, from what the parser met and where."""
    line, column, message = yaml_slips.meaning(error, text)
    return Place(file, line, column, "").violation(message)


def read(path: Path, shown_as: str | None = None) -> tuple[Map, list[Violation]]:
    """Return the document of a file as a tree, with everything that strict reading refuses.

    Args:
        path: A UTF-8 YAML file.
        shown_as: How messages name the file; its own path when absent.

    Raises:
        OSError: The file cannot be read.
    """
    return parse(path.read_bytes(), shown_as or str(path))


def parse(raw: bytes, file: str) -> tuple[Map, list[Violation]]:
    """Return the tree of a document's bytes, with everything that strict reading refuses.

    Where nothing of the document can be read, the map is empty and not `readable`.
    """
    start = Place(file, 1, 1, "")
    if len(raw) > limits.DOCUMENT_BYTES_MAX:
        size = f"{len(raw):,} bytes, more than {limits.DOCUMENT_BYTES_MAX:,}"
        return _hidden(start, f"the document has {size}; move tables to a catalogue")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        return _hidden(Place(file, line, 1, ""), "this line is not UTF-8; save the file as UTF-8")
    tree, violations = _tree(text, file)
    if isinstance(tree, Map):
        return tree, violations
    if not violations:
        empty = tree is None or (isinstance(tree, Text) and not tree.value)
        found = "the document is empty" if empty else "expected `key: value` lines"
        violations = [start.violation(f"{found}; begin with `format: 1`")]
    return Map(start, readable=False), violations


def _tree(text: str, file: str) -> tuple[Value | None, list[Violation]]:
    """Return the tree of a text, None where it cannot be read or there is nothing."""
    tree = _faultless(text, file)
    return (tree, []) if tree is not None else _with_faults(text, file)


# Tabs, line ends of other systems, control characters, a comment that touches the mark of a block
# of text, and marks between documents: what the two parsers take differently.
_ODD = re.compile(
    "[^\n\x20-\x7e\xa0-\u2027\u2030-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[|>][-+0-9]*#"
    r"|^(?:\.\.\.|---)",
    re.MULTILINE,
)


def _faultless(text: str, file: str) -> Value | None:
    """Return the tree of a text in which nothing is wrong, None of any other."""
    if _ODD.search(text):
        return None
    reader = _Reader(text, file, compiled=True)
    try:
        tree = reader.document()
    except (_UnreadableError, YAMLError, OverflowError, ValueError):
        return None
    return None if reader.violations or reader.blank else tree


def _with_faults(text: str, file: str) -> tuple[Value | None, list[Violation]]:
    """Return the tree of a text with every fault, as the parser written in Python reads it."""
    reader = _Reader(text, file, compiled=False)
    try:
        return reader.document(), reader.violations
    except _UnreadableError:
        return None, reader.violations
    except YAMLError as error:
        fault = _yaml_fault(error, text, file)
        # The same slip may have been met before the parser stumbled over it.
        at = (fault.line, fault.column)
        earlier = [found for found in reader.violations if (found.line, found.column) != at]
        return None, [*earlier, fault]
    except (OverflowError, ValueError):
        # The parser's own escapes (`"\UFFFFFFFF"`) are the one thing it reads without checking.
        place = Place(file, 1, 1, "")
        fault = place.violation("an escape like \\U names no character; write the character")
        return None, [*reader.violations, fault]


def _hidden(place: Place, message: str) -> tuple[Map, list[Violation]]:
    return Map(place, readable=False), [place.violation(message)]
