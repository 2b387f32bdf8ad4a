"""Reforms that somebody uploads or writes: read as overlays on rules, each with its faults."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.translation import gettext as _

from medsettle import limits
from medsettle.errors import PolicyRejected
from medsettle.policy.overlay import read_overlays
from medsettle.replay.reform_words import PolicyChange, policy_changes
from medsettle.replay.worlds import worlds_of


@dataclass(frozen=True, slots=True)
class ReformFault:
    """One thing wrong with a reform, with where it stands; line 0 where it is the whole."""

    line: int
    column: int
    key_path: str
    message: str


@dataclass(frozen=True, slots=True)
class Reform:
    """A reform as it was read: what it is called and changes, or all its faults.

    `label` says which of several it is: the name of its file, or that it was written into the page.
    """

    label: str
    content: bytes
    name: str = ""
    title: str = ""
    since: str = ""
    changes: tuple[PolicyChange, ...] = ()
    faults: tuple[ReformFault, ...] = ()


def file_of(number: int) -> str:
    """Return what the file of a reform is called here; its own name is used for nothing.

    >>> file_of(0)
    'reform-1.yaml'
    """
    return f"reform-{number + 1}.yaml"


def read_reforms(rules: Path, given: Sequence[tuple[str, bytes]]) -> list[Reform]:
    """Return each of some reforms as it would be replayed on a folder of rules.

    Args:
        rules: A folder of rules without faults.
        given: What each is labelled, and its document.

    Raises:
        PolicyRejected: The rules themselves have faults.
    """
    with tempfile.TemporaryDirectory() as folder:
        found: list[Reform] = []
        for number, (label, content) in enumerate(given):
            path = Path(folder) / file_of(number)
            path.write_bytes(content)
            found.append(_read(rules, label, content, path))
    names = [reform.name for reform in found]
    for number, reform in enumerate(found):
        if reform.name and reform.name in names[:number]:
            text = _("another one is called %s already; give this one another `overlay` name")
            fault = ReformFault(0, 0, "overlay", text % reform.name)
            found[number] = Reform(reform.label, reform.content, faults=(fault,))
    if len(found) > limits.COMPARE_REFORMS_MAX:
        text = _("a report compares at most %d reforms; leave some out")
        fault = ReformFault(0, 0, "", text % limits.COMPARE_REFORMS_MAX)
        found[-1] = Reform(found[-1].label, found[-1].content, faults=(fault,))
    return found


_FILE: Final = "reform-"


def _read(rules: Path, label: str, content: bytes, path: Path) -> Reform:
    try:
        baseline, world = worlds_of(rules, [path])
    except PolicyRejected as error:
        if not any(_FILE in each.file for each in error.violations):
            raise
        faults = tuple(
            ReformFault(each.line, each.column, each.key_path, each.message)
            for each in error.violations
        )
        return Reform(label, content, faults=faults)
    ((overlay,), _faults) = read_overlays([path])
    changes = policy_changes(baseline.book, world.book)
    since = overlay.start.isoformat()
    return Reform(label, content, overlay.name, overlay.title, since, tuple(changes))
