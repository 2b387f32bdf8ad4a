"""What a reader of a guide does: saves its files, runs its commands, compares what they say."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

GUIDES: Final = Path(__file__).parents[2] / "engine" / "guides"
_FENCE: Final = re.compile(
    r"(?:<!-- (?P<mark>file|exit|says)(?:: (?P<value>\S+))? -->\n)?"
    r"```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Save:
    """A file that the guide lets its reader save."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """Commands of a block, which ends with an exit code."""

    script: str
    code: int


@dataclass(frozen=True, slots=True)
class Says:
    """Lines that the commands before print among others; … stands for anything."""

    lines: tuple[str, ...]

    def missing(self, said: str) -> list[str]:
        """Return the lines that were not said, blanks counting for one."""
        printed = [" ".join(line.split()) for line in said.splitlines()]
        return [line for line in self.lines if not _stands(line, printed)]


def _stands(line: str, printed: list[str]) -> bool:
    parts = (re.escape(part.strip()) for part in " ".join(line.split()).split("…"))
    pattern = re.compile(".*".join(parts))
    return any(pattern.search(each) for each in printed)


def steps(page: str) -> Iterator[Save | Run | Says]:
    """Yield what a guide asks for, in its order.

    Raises:
        AssertionError: A block is marked as what it is not.
    """
    for found in _FENCE.finditer(page):
        mark, value, text = found["mark"], found["value"], found["text"]
        if found["language"] == "sh":
            assert mark in {None, "exit"}, text
            yield Run(text, int(value or 0))
        elif mark == "file":
            yield Save(value, text)
        elif mark == "says":
            yield Says(tuple(filter(None, map(str.strip, text.splitlines()))))
        else:
            assert mark is None, text
