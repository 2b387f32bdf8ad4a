"""Claims from JSON texts.

JSON readers let a key that is given twice have its last value. Which of two persons was meant only
the writer knows, so such a text is refused before anything of it is settled.
"""

import json
import re
from typing import Any, Final

import orjson

from medsettle.core.settlement import Row

# Numbers and literals say nothing of the structure. A string before a colon is a key.
_TOKEN: Final = re.compile(rb'("(?:[^"\\]|\\.)*+")(\s*:)?|[{}\[\],]')


class NoClaimsError(ValueError):
    """A text holds no claims; the message says why, to be read after the name of the text."""


def claim_rows(content: bytes, *, lines: bool = False) -> list[Row]:
    """Return the claims of a JSON text as rows, unchecked.

    Args:
        content: A claim or a list of claims.
        lines: Whether each line is a text of its own.

    Raises:
        NoClaimsError: It is no JSON, gives a key twice in one object, or is nested as no claim is.
    """
    parts = content.splitlines() if lines else [content]
    rows: list[Row] = []
    for number, part in enumerate(parts, 1):
        if not part.strip():
            continue
        try:
            value = orjson.loads(part)
        except orjson.JSONDecodeError as error:
            raise NoClaimsError(
                f"is no JSON in line {number + error.lineno - 1}: {error}"
            ) from error
        try:
            twice = _gives_a_key_twice(part)
        except RecursionError as error:
            raise NoClaimsError("is nested far deeper than any claim") from error
        if twice:
            key, offset = _first_key_given_twice(part)
            line = number + part.count(b"\n", 0, offset)
            raise NoClaimsError(f'gives "{key}" twice, again in line {line}; keep one')
        rows += value if isinstance(value, list) else [value]
    return rows


def _gives_a_key_twice(content: bytes) -> bool:
    """Whether an object of a JSON text, known to be JSON, has a key twice.

    Raises:
        RecursionError: The text is nested a thousand levels deep.
    """
    found = False

    def look(pairs: list[tuple[str, Any]]) -> None:
        nonlocal found
        found = found or len({key for key, _ in pairs}) < len(pairs)

    # Numbers stay text: they are not looked at, and the longest would be refused.
    json.loads(content, object_pairs_hook=look, parse_int=str, parse_float=str)
    return found


def _first_key_given_twice(content: bytes) -> tuple[str, int]:
    """Return the path of the first key that its object had before, and where it stands.

    The reader above tells neither, but is a hundred times faster than going by tokens.
    """
    # Of each object and list around the token: the keys so far or None, and the key or index.
    around: list[tuple[set[str] | None, str | int]] = []
    for token in _TOKEN.finditer(content):
        sign = token[0][:1]
        if sign in {b"{", b"["}:
            around.append((set(), "") if sign == b"{" else (None, 0))
        elif sign in {b"}", b"]"}:
            around.pop()
        elif sign == b"," and isinstance(around[-1][1], int):
            around[-1] = (None, around[-1][1] + 1)
        elif token[2] is not None:
            keys, key = around[-1][0], orjson.loads(token[1])
            assert keys is not None, "a key stands in an object"
            around[-1] = (keys, key)
            if key in keys:
                return _path(around), token.start()
            keys.add(key)
    raise AssertionError("a key is given twice")


def _path(around: list[tuple[set[str] | None, str | int]]) -> str:
    """Return a path such as `claims[1].lines[0].person`, without `claims` for a lone claim."""
    path = "claims" if isinstance(around[0][1], int) else ""
    for _, step in around:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")
