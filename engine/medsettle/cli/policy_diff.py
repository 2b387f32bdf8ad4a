"""`medsettle policy diff`: what two policies say differently, and what it costs whom."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from medsettle.cli.difference_words import (
    change_json,
    effect_lines,
    effects_json,
)
from medsettle.cli.exits import UnreadableFile, told
from medsettle.cli.options import Json, Overlays, Rules
from medsettle.errors import PolicyRejected
from medsettle.policy import book as books
from medsettle.policy.compiled import CompiledPolicy
from medsettle.policy.difference import Change, moments
from medsettle.policy.difference_stages import differences
from medsettle.policy.difference_words import difference_lines
from medsettle.policy.rule_book import RuleBook
from medsettle.settle.effects import Effects, effects_of

_WHICH = "A document, or the name of a loaded policy; NAME@DATE is its revision of that day."

Old = Annotated[str, typer.Argument(help=f"As it was. {_WHICH}")]
New = Annotated[str, typer.Argument(help="As it is to be, named in the same ways.")]


def diff(
    old: Old,
    new: New,
    rules: Rules = Path("rules"),
    overlay: Overlays = None,
    as_json: Json = False,
) -> None:
    """Compare two policies by meaning: who gains or loses what, at which amounts, from when.

    Two policies that follow one another in time are compared from the first day of the later one;
    others for the days on which both are in force, or on the days that are given.
    """
    console = Console(soft_wrap=True)
    with told(console, as_json=as_json):
        finder = _Finder(rules, overlay or [])
        (before, old_day), (after, new_day) = finder.find(old), finder.find(new)
        stretches = moments(before.policy, after.policy, old_day, new_day)
        changes = differences(before.policy, after.policy, stretches)
        meant = effects_of(before, after, stretches, changes)
    if as_json:
        body = {
            "old": before.policy.name,
            "new": after.policy.name,
            "changes": [change_json(change) for change in changes],
            "effects": [effects_json(each) for each in meant],
        }
        console.out(orjson.dumps(body).decode(), highlight=False)
        return
    for line in _lines(before, after, changes, meant):
        console.out(line, highlight=False)


def _lines(
    before: CompiledPolicy,
    after: CompiledPolicy,
    changes: Sequence[Change],
    meant: Sequence[Effects],
) -> list[str]:
    names = f"{before.policy.name} and {after.policy.name}"
    if not changes:
        return [f"{names} say the same"]
    lines = [f"{before.policy.title} -> {after.policy.title}", "", *difference_lines(changes)]
    for each in meant:
        lines += [*effect_lines(each), ""]
    return lines[:-1]


class _Finder:
    """Finds policies by name among the loaded rules, or in files."""

    def __init__(self, rules: Path, overlays: list[Path]) -> None:
        self._rules, self._overlays = rules, overlays
        self._book: RuleBook | None = None

    def find(self, word: str) -> tuple[CompiledPolicy, date | None]:
        """Return a policy and the day asked for.

        Raises:
            PolicyNotFound: No loaded policy has that name.
            PolicyRejected: The document or the rules have faults.
            UnreadableFile: What follows the `@` is no date.
            OSError: A file cannot be read.
        """
        name, at, text = word.rpartition("@")
        day = _day(word, text) if at else None
        path = Path(name if at else word)
        if path.suffix == ".yaml":
            return _compiled(path), day
        if self._book is None:
            self._book = books.load_rule_book(self._rules, overlays=self._overlays)
        return self._book.policy(str(path)), day


def _day(word: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UnreadableFile(f"{word!r} names no day; write it like NAME@2023-01-01") from error


def _compiled(path: Path) -> CompiledPolicy:
    area, faults = books.read_area_folder(path.parent)
    if area is None:
        raise PolicyRejected(faults)
    found, violations = books.compile_file(path, area)
    if found is None:
        raise PolicyRejected(violations)
    return found
