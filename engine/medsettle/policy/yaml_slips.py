"""Slips of the pen that make no YAML, told to somebody who writes rules and not programs.

A Chinese keyboard writes wide colons and commas, which separate nothing, and between `{ }` a comma
ends a text. The parser stumbles over both somewhere else, or makes words of them that nobody meant.
"""

import re
from dataclasses import dataclass
from typing import Final

from ruamel.yaml.error import YAMLError
from ruamel.yaml.reader import ReaderError

# What the parser says, and what it means to somebody who writes rules and not programs.
_MEANINGS = (
    (
        r"found character '\\t'",
        "a tab stands here; YAML indents with blanks only, so put blanks in its place",
    ),
    (
        r"found character '(.)' that cannot start",
        r"a text cannot begin with \1; put it between double quotes",
    ),
    (
        r"mapping values are not allowed",
        "a second `: ` that belongs to no key; put the text between double quotes, or begin this "
        "line under the line it belongs to",
    ),
    (
        r"could not find expected ':'",
        "a line without `key: value`; add the colon and a blank after it",
    ),
    (
        r"expected a comment or a line break|chomping or indentation",
        "a text cannot begin with > or |; put it between double quotes",
    ),
    (
        r"expected alphabetic or numeric character",
        "a text cannot begin with * or &; put it between double quotes",
    ),
    (
        r"expected ',' or '([\]}])'",
        r"what is opened here is not closed; add the missing comma or \1",
    ),
    (
        r"unexpected end of stream",
        "the quote that is opened here is not closed; add the closing quote",
    ),
    (
        r"expected <block end>|but found '<block|expected the node content|<document start>",
        "this line does not belong to the lines above it; align it with the line it continues",
    ),
)


# Faults that the parser meets far behind the place where something was opened.
_OPENED = re.compile(r"expected ',' or '[\]}]'|unexpected end of stream")
# A wide colon makes no key, so that the parser stumbles on this line or the next.
_NO_KEY = re.compile(r"mapping values are not allowed|could not find expected ':'")
_WIDE_COLON = re.compile(r"\s*(?:- )*[^\s:\"'#]+(?=：)")
# Between brackets: a wide comma before a key, a wide colon after one.
_WORD = r"[^\s,，:：{}\[\]\"']+"
_WIDE_IN_FLOW = re.compile(
    rf"(?:(?P<comma>，)\s*{_WORD}\s*[:：])|(?:[{{,，]\s*{_WORD}(?P<colon>：))"
)
_QUOTED = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'")
_PAIR = re.compile(rf"({_WORD})\s*[:：]\s*(\S.*)")
_SHOWN_CHARS_MAX = 40

COLON: Final = "this colon is a wide one; write `: ` with a blank after it"
COMMA: Final = "this comma is a wide one, which separates nothing; write `, `"


@dataclass(frozen=True, slots=True)
class Slip:
    """What went wrong in a key, and the keys with their texts that were meant instead.

    A text is None where it cannot be known. `offset` is where in the key the fault stands.
    """

    message: str
    pairs: tuple[tuple[str, str | None], ...] = ()
    offset: int = 0


def word_alone(key: str) -> Slip:
    """Return what went wrong where a word without a colon stands between `{ }`.

    >>> word_alone("用表：起付标准").pairs
    (('用表', '起付标准'),)
    """
    if key.endswith("：") and (wide := wide_key(key)) is not None:
        return wide
    pairs = [_PAIR.fullmatch(part.strip()) for part in key.split("，")]
    found = [pair for pair in pairs if pair is not None]
    if len(found) < len(pairs):
        return Slip(
            f"{_shown(key)} stands alone, for between {{ }} a comma ends a text; put a text that "
            'has commas between double quotes: "…, …"'
        )
    meant = tuple((pair[1], pair[2]) for pair in found)
    written = ", ".join(f"{word}: {text}" for word, text in meant)
    colon = "a wide colon" if "：" in key else "a colon without a blank"
    return Slip(f"{colon} makes no key; write `{written}`", meant)


def wide_key(key: str) -> Slip | None:
    """Return what went wrong where a key has a wide colon in it, None where it has none."""
    word, colon, _ = key.partition("：")
    return Slip(COLON, ((word, None),), len(word)) if colon and word else None


def _shown(text: str) -> str:
    return f"'{text[:_SHOWN_CHARS_MAX]}{'…' if len(text) > _SHOWN_CHARS_MAX else ''}'"


def meaning(error: YAMLError, text: str) -> tuple[int, int, str]:
    """Return line and column from 1, and what to mend, from what the parser met and where."""
    if isinstance(error, ReaderError):
        return *_at(text, error.position), "an invisible control character stands here; delete it"
    problem = str(getattr(error, "problem", None) or "unreadable")
    met, opened = (getattr(error, name, None) for name in ("problem_mark", "context_mark"))
    if _OPENED.search(problem) and met is not None and opened is not None:
        if (inside := _inside_brackets(text, opened.index, met.index)) is not None:
            return inside
        met, opened = opened, met
    mark = met or opened
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    if _NO_KEY.search(problem):
        lines = text.splitlines()
        for number in range(max(line - 1, 0), min(line + 1, len(lines))):
            if wide := _WIDE_COLON.match(lines[number]):
                return number + 1, wide.end() + 1, COLON
    for pattern, remedy in _MEANINGS:
        if found := re.search(pattern, problem):
            return line + 1, column + 1, found.expand(remedy)
    return line + 1, column + 1, f"not valid YAML ({problem}); check the indentation and the quotes"


def _inside_brackets(text: str, opened: int, met: int) -> tuple[int, int, str] | None:
    """Return the slip between an opened bracket and the place where the parser stopped, if any."""
    end = text.find("\n", met)
    between = text[opened : end if end >= 0 else len(text)]
    between = _QUOTED.sub(lambda found: "_" * len(found[0]), between)
    if wide := _WIDE_IN_FLOW.search(between):
        name = "comma" if wide["comma"] else "colon"
        return *_at(text, opened + wide.start(name)), COMMA if wide["comma"] else COLON
    if text[met : met + 1] == ":" and "\n" not in text[opened:met]:
        second = "a second `: ` in one entry; add the comma before its key, or put a text that has "
        return *_at(text, met), f"{second}`: ` in it between double quotes"
    return None


def _at(text: str, index: int) -> tuple[int, int]:
    """Return line and column from 1 of a place in a text."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)
