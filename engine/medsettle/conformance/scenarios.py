"""Scenario files: what is asked, in order, and what must be answered.

A file is one JSON object. Numbers are read as decimals, so that an expected amount is exact.

    scenario   its name
    title      what it proves, in one sentence
    worked     how the expected amounts come about, sentence by sentence
    at         the institution that asks, a name of `names.json`
    for        the insured person, likewise; gives the envelope its insured area
    steps      requests, one after the other; the first that fails ends the scenario
    undo       requests sent at the end whatever happened, so that it can be run again

A step:

    step       its name, unique in the file
    infno      the transaction; `as` sends it under another number, such as 2207A
    input      the nodes, with `${name}` for what is kept or named; `{"$zip": ...}` makes a file
    msgid      the msgid of an earlier step, to send it once more; otherwise a new one
    unsent     true makes the msgid only: the message that never arrives
    give_up    true hangs up before the answer
    expect     what the answer must hold at least; numbers are compared as numbers
    same_as    an earlier step whose amounts the answer must repeat
    negates    an earlier step whose amounts the answer must take back
    keep       names for parts of the answer, such as {"mdtrt_id": "output.data.mdtrt_id"}
    envelope   fields of the envelope that are sent otherwise; null leaves one out
    unless     in `undo`, a step that makes this one needless where it passed
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

NAMES_FILE: Final = "names.json"
"""Institutions, persons, items and days that the scenarios name, beside the scenarios."""


class Unreadable(ValueError):
    """A file is no scenario; the message says where."""


class Step(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One request of a scenario; see the module."""

    step: str
    infno: str
    input: Any = None
    as_: str = msgspec.field(default="", name="as")
    at: str = ""
    msgid: str = ""
    unsent: bool = False
    give_up: bool = False
    expect: Mapping[str, Any] = {}
    same_as: str = ""
    negates: str = ""
    keep: Mapping[str, str] = {}
    envelope: Mapping[str, Any] = {}
    unless: str = ""

    @property
    def number(self) -> str:
        """The number it is sent under."""
        return self.as_ or self.infno


class Scenario(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One scenario; see the module."""

    scenario: str
    title: str
    at: str
    for_: str = msgspec.field(name="for")
    steps: Sequence[Step]
    worked: Sequence[str] = ()
    undo: Sequence[Step] = ()


_SCENARIO: Final = msgspec.json.Decoder(Scenario, float_hook=Decimal)
_NAMES: Final = msgspec.json.Decoder(dict[str, dict[str, Any]], float_hook=Decimal)


def read_scenarios(folder: Path, wanted: Sequence[str] = ()) -> list[Scenario]:
    """Return the scenarios of a folder by their file names; `wanted` names those to keep.

    Raises:
        Unreadable: A file is malformed, or a wanted scenario is not there.
        OSError: A file cannot be read.
    """
    files = sorted(path for path in folder.glob("*.json") if path.name != NAMES_FILE)
    if not files:
        raise Unreadable(f"{folder} has no scenarios; name their folder with --scenarios")
    found = [_read(path) for path in files]
    known = {each.scenario for each in found}
    if missing := [name for name in wanted if name not in known]:
        raise Unreadable(
            f"no scenario is called {', '.join(missing)}; there are {', '.join(sorted(known))}"
        )
    return [each for each in found if not wanted or each.scenario in wanted]


def read_names(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the scenarios of a folder name, group by group.

    Raises:
        Unreadable: The file is malformed.
        OSError: It cannot be read.
    """
    path = folder / NAMES_FILE
    try:
        return _NAMES.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise Unreadable(f"{path}: {error}") from error


def _read(path: Path) -> Scenario:
    try:
        found = _SCENARIO.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise Unreadable(f"{path}: {error}") from error
    seen: set[str] = set()
    for step in (*found.steps, *found.undo):
        if step.step in seen:
            raise Unreadable(f"{path}: two steps are called {step.step}")
        for earlier in _earlier(step):
            if earlier not in seen:
                raise Unreadable(
                    f"{path}: {step.step} refers to {earlier}, which is no step before"
                )
        seen.add(step.step)
    return found


def _earlier(step: Step) -> Iterator[str]:
    yield from filter(None, (step.same_as, step.negates, step.msgid, step.unless))
